"""Text as a speech recognizer might have written it down.

    add_transcription_errors("Their ship, the Aurora, left at eight.", rng)    # "there ship the aurora left it eight"

Punctuation and case are lost, English words become words that sound the same, letters change for others of the text,
words run together, are lost or come twice, and the first or last word may be missing.
"""

import re

import numpy as np

HOMOPHONES = (
    "there their they're", "to too two", "your you're", "its it's", "hear here", "know no", "right write", "wear where",
    "see sea", "by buy bye", "for four", "our hour", "one won", "would wood", "whole hole", "son sun", "weak week",
    "wait weight", "peace piece", "plain plane", "road rode", "sail sale", "some sum", "tail tale", "than then",
    "threw through", "which witch", "whose who's", "ate eight", "be bee", "blew blue", "brake break", "dear deer",
    "fair fare", "find fined", "flour flower", "knew new", "knight night", "made maid", "mail male", "meat meet",
    "pair pear", "passed past", "rain reign", "red read", "scene seen", "steal steel", "wales whales", "war wore",
    "affect effect", "accept except", "an and", "in and", "a the", "of have", "this these", "is his", "where were",
    "thing think", "live leave", "ship sheep", "bad bed", "man men", "walk work",
)  # fmt: skip
"""Words that are written for each other, because they sound alike or nearly so."""

_SOUND_ALIKE: dict[str, list[str]] = {}
for _words in map(str.split, HOMOPHONES):
    for _word in _words:
        _SOUND_ALIKE.setdefault(_word, []).extend(other for other in _words if other != _word)
_PUNCTUATION = re.compile(r"[^\w\s'’]|(?<!\w)['’]|['’](?!\w)")


def add_transcription_errors(text: str, rng: np.random.Generator, rate: float = 0.15) -> str:
    """`text` with about `rate` of its words wrong; never empty. Languages without spaces lose single characters.

    Args:
        rate: the share of words, between 0 and 1; the text has a severity of its own below twice that.
    """
    plain = text if rng.random() < 0.3 else " ".join(_PUNCTUATION.sub(" ", text).split())
    plain = plain if rng.random() < 0.4 else plain.lower()
    words = plain.split()
    if not words:
        return text
    severity = rng.uniform(0, 2 * rate)
    letters = [letter for letter in plain.lower() if letter.isalpha()]
    written: list[str] = []
    for word in words:
        length = max(len(word) / 6, 1)  # a text without spaces is one long word
        if rng.random() < severity * length:
            written += _misspelled(word, letters, rng)
        else:
            written.append(word)
    if len(written) > 4 and rng.random() < severity:
        written = written[1:] if rng.random() < 0.5 else written[:-1]
    return " ".join(written) or plain


def _misspelled(word: str, letters: list[str], rng: np.random.Generator) -> list[str]:
    """The words that are written for one; none if it is lost."""
    alike = _SOUND_ALIKE.get(word.lower())
    if alike and rng.random() < 0.7:
        return [str(rng.choice(alike))]
    kind = rng.choice(["letter", "lost letter", "split", "lost", "twice"], p=[0.35, 0.25, 0.15, 0.15, 0.1])
    if kind == "lost" and len(word) <= 4:
        return []
    if kind == "twice":
        return [word, word]
    if len(word) < 3 or not letters:
        return [word]
    place = int(rng.integers(1, len(word)))
    if kind == "split":
        return [word[:place], word[place:]]
    changed = "" if kind in ("lost letter", "lost") else str(rng.choice(letters))
    return [word[:place] + changed + word[place + 1 :]]
