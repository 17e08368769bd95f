"""What lies beside recordings: transcripts, and tables of facts about them.

interview.mp3          a recording
interview.srt          its transcript; also interview.en.srt, INTERVIEW.SRT, interview.mp3.srt and other formats, see
                       index.ingest.transcripts
interview.csv          facts about it; also .xlsx and other tables
metadata.csv           facts about all recordings of the folder: with the columns file, title, speaker, category,
                       language, date, tags, each of which may be missing

Where a folder is added as a whole, a table in it may also name recordings of the folders below (side-a/interview.mp3),
and transcripts may lie in a folder of their own: beside the only one that has recordings, or with the name of one.

    sidecars = SidecarIndex()
    sidecar = sidecars.of(Path("interview.mp3"))
    sidecar.facts, sidecar.text_of(12.5, 17.0), sidecars.remarks
"""

import json
import os
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

from clasp.audio.container import SUFFIXES as RECORDINGS
from clasp.errors import DataError
from clasp.filenames import comparable, readable, suffix
from clasp.text.words import join
from index import languages
from index.ingest import documents, ohms, spreadsheets, transcripts
from index.ingest.cues import Cue, Turn
from index.ingest.embedded import subtitles
from index.ingest.tables import Table, some
from index.ingest.transcripts import SuppliedTranscript
from index.metadata import is_known

FOLDER_TABLE = "metadata"
TABLES = (".csv", ".tsv", ".tab", *spreadsheets.SUFFIXES)
DESCRIBING = (*TABLES, *ohms.SUFFIXES)  # what may have facts about a single recording
SHEETS = (".xls", ".xlsb", ".numbers")
FOREIGN_TABLES = (*SHEETS, *documents.SUFFIXES, ".json", ".jsonl", ".xml", ".yaml", ".yml")
TEXTS = (".txt", ".md")
PLAIN = (*TEXTS, *documents.SUFFIXES)  # with times or without
PAGES = (".html", ".htm")
UNREADABLE = {  # by suffix, the suffix under which it can be read once another program has saved it
    **dict.fromkeys((".doc", ".pages"), ".docx"), ".pdf": ".txt", **dict.fromkeys(SHEETS, ".xlsx"),
    **dict.fromkeys((".scc", ".sup", ".idx", ".usf", ".cap", ".pac", ".fcpxml"), ".srt"),
    **dict.fromkeys((".flk", ".fln", ".anvil"), ".eaf"), ".inqscr": ".txt", ".ttxt": ".srt",
}  # fmt: skip
COMMON = (*PLAIN, *PAGES, ".json", ".xml", ".sub", ".stl", *UNREADABLE)  # what may have nothing to do with recordings
HIDDEN = (".", "~$")  # what begins so; the latter are of documents that are open in Word or Excel
MOST_READ, LARGEST_READ = 100, 2**20  # texts of a folder, and bytes, in which times are looked for
SUFFIXES = frozenset(transcripts.SUFFIXES)
"""Suffixes of what is no recording but tells of one, in lower case; tables are among them."""
_MARKS = (
    "auto", "orig", "original", "forced", "sdh", "cc", "default", "full", "transcript", "transcription", "transkript",
    "subtitle", "subtitles", "subs", "caption", "captions", "otter_ai", "whisper", "generated", "labels", "annotations",
    "final", "edited", "corrected", "reviewed", "revised", "clean", "verbatim",
)  # fmt: skip
_PARTIAL = re.compile(r"[. _-](?:forced|commentary)\b")  # of what is said only a part, such as what is on signs
_SIZE = re.compile(r"_\d{3,4}x\d{3,4}$")  # of a picture
_LONG_CODES = ("ceb", "cmn", "fil", "haw", "yue")  # of three letters; others are more likely to be words


