"""Machine transcripts in a library: kept beside those that came with the recordings, and taken into the vectors."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import LibraryError
from clasp.speech.transcript import Transcript, Word
from index.filters import Filter
from index.library import Library, Segment
from index.store import repair
from index.store.schema import DATABASE_FILE, MIGRATIONS, connect
from tests.index.conftest import Identity, executed, one_each, random_units
from tests.index.eye import Eye

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

FOUND = Transcript("the ferry left", "en", (Word("the", 1.0, 1.2, 0.9), Word("ferry", 1.2, 1.7, 0.8)), -0.3, 1.1, 0.05)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Ten segments, the first five of which came with a transcript."""
    recordings, segments = one_each(10)
    segments = [replace(one, text=one.text if number < 5 else "") for number, one in enumerate(segments)]
    library = Library.create(tmp_path / "library", Identity())
    library.add(recordings, segments, random_units(10, Identity.dim))
    return library


def halves(library: Library, number: int) -> tuple[np.ndarray, np.ndarray]:
    vector = library.vector(number)
    return vector[: Identity.meaning_dim], vector[Identity.meaning_dim :]


def missing(library: Library) -> list[int]:
    return [number for numbers in library.transcripts.missing().values() for number in numbers]


def fuse(library: Library) -> int:
    return sum(1 for _ in library.transcripts.fuse(Eye()))


def test_a_segment_tells_its_transcript_and_whose_it_is(library):
    library.transcripts.store([6, 7], [FOUND, Transcript("")], "base")
    supplied, machine, silent, unknown = (library.segment(number) for number in (1, 6, 7, 8))
    assert (supplied.transcript, supplied.transcript_source, supplied.confidence) == ("0", "supplied", None)
    assert (machine.transcript, machine.transcript_source, machine.text) == ("the ferry left", "machine", "")
    assert machine.confidence == pytest.approx(np.exp(-0.3)) and machine.detected == "en"
    assert (silent.transcript, silent.transcript_source, silent.confidence) == ("", "", None)
    assert unknown.transcript_source == ""
    assert missing(library) == [8, 9, 10]
    assert library.transcripts.machine([6, 7, 8]) == {6: FOUND, 7: Transcript("")}
    assert library.transcripts.language_seconds("recording 5") == {"en": 2.0}


def test_where_no_language_is_stated_the_one_that_is_recognized_counts(library):
    for name in ("recording 5", "recording 6", "recording 7"):
        library.edit(name, language="")
    doubtful = replace(FOUND, language="ko", log_probability=-1.2)
    with Library.open(library.folder, Identity()) as other:
        library.transcripts.store([6, 7, 9], [replace(FOUND, language="fi"), doubtful, FOUND], "base")
        other.transcripts.store([8], [Transcript("")], "base")
        for one in (library, other):
            found = {each.id: (each.language, each.language_recognized) for each in one.recordings()}
            assert found["recording 5"] == ("fi", True) and found["recording 8"] == ("pt-BR", False)
            assert found["recording 6"] == found["recording 7"] == ("", False)
            assert library.recording("recording 5").as_stated.language == ""
            segment = one.segment(6)
            assert (segment.language, segment.language_recognized) == ("fi", True)
            one.refresh()
            (only,) = one.candidates(one.vector(1), 9, filters=Filter(languages=("fi",))).segments
            assert only.id == 6 and "fi" in one.languages() and "ko" not in one.languages()
    library.edit("recording 5", language="de")
    library.transcripts.store([6], [replace(FOUND, language="fi")], "base")
    assert library.recording("recording 5").language == library.segment(6).language == "de"
    library.edit("recording 5", language="")
    assert library.recording("recording 5").language == "" and "fi" not in library.languages()


