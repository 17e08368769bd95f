"""Full text: what is found by its words or phones is what the other tables say, whatever was done to them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from clasp.phones.alignment import TOP_PHONES
from clasp.speech.transcript import Transcript
from index.library import Library, Recording, Segment
from index.store.full_text import pairs
from tests.index.conftest import Identity, executed, random_units

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

TEXTS = ["The goat was named Duchess.", "The ferry left at noon.", "", "The ferry and the goat."]


def packed(*ids: int) -> np.ndarray:
    phones = np.zeros((len(ids), TOP_PHONES, 2), np.uint8)
    phones[:, 0, 0], phones[:, 0, 1] = ids, 255
    return phones


@pytest.fixture
def library(tmp_path: Path, model: Identity) -> Library:
    library = Library.create(tmp_path / "library", model)
    recordings = [Recording("farm", Path("farm.wav"), "Old farm", 40.0), Recording("sea", Path("sea.wav"), "Sea", 40.0)]
    names = ["farm", "farm", "farm", "sea"]
    segments = [
        Segment(0, name, 10.0 * n, 10.0 * n + 5, text) for n, (name, text) in enumerate(zip(names, TEXTS, strict=True))
    ]
    phones = [packed(1, 2, 3, 4), packed(5, 6, 7), packed(3, 4, 5), packed()]
    library.add(recordings, segments, random_units(4, model.dim), phones)
    return library


@pytest.fixture
def found(library: Library) -> Callable[..., list[tuple[int, float]]]:
    """Ids of the segments, and coverage, that have any of the words, best first."""

    def found(*asked: str) -> list[tuple[int, float]]:
        there = library.candidates(np.zeros(32, np.float32), 10, words=asked)
        return list(zip(there.ids.tolist(), there.coverage.round(2).tolist(), strict=True))

    return found


def test_words_find_segments_the_rarer_the_better(found: Callable) -> None:
    assert found("duchess") == [(1, 1.0)]
    (first, share), *others = found("goat", "ferry")
    assert (first, share) == (4, 1.0)
    assert {number for number, _ in others} == {1, 2} and all(0 < part < 1 for _, part in others)
    assert found("nobody") == []


def test_titles_and_speakers_are_found_and_follow_edits(library: Library, found: Callable) -> None:
    assert {number for number, _ in found("farm")} == {1, 2, 3}
    library.edit("farm", title="Old mill", speaker="Zoë")
    assert found("farm") == [] and len(found("mill")) == len(found("zoe")) == 3


def test_transcripts_that_come_later_are_found(library: Library, found: Callable) -> None:
    library.transcripts.store([3], [Transcript("A wolf came by.", "en")], "base")
    assert found("wolf") == [(3, 1.0)]
    library.transcripts.store([3], [Transcript("Nobody came.", "en")], "small")
    assert found("wolf") == [] and found("nobody") == [(3, 1.0)]


def test_what_is_removed_is_not_found(library: Library, found: Callable) -> None:
    library.remove("farm")
    assert [number for number, _ in found("goat")] == [4] and found("duchess") == []


def test_pairs_of_phones_find_segments(library: Library) -> None:
    asked = pairs(np.array([9, 3, 4, 5]))
    assert len(asked) == 3
    there = library.candidates(np.zeros(32, np.float32), 10, phones=asked)
    assert there.ids.tolist() == [3, 1]  # two pairs of three, and one


def test_filters_hold_for_words(library: Library) -> None:
    from index.filters import Filter

    there = library.candidates(np.zeros(32, np.float32), 10, words=["goat"], filters=Filter(recordings=("sea",)))
    assert there.ids.tolist() == [4]


def test_a_library_without_full_text_gets_it_when_it_is_opened(library: Library, model: Identity) -> None:
    library.close()
    executed(library.folder, "DELETE FROM full_text WHERE rowid IN (1, 4)")
    with Library.open(library.folder, model) as again:
        there = again.candidates(np.zeros(32, np.float32), 10, words=["goat"])
        assert sorted(there.ids.tolist()) == [1, 4]


def test_hostile_words_are_only_words(library: Library, found: Callable) -> None:
    assert found('"', "goat OR ferry", "NEAR(goat)", "words : goat", "*") == []
