"""English sentences that look alike and mean something else: what a sentence encoder has to keep apart.

    hard_negative("The ship did not sail on 3 May.", names, random)    # "The ship did sail on 3 May."

One thing is changed: a negation is added or taken away, a number or a date is another, a name is another, or two
parts of the sentence change places.
"""

import re
from collections.abc import Sequence

import numpy as np

NUMBERS = (
    ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
    ("hundred", "thousand", "million", "billion"),
    ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    ("january", "february", "march", "april", "june", "july", "august", "september", "october", "november",
     "december"),
)  # fmt: skip
"""Words of which one for another makes another number or date."""

_GROUP = {word: group for group in NUMBERS for word in group}
_AUXILIARIES = (
    "am", "is", "are", "was", "were", "will", "would", "can", "could", "should", "must", "may", "might", "has", "have",
    "had", "does", "do", "did",
)  # fmt: skip
_NEGATED = {
    "isn't": "is", "aren't": "are", "wasn't": "was", "weren't": "were", "won't": "will", "wouldn't": "would",
    "can't": "can", "cannot": "can", "couldn't": "could", "shouldn't": "should", "mustn't": "must", "hasn't": "has",
    "haven't": "have", "hadn't": "had", "doesn't": "does", "don't": "do", "didn't": "did",
}  # fmt: skip
_OPPOSITES = {"never": "always", "always": "never", "nobody": "everybody", "everybody": "nobody",
              "nothing": "everything", "everything": "nothing", "none": "all", "without": "with"}  # fmt: skip
_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}\b")
_PARTS = re.compile(r"\b((?:the|a|an|my|your|his|her|our|their) [a-z]+)\b", re.IGNORECASE)
_JOINING = {"and", "or", "nor", "with", "the", "a", "an"}
_NOT_NAMES = {word.capitalize() for group in NUMBERS for word in group}


def hard_negative(text: str, names: Sequence[str], random: np.random.Generator) -> str | None:
    """`text` with another meaning, by any of the changes that it allows; None if it allows none.

    Args:
        names: some that may stand for those in the text, such as `names_of` other sentences.
    """
    changes = (negated, renumbered, lambda text, random: renamed(text, names, random), reordered)
    for change in random.permutation(len(changes)):
        changed = changes[change](text, random)
        if changed is not None and changed.casefold() != text.casefold():
            return changed
    return None


def negated(text: str, random: np.random.Generator) -> str | None:
    """Affirmed where it was denied, or the other way round."""
    words = list(_WORD.finditer(text))
    for place, word in enumerate(words):
        plain = word.group().lower().replace("’", "'")
        if plain in _NEGATED:
            return _replaced(text, word, _NEGATED[plain])
        if plain == "not" and place:
            return re.sub(" {2,}", " ", text[: word.start()] + text[word.end() :].lstrip())
        if plain in _OPPOSITES:
            return _replaced(text, word, _OPPOSITES[plain])
    verbs = [word for word in words[1:] if word.group() in _AUXILIARIES]
    if not verbs or text.rstrip().endswith("?"):
        return None
    return text[: verbs[0].end()] + " not" + text[verbs[0].end() :]


def renumbered(text: str, random: np.random.Generator) -> str | None:
    """With another number or date; None without one. "One", "second", "march" and "may" are mostly none."""
    numbers = [word for word in _WORD.finditer(text) if word.group()[0].isdigit() or word.group().lower() in _GROUP]
    numbers = [word for word in numbers if word.group().lower() not in ("one", "second")]
    numbers = [word for word in numbers if word.group() not in ("march", "may")]
    if not numbers:
        return None
    word = numbers[random.integers(len(numbers))]
    if word.group()[0].isdigit():
        digits = list(word.group())
        place = random.choice([place for place, digit in enumerate(digits) if digit.isdigit()])
        others = [digit for digit in "123456789" if digit != digits[place]]
        digits[place] = str(random.choice(others))
        return _replaced(text, word, "".join(digits))
    others = [other for other in _GROUP[word.group().lower()] if other != word.group().lower()]
    return _replaced(text, word, str(random.choice(others)))


def renamed(text: str, names: Sequence[str], random: np.random.Generator) -> str | None:
    """With one of `names` for one of its own; None without names."""
    own = [name for name in _NAME.finditer(text) if name.group() not in _NOT_NAMES]
    others = [name for name in names if name not in text]
    if not own or not others:
        return None
    return _replaced(text, own[random.integers(len(own))], str(random.choice(others)))


def reordered(text: str, random: np.random.Generator) -> str | None:
    """With its first and its last thing ("the cat", "a dog"), or name, in each other's place.

    None without two, or if nothing but "and" and the like is between them.
    """
    things = [*_PARTS.finditer(text), *(name for name in _NAME.finditer(text) if name.group() not in _NOT_NAMES)]
    things.sort(key=re.Match.start)
    if len(things) < 2 or things[0].end() >= things[-1].start():
        return None
    first, last = things[0], things[-1]
    between = [word for word in _WORD.findall(text[first.end() : last.start()]) if word[0].islower()]
    if _JOINING.issuperset(between):
        return None
    swapped = last.group() if first.start() else last.group()[0].upper() + last.group()[1:]
    moved = first.group() if first.start() else first.group()[0].lower() + first.group()[1:]
    return text[: first.start()] + swapped + text[first.end() : last.start()] + moved + text[last.end() :]


def names_of(texts: Sequence[str]) -> list[str]:
    """The names in the texts: words with a capital letter that do not begin a sentence, each once."""
    return list(dict.fromkeys(name for text in texts for name in _NAME.findall(text) if name not in _NOT_NAMES))


def _replaced(text: str, word: re.Match[str], other: str) -> str:
    """`other` in the place of a word, with its capital letter."""
    return text[: word.start()] + (other.capitalize() if word.group()[0].isupper() else other) + text[word.end() :]
