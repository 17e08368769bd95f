"""Words of a text find the utterances in which they are said, whatever else stands in the text or is said."""

from itertools import pairwise

import numpy as np
import pytest

from clasp.phones import forced_alignment
from clasp.phones.alignment import pack
from clasp.phones.forced_alignment import align_words
from clasp.phones.inventory import INVENTORY

WORD = 5  # phones


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(3)


def sentences(draw: np.random.Generator, count: int) -> list[list[np.ndarray]]:
    """Of eight words each."""
    return [[draw.integers(1, 40, WORD) for _ in range(8)] for _ in range(count)]


def spoken(draw: np.random.Generator, words: list[np.ndarray], mistaken: float = 0.3) -> np.ndarray:
    """What is recognized where some phones are mistaken; one half of these are still thought possible."""
    phones = np.concatenate(words)
    wrong = draw.random(len(phones)) < mistaken
    best = np.where(wrong, draw.integers(1, 40, len(phones)), phones)
    second = np.where(draw.random(len(phones)) < 0.5, phones, best)
    return pack((0.7 * np.eye(len(INVENTORY))[best] + 0.3 * np.eye(len(INVENTORY))[second]).astype(np.float32))


def longest(recognized: list[list[int]], text: np.ndarray) -> int:
    """The length of a longest common subsequence, cell by cell."""
    table = np.zeros((len(recognized) + 1, len(text) + 1), int)
    for row, place in enumerate(recognized):
        for column, phone in enumerate(text):
            skipped = max(table[row, column + 1], table[row + 1, column])
            table[row + 1, column + 1] = max(skipped, table[row, column] + (phone in place))
    return int(table[-1, -1])


@pytest.mark.parametrize("cells", [2**30, 8, 1], ids=["whole", "halved", "halved to the end"])
def test_subsequences_are_common_and_as_long_as_can_be(draw, cells, monkeypatch):
    monkeypatch.setattr(forced_alignment, "CELLS", cells)
    for _ in range(100):
        recognized = [draw.integers(1, 5, draw.integers(1, 3)).tolist() for _ in range(draw.integers(0, 14))]
        text = draw.integers(1, 6, draw.integers(0, 14))
        pairs = list(forced_alignment.common_subsequence(recognized, text))
        assert len(pairs) == longest(recognized, text)
        assert all(text[column] in recognized[row] for row, column in pairs)
        assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))


def test_words_are_where_they_are_said(draw):
    said = sentences(draw, 30)
    utterances = [spoken(draw, words) for words in said]
    numbers, begins = align_words([word for words in said for word in words], utterances)
    expected = np.repeat(np.arange(30), 8)
    assert (numbers == expected).mean() > 0.98 and (abs(numbers - expected) <= 1).all()
    assert abs(begins[::8] - np.cumsum([0, *map(len, utterances)])[:-1]).max() <= 3


def test_what_is_only_written_or_only_said_stays_alone(draw):
    said, heading = sentences(draw, 30), sentences(draw, 3)
    written = [words for number, words in enumerate(said) if number not in (7, 8, 20)]
    words = [word for one in (*heading, *written) for word in one]
    numbers, _ = align_words(words, [spoken(draw, one) for one in said])
    assert (numbers[:22] == -1).all()  # what touches what is said may be taken for it
    assert not {7, 8, 20} & set(numbers[32:].tolist())
    expected = np.repeat([number for number in range(30) if number not in (7, 8, 20)], 8)
    assert (numbers[24:] == expected).mean() > 0.95


def test_a_chapter_of_a_book_and_a_part_of_a_recording(draw):
    said = sentences(draw, 60)
    words, utterances = [word for one in said for word in one], [spoken(draw, one) for one in said]
    assert (align_words(words, utterances[20:40])[0][160:320] == np.repeat(np.arange(20), 8)).mean() > 0.9
    assert (align_words(words[160:320], utterances)[0] == np.repeat(np.arange(20, 40), 8)).mean() > 0.9


def test_a_text_of_something_else_is_nowhere(draw):
    for count in (2, 5, 30):
        other = [spoken(draw, one) for one in sentences(draw, count)]
        assert (align_words([word for one in sentences(draw, count) for word in one], other)[0] == -1).all()


def test_nothing_is_nowhere(draw):
    (words,) = sentences(draw, 1)
    empty = np.zeros(0, np.int64)
    assert align_words([], [spoken(draw, words)])[0].tolist() == []
    assert align_words([empty, empty], [spoken(draw, words)])[0].tolist() == [-1, -1]
    silent = pack(np.zeros((0, len(INVENTORY)), np.float32))
    assert set(align_words(words, [])[0].tolist()) == set(align_words(words, [silent])[0].tolist()) == {-1}
    assert set(align_words([*words, empty], [silent, spoken(draw, words, 0), silent])[0].tolist()) == {1, -1}
