"""The formats in which transcripts leave a library, and the files that are written in them.

from index.exports.formats import export, packed
from index.exports.transcript import of_recordings

for file in export("srt", of_recordings(library, ["harbour", "canal"])):
    (folder / file.name).write_bytes(file.content)
"""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clasp.errors import DataError, LibraryError
from index.exports import cuts, qda, subtitles, tables, texts, tiers
from index.exports.transcript import RecordingTranscript

FORBIDDEN = frozenset('<>:"/\\|?*')  # in names of files, somewhere
LONGEST = 150  # bytes of a name, which must leave room for a suffix
RESERVED = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))))


@dataclass(frozen=True)
class Format:
    """A format, and what writes it: of one recording or, if `joint`, of any number of them in one file."""

    label: str
    suffix: str
    media_type: str
    write: Callable[..., bytes]
    joint: bool = False


FORMATS = {
    "srt": Format("Subtitles (SRT)", ".srt", "application/x-subrip", subtitles.srt),
    "vtt": Format("Captions (WebVTT)", ".vtt", "text/vtt", subtitles.vtt),
    "txt": Format("Plain text", ".txt", "text/plain", texts.plain),
    "md": Format("Markdown", ".md", "text/markdown", texts.markdown),
    "json": Format("Words with times (JSON)", ".json", "application/json", tables.timed_json, joint=True),
    "csv": Format("Table (CSV)", ".csv", "text/csv", tables.csv_table, joint=True),
    "eaf": Format("ELAN (EAF)", ".eaf", "text/x-eaf+xml", tiers.elan),
    "textgrid": Format("Praat (TextGrid)", ".TextGrid", "text/plain", tiers.praat),
    "audacity": Format("Audacity labels", ".labels.txt", "text/plain", texts.labels),
    "qdpx": Format("REFI-QDA project", ".qdpx", "application/octet-stream", qda.qdpx, joint=True),
    "edl": Format("Edit decision list", ".edl", "text/plain", cuts.edl),
}


@dataclass(frozen=True)
class ExportedFile:
    """A file to be written, or sent."""

    name: str
    media_type: str
    content: bytes


def export(name: str, transcripts: Sequence[RecordingTranscript]) -> list[ExportedFile]:
    """Recordings in the format of this name: a file each, named after its title, or one for all of them. What has no
    transcript is left out of formats that are one file a recording.

    Raises:
        DataError: if there is no such format.
        LibraryError: if nothing is left.
    """
    chosen = FORMATS.get(name)
    if chosen is None:
        raise DataError(f"There is no format {name!r}: choose one of {', '.join(FORMATS)}.")
    if not chosen.joint:
        transcripts = [one for one in transcripts if one.utterances]
    if not transcripts:
        raise LibraryError("There is no transcript to export yet: have the recordings transcribed first.")
    if chosen.joint:
        stem = _stem(transcripts[0]) if len(transcripts) == 1 else "transcripts"
        return [ExportedFile(stem + chosen.suffix, chosen.media_type, chosen.write(*transcripts))]
    names = _unique([_stem(one) for one in transcripts])
    return [
        ExportedFile(stem + chosen.suffix, chosen.media_type, chosen.write(one))
        for stem, one in zip(names, transcripts, strict=True)
    ]


def packed(files: Sequence[ExportedFile]) -> ExportedFile:
    """One file of them: the only one, or a zip."""
    if len(files) == 1:
        return files[0]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in files:
            archive.writestr(one.name, one.content)
    return ExportedFile("transcripts.zip", "application/zip", content.getvalue())


def _stem(transcript: RecordingTranscript) -> str:
    """The title of a recording as the name of a file, without a suffix, that any system takes."""
    title = "".join("_" if letter in FORBIDDEN else letter for letter in transcript.title)
    title = title.encode()[:LONGEST].decode(errors="ignore").strip(" .")
    return f"{title}_" if title.lower() in RESERVED else title or transcript.recording.id


def _unique(names: list[str]) -> list[str]:
    """The same names, but for numbers behind those that are taken; capitals do not tell names apart."""
    taken: set[str] = set()
    unique = []
    for name in names:
        number, other = 1, name
        while other.casefold() in taken:
            number += 1
            other = f"{name} ({number})"
        taken.add(other.casefold())
        unique.append(other)
    return unique
