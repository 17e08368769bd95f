"""Hits as files to download, named after what was searched."""

from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import ClaspError
from index.export import as_csv, as_json, clips

from . import labels

if TYPE_CHECKING:
    from index.library import Library
    from index.search import Answer

KINDS = ("csv", "json", "zip")
LONGEST = 60  # characters of a name


def write(folder: Path, kind: str, library: "Library", answer: "Answer") -> Path:
    """Write an answer's hits as one of KINDS: a table, JSON, or sound clips.

    Raises:
        ClaspError: if there is no such kind, a hit is gone, or none of its recordings can be read.
    """
    if kind not in KINDS:
        raise ClaspError(f"Hits cannot be downloaded as {kind!r}: there are {', '.join(KINDS)}.")
    path = folder / f"clasp-{_subject(library, answer)}.{kind}"
    if kind == "zip":
        clips(library, answer.matches, path)
    else:
        path.write_text(as_csv(library, answer.matches) if kind == "csv" else as_json(library, answer), "utf-8")
    return path


def _subject(library: "Library", answer: "Answer") -> str:
    """What was searched, as part of a file's name."""
    query = answer.query
    if query.segment is not None:
        segment = library.segment(query.segment)
        query_text = f"like {library.recording(segment.recording).title} {labels.clock(segment.start)}"
    else:
        query_text = query.text or "spoken query"
    letters = "".join(letter if letter.isalnum() else " " for letter in query_text)
    return "-".join(letters.split())[:LONGEST].strip("-").lower()
