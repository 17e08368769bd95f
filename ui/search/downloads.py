"""Utterances as files to download, named after the search."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from clasp.errors import ClaspError
from index.exports.hits import as_csv, as_json, clips
from ui import labels

if TYPE_CHECKING:
    from index.hit import Hit
    from index.library import Library, Segment
    from index.search import Query

KINDS = ("csv", "json", "zip")
LONGEST = 60  # characters of a name
CLIPS = 500  # most in one download


def download(
    kind: str, library: "Library", found: "Sequence[Hit | Segment]", query: "Query | None" = None
) -> Iterator[str]:
    """The path of a file with the hits of a query, or with segments that were selected without one: metadata as CSV or
    JSON, or audio clips, as one of KINDS. The file is deleted when the iterator goes on.

    Raises:
        ClaspError: if there is no such kind, more clips are wanted than are made at once, an utterance is gone, or
            none of the recordings can be read.
    """
    if kind not in KINDS:
        raise ClaspError(f"Cannot download {kind!r}: choose one of {', '.join(KINDS)}.")
    if kind == "zip" and len(found) > CLIPS:
        raise ClaspError(f"{len(found):,} audio clips are too many at once: select {CLIPS:,} at most.")
    with TemporaryDirectory(prefix="clasp-download-") as folder:
        path = Path(folder, f"clasp-{_stem(library, query)}.{kind}")
        if kind == "zip":
            clips(library, found, path)
        else:
            path.write_text(as_csv(library, found) if kind == "csv" else as_json(library, found, query), "utf-8")
        yield str(path)


def _stem(library: "Library", query: "Query | None") -> str:
    """What was searched for, as part of a file name."""
    if query is None:
        return "selection"
    if query.segment is not None:
        segment = library.segment(query.segment)
        text = f"like {library.recording(segment.recording).title} {labels.clock(segment.start)}"
    else:
        text = query.text or "spoken query"
    letters = "".join(letter if letter.isalnum() else " " for letter in text)
    return "-".join(letters.split())[:LONGEST].strip("-").lower()
