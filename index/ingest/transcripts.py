"""Transcripts, in the formats that people and programs write them in.

transcript = read(Path("interview.srt"))
transcript.cues, transcript.text, transcript.language
"""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from clasp.errors import DataError
from clasp.filenames import readable
from index import languages
from index.ingest import encodings, whisper_json
from index.ingest.annotations import elan, praat
from index.ingest.captions import plain, substation, table, timed, ttml
from index.ingest.cues import Cue, spoken

READERS: dict[str, Callable[[str], Iterator[Cue]]] = {
    ".srt": timed, ".vtt": timed, ".sbv": timed, ".ttml": ttml, ".dfxp": ttml, ".ass": substation, ".ssa": substation,
    ".eaf": elan, ".textgrid": praat, ".json": whisper_json.whisper, ".tsv": table, ".tab": table, ".csv": table,
    ".lrc": plain, ".txt": plain,
}  # fmt: skip
"""How each format is read, by the suffix of its files in lower case."""
SHORTEST = 0.01  # seconds that a cue lasts
APART, SHORT = 2.0, 1.0  # seconds: lines without times are no captions that roll


@dataclass(frozen=True)
class SuppliedTranscript:
    """What is said in a recording."""

    cues: tuple[Cue, ...] = ()  # in the order of time; none where no times are known
    text: str = ""  # all of it
    language: str = ""  # BCP-47, where the transcript says it
    speaker: str = ""  # where one speaks all of it


def read(path: Path) -> SuppliedTranscript:
    """A transcript in a file with one of the suffixes of READERS.

    Raises:
        DataError: if it is too large, cannot be read, or holds no words.
    """
    text, suffix = encodings.read(path), path.suffix.lower()
    try:
        transcript = parse(text, suffix)
    except (DataError, RecursionError) as error:
        raise DataError(f"{readable(path.name)} {str(error) or 'cannot be read'}: it was passed over.") from error
    if not transcript.text:
        raise DataError(f"{readable(path.name)} holds no words that are understood: it was passed over.")
    return transcript


def parse(text: str, suffix: str) -> SuppliedTranscript:
    """A transcript in the format of files with this suffix.

    Raises:
        DataError: if it is of another format; what is wrong, as the end of a sentence.
    """
    written = [one for one in READERS[suffix](text) if isfinite(one.start + one.end)]
    found = [replace(one, end=max(one.end, one.start + SHORTEST), start=max(one.start, 0.0)) for one in written]
    cues = spoken(sorted((one for one in found if one.end > 0), key=lambda one: one.start))
    said = cues
    if not cues and suffix == ".txt":
        lines = [line for line in text.split("\n") if line.strip()]
        said = spoken(Cue(n * APART, n * APART + SHORT, html.escape(line, quote=False)) for n, line in enumerate(lines))
    speakers = {one.speaker for one in said}
    return SuppliedTranscript(
        tuple(cues),
        " ".join(one.text for one in said),
        _language(text) if suffix == ".json" else "",
        speakers.pop() if len(speakers) == 1 else "",
    )


def _language(text: str) -> str:
    try:
        return languages.tag(whisper_json.language(text))
    except DataError:
        return ""
