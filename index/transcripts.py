"""What lies beside a recording: its transcript, and facts about it.

interview.mp3       the recording
interview.srt       its transcript with times (.srt, .vtt), or without (.txt)
interview.csv       facts, or a metadata.csv for all recordings of the folder, with the columns
                    file, title, speaker, category, language, date (each may be missing)
"""

import csv
import html
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from clasp.errors import DataError
from clasp.settings import current

TIMED, PLAIN, TABLE = (".srt", ".vtt"), ".txt", ".csv"
FOLDER_TABLE = "metadata.csv"
FACTS = {"title": "title", "speaker": "voice", "category": "category", "language": "language", "date": "date"}

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}.*$", re.MULTILINE)
_MARKUP = re.compile(r"<[^>\n]*>|\{\\[^}\n]*\}")


@dataclass(frozen=True)
class Cue:
    """What is said in a stretch of a recording."""

    start: float  # seconds
    end: float
    text: str


@dataclass(frozen=True)
class Beside:
    """What is known of a recording from the files beside it."""

    cues: list[Cue] = field(default_factory=list)
    text: str = ""  # of a transcript without times
    facts: dict[str, str] = field(default_factory=dict)  # of a Recording: title, voice, category, language, date

    def text_of(self, start: float, end: float) -> str:
        """What is said from `start` to `end`, in seconds: the cues of which most lies there, or that fill most of it;
        '' where no times are known."""
        return " ".join(
            cue.text
            for cue in self.cues
            if min(end, cue.end) - max(start, cue.start) > 0.5 * min(cue.end - cue.start, end - start)
        )


def beside(recording: Path) -> Beside:
    """Read what lies beside a recording.

    Raises:
        DataError: if a file is too large, or a table is malformed.
    """
    cues: list[Cue] = []
    for suffix in TIMED:
        if not cues and (path := recording.with_suffix(suffix)).is_file():
            cues = parse(_read(path))
    plain = recording.with_suffix(PLAIN)
    text = " ".join(_read(plain).split()) if plain.is_file() else ""
    facts: dict[str, str] = {}
    for path in (recording.parent / FOLDER_TABLE, recording.with_suffix(TABLE)):
        if path.is_file():
            facts |= _facts(path, recording.name)
    return Beside(cues, text or " ".join(cue.text for cue in cues), facts)


def parse(text: str) -> list[Cue]:
    """The cues of SubRip or WebVTT, in order of time; what is malformed is left out."""
    found = list(_CUE.finditer(text))
    cues = []
    for number, match in enumerate(found):
        following = found[number + 1].start() if number + 1 < len(found) else len(text)
        lines = text[match.end() : following].strip("\n").split("\n\n")[0]
        said = " ".join(html.unescape(_MARKUP.sub("", lines)).split())
        start, end = _seconds(*match.groups()[:4]), _seconds(*match.groups()[4:])
        if said and start < end:
            cues.append(Cue(start, end, said))
    return sorted(cues, key=lambda cue: cue.start)


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> float:
    return 3_600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + int(fraction.ljust(3, "0")) / 1_000


def _facts(path: Path, name: str) -> dict[str, str]:
    """The row of a table that is about a file: the one that names it, or the only one that names none."""
    try:
        rows = csv.DictReader(io.StringIO(_read(path)), skipinitialspace=True)
        for row in rows:
            if (row.get("file") or "").strip() == name or ("file" not in row and path.name != FOLDER_TABLE):
                return {
                    fact: " ".join(row[column].split())
                    for column, fact in FACTS.items()
                    if (row.get(column) or "").strip()
                }
    except csv.Error as error:
        raise DataError(f"{path.name} is not a table of comma-separated values ({error}).") from error
    return {}


def _read(path: Path) -> str:
    most = current().transcript_mib
    if path.stat().st_size > most * 2**20:
        raise DataError(f"{path.name} is larger than {most:g} MiB: shorten it, or set CLASP_TRANSCRIPT_MIB.")
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return content.decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")
