"""Utterances as files to download, named after what was searched."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import ClaspError
from clasp.settings import current
from index.export import as_csv, as_json, clips
from ui import labels

if TYPE_CHECKING:
    from index.hit import Hit
    from index.library import Library, Segment
    from index.search import Query

KINDS = ("csv", "json", "zip")
LONGEST = 60  # characters of a name


def write(
    folder: Path, kind: str, library: "Library", found: "Sequence[Hit | Segment]", query: "Query | None" = None
) -> Path:
    """Write what a query has found, or what was chosen without one, as one of KINDS: a table, JSON, or sound clips.

    Raises:
        ClaspError: if there is no such kind, more clips are wanted than are made at once, an utterance is gone, or
            none of the recordings can be read.
    """
    if kind not in KINDS:
        raise ClaspError(f"Hits cannot be downloaded as {kind!r}: there are {', '.join(KINDS)}.")
    most = current().clips
    if kind == "zip" and len(found) > most:
        raise ClaspError(f"{len(found):,} sound clips are too many at once: choose {most:,} at most.")
    path = folder / f"clasp-{_subject(library, query)}.{kind}"
    if kind == "zip":
        clips(library, found, path)
    else:
        path.write_text(as_csv(library, found) if kind == "csv" else as_json(library, found, query), "utf-8")
    return path


def _subject(library: "Library", query: "Query | None") -> str:
    """What was searched, as part of a file's name."""
    if query is None:
        return "selection"
    if query.segment is not None:
        segment = library.segment(query.segment)
        query_text = f"like {library.recording(segment.recording).title} {labels.clock(segment.start)}"
    else:
        query_text = query.text or "spoken query"
    letters = "".join(letter if letter.isalnum() else " " for letter in query_text)
    return "-".join(letters.split())[:LONGEST].strip("-").lower()