@dataclass(frozen=True)
class Sidecar:
    """What is known of a recording from the files beside it."""

    cues: tuple[Cue, ...] = ()  # in the order of time
    turns: tuple[Turn, ...] = ()  # in their order, where no times are known
    text: str = ""  # all that is said
    facts: dict[str, str] = field(default_factory=dict)  # by the names of index.metadata.FACTS
    language: str = ""  # of the transcript, BCP-47, for a recording of which nothing else tells it

    def text_of(self, start: float, end: float) -> str:
        """What is said from `start` to `end`, in seconds: the cues of which most lies there, or that fill most of it;
        '' where no times are known."""
        return join(cue.text for cue in self._within(start, end))

    def speaker_of(self, start: float, end: float) -> str:
        """Who says most of that; '' where it is not known."""
        seconds: dict[str, float] = defaultdict(float)
        for cue in self._within(start, end):
            if cue.speaker:
                seconds[cue.speaker] += min(end, cue.end) - max(start, cue.start)
        return max(seconds, key=seconds.__getitem__, default="")

    def is_shared(self, spans: Sequence[tuple[float, float]]) -> list[bool]:
        """Of each of some spans, whether what is said there, by `text_of`, is in part what is said in another."""
        within = [self._within(*span) for span in spans]
        count = Counter(id(cue) for cues in within for cue in cues)
        return [any(count[id(cue)] > 1 for cue in cues) for cues in within]

    def summary(self, earlier: str = "") -> str:
        """What there is, as JSON, to tell later what is new: the facts, and a checksum of the transcript ('': none).
        What is no longer there is kept of an earlier summary."""
        timed = (f"{one.start} {one.end} {one.speaker} {one.text}" for one in self.cues)
        said = "\n".join(timed) or "\n".join(f"{one.speaker}: {one.text}" for one in self.turns)
        checksum = sha256(said.encode("utf-8", "replace")).hexdigest() if said else ""
        before = json.loads(earlier or '{"facts": {}, "transcript": ""}')
        facts, checksum = before["facts"] | self.facts, checksum or before["transcript"]
        return json.dumps({"facts": facts, "transcript": checksum}, ensure_ascii=False, sort_keys=True)

    @cached_property
    def _ends(self) -> list[float]:
        """Of each cue, when the last of it and those before it ends."""
        return list(accumulate((cue.end for cue in self.cues), max))

    def _within(self, start: float, end: float) -> list[Cue]:
        last = bisect_left(self.cues, end, key=lambda cue: cue.start)
        return [
            cue
            for cue in self.cues[bisect_right(self._ends, start) : last]
            if min(end, cue.end) - max(start, cue.start) > 0.5 * min(cue.end - cue.start, end - start)
        ]


