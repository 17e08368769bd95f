"""Notes at moments: stored, searched, exported, and carried to a later version of a file."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from clasp.errors import ClaspError
from index.exports.formats import export
from index.exports.transcript import of_recordings
from index.library import Library, Recording, Segment
from tests.index.conftest import Identity, found, random_units

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

LONG = Recording("long", Path("long.ogg"), "The long one", 60.0)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """A recording of three utterances, at 5, 20 and 40 seconds."""
    library = Library.create(tmp_path / "library", Identity())
    segments = [Segment(0, "long", at, at + 10.0, f"spoken at {at:.0f}") for at in (5.0, 20.0, 40.0)]
    library.add([LONG], segments, random_units(3, Identity.dim))
    return library


def test_a_note_is_found_at_its_moment(library: Library) -> None:
    note = library.notes.add("long", 31.0, " The flood\nof 1962 ", "Flut, harbour, flut,")
    assert (note.text, note.tags, note.segment) == ("The flood of 1962", ("Flut", "harbour"), 2)
    early = library.notes.add("long", 1.0, "before anybody speaks")
    assert early.segment == 1 and found(library, "before anybody") == [1] and library.notes.of("long") == [early, note]
    assert found(library, "flood 1962") == found(library, "flut") == [2]
    changed = library.notes.edit(note.id, "The storm", "sea")
    assert (changed.text, changed.tags, changed.at) == ("The storm", ("sea",), 31.0)
    assert found(library, "flood") == [] and found(library, "storm sea") == [2]
    library.edit("long", title="Another title")
    assert found(library, "storm another") == [2]
    assert library.notes.remove(note.id) == changed
    assert found(library, "storm") == [] and library.notes.of("long") == [early]


def test_what_is_no_note(library: Library) -> None:
    note = library.notes.add("long", 60, "the end")
    for wrong in (
        lambda: library.notes.add("long", 60.5, "after the end"),
        lambda: library.notes.add("long", float("nan"), "never"),
        lambda: library.notes.add("none", 1, "nowhere"),
        lambda: library.notes.add("long", 1, " ", " , "),
        lambda: library.notes.add("long", 1, "x" * 5_001),
        lambda: library.notes.edit(note.id + 1, "gone"),
        lambda: library.notes.remove(note.id + 1),
    ):
        with pytest.raises(ClaspError):
            wrong()
    assert library.notes.of("long") == [note]
    with Library.open(library.folder, Identity(), read_only=True) as closed, pytest.raises(ClaspError, match="only"):
        closed.notes.add("long", 1, "x")


def test_a_later_version_of_the_file_has_its_notes(library: Library) -> None:
    library.notes.add("long", 31.0, "The flood")
    segments = [replace(one, id=0, recording="later") for one in library.segments_of("long")]
    library.add([replace(LONG, id="later")], segments, random_units(3, Identity.dim, 5))
    library.notes.carry("long", "later")
    library.remove("long")
    assert [one.segment for one in library.notes.of("later")] == [5] == found(library, "flood")
    library.remove("later")
    assert library.notes.of("later") == []


def test_notes_are_exported(library: Library) -> None:
    library.notes.add("long", 31.0, "The *flood*", "sea, 1962")
    library.notes.add("long", 1.0, "before anybody speaks")
    transcripts = of_recordings(library, ["long"])
    written = {kind: export(kind, transcripts)[0].content.decode("utf-8-sig") for kind in ("json", "csv", "md")}
    assert [one["at"] for one in json.loads(written["json"])["notes"]] == [1.0, 31.0]
    assert json.loads(written["json"])["notes"][1]["tags"] == ["sea", "1962"]
    notes = [one["notes"] for one in csv.DictReader(io.StringIO(written["csv"]))]
    assert notes == ["before anybody speaks", "The *flood* #sea #1962", ""]
    paragraphs = written["md"].split("\n\n")
    assert paragraphs[-5:] == [
        "> Note (0:00:01): before anybody speaks", "(0:00:05) spoken at 5", "(0:00:20) spoken at 20",
        "> Note (0:00:31): The \\*flood\\* \\#sea \\#1962", "(0:00:40) spoken at 40\n",
    ]  # fmt: skip
