"""The words of a transcript as the page shows them: marked where they are asked for, dimmed where they are unsure."""

from collections.abc import Collection, Iterable
from itertools import groupby

from clasp.speech.transcript import Word
from clasp.text.words import marked

UNSURE = 0.5  # probability below which a word of a machine's transcript is dimmed


def is_unsure(word: Word) -> bool:
    """Whether a word is dimmed."""
    return word.probability < UNSURE


def pieces(text: str, words: Iterable[Word], asked: Collection[str]) -> list[tuple[str, bool, bool]]:
    """The pieces of a transcript in their order, whether each is asked for, and whether it is unsure.

    Args:
        words: of the transcript, as far as they are known.
        asked: as `clasp.text.words.marked` takes them.
    """
    found = [is_asked for piece, is_asked in marked(text, asked) for _ in piece]
    unsure, after = [False] * len(text), 0
    for word in words:
        written = word.text.strip()
        start = text.find(written, after)
        if written and start >= 0:
            after = start + len(written)
            unsure[start:after] = [is_unsure(word)] * len(written)
    letters = zip(text, found, unsure, strict=True)
    return [("".join(letter for letter, *_ in same), *how) for how, same in groupby(letters, lambda one: one[1:])]
