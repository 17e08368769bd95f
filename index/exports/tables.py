"""Segments as data: a table (.csv), and JSON with the times of words."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from clasp.filenames import readable
from index.exports.transcript import RecordingTranscript
from index.hit import segment_as_dict
from index.metadata import tags
from index.records import Note, Recording, Segment

COLUMNS = (
    "rank", "probability", "score", "start", "end", "transcript", "transcript_source", "confidence", "title", "speaker",
    "speaker_guessed", "language", "language_recognized", "category", "date", "tags", "recording", "file", "id",
    "notes",
)  # fmt: skip
BEFORE_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so would be computed by a spreadsheet

Cells = dict[str, str | int | float | None]


def row(rank: int, facts: Mapping[str, Any], recording: Recording) -> Cells:
    """What is known of a segment, or of a hit, by COLUMNS; None where nothing is."""
    known = {**facts, "rank": rank, "tags": recording.tags, "file": readable(recording.path.name)}
    return {name: known.get(name) for name in COLUMNS}


def table(rows: Iterable[Cells]) -> bytes:
    """Comma-separated values with a head, and the mark without which Excel does not take UTF-8 for what it is."""
    content = io.StringIO()
    writer = csv.DictWriter(content, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in rows:
        writer.writerow({name: _harmless(value) for name, value in one.items()})
    return content.getvalue().encode("utf-8-sig")


def csv_table(*transcripts: RecordingTranscript) -> bytes:
    """All segments of some recordings, those without a transcript, too."""
    every = [(one, each) for each in transcripts for one in each.segments]
    rows = (
        row(rank, segment_as_dict(one, each.recording) | {"notes": _notes(one, each)}, each.recording)
        for rank, (one, each) in enumerate(every, start=1)
    )
    return table(rows)


def timed_json(*transcripts: RecordingTranscript) -> bytes:
    """Recordings and their segments with words, in seconds; in the form of Whisper's, so that its readers read it."""
    languages = {one.language for each in transcripts for one in each.segments}
    facts = {
        "language": languages.pop() if len(languages) == 1 else "",
        "recordings": [_recording(each) for each in transcripts],
        "segments": [_segment(one, each) for each in transcripts for one in each.segments],
        "notes": [_note(one) for each in transcripts for one in each.notes],
    }
    return (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode()


def _notes(segment: Segment, transcript: RecordingTranscript) -> str:
    """The notes at a segment, in one cell."""
    return "; ".join(one.summary for one in transcript.notes if one.segment == segment.id)


def _recording(transcript: RecordingTranscript) -> dict[str, Any]:
    one = transcript.recording
    facts = {name: getattr(one, name) for name in ("id", "title", "language", "speaker", "category", "date")}
    return facts | {"tags": list(tags(one.tags)), "duration": round(one.duration, 3), "file": transcript.file}


def _note(note: Note) -> dict[str, Any]:
    return {"recording": note.recording, "at": note.at, "text": note.text, "tags": list(note.tags)}


def _segment(segment: Segment, transcript: RecordingTranscript) -> dict[str, Any]:
    facts = segment_as_dict(segment, transcript.recording)
    words = [
        {
            "word": one.text,
            "start": round(one.start, 3),
            "end": round(one.end, 3),
            "probability": round(one.probability, 3),
        }
        for one in transcript.words.get(segment.id, ())
    ]
    end = max(facts["end"], round(facts["start"] + 0.001, 3))  # without a length, readers would guess one
    return facts | {"end": end, "text": facts.pop("transcript"), "words": words}


def _harmless(value: str | int | float | None) -> str | int | float | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(BEFORE_FORMULAS) else value
