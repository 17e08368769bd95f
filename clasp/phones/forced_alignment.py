"""Forced alignment: which words of a text without times are said in which utterance.

    numbers, places = align_words([inventory.from_text(word, "en") for word in words], utterances)

The phones of the text and those recognized in the utterances have a longest common subsequence; it is found for all
phones of the text at once, as bits of an integer (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004). Where
most phones are in it, the text is said; a heading, or what the text leaves out, shares few of them with anything.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

LIKELY = 0.15  # least probability of a recognized phone that may be one of the text
NEAR = 15  # phones before and after one, among which those are counted that were recognized
MATCHED = 0.5  # least share of these where a text is said, and of the phones of an utterance in which it is
BELIEVED = 0.25  # least share of words, or of utterances, that are matched by the text of a recording
CELLS = 2**30  # bits of the largest table that is held

Places = Sequence[Sequence[int]]  # the phones that may be at each place


def align_words(words: Sequence[np.ndarray], utterances: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Tell in which utterance each word of a text is said, and where it begins.

    Args:
        words: phone ids of each word, int64 (phones,), as `inventory.from_text` gives them.
        utterances: recognized phones of each, in the order of time, as `alignment.pack` makes them.

    Returns:
        int64 (len(words),): the number of an utterance, ascending; -1 for what is said in none: all of them, where the
        text is of something else. And float64 (len(words),): about how many phones of all utterances come before it.
    """
    nowhere, begins = np.full(len(words), -1), np.zeros(len(words))
    text = np.concatenate([np.zeros(0, np.int64), *words])  # (n,)
    recognized = [place for utterance in utterances for place in _likely(utterance)]
    spoken_in = np.repeat(np.arange(len(utterances)), [len(one) for one in utterances])  # (len(recognized),)
    pairs = np.array(list(common_subsequence(recognized, text)), np.int64).reshape(-1, 2)
    if not len(pairs):
        return nowhere, begins
    in_speech, in_text = pairs.T
    nearby = _nearby(in_text, len(text))  # (n,)
    places = np.interp(np.arange(len(text)), in_text, in_speech)  # (n,)
    numbers = nowhere.copy()
    bounds = np.cumsum([0, *map(len, words)])
    begins = places[bounds[:-1].clip(max=len(text) - 1)]
    for word, (start, end) in enumerate(pairwise(bounds)):
        if end > start and nearby[start:end].mean() >= MATCHED:
            numbers[word] = spoken_in[round(np.median(places[start:end]))]
    there = np.repeat(numbers, np.diff(bounds))[in_text] == spoken_in[in_speech]
    found = np.bincount(spoken_in[in_speech[there]], minlength=len(utterances))
    matched = found >= MATCHED * np.bincount(spoken_in, minlength=len(utterances))
    numbers = np.where((numbers >= 0) & matched[numbers], numbers, -1)
    believed = max((numbers[np.diff(bounds) > 0] >= 0).mean(), len(np.unique(numbers[numbers >= 0])) / len(utterances))
    return numbers if believed >= BELIEVED else nowhere, begins


def _nearby(places: np.ndarray, count: int) -> np.ndarray:
    """The share of places, int64 (n,), among those NEAR each of `count` places, float64 (count,)."""
    window = np.ones(2 * NEAR + 1)
    there, all_places = np.bincount(places, minlength=count), np.ones(count)
    return (np.convolve(there, window) / np.convolve(all_places, window))[NEAR:-NEAR]


def _likely(utterance: np.ndarray) -> list[list[int]]:
    """The phones that may be at each place of an utterance, of which one always is the likeliest."""
    ids, likely = utterance[..., 0], utterance[..., 1] >= 255 * LIKELY
    likely[:, :1] = True
    return [row[there].tolist() for row, there in zip(ids, likely, strict=True)]


def common_subsequence(recognized: Places, text: np.ndarray) -> Iterator[tuple[int, int]]:
    """Places of a longest common subsequence in both, in their order.

    Args:
        recognized: ids of the phones that may be at each place.
        text: phone ids, int64 (n,).
    """
    if len(recognized) > 1 and len(recognized) * len(text) > CELLS:  # in halves, as Hirschberg (1975) does
        half = len(recognized) // 2
        before, after = _lengths(recognized[:half], text), _lengths(recognized[: half - 1 : -1], text[::-1])[::-1]
        cut = int((before + after).argmax())
        yield from common_subsequence(recognized[:half], text[:cut])
        yield from ((half + row, cut + column) for row, column in common_subsequence(recognized[half:], text[cut:]))
        return
    table, found = list(_rows(recognized, text)), []
    row, column = len(recognized), len(text)
    while row and column:
        if table[row - 1] >> (column - 1) & 1:
            column -= 1
        elif row > 1 and not table[row - 2] >> (column - 1) & 1:
            row -= 1
        else:
            row, column = row - 1, column - 1
            found.append((row, column))
    yield from reversed(found)


def _rows(recognized: Places, text: np.ndarray) -> Iterator[int]:
    """For each beginning of what was recognized, as bits of an integer: 0 where the longest common subsequence with the
    beginning of the text that ends there is longer than with that one phone shorter."""
    all_bits = (1 << len(text)) - 1
    at = {int(phone): _integer(text == phone) for phone in np.unique(text)}
    row = all_bits
    for place in recognized:
        matching = 0
        for phone in place:
            matching |= at.get(phone, 0)
        both = row & matching
        row = ((row + both) | (row - both)) & all_bits
        yield row


def _lengths(recognized: Places, text: np.ndarray) -> np.ndarray:
    """The lengths of the longest common subsequences with all beginnings of the text, int64 (n + 1,)."""
    *_, last = _rows(recognized, text)
    packed = np.frombuffer(last.to_bytes(len(text) // 8 + 1, "little"), np.uint8)
    return np.cumsum([0, *(1 - np.unpackbits(packed, bitorder="little")[: len(text)].astype(np.int64))])


def _integer(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
