"""What was found, for other programs: as a table, as JSON, and as sound files cut out of the recordings."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from clasp.audio import SAMPLE_RATE, cut
from clasp.errors import AudioError, LibraryError

if TYPE_CHECKING:
    from .library import Library
    from .search import Answer, Match

COLUMNS = (
    "rank", "probability", "score", "start", "end", "text", "title", "speaker", "language", "category", "date",
    "recording", "file", "segment",
)  # fmt: skip
BEFORE_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so would be computed by a spreadsheet


def as_rows(library: "Library", matches: "Sequence[Match]") -> list[dict[str, str | int | float]]:
    """A row of COLUMNS per match, in their order; start and end in seconds.

    Raises:
        LibraryError: if one of them was removed meanwhile.
    """
    rows = []
    for rank, match in enumerate(matches, start=1):
        segment, recording = match.segment, library.recording(match.segment.recording)
        values = (
            rank, round(match.probability, 4), round(match.score, 4), round(segment.start, 3), round(segment.end, 3),
            segment.text, recording.title, segment.voice, segment.language, segment.category, recording.date,
            recording.id, recording.path.name, segment.id,
        )  # fmt: skip
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def as_csv(library: "Library", matches: "Sequence[Match]") -> str:
    """The rows as comma-separated values with a head, as spreadsheets read them."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in as_rows(library, matches):
        writer.writerow({name: _harmless(value) for name, value in row.items()})
    return table.getvalue()


def as_json(library: "Library", answer: "Answer") -> str:
    """The query and the rows of its answer."""
    found = {"query": answer.query.text, "like": answer.query.segment, "hits": as_rows(library, answer.matches)}
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def clips(library: "Library", matches: "Sequence[Match]", target: Path) -> None:
    """Write a zip of the moments, a FLAC file of 16 kHz each, with their table as hits.csv.

    Raises:
        LibraryError: if the sound of none of them can be read, or `target` cannot be written.
    """
    failed = []
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("hits.csv", as_csv(library, matches))
            for rank, match in enumerate(matches, start=1):
                try:
                    waveform = cut(*library.audio(match.segment))
                except (AudioError, LibraryError) as error:
                    failed.append(str(error))
                    continue
                sound = io.BytesIO()
                soundfile.write(sound, waveform.samples, SAMPLE_RATE, format="FLAC")
                archive.writestr(f"{rank:03}-{_named(match)}.flac", sound.getvalue())
            if failed and len(failed) < len(matches):
                archive.writestr("missing.txt", "\n".join(failed) + "\n")
    except OSError as error:
        raise LibraryError(f"The clips cannot be written: {error.strerror or error}.") from error
    if failed and len(failed) == len(matches):
        raise LibraryError(f"None of the recordings can be read: {failed[0]}")


def _named(match: "Match") -> str:
    """Recording and minute, for a file's name."""
    segment = match.segment
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in segment.recording)[:60]
    return f"{name}-{int(segment.start) // 60:02}m{int(segment.start) % 60:02}s"


def _harmless(value: str | int | float) -> str | int | float:
    return f"'{value}" if isinstance(value, str) and value.startswith(BEFORE_FORMULAS) else value