class SidecarIndex:
    """What lies beside the recordings that are added together; each folder is listed and each table read once.

    Attributes:
        remarks: what was not understood, or not taken, a sentence each that names the file.
    """

    def __init__(self, adding: Iterable[Path] = (), folders: Iterable[Path] = ()) -> None:
        """Begin with nothing.

        Args:
            adding: the recordings.
            folders: those that are added as a whole: of what lies there, it is told what belongs to no recording.
        """
        self.remarks: list[str] = []
        self._adding: dict[Path, set[Path]] = defaultdict(set)  # by folder
        for file in adding:
            self._adding[file.parent].add(file)
        self._whole = frozenset(folders)
        self._folders: dict[Path, _Folder] = {}
        self._tables: dict[Path, Table] = {}
        self._below: dict[Path, set[Path]] = defaultdict(set)  # the folders of recordings in each folder, and itself
        for place in self._adding:
            for folder in (place, *place.parents):
                self._below[folder].add(place)
        self._lent: dict[Path, list[Path]] = defaultdict(list)  # folders without recordings, by whose they are
        self._lend()

    def of(self, recording: Path, language: str = "") -> Sidecar:
        """What is known of a recording; what cannot be used is in `remarks`.

        Args:
            language: BCP-47 tag of what is spoken, where a table does not say it.
        """
        folder = self._folder(recording.parent)
        tables = [*self._above(recording)]
        beside = [(path, self._table(path, folder), only) for path, only in folder.tables(recording)]
        tables += [(table, only, recording.name) for _, table, only in beside]
        facts: dict[str, str] = {}
        for table, only, name in tables:
            if not table.of_cues:
                found, remarks = table.facts(name, only=only)
                facts |= found
                self.remarks += remarks
        candidates = folder.transcripts(recording)
        candidates += [(path, "") for path, table, only in beside if only and table.of_cues]
        spoken = facts.get("language", language)
        timed = self._read([one for one in candidates if suffix(one[0].name) not in PLAIN], spoken, recording)
        plain = self._read([one for one in candidates if suffix(one[0].name) in PLAIN], spoken, recording)
        transcript = timed or plain or self._of_tables(tables) or self._embedded(recording, spoken)
        if transcript.speaker:
            facts = {"speaker": transcript.speaker} | facts
        self.remarks += folder.unreadable(recording)
        return Sidecar(transcript.cues, transcript.turns, (plain or transcript).text, facts, transcript.language)

    def _folder(self, path: Path) -> "_Folder":
        """The files of a folder and of those lent to it; what is odd about them is told the first time."""
        folder = self._folders.get(path)
        if folder is None:
            folder = self._folders[path] = _Folder(path, self._adding.get(path, set()), self._lent.get(path, []))
            self.remarks += [
                f"{readable(name)} cannot be read: save what is in it as {FOLDER_TABLE}.csv, too."
                for name in folder.foreign_tables
            ]
            if path in self._whole and path in self._adding:
                self.remarks += _passed_over(sorted(folder.strangers() + folder.timed_texts()))
        return folder

    def _above(self, recording: Path) -> Iterator[tuple[Table, bool, str]]:
        """Tables of the folders above that of a recording, those at the top first, and what they may call it."""
        lent = self._lent.get(recording.parent, [])
        for above in reversed(recording.parent.parents):
            if above in self._whole and above not in lent:
                folder = self._folder(above)
                for path in folder.of_all:
                    name = recording.relative_to(above).as_posix()
                    yield self._table(path, folder), False, name

    def _lend(self) -> None:
        """Give each folder without recordings to the only one that has some in it or else beside it, or that is called
        as it is elsewhere; what lies in others is named."""
        strangers, called = [], defaultdict(set)
        for place in self._adding:
            called[comparable(place.name)].add(place)
        for folder in sorted(self._whole - self._adding.keys()):
            below, beside = (self._below.get(one, set()) for one in (folder, folder.parent))
            owners = below or beside or called[comparable(folder.name)]
            if len(owners) == 1:
                self._lent[next(iter(owners))].append(folder)
            else:
                strangers += [f"{folder.name}/{name}" for name in _Folder(folder, set(), []).strangers()]
        self.remarks += _passed_over(strangers)

    def _of_tables(self, tables: list[tuple[Table, bool, str]]) -> SuppliedTranscript | None:
        """What tables have for what is said in a recording, each with what it may call that."""
        for table, only, recording in tables:
            found = transcripts.without_times(table.text(recording, only=only))
            if table.of_cues and "file" in table.columns:
                found = transcripts.assembled(table.cues(recording))
                self.remarks += transcripts.remarks(table.name, found.flaws)
            if found.text:
                return found
        return None

    def _embedded(self, recording: Path, spoken: str) -> SuppliedTranscript:
        """The subtitles in a recording's own file; of several languages, those in the one that is spoken."""
        found, name = subtitles(recording), readable(recording.name)
        tags = list(dict.fromkeys(one.language for one in found if one.language))
        fitting = [one for one in found if not one.language or not spoken or languages.same(one.language, spoken)]
        if found and not fitting:
            self.remarks.append(
                f"{name} has subtitles in another language ({some(tags)}) than what is spoken ({spoken}): they were "
                "passed over."
            )
        elif len(tags) > 1 and not spoken:
            self.remarks.append(
                f"{name} has subtitles in several languages ({some(tags)}): the first were taken. Say which is spoken "
                "to have others."
            )
        return next(iter(fitting), SuppliedTranscript())

    def _table(self, path: Path, folder: "_Folder") -> Table:
        if path not in self._tables:
            below = [
                file.relative_to(folder.path)
                for place in self._below.get(folder.path, ())
                for file in self._adding[place]
            ]
            recordings = {*folder.recordings, *(file.as_posix() for file in below)}
            table = self._tables[path] = Table.read(path, recordings)
            strangers = table.unknown(recordings) if comparable(path.stem) == FOLDER_TABLE else ""
            self.remarks += [*table.remarks, *([strangers] if strangers else [])]
        return self._tables[path]

    def _read(self, candidates: list[tuple[Path, str]], spoken: str, recording: Path) -> SuppliedTranscript | None:
        """The first of some transcripts that can be read; of several languages, the one that is spoken."""
        fitting = [one for one in candidates if not one[1] or not spoken or languages.same(one[1], spoken)]
        self.remarks += [
            f"{readable(path.name)} was passed over: it is in another language ({language}) than what is spoken "
            f"({spoken})."
            for path, language in candidates
            if (path, language) not in fitting
        ]
        fitting.sort(key=lambda one: (bool(_PARTIAL.search(one[0].name)), _rank(one[1], spoken)))
        for place, (path, language) in enumerate(fitting):
            try:
                transcript = transcripts.read(path)
            except DataError as error:
                self.remarks.append(str(error))
                continue
            self.remarks += transcript.remarks
            others = {languages.primary(other) for _, other in fitting} - {"", languages.primary(language)}
            different = [readable(other.name) for other, _ in fitting[place + 1 :] if _differs(other, transcript)]
            if language and others:
                self.remarks.append(
                    f"{readable(recording.name)} has transcripts in several languages: {readable(path.name)} was "
                    "taken. Say which is spoken to have another one."
                )
            elif different:
                self.remarks.append(
                    f"{readable(recording.name)} has several transcripts: {readable(path.name)} was taken, and not "
                    f"{some(different)}, which differs."
                )
            return transcript if transcript.language else replace(transcript, language=language)
        return None


