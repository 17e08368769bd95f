"""Files to download: utterances, named after the search, and transcripts of recordings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote

from clasp.errors import ClaspError
from index.exports.formats import FORMATS, export, packed
from index.exports.hits import as_csv, as_json, clips
from index.exports.transcript import of_recordings, of_segments
from index.hit import Hit
from ui import labels

if TYPE_CHECKING:
    from index.library import Library, Segment
    from index.search import Query

SPOKEN = ("srt", "vtt", "txt", "md")  # formats of transcripts in which hits can be had, too
HITS = {
    "csv": "Metadata (CSV)",
    "json": "JSON",
    "zip": "Audio clips (ZIP)",
    **{name: FORMATS[name].label for name in SPOKEN},
}
"""What can be downloaded of hits: the menu's labels, by kind."""
TRANSCRIPTS = {name: one.label for name, one in FORMATS.items()}
"""The same of recordings."""
LONGEST = 60  # characters of a name
CLIPS = 500  # most in one download


def download(
    kind: str, library: "Library", found: "Sequence[Hit | Segment]", query: "Query | None" = None
) -> Iterator[str]:
    """The path of a file with the hits of a query, or with segments that were selected without one, as one of the kinds
    of HITS. The file is deleted when the iterator goes on.

    Raises:
        ClaspError: if there is no such kind, more clips are wanted than are made at once, an utterance is gone, none of
            the recordings can be read, or nothing has a transcript.
    """
    if kind not in HITS:
        raise ClaspError(f"Cannot download {kind!r}: choose one of {', '.join(HITS)}.")
    if kind == "zip" and len(found) > CLIPS:
        raise ClaspError(f"{len(found):,} audio clips are too many at once: select {CLIPS:,} at most.")
    with TemporaryDirectory(prefix="clasp-download-") as folder:
        path = Path(folder, f"clasp-{_stem(library, query)}.{kind}")
        if kind in SPOKEN:
            segments = (one.segment if isinstance(one, Hit) else one for one in found)
            file = packed(export(kind, of_segments(library, segments)))
            path = path.with_name(path.stem + Path(file.name).suffix)
            path.write_bytes(file.content)
        elif kind == "zip":
            clips(library, found, path)
        else:
            path.write_bytes(as_csv(library, found) if kind == "csv" else as_json(library, found, query))
        yield str(path)


def download_transcripts(kind: str, library: "Library", recordings: Sequence[str]) -> Iterator[str]:
    """The path of a file with what is said in recordings, in one of the formats of TRANSCRIPTS; a zip of several files.
    It is deleted when the iterator goes on.

    Raises:
        ClaspError: if there is no such format or recording, or none of the recordings has a transcript.
    """
    file = packed(export(kind, of_recordings(library, recordings)))
    with TemporaryDirectory(prefix="clasp-download-") as folder:
        path = Path(folder, file.name)
        path.write_bytes(file.content)
        yield str(path)


def transcript_url(key: str, recording: str, kind: str) -> str:
    """The URL of a transcript, relative to the page; `key` stands for its library (see Service.key)."""
    return f"transcript/{quote(key, safe='')}/{quote(recording, safe='')}?format={kind}"


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
