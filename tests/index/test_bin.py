"""Removed recordings: neither found nor counted, restored whole, deleted after thirty days."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import LibraryError
from clasp.speech.transcript import Transcript, Word
from index.bin import KEEP
from index.exports.transcript import of_recordings
from index.library import FILES, Library
from index.store import repair
from tests.index.conftest import Identity, found, one_each, random_units

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

FOUND = Transcript("the ferry left", "en", (Word("the", 0.1, 0.4, 1), Word("ferry", 0.4, 0.9, 1)), -0.3)
NAME = "recording 2"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Six recordings of an utterance each; what is known of the third is of every kind, and its file is a copy."""
    recordings, segments = one_each(6)
    folder = tmp_path / "library"
    recordings[2] = replace(recordings[2], path=folder / FILES / "2.ogg", sha256="2" * 64)
    library = Library.create(folder, Identity())
    recordings[2].path.parent.mkdir()
    recordings[2].path.write_bytes(b"sound")
    library.add(recordings, [replace(one, text="") for one in segments], random_units(6, Identity.dim))
    library.finish(NAME, 2.0, np.arange(20, dtype=np.uint8))
    library.transcripts.store([3], [FOUND], "base")
    library.corrections.store(3, "the ferry left early", before=FOUND.text)
    library.notes.add(NAME, 1.5, "Which ferry?", "fog")
    return library


def test_what_is_in_the_bin_is_nowhere_else(library: Library) -> None:
    vector = library.vector(3)
    with Library.open(library.folder, Identity()) as other:
        library.bin.put(NAME)
        other.refresh()
        for one in (library, other):
            assert len(one) == 5 and NAME not in one.counts() and len(one.recordings()) == 5
            assert 3 not in one.candidates(vector, 6).ids and found(one, "ferry early") == []
            with pytest.raises(LibraryError):
                of_recordings(one, [NAME])
            (removed,) = one.bin.contents()
            assert (removed.id, removed.title) == (NAME, "No. 2")
            assert timedelta() <= datetime.now(timezone.utc) - removed.removed < timedelta(minutes=5)
    assert (library.folder / FILES / "2.ogg").exists()
    assert not [one for one in repair.check(library.folder) if FILES in one]
    with pytest.raises(LibraryError, match="no recording"):
        library.bin.put(NAME)


def test_it_comes_back_whole(library: Library) -> None:
    before, segment, vector = library.recording(NAME), library.segment(3), library.vector(3)
    library.bin.put(NAME)
    other = Library.open(library.folder, Identity())
    library.bin.restore(NAME)
    other.refresh()
    for one in (library, other):
        assert one.recording(NAME) == before and len(one) == 6 and one.bin.contents() == []
        (back,) = one.segments_of(NAME)
        assert back.id > 6 and replace(back, id=3) == segment
        np.testing.assert_array_equal(one.vector(back.id), vector)
        assert one.candidates(vector, 1).segments == [back] and found(one, "ferry early fog") == [back.id]
        assert [word.text for word in one.transcripts.words([back.id])[back.id]] == ["the", "ferry", "left", "early"]
        assert [note.segment for note in one.notes.of(NAME)] == [back.id]
        assert one.envelope(NAME).tolist() == list(range(20))
    other.close()
    taken = library.corrections.take_back(back.id, before="the ferry left early")
    assert taken.transcript == FOUND.text
    with pytest.raises(LibraryError, match="no longer in the bin"):
        library.bin.restore(NAME)
    library.bin.put(NAME)
    library.bin.restore(NAME)
    assert len(library) == 6


def test_it_is_deleted_after_thirty_days(library: Library) -> None:
    library.bin.put(NAME)
    library.bin.put("recording 0")
    now = datetime.now(timezone.utc)
    library.bin.expire(now + KEEP - timedelta(minutes=1))
    assert len(library.bin.contents()) == 2
    library.bin.delete("recording 0")
    library.bin.expire(now + KEEP + timedelta(minutes=1))
    assert library.bin.contents() == [] and not (library.folder / FILES / "2.ogg").exists()
    assert len(library) == 4


def test_several_are_one_change(library: Library) -> None:
    names, before = [f"recording {number}" for number in (1, 2, 4)], {one.id: one for one in library.recordings()}
    vectors = [library.vector(number) for number in (2, 3, 5)]
    for change in (library.bin.put, library.remove):
        with pytest.raises(LibraryError, match="no recording 'lost'"):
            change(*names, "lost")
    with pytest.raises(LibraryError, match="no longer in the bin"):
        library.bin.restore(*names)
    generation = library._database.version().generation
    library.bin.put(*names, names[0])
    assert [one.id for one in library.recordings()] == ["recording 0", "recording 3", "recording 5"]
    with pytest.raises(LibraryError, match="no longer in the bin"):
        library.bin.restore(*names, "recording 3")
    assert len(library) == 3 and {one.id for one in library.bin.contents()} == {*names}
    library.bin.restore(*names)
    assert library._database.version().generation == generation + 2 and library.bin.contents() == []
    assert {one.id: one for one in library.recordings()} == before and found(library, "ferry early fog")
    back = [library.segments_of(name)[0].id for name in names]
    np.testing.assert_array_equal([library.vector(number) for number in back], vectors)
    library.remove(*names)
    assert len(library) == 3 and not (library.folder / FILES / "2.ogg").exists()
    with Library.open(library.folder, Identity()) as again:
        assert len(again) == 3 and again.bin.contents() == []


def test_of_an_interrupted_removal_the_library_counts(library: Library) -> None:
    """It was copied, and not taken out yet; or copied back, and not taken out of the bin."""
    library._database.copy_to_bin([NAME], "2026-01-01T00:00:00+00:00")
    library.edit(NAME, title="Edited since")
    assert library.bin.contents() == [] and library.bin.of("2" * 64) is None
    with Library.open(library.folder, Identity()) as again:
        assert again.recording(NAME).title == "Edited since" and (library.folder / FILES / "2.ogg").exists()
    library.bin.put(NAME)
    assert [one.title for one in library.bin.contents()] == ["Edited since"]
    assert library.bin.of("2" * 64) == NAME


def test_who_only_searches_removes_nothing(library: Library) -> None:
    library.bin.put("recording 1")
    closed = Library.open(library.folder, Identity(), read_only=True)
    for change in (closed.bin.put, closed.bin.restore, closed.bin.delete):
        with pytest.raises(LibraryError, match="for searching only"):
            change("recording 1")
    closed.close()
