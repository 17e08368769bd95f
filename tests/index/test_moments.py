"""Hits grouped by recording, and exported."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.errors import LibraryError
from index.exports import hits as export
from index.hit import Hit
from index.library import Library, Recording, Segment
from index.moments import by_recording
from index.search import Query

RATE = 16_000


@pytest.fixture
def library(tmp_path: Path, model) -> Library:
    """Two recordings of 40 s, a tone in each, of ten overlapping segments."""
    library = Library.create(tmp_path / "library", model)
    for name, date in (("late", "1980"), ("early", "1962-05")):
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * np.sin(np.arange(40 * RATE) / 20), RATE)
        segments = [Segment(0, name, 4.0 * n, 4.0 * n + 5, f"={name} {n}", "en") for n in range(9)]
        segments.append(Segment(0, name, 2.0, 7.0, f"{name} between", "en"))
        vectors = np.eye(32, dtype=np.float32)[np.arange(10) + (10 if name == "late" else 0)]
        if name == "early":
            vectors[7] = 0.95 * vectors[2] + np.sqrt(1 - 0.95**2) * vectors[7]
        library.add([Recording(name, tmp_path / f"{name}.wav", name.title(), 40.0, date=date)], segments, vectors)
    return library


def hits(library: Library, *wanted: str) -> list[Hit]:
    """Hits of the segments with these texts, the first best."""
    by_text = {segment.text.lstrip("="): segment for segment in library.segments()}
    segments = [by_text[text] for text in wanted]
    return [
        Hit(one, library.recording(one.recording), 1 - n / 10, 1 - n / 10, 0.5, 0.5, 1.0, 0.0, strong=True)
        for n, one in enumerate(segments)
    ]


def shown(groups: list) -> list:
    return [
        (
            group.recording.title,
            [(one.hit.segment.text, [m.segment.text for m in one.duplicates]) for one in group.moments],
        )
        for group in groups
    ]


def test_grouped_by_recording_best_first(library):
    found = hits(library, "late 6", "early 4", "late 2")
    assert shown(by_recording(library, found)) == [
        ("Late", [("=late 6", []), ("=late 2", [])]),
        ("Early", [("=early 4", [])]),
    ]
    assert shown(by_recording(library, found, by_time=True)) == [
        ("Early", [("=early 4", [])]),
        ("Late", [("=late 2", []), ("=late 6", [])]),
    ]
    assert by_recording(library, []) == []


def test_near_duplicates_are_folded_under_the_best(library):
    """ "between" overlaps the first two segments, of which one is a hit before it; 7 sounds like 2."""
    found = hits(library, "early 1", "early 7", "early between", "early 2", "late between", "early 0")
    assert shown(by_recording(library, found)) == [
        ("Early", [("=early 1", ["early between"]), ("=early 7", ["=early 2"]), ("=early 0", [])]),
        ("Late", [("late between", [])]),
    ]


def test_the_same_in_another_recording_is_a_moment_of_its_own(library):
    (early,) = hits(library, "early 3")
    again = [Segment(0, "rerun", 0.0, 5.0, "=rerun 0", "en")]
    library.add([Recording("rerun", Path("rerun.wav"), "Rerun", 40.0)], again, library.vector(early.segment.id)[None])
    groups = by_recording(library, hits(library, "early 3", "rerun 0"))
    assert shown(groups) == [("Early", [("=early 3", [])]), ("Rerun", [("=rerun 0", [])])]


def test_a_recording_that_was_removed(library):
    found = hits(library, "early 1")
    library.remove("early")
    with pytest.raises(LibraryError):
        by_recording(library, found)


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_a_table_that_a_spreadsheet_reads(library):
    rows = table(export.as_csv(library, hits(library, "late 6", "early 1")))
    assert [(row["rank"], row["start"], row["end"], row["title"], row["date"]) for row in rows] == [
        ("1", "24.0", "29.0", "Late", "1980"),
        ("2", "4.0", "9.0", "Early", "1962-05"),
    ]
    assert rows[0]["transcript"] == "'=late 6"  # no formula
    assert "/" not in rows[0]["file"]


def test_json(library):
    query = Query(np.zeros(32), 0.0, np.zeros((0, 40)), "who was late", "en")
    told = json.loads(export.as_json(library, hits(library, "late 6"), query))
    assert told["query"] == "who was late"
    assert (told["hits"][0]["transcript"], told["hits"][0]["start"]) == ("=late 6", 24.0)


def test_what_was_chosen_without_a_query_has_no_probability(library):
    chosen = [one for one in library.segments() if one.text in ("=early 1", "=late 6")]
    rows = table(export.as_csv(library, chosen))
    assert [(row["id"], row["probability"], row["score"]) for row in rows] == [(str(one.id), "", "") for one in chosen]
    told = json.loads(export.as_json(library, chosen))
    assert told["query"] is None and [one["probability"] for one in told["hits"]] == [None, None]


def test_clips_are_cut_out_of_the_recordings(library, tmp_path):
    found = hits(library, "late 6", "early 1")
    (tmp_path / "early.wav").unlink()
    export.clips(library, found, tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        assert archive.namelist() == ["hits.csv", "001-late-00m24s.flac", "missing.txt"]
        samples, rate = soundfile.read(io.BytesIO(archive.read("001-late-00m24s.flac")))
        assert "early.wav" in archive.read("missing.txt").decode()
    whole, _ = soundfile.read(tmp_path / "late.wav")
    assert (rate, len(samples)) == (RATE, 5 * RATE)
    np.testing.assert_allclose(samples, whole[24 * RATE : 29 * RATE], atol=1e-3)
    (tmp_path / "late.wav").unlink()
    with pytest.raises(LibraryError, match="None of the recordings"):
        export.clips(library, found, tmp_path / "none.zip")
