"""Recordings into a library: found, decoded in a stream, cut into utterances, embedded, stored.

    for state in ingest(library, model, [Path("interviews")]):
        print(state.done, state.files, state.file, state.seconds)

What is known by its content is passed over. A long recording is stored minute by minute: whoever stops iterating, or is
stopped, loses no more than that, and the next run goes on from there. A file that cannot be read is named in the state
and leaves nothing behind; the others go on.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from clasp.ahead import ahead
from clasp.alignment import pack
from clasp.audio import SAMPLE_RATE, Waveform, length, stream
from clasp.digest import sha256
from clasp.envelope import Meter
from clasp.errors import AudioError, DataError, LibraryError
from clasp.segments import Utterance, utterances
from clasp.settings import current

from .beside import Beside, Neighbours
from .facts import checked
from .files import whole_file
from .library import FILES, Library, Recording, Segment

if TYPE_CHECKING:
    from clasp.model import Encoded

SUFFIXES = frozenset((
    ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".caf", ".amr",
    ".webm", ".weba", ".mkv", ".mka", ".mp4", ".mov", ".m4v", ".avi", ".3gp",
))  # fmt: skip
BATCH = 16  # utterances embedded together


class Listener(Protocol):
    """What adding needs of a model."""

    def listen(self, waveforms: list[Waveform]) -> "Encoded": ...


@dataclass(frozen=True)
class State:
    """How far adding has come. The last one is the summary."""

    files: int  # of all
    bytes: int
    done: int = 0  # files that have been dealt with
    bytes_done: float = 0  # of those, and of the current one as far as is known
    file: Path | None = None  # the current one
    seconds: float = 0  # of sound, of all files
    file_seconds: float = 0  # of the current file
    elapsed: float = 0  # seconds since the beginning
    added: int = 0  # files
    known: int = 0  # files passed over
    updated: int = 0  # of those, whose transcript or facts are other than they were
    segments: int = 0
    silent: tuple[Path, ...] = ()  # files in which nobody speaks
    failed: tuple[tuple[Path, str], ...] = ()  # files that cannot be read, and why
    remarks: tuple[str, ...] = ()  # sentences on what was not understood of transcripts and tables

    @property
    def speed(self) -> float:
        """Seconds of sound per second."""
        return self.seconds / self.elapsed if self.elapsed else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, if it goes on like this; None at the beginning."""
        return self.elapsed * (self.bytes / self.bytes_done - 1) if self.bytes_done else None


@dataclass
class _Pending:
    """Utterances of a recording that wait to be stored."""

    utterances: list[Utterance] = field(default_factory=list)
    committed: float = 0.0  # seconds


def ingest(
    library: Library, model: Listener, paths: Sequence[Path], *, copy: bool = False, language: str = ""
) -> Iterator[State]:
    """Add recordings, given as files and folders; yields how far it has come.

    Args:
        copy: put the files into the library; otherwise they stay where they are, and so do their paths.
        language: what is spoken, where no metadata says otherwise.

    Raises:
        LibraryError: if the library cannot be written (is the disk full?); what was stored before stays.
        DataError: if `language` is none, a path does not exist, or there is no recording in any of them.
    """
    language = checked({"language": language})["language"]
    files = found(paths)
    neighbours = Neighbours(files)
    sizes = [_size(file) for file in files]
    state, started = State(len(files), sum(sizes)), time.perf_counter()
    try:
        for number, file in enumerate(files):
            before = replace(state, file=file, file_seconds=0.0, elapsed=time.perf_counter() - started)
            yield before
            try:
                for state in _one(
                    library, model, file, sizes[number], before, neighbours, copy=copy, language=language
                ):
                    yield replace(state, elapsed=time.perf_counter() - started)
            except (AudioError, DataError, OSError) as error:
                reason = str(error) if not isinstance(error, OSError) else f"{error.strerror or error}"
                state = replace(before, failed=(*before.failed, (file, reason)))
            elapsed, size = time.perf_counter() - started, sum(sizes[: number + 1])
            remarks = tuple(dict.fromkeys(one.encode("utf-8", "replace").decode() for one in neighbours.remarks))
            state = replace(state, done=number + 1, bytes_done=size, elapsed=elapsed, remarks=remarks)
            yield state
    except GeneratorExit:  # stopped
        library.store_index()
        raise
    library.store_index()
    yield replace(state, file=None)


