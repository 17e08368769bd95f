"""Hits for other programs: as a table, as JSON, and as sound files cut out of the recordings."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

from clasp.audio.decode import SAMPLE_RATE, cut
from clasp.errors import AudioError, LibraryError
from index.exports.tables import Cells, row, table
from index.hit import Hit, segment_as_dict

if TYPE_CHECKING:
    from index.library import Library, Segment
    from index.search import Query


def as_rows(library: "Library", found: "Sequence[Hit | Segment]") -> list[Cells]:
    """A row each, see `index.exports.tables`; start and end in seconds. Segments that were chosen, not searched for,
    have no probability and no score.

    Raises:
        LibraryError: if the recording of a segment was removed meanwhile.
    """
    rows = []
    for rank, one in enumerate(found, start=1):
        recording = one.recording if isinstance(one, Hit) else library.recording(one.recording)
        facts = one.as_dict() if isinstance(one, Hit) else segment_as_dict(one, recording)
        rows.append(row(rank, facts, recording))
    return rows


def as_csv(library: "Library", found: "Sequence[Hit | Segment]") -> bytes:
    """The rows as comma-separated values, see `index.exports.tables`."""
    return table(as_rows(library, found))


def as_json(library: "Library", found: "Sequence[Hit | Segment]", query: "Query | None" = None) -> bytes:
    """The query, if there was one, and the rows of its hits."""
    facts = {"query": query and query.text, "like": query and query.segment, "hits": as_rows(library, found)}
    return (json.dumps(facts, ensure_ascii=False, indent=2) + "\n").encode()


def clips(library: "Library", found: "Sequence[Hit | Segment]", target: Path) -> None:
    """Write a zip of the segments, a FLAC file of 16 kHz each, with their table as hits.csv.

    Raises:
        LibraryError: if the sound of none of them can be read, or `target` cannot be written.
    """
    failed = []
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("hits.csv", as_csv(library, found))
            for rank, segment in enumerate(map(_segment, found), start=1):
                try:
                    path, start, end = library.audio(segment)
                    waveform = cut(path, start, end, track=library.recording(segment.recording).track)
                except (AudioError, LibraryError) as error:
                    failed.append(str(error))
                    continue
                sound = io.BytesIO()
                soundfile.write(sound, waveform.samples, SAMPLE_RATE, format="FLAC")
                archive.writestr(f"{rank:03}-{_named(segment)}.flac", sound.getvalue())
            if failed and len(failed) < len(found):
                archive.writestr("missing.txt", "\n".join(failed) + "\n")
    except OSError as error:
        raise LibraryError(f"The clips cannot be written: {error.strerror or error}.") from error
    if failed and len(failed) == len(found):
        raise LibraryError(f"None of the recordings can be read: {failed[0]}")


def _segment(one: "Hit | Segment") -> "Segment":
    return one.segment if isinstance(one, Hit) else one


def _named(segment: "Segment") -> str:
    """Recording and minute, for a file's name."""
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in segment.recording)[:60]
    return f"{name}-{int(segment.start) // 60:02}m{int(segment.start) % 60:02}s"
