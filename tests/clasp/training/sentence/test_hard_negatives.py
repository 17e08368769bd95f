"""Sentences that mean something else, and sentences as a recognizer writes them."""

import numpy as np
import pytest

from clasp.training.sentence.hard_negatives import hard_negative, names_of, negated, renamed, renumbered, reordered
from clasp.training.sentence.transcription_errors import add_transcription_errors


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(("text", "other"), [
    ("The ship did not sail.", "The ship did sail."),
    ("It is cold.", "It is not cold."),
    ("Don't open it.", "Do open it."),
    ("They can’t swim.", "They can swim."),
    ("I have never seen it.", "I have always seen it."),
    ("Go home!", None),
    ("Is he at home?", None),
])  # fmt: skip
def test_a_negation_is_added_or_taken_away(text, other, random):
    assert negated(text, random) == other


@pytest.mark.parametrize("text", ["There were 1,250 people.", "We met on Monday.", "He has three dogs.", "in 1945"])
def test_a_number_or_a_date_is_another(text, random):
    for _ in range(20):
        other = renumbered(text, random)
        assert other != text and len(other.split()) == len(text.split())
        assert sum(ours != theirs for ours, theirs in zip(text.split(), other.split(), strict=True)) == 1


def test_what_is_no_number_stays(random):
    assert renumbered("One may go, no one may march for a second.", random) is None


def test_a_name_is_another(random):
    names = names_of(["She met Anna in Paris last Monday.", "Then Tom left."])
    assert names == ["Anna", "Paris", "Tom"]
    assert renamed("He saw Smith there.", ["Anna"], random) == "He saw Anna there."
    assert renamed("He saw Smith there.", ["Smith"], random) is None
    assert renamed("It was there.", names, random) is None


@pytest.mark.parametrize(("text", "other"), [
    ("The dog bit the man.", "The man bit the dog."),
    ("He told Anna that Smith had left.", "He told Smith that Anna had left."),
    ("The dog and the man left.", None),
    ("It rains.", None),
])  # fmt: skip
def test_two_things_change_places(text, other, random):
    assert reordered(text, random) == other


def test_a_hard_negative_is_any_of_them_and_never_the_sentence_itself(random):
    text = "The dog did not bite the man on 3 May with Anna."
    found = {hard_negative(text, ["Paris"], random) for _ in range(60)}
    assert text not in found and len(found) > 4
    assert hard_negative("Go home!", [], random) is None


def test_transcription_errors_are_like_the_sentence(random):
    text = "Their ship, the Aurora, left the harbour at eight o'clock in the evening."
    written = [add_transcription_errors(text, random) for _ in range(200)]
    assert len(set(written)) > 50 and all(written)
    words = [len(one.split()) for one in written]
    assert min(words) >= 9 and max(words) <= 20
    assert any("there" in one.lower().split() for one in written)
    assert np.mean([("," in one) for one in written]) < 0.5 and np.mean([one.islower() for one in written]) > 0.3
    unharmed = sum("harbour" in one for one in written)
    assert unharmed > 130


@pytest.mark.parametrize("text", ["船在暴风雨中沉没了。", "जहाज तूफान में खो गया।", "...", "a"])
def test_any_text_stays_a_text(text, random):
    assert all(add_transcription_errors(text, random).strip() for _ in range(50))