def test_a_recording_in_two_languages_is_in_neither(library):
    library.edit("recording 5", language="")
    segments = [Segment(0, "recording 5", float(start), start + 2.0) for start in range(2, 10, 2)]
    new = [one.id for one in library.add([], segments, random_units(4, Identity.dim, seed=1))]
    spoken = [replace(FOUND, language=code) for code in ("de", "en", "de", "de", "de")]
    library.transcripts.store([6, *new], spoken, "base")
    assert library.recording("recording 5").language == "de"
    library.transcripts.store(new[-2:], [FOUND, FOUND], "base")
    assert library.recording("recording 5").language == library.segment(6).language == ""


def test_what_came_with_a_recording_is_never_overwritten(library):
    library.transcripts.store([1, 6], [FOUND, FOUND], "base")
    executed(library.folder, "UPDATE segments SET text = 'the ferry slept' WHERE id = 6")  # as a person does
    library.transcripts.outdate()
    assert 6 not in missing(library)
    library.transcripts.store([6], [replace(FOUND, text="something else")], "base")
    assert library.segment(1).transcript == "0" and library.transcripts.machine([1]) == {}
    assert (library.segment(6).transcript, library.segment(6).transcript_source) == ("the ferry slept", "supplied")


def test_transcripts_are_taken_into_the_meaning_and_nothing_else(library):
    before = {number: halves(library, number) for number in range(1, 11)}
    library.transcripts.store([6, 7], [FOUND, Transcript("")], "base")
    assert fuse(library) == 1 and fuse(library) == 0
    for number in range(1, 11):
        meaning, sound = halves(library, number)
        np.testing.assert_allclose(sound, before[number][1], atol=1e-3)
        was = before[number][0]
        text = library.segment(number).transcript
        assert np.allclose(meaning, was, atol=1e-3) == (not text)
        assert np.linalg.norm(meaning) == pytest.approx(np.linalg.norm(was), abs=1e-3)
        if text:
            expected = was / np.linalg.norm(was) + Eye().meaning(text)
            cosine = meaning @ expected / np.linalg.norm(meaning) / np.linalg.norm(expected)
            assert cosine > 0.999


def test_another_transcript_takes_the_place_of_the_first(library):
    direct = halves(library, 6)[0]
    library.transcripts.store([6], [FOUND], "base")
    fuse(library)
    once = halves(library, 6)[0]
    library.transcripts.outdate()
    assert missing(library) == [6, 7, 8, 9, 10] and library.segment(6).transcript
    library.transcripts.store([6], [replace(FOUND, text="a whole other thing")], "small")
    fuse(library)
    twice = halves(library, 6)[0]
    expected = direct / np.linalg.norm(direct) + Eye().meaning("a whole other thing")
    assert not np.allclose(once, twice, atol=0.01)
    assert twice @ expected / np.linalg.norm(twice) / np.linalg.norm(expected) > 0.999
    library.transcripts.store([6], [Transcript("")], "small")  # it was not speech after all
    fuse(library)
    np.testing.assert_allclose(halves(library, 6)[0], direct, atol=2e-3)


def test_searches_find_what_the_vectors_are_now(library):
    other = Library.open(library.folder, Identity())
    library.store_index()  # of the vectors as they were heard
    library.transcripts.store([6], [FOUND], "base")
    fuse(library)
    now = library.vector(6)
    assert not np.allclose(other.vector(6), now, atol=0.01)
    other.refresh()
    for one in (library, other):
        np.testing.assert_array_equal(one.vector(6), now)
        assert one.candidates(now, 1).segments[0].id == 6 and one.candidates(now, 1).vectors[0] @ now > 0.999
    other.close()
    stale = Library.open(library.folder, Identity())  # its index is older than the vectors
    assert stale.candidates(now, 1).vectors[0] @ now > 0.999
    stale.close()
    library.close()
    again = Library.open(library.folder, Identity())
    np.testing.assert_array_equal(again.vector(6), now)
    assert again.candidates(now, 1).segments[0].id == 6
    again.close()


