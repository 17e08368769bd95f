"""The same said again in other recordings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import Calibration
from clasp.errors import LibraryError
from index import recurrences
from index.library import Library, Recording, Segment
from index.map.layout import MapLayout, segment_keys
from index.map.library_map import LibraryMap
from index.map.umap import nearest
from index.meanings import meanings, without_languages

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

DIM, HALF = 64, 32


@dataclass
class Judge:
    """A model that goes by the meaning alone."""

    checksum: str = "a" * 64
    dim: int = DIM
    meaning_dim: int = HALF
    aligner: None = None
    calibration: Calibration = field(default_factory=Calibration.rough)

    def halves(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return meanings(vectors, HALF), meanings(vectors[:, HALF:], HALF)


def record(library: Library, name: str, spoken: list[np.ndarray], language: str = "en", seconds: float = 4.0) -> None:
    """Add a recording in which these meanings, (HALF,), follow each other."""
    recording = Recording(name, Path(f"{name}.wav"), name.title(), 999.0, language)
    segments = [
        Segment(0, name, 5.0 * n, 5.0 * n + seconds, f"{name} {n}", language) for n in range(len(spoken))
    ]  # fmt: skip
    sounds = np.random.default_rng(len(name)).standard_normal((len(spoken), HALF))
    vectors = np.concatenate([meanings(np.array(spoken), HALF), meanings(sounds, HALF)], axis=1) / np.sqrt(2)
    library.add([recording], segments, vectors)


@pytest.fixture
def said() -> np.ndarray:
    """Meanings that have nothing to do with each other, (40, HALF)."""
    return np.random.default_rng(0).standard_normal((40, HALF))


@pytest.fixture
def library(tmp_path: Path, said: np.ndarray) -> Iterator[Library]:
    """A talk, of which a rerun has the third to fifth utterance, and a translation the tenth."""
    library = Library.create(tmp_path / "library", Judge())
    record(library, "talk", list(said[:12]))
    record(library, "rerun", [said[20], *said[2:5], said[21]])
    record(library, "Vortrag", [said[30], said[9] + 0.1 * said[31], *said[32:40]], "de")
    yield library
    library.close()


def spans(library: Library, name: str) -> list[tuple]:
    return [
        (one.start, one.end, one.recording, one.other_start, one.other_end)
        for one in library.recurrences.passages(name)
    ]


def test_neighbouring_pairs_are_one_passage_and_both_recordings_have_it(library: Library) -> None:
    assert library.recurrences.missing() == len(library) == 27
    assert list(library.recurrences.find(Judge())) == [27] and library.recurrences.missing() == 0
    assert spans(library, "talk") == [(10.0, 24.0, "rerun", 5.0, 19.0), (45.0, 49.0, "Vortrag", 5.0, 9.0)]
    assert spans(library, "rerun") == [(5.0, 19.0, "talk", 10.0, 24.0)]
    assert spans(library, "Vortrag") == [(5.0, 9.0, "talk", 45.0, 49.0)]
    assert all(0.5 <= one.probability <= 1 for one in library.recurrences.passages("talk"))


def test_what_is_found_is_what_brute_force_finds(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrences, "BLOCK", 7)
    assert list(library.recurrences.find(Judge())) == [7, 14, 21, 27]
    vectors = without_languages(meanings(library.vectors()[1], HALF), [one.language for one in library.segments()])
    segments, expected = library.segments(), set()
    for row, (others, cosines) in enumerate(zip(*nearest(vectors, vectors, len(vectors)), strict=True)):
        expected |= {
            (segments[row].text, segments[other].text)
            for other, cosine in zip(others.tolist(), cosines.tolist(), strict=True)
            if cosine >= recurrences.ALIKE and segments[row].recording != segments[other].recording
        }
    texts = {one.id: one.text for one in segments}
    pairs = [pair for name in ("talk", "rerun", "Vortrag") for pair in library._database.recurrences(name)]
    assert {(texts[own], texts[other]) for own, other, _ in pairs} == expected and len(expected) == 8


def test_only_what_is_new_is_compared_and_what_is_gone_is_forgotten(library: Library, said: np.ndarray) -> None:
    list(library.recurrences.find(Judge()))
    assert list(library.recurrences.find(Judge())) == []
    record(library, "quotation", [said[9], said[25]])
    assert list(library.recurrences.find(Judge())) == [2]
    assert {name for *_, name, _, _ in spans(library, "talk")} == {"rerun", "Vortrag", "quotation"}
    library.remove("rerun")
    assert {name for *_, name, _, _ in spans(library, "talk")} == {"Vortrag", "quotation"}
    assert library.recurrences.missing() == 0


def test_replaced_vectors_are_compared_again(library: Library, said: np.ndarray) -> None:
    list(library.recurrences.find(Judge()))
    (first,) = [one for one in library.segments_of("Vortrag") if one.start == 5.0]
    vector = library.vector(first.id)
    vector[:HALF] = meanings(said[38][None], HALF)[0] / np.sqrt(2)
    with library._indexed.writing() as database:
        database.replace_vectors([first.id], vector[None], vector[None, :HALF], [first.transcript])
        library._indexed.follow()
    assert library.recurrences.missing() == 1 and list(library.recurrences.find(Judge())) == [1]
    assert spans(library, "Vortrag") == []


def test_short_utterances_and_one_recording_alone_do_not_recur(tmp_path: Path, said: np.ndarray) -> None:
    with Library.create(tmp_path / "other", Judge()) as library:
        record(library, "one", [said[0], said[0], *said[1:9]])
        record(library, "two", [said[3], *said[10:19]], seconds=1.0)
        assert list(library.recurrences.find(Judge())) == [20]
        assert spans(library, "one") == spans(library, "two") == []


def test_a_library_for_searching_only_stays_as_it_is(library: Library) -> None:
    with (
        Library.open(library.folder, Judge(), read_only=True) as opened,
        pytest.raises(LibraryError, match="searching"),
    ):
        next(opened.recurrences.find(Judge()))


def test_threads_of_a_map_are_places_of_pairs(library: Library) -> None:
    list(library.recurrences.find(Judge()))
    pairs = library.recurrences.pairs()
    assert pairs.shape == (4, 2)
    layout = np.zeros((27, 2, 2), np.float32), np.zeros((27, 2, 3), np.float32), np.full(27, -1, np.int16)
    drawn = LibraryMap(library, MapLayout("a" * 64, segment_keys(library.segments()), *layout, 0, [], []))
    ids = library.vectors()[0]
    assert np.array_equal(ids[drawn.threads(ids)], pairs)
    assert drawn.threads(ids[:-15]) == []  # those that are not drawn have none