def _rank(language: str, spoken: str) -> int:
    """Which of several transcripts comes first: in the language that is spoken, or else in none that its name says."""
    return 0 if languages.same(language, spoken) else 2 if language else 1


def _differs(path: Path, taken: SuppliedTranscript) -> bool:
    """Whether a transcript has other words than one that was taken; signs and capitals do not count."""
    try:
        other = transcripts.read(path).text
    except DataError:
        return False
    return re.findall(r"\w+", other.casefold()) != re.findall(r"\w+", taken.text.casefold())


class _Folder:
    """The files of a folder, by the recordings that they may be about."""

    def __init__(self, path: Path, adding: set[Path], lent: Sequence[Path]) -> None:
        """List what is there and in the folders lent to it, and what is being added."""
        self.path = path
        self._adding = adding
        self.recordings: list[str] = []
        self.of_all: list[Path] = []  # tables
        self.foreign_tables: list[str] = []
        self._beside: dict[str, list[tuple[Path, str]]] = defaultdict(list)  # by the name before a suffix, what follows
        self._names: set[str] = set()  # of recordings, with and without their suffixes
        self._order = transcripts.SUFFIXES.index
        for file in sorted(adding.union(*map(_files, (path, *lent)))):
            self._list(file)

    def strangers(self) -> list[str]:
        """Names of transcripts and tables that have the name of no recording."""
        return sorted(path.name for path in self._unnamed() if suffix(path.name) not in COMMON)

    def timed_texts(self) -> list[str]:
        """Names of texts that have the name of no recording, and times."""
        texts = [path for path in sorted(self._unnamed()) if suffix(path.name) in PLAIN]
        return [path.name for path in texts[:MOST_READ] if _has_times(path)]

    def _unnamed(self) -> set[Path]:
        named = {
            path
            for recording in map(Path, self.recordings)
            for path, _ in (*self.tables(recording), *self.transcripts(recording))
        }
        return {path for found in self._beside.values() for path, _ in found} - named

    def unreadable(self, recording: Path) -> list[str]:
        """A sentence on each document, spreadsheet and the like that has the name of a recording."""
        return [
            f"{readable(path.name)} cannot be read: save what is in it as {readable(recording.stem)}{kind}."
            for path, rest in self._named(recording)
            if _language(rest) is not None and (kind := UNREADABLE.get(suffix(path.name)))
        ]

    def tables(self, recording: Path) -> list[tuple[Path, bool]]:
        """Tables that may have facts about a recording, and whether they are about this one only."""
        own = [path for path, rest in self._named(recording) if suffix(path.name) in DESCRIBING and not rest]
        return [*((path, False) for path in self.of_all), *((path, True) for path in own)]

    def transcripts(self, recording: Path) -> list[tuple[Path, str]]:
        """Transcripts of a recording and the languages that their names say, those without a language first."""
        found = []
        for path, rest in self._named(recording):
            language = _language(rest)
            own = {comparable(recording.stem), comparable(recording.name)}
            others = comparable(path.stem) in self._names - own
            if suffix(path.name) in SUFFIXES - set(TABLES) and language is not None and not others:
                found.append((path, language))
        return sorted(found, key=lambda one: (bool(one[1]), self._order(suffix(one[0].name)), one))

    def _named(self, recording: Path) -> list[tuple[Path, str]]:
        """Files whose names begin with that of a recording, and what follows it."""
        stem = recording.stem
        names = (stem.replace("_", " "), stem, _SIZE.sub("", stem), recording.name)
        found: dict[Path, str] = {}
        for name in map(comparable, names):
            found |= dict(self._beside.get(name, []))
        return list(found.items())

    def _list(self, file: Path) -> None:
        name, kind = comparable(file.stem), suffix(file.name)
        if name == FOLDER_TABLE and kind in FOREIGN_TABLES:
            self.foreign_tables.append(file.name)
        elif kind in RECORDINGS or file in self._adding:
            self.recordings.append(file.name)
            self._names |= {name, comparable(file.name)}
        elif name == FOLDER_TABLE and kind in (*TABLES, *TEXTS):
            self.of_all.append(file)
        elif kind in SUFFIXES or kind in UNREADABLE:
            ends = [(len(name), len(name)), *(one.span() for one in list(re.finditer(r"[._ (\[-]+", name))[-4:])]
            for end, begin in ends:
                for before in {name[:end], name[:end].replace("_", " ")}:  # which programs put for blanks
                    self._beside[before].append((file, name[begin:]))


