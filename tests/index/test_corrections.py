"""A person corrects transcripts: what they wrote goes before all others, and is found, exported and stored."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import DataError, LibraryError
from clasp.speech.transcript import Transcript, Word
from index.corrections import ChangedMeanwhileError, retimed
from index.exports.formats import export
from index.exports.transcript import of_recordings
from index.library import Library
from index.store import repair
from index.store.schema import DATABASE_FILE
from tests.index.conftest import Identity, found, one_each, random_units
from tests.index.eye import Eye

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

FOUND = Transcript(
    "Where is the ferrie?", "en",
    (Word("Where", 0.1, 0.4, 1), Word("is", 0.4, 0.6, 1), Word("the", 0.6, 0.8, 1), Word("ferrie?", 0.8, 1.6, 0.2)),
    -0.3,
)  # fmt: skip
RIGHT = "Where is the last ferry?"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Four segments, the first two of which came with a transcript, and the third was transcribed."""
    recordings, segments = one_each(4)
    segments = [replace(one, text=one.text if number < 2 else "") for number, one in enumerate(segments)]
    library = Library.create(tmp_path / "library", Identity())
    library.add(recordings, segments, random_units(4, Identity.dim))
    library.transcripts.store([3], [FOUND], "base")
    list(library.transcripts.fuse(Eye()))
    return library


def test_a_correction_is_the_transcript_at_once(library: Library) -> None:
    stored = library.corrections.store(3, "  Where is the\nlast ferry? ", before=FOUND.text)
    assert stored == library.segment(3)
    assert (stored.transcript, stored.transcript_source, stored.confidence) == (RIGHT, "corrected", None)
    assert stored.original == FOUND.text
    assert found(library, "last ferry") == [3] and found(library, "ferrie") == []
    vector = library.vector(3)
    reader = Eye()
    assert list(library.transcripts.fuse(reader, [1, 2])) == [] and list(library.transcripts.fuse(reader, [3])) == [1]
    assert reader.trusted == {RIGHT: True}
    assert not np.allclose(library.vector(3), vector, atol=0.01)


def test_nothing_takes_its_place_but_the_person(library: Library) -> None:
    library.corrections.store(1, "a person's", before="0")
    library.corrections.store(3, RIGHT, before=FOUND.text)
    library.corrections.store(4, "nobody had written this", before="")
    library.transcripts.outdate()
    assert library.transcripts.missing() == {}
    library.transcripts.store([3, 4], [replace(FOUND, text="something else")] * 2, "small")
    beside = [replace(one, text="of a file") for one in library.segments([1, 3])]
    for one in beside:
        library.apply_sidecar(one.recording, {}, [one], None, "{}")
    assert [one.transcript for one in library.segments([1, 3, 4])] == ["a person's", RIGHT, "nobody had written this"]
    taken = library.corrections.take_back(3, before=RIGHT)
    assert (taken.transcript, taken.transcript_source) == ("of a file", "supplied")
    taken = library.corrections.take_back(4, before="nobody had written this")
    assert (taken.transcript, taken.transcript_source) == ("something else", "machine")
    assert found(library, "something else") == [4]


def test_nothing_is_spoken_after_all(library: Library) -> None:
    direct = library.vector(4)
    library.transcripts.store([4], [replace(FOUND, text="Thank you for watching.")], "base")
    list(library.transcripts.fuse(Eye()))
    library.corrections.store(4, "", before="Thank you for watching.")
    assert list(library.transcripts.fuse(Eye())) == [1]
    assert library.segment(4).transcript == "" and library.segment(4).transcript_source == "corrected"
    assert found(library, "thank you") == []
    np.testing.assert_allclose(library.vector(4), direct, atol=2e-3)


def test_who_comes_later_is_warned(library: Library, tmp_path: Path) -> None:
    with Library.open(library.folder, Identity()) as other:
        other.corrections.store(3, RIGHT, before=FOUND.text)
    with pytest.raises(ChangedMeanwhileError, match="changed meanwhile"):
        library.corrections.store(3, "Wear is the ferry?", before=FOUND.text)
    with pytest.raises(ChangedMeanwhileError):
        library.corrections.take_back(3, before=FOUND.text)
    assert library.segment(3).transcript == RIGHT
    with pytest.raises(LibraryError, match="no longer in the library"):
        library.corrections.store(99, "x", before="")
    with pytest.raises(DataError, match="10000 at most"):
        library.corrections.store(3, "x" * 10_001, before=RIGHT)
    closed = Library.open(library.folder, Identity(), read_only=True)
    with pytest.raises(LibraryError, match="for searching only"):
        closed.corrections.store(3, "x", before=RIGHT)
    closed.close()