def found(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths`, and in the folders among them those whose names are a recording's, each once.

    Raises:
        DataError: if a path does not exist, or there is no recording in any of them.
    """
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise DataError(f"There is no {path}: give files or folders that exist.")
        if not path.is_dir():
            files[path.absolute()] = None
            continue
        for folder, folders, names in os.walk(path.absolute()):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                    files[Path(folder, name)] = None
    if not files:
        raise DataError("There is no recording to add: give sound files or videos, or folders that hold some.")
    return list(files)


def _one(
    library: Library, model: Listener, file: Path, size: int, state: State, neighbours: Neighbours,
    *, copy: bool, language: str,
) -> Iterator[State]:  # fmt: skip
    """Add one file; the last state is the one after it."""
    digest = _digest(file)
    recording = library.recording_of(digest)
    if recording is not None and recording.path != file and not recording.path.is_file():
        library.edit(recording.id, path=str(file))  # it was moved
    known = neighbours.of(file, recording.language or language if recording else language)
    if recording is not None and recording.done:
        updated = _taken_up(library, recording, known, file)
        yield replace(state, known=state.known + 1, updated=state.updated + updated)
        return
    new = recording is None
    if new:
        recording = _described(file, digest, known, language)
        if copy:
            recording = replace(recording, path=_copied(file, digest, library.folder))
    position = library.position(recording.id)
    pending = _Pending(committed=position)
    claimed = length(file) or 0.0
    heard = [position]  # seconds decoded
    meter = Meter()

    def counted() -> Iterator[np.ndarray]:
        passed = 0
        for block in stream(file):
            passed += len(block)
            heard[0] = max(position, passed / SAMPLE_RATE)
            meter.feed(block)
            yield block

    count = 0
    try:
        for utterance in ahead(utterances(counted(), position), BATCH):
            pending.utterances.append(utterance)
            long = utterance.end - pending.committed >= current().commit_seconds
            if long or len(pending.utterances) == BATCH:
                count += len(pending.utterances)
                _store(library, model, recording, known, pending, new=new)
                new = False
                share = min(1.0, utterance.end / claimed) if claimed else 0.0
                yield replace(
                    state, seconds=state.seconds + heard[0] - position, file_seconds=utterance.end,
                    segments=state.segments + count, bytes_done=state.bytes_done + share * size,
                )  # fmt: skip
        if _size(file) != size:
            raise AudioError(f"{file.name} changed while it was read: add it again.")
        count += len(pending.utterances)
        _store(library, model, recording, known, pending, new=new)
        new = False
    except BaseException as error:
        if new and copy:
            (library.folder / recording.path).unlink(missing_ok=True)
        elif not new and isinstance(error, AudioError | OSError):
            library.remove(recording.id)
        raise
    library.finish(recording.id, max(heard[0], 0.001), meter.loudness())
    _taken_up(library, recording, known, file)  # of what was stored before a stop
    silent = count == 0 and position == 0
    yield replace(
        state, added=state.added + (not silent), seconds=state.seconds + heard[0] - position,
        segments=state.segments + count, silent=(*state.silent, file) if silent else state.silent,
    )  # fmt: skip


def _store(
    library: Library, model: Listener, recording: Recording, known: Beside, pending: _Pending, *, new: bool
) -> None:
    """Embed the pending utterances and commit them; the recording, too, if it is new."""
    spoken = model.listen([one.waveform for one in pending.utterances])
    facts = {"language": recording.language, "voice": recording.voice, "category": recording.category}
    segments = [Segment(0, recording.id, one.start, one.end, **facts) for one in pending.utterances]
    segments = _said(segments, known, recording.voice, only=new)
    end = segments[-1].end if segments else 0.001
    recordings = [replace(recording, duration=end, done=False)] if new else []
    if recordings or segments:
        library.add(recordings, segments, spoken.vectors, [pack(phones) for phones in spoken.phones])
    pending.utterances, pending.committed = [], end


def _said(segments: list[Segment], known: Beside, speaker: str, *, only: bool) -> list[Segment]:
    """Segments with what a transcript has of them.

    Args:
        speaker: who speaks where the transcript does not tell.
        only: whether they may be all of the recording: then one alone says all of a transcript without times.
    """
    said = [
        replace(
            one, text=known.text_of(one.start, one.end), voice=known.speaker_of(one.start, one.end) or speaker
        )
        for one in segments
    ]  # fmt: skip
    if only and len(said) == 1 and not known.cues:
        return [replace(said[0], text=known.text)]
    return said


def _taken_up(library: Library, recording: Recording, known: Beside, file: Path) -> bool:
    """Take up a transcript or facts that were put beside a recording, or changed, since it was added. What was edited
    in the library stays, unless a table says something new. Returns whether there was anything."""
    summary = known.summary(recording.beside)
    if summary == recording.beside:
        return False
    before = json.loads(recording.beside or "{}")
    earlier = before.get("facts", {})
    facts = {name: value for name, value in known.facts.items() if value != earlier.get(name)}
    if not recording.beside:  # added when nobody noted what lay beside it: what is known since then stays
        unset = {"title": _title(file)}
        facts = {name: value for name, value in facts.items() if getattr(recording, name) == unset.get(name, "")}
    if known.language and not recording.language:
        facts = {"language": known.language} | facts
    facts = {name: value for name, value in facts.items() if value != getattr(recording, name)}
    new = bool(known.text) and json.loads(summary)["transcript"] != before.get("transcript", "")
    there = library.segments_of(recording.id)
    said: list[Segment] = []
    if new or (known.cues and "voice" in facts):
        said = _said(there, known, facts.get("voice", recording.voice), only=True)
        if not before.get("transcript"):  # where the transcript has nothing, what was known stays
            said = [replace(one, text=one.text or old.text) for one, old in zip(said, there, strict=True)]
    library.describe(recording.id, facts, said, known.text if new else None, summary)
    return new or bool(facts)


def _title(file: Path) -> str:
    return " ".join(file.stem.split()) or file.name


def _described(file: Path, digest: str, known: Beside, language: str) -> Recording:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    facts = {"title": _title(file), "language": language or known.language} | known.facts
    return Recording(
        digest[:16], file, duration=1.0, text=known.text, added=now, sha256=digest, beside=known.summary(), **facts
    )


def _copied(file: Path, digest: str, folder: Path) -> Path:
    """Put a file into the library's folder, under its checksum. Returns the path relative to that."""
    path = Path(FILES, digest + file.suffix.lower())
    target = folder / path
    try:
        target.parent.mkdir(exist_ok=True)
        if not target.is_file() or target.stat().st_size != _size(file):
            with whole_file(target) as partial:
                shutil.copyfile(file, partial)
    except OSError as error:
        raise LibraryError(f"{file.name} cannot be copied into {folder}: {error.strerror or error}.") from error
    return path


def _digest(file: Path) -> str:
    """SHA-256 of a file's content, which must be a regular file of no more than the size that is set."""
    if not file.is_file():
        raise AudioError(f"{file.name} is not a file.")
    most = current().file_mib
    if _size(file) > most * 2**20:
        raise AudioError(f"{file.name} is larger than {most:g} MiB: split it, or set CLASP_FILE_MIB.")
    return sha256(file)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
