"""The table of recordings."""

from dataclasses import replace
from pathlib import Path

from index.library import Library
from tests.index.conftest import Identity, one_each, random_units
from ui.library.recordings import COLUMNS, TableView, find


def test_recordings_are_listed_found_and_sorted_by_all_who_are_named_in_them(tmp_path: Path) -> None:
    recordings, segments = one_each(3)
    recordings = [replace(one, speaker=speaker) for one, speaker in zip(recordings, ("", "Zoe", ""), strict=True)]
    segments = [replace(one, speaker=speaker) for one, speaker in zip(segments, ("Bo", "Ada", ""), strict=True)]
    with Library.create(tmp_path / "library", Identity()) as library:
        library.add(recordings, segments, random_units(3, Identity.dim))
        entries = find(library, TableView(column="speaker"))
        assert [COLUMNS["speaker"].text(entry) for entry in entries] == ["Bo", "Zoe, Ada", ""]
        assert [entry.recording.id for entry in find(library, TableView("ada zoe"))] == [recordings[1].id]