def test_corrected_while_it_is_fused(library: Library) -> None:
    """The vector gets the transcript that there is in the end."""

    class Slow(Eye):
        def fuse(self, direct: np.ndarray, texts: list[str], evidence: np.ndarray) -> np.ndarray:
            if texts == ["first"]:
                library.corrections.store(3, "second", before="first")
            return super().fuse(direct, texts, evidence)

    library.corrections.store(3, "first", before=FOUND.text)
    assert list(library.transcripts.fuse(Slow())) == [1, 2]
    there = library.vector(3)
    library.corrections.store(3, "second", before="second")
    assert list(library.transcripts.fuse(Eye())) == [1]
    np.testing.assert_allclose(library.vector(3), there, atol=2e-3)


def test_a_later_version_of_the_file_has_the_corrections_of_the_same_segments(library: Library) -> None:
    library.corrections.store(3, RIGHT, before=FOUND.text)
    old = library.recording("recording 2")
    times = [(0.0, 2.0), (2.0, 3.0)]
    segments = [replace(library.segment(3), id=0, recording="new", start=start, end=end) for start, end in times]
    first, second = library.add([replace(old, id="new")], segments, random_units(2, Identity.dim, 7))
    library.corrections.carry("recording 2", "new")
    library.remove("recording 2")
    assert library.segment(first.id).transcript == RIGHT and library.segment(second.id).transcript == ""
    assert found(library, "last ferry") == [first.id]
    assert [one.text for one in library.transcripts.words([first.id])[first.id]][:2] == ["Where", "is"]


def test_exports_have_the_correction_and_the_times_of_its_words(library: Library) -> None:
    library.corrections.store(3, RIGHT, before=FOUND.text)
    (file,) = export("json", of_recordings(library, ["recording 2"]))
    (segment,) = json.loads(file.content)["segments"]
    assert (segment["text"], segment["transcript_source"], segment["confidence"]) == (RIGHT, "corrected", None)
    assert [(one["word"], one["start"]) for one in segment["words"]] == [
        ("Where", 0.1), ("is", 0.4), ("the", 0.6), ("last", 0.8), ("ferry?", 1.2)
    ]  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_check_and_repair_know_of_them(library: Library) -> None:
    library.corrections.store(3, RIGHT, before=FOUND.text)
    library.close()
    with closing(sqlite3.connect(library.folder / DATABASE_FILE)) as database, database:
        database.execute("INSERT INTO corrections VALUES (99, 'x', '[]')")  # foreign keys are not looked at
    assert "1 corrections of no segment: taken out." in repair.check(library.folder, mend=True)
    with Library.open(library.folder, Identity()) as again:
        assert again.segment(3).transcript == RIGHT and len(again) == 4


@pytest.mark.parametrize(
    ("known", "text", "expected"),
    [
        ("a b c", "A, b c!", [("A,", 0), ("b", 1), ("c!", 2)]),
        ("a b c", "a c", [("a", 0), ("c", 2)]),
        ("a b c", "x a b c", [("x", 0), ("a", 0), ("b", 1), ("c", 2)]),
        ("a b c", "a b c x y", [("a", 0), ("b", 1), ("c", 2), ("x", 3), ("y", 3)]),
        ("a b c d", "a x y z d", [("a", 0), ("x", 1), ("y", 1 + 2 / 3), ("z", 1 + 4 / 3), ("d", 3)]),
        ("我们 来 了", "我们回来了", [("我们", 0), ("回", 1), ("来", 1), ("了", 2)]),
        ("a b", "", []),
        ("", "a b", []),
    ],
)
def test_words_that_stay_keep_their_times(known: str, text: str, expected: list[tuple[str, float]]) -> None:
    timed = [Word(one, float(place), place + 1.0, 0.4) for place, one in enumerate(known.split())]
    new = retimed(timed, text)
    assert [(one.text, pytest.approx(one.start)) for one in new] == expected
    assert all(one.end >= one.start and one.probability == 1 for one in new)