def _files(folder: Path) -> set[Path]:
    """What lies in a folder and is not hidden."""
    try:
        with os.scandir(folder) as found:
            return {folder / one.name for one in found if not one.name.startswith(HIDDEN) and one.is_file()}
    except OSError:
        return set()


def _has_times(path: Path) -> bool:
    """Whether a text is a transcript whose times can be read."""
    try:
        return path.stat().st_size <= LARGEST_READ and bool(transcripts.read(path).cues)
    except (DataError, OSError):
        return False


def _passed_over(names: list[str]) -> list[str]:
    """A sentence on what has the name of no recording, if there is anything."""
    named = some([readable(name) for name in names])
    return [f"Passed over, for no recording has its name: {named}."] if names else []


def _language(rest: str) -> str | None:
    """The language in what follows a recording's name in that of a transcript ("en", "de.forced"); '' if there is none,
    None if anything else follows."""
    found = ""
    for part in filter(None, re.split(r"[. ()\[\]]", rest)):
        word = re.sub(rf"[-_](?:{'|'.join(_MARKS)})$|^(?:{'|'.join(_MARKS)})[-_]", "", part)
        if word in _MARKS or f".{word}" in SUFFIXES or not is_known(word) or word in languages.UNKNOWN:
            continue
        # "de-en": German, translated from English
        tag = languages.known_tag(word) or languages.known_tag(word.rpartition("-")[0])
        if not tag and f".{word}" in RECORDINGS:  # of which this one was made
            continue
        if not tag or (len(first := tag.partition("-")[0]) > 2 and first not in _LONG_CODES):
            return None
        found = found or tag
    return found