def test_an_index_of_earlier_vectors_is_not_used(tmp_path):
    """So many that the index, not the comparison one by one, finds them."""
    count = 2_500
    recordings, segments = one_each(count)
    library = Library.create(tmp_path / "library", Identity())
    library.add(recordings, [replace(one, text="") for one in segments], random_units(count, Identity.dim))
    ids = list(range(1, count + 1))
    library.store_index()
    library.transcripts.store(ids, [replace(FOUND, text=f"number {number}") for number in ids], "base")
    assert list(library.transcripts.fuse(Eye())) == [2_000, count]
    library.close()
    for _ in range(2):
        with Library.open(library.folder, Identity()) as again:
            vectors = again.vectors()[1]
            for number in range(0, count, 97):
                assert again.candidates(vectors[number], 1).segments[0].id == number + 1


def test_removed_recordings_take_their_transcripts_along(library):
    library.transcripts.store([6], [FOUND], "base")
    fuse(library)
    library.remove("recording 5")
    library.transcripts.store([6], [FOUND], "base")  # it was heard while it was removed
    for table in ("transcripts", "direct"):
        assert executed(library.folder, f"SELECT count(*) FROM {table} WHERE segment = 6") == [(0,)]
    assert fuse(library) == 0 and 6 not in missing(library)


def test_a_library_that_is_for_searching_only_keeps_nothing(library):
    library.close()
    closed = Library.open(library.folder, Identity(), read_only=True)
    for change in (
        lambda: closed.transcripts.store([6], [FOUND], "base"),
        lambda: next(closed.transcripts.fuse(Eye())),
    ):
        with pytest.raises(LibraryError, match="for searching only"):
            change()
    closed.close()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_check_and_repair_know_of_them(library):
    library.transcripts.store([6], [FOUND], "base")
    fuse(library)
    library.close()
    database = sqlite3.connect(library.folder / DATABASE_FILE)
    database.execute("PRAGMA foreign_keys = OFF")
    database.execute("INSERT INTO transcripts SELECT 99, text, language, words, 0, 1, 0, 'base', 0 FROM transcripts")
    database.commit()
    database.close()
    found = repair.check(library.folder, mend=True)
    assert "1 transcripts of no segment: taken out." in found
    with Library.open(library.folder, Identity()) as again:
        assert again.segment(6).transcript == "the ferry left" and again.transcripts.machine([99]) == {}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_library_from_before_there_were_any(tmp_path):
    """Its vectors are found as before, and can take in transcripts."""
    vectors = random_units(3, Identity.dim)
    folder = tmp_path / "library"
    folder.mkdir()
    old = connect(folder / DATABASE_FILE)
    for statements in MIGRATIONS[:4]:
        for statement in statements:
            old.execute(statement)
    old.execute("PRAGMA user_version = 4")
    old.execute("INSERT INTO library VALUES (1, ?, ?, 0, 'first')", (Identity.checksum, Identity.dim))
    old.execute("INSERT INTO commits SELECT generation, commit_name FROM library")
    old.execute("INSERT INTO recordings VALUES ('tale', 'tale.ogg', 'A tale', 6, '', '', '', '', '', '', '', 1)")
    for number, vector in enumerate(vectors):
        old.execute("INSERT INTO segments VALUES (NULL, 'tale', ?, ?, '', '', '', '')", (2 * number, 2 * number + 2))
        old.execute("INSERT INTO vectors VALUES (?, ?)", (number + 1, vector.astype("<f2").tobytes()))
        old.execute("INSERT INTO phones VALUES (?, ?)", (number + 1, b""))
    old.close()
    with Library.open(folder, Identity()) as library:
        assert library.recording("tale").language == ""
        assert [library.candidates(vector, 1).segments[0].id for vector in vectors] == [1, 2, 3]
        assert missing(library) == [1, 2, 3] and fuse(library) == 0
        library.transcripts.store([2], [FOUND], "base")
        assert fuse(library) == 1 and library.segment(2).transcript == "the ferry left"
