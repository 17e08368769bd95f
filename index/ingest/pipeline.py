"""Recordings into a library: found, decoded in a stream, cut into utterances, embedded, stored.

    for state in ingest(library, model, [Path("interviews")]):
        print(state.done, state.files, state.file, state.seconds)

What is known by its content is passed over. A long recording is stored minute by minute: whoever stops iterating, or is
stopped, loses no more than that, and the next run goes on from there. A file that cannot be read is named in the state
and leaves nothing behind; of one that breaks off, what is before the break is kept, until the file is another. The
others go on.
"""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from clasp.audio.container import SUFFIXES
from clasp.audio.decode import SAMPLE_RATE, Stream, Waveform, stream
from clasp.audio.envelope import Meter
from clasp.audio.vad import Utterance, utterances
from clasp.errors import AudioError, DataError, LibraryError
from clasp.filenames import readable
from clasp.files import sha256, whole_file
from clasp.phones.alignment import pack
from clasp.settings import current
from index.ingest.prefetch import ahead
from index.ingest.sidecars import Sidecar, SidecarIndex
from index.ingest.walk import find_files
from index.library import FILES, Library, Recording, Segment
from index.metadata import FACTS, checked

if TYPE_CHECKING:
    from clasp.model import EncoderOutput

BATCH = 16  # utterances embedded together
COMMIT_SECONDS = 60  # of a recording between two commits
HEAD = 2**12  # bytes at the beginning of a file that may be written anew when it is finished


class Listener(Protocol):
    """What adding needs of a model."""

    def encode_speech(self, waveforms: list[Waveform], *, return_phones: Literal[True]) -> "EncoderOutput": ...


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
    failed: tuple[tuple[Path, str], ...] = ()  # files and folders that cannot be read, and why
    partial: tuple[tuple[Path, str], ...] = ()  # files that were added, but not all of them, and why
    others: tuple[Path, ...] = ()  # files in folders whose names are no recording's
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


class _Heard:
    """A recording's sound on its way to be cut into utterances: how far it has come, and how loud it is."""

    def __init__(self, sound: Stream, position: float) -> None:
        self.sound, self.meter = sound, Meter()
        self.seconds = position  # decoded

    def blocks(self) -> Iterator[np.ndarray]:
        passed = 0
        for block in self.sound:
            passed += len(block)
            self.seconds = max(self.seconds, passed / SAMPLE_RATE)
            self.meter.feed(block)
            yield block


def ingest(
    library: Library, model: Listener, paths: Sequence[Path], *, copy: bool = False, language: str = "", track: int = 0
) -> Iterator[State]:
    """Add recordings, given as files and folders; yields how far it has come.

    Args:
        copy: put the files into the library; otherwise they stay where they are, and so do their paths.
        language: what is spoken, where no metadata says otherwise.
        track: number of the sound track of each file that is heard, from 1; 0: the default one, or where that is
            silent the first that is not.

    Raises:
        LibraryError: if the library cannot be written (is the disk full?); what was stored before stays.
        DataError: if `language` is none, or there is no recording in any of the paths.
    """
    language = checked({"language": language})["language"]
    found = find_files(paths)
    files = found.files
    sidecars = SidecarIndex(files)
    sizes = [_size(file) for file in files]
    options = {"copy": copy, "language": language, "track": track}
    state, started = State(len(files), sum(sizes), failed=found.failed, others=found.skipped), time.perf_counter()
    try:
        for number, file in enumerate(files):
            before = replace(state, file=file, file_seconds=0.0, elapsed=time.perf_counter() - started)
            yield before
            try:
                for state in _one(library, model, file, sizes[number], before, sidecars, **options):
                    yield replace(state, elapsed=time.perf_counter() - started)
            except (AudioError, DataError, OSError, ValueError) as error:
                reason = str(error) if not isinstance(error, OSError) else f"{error.strerror or error}"
                state = replace(before, failed=(*before.failed, (file, reason)))
            elapsed, size = time.perf_counter() - started, sum(sizes[: number + 1])
            remarks = tuple(dict.fromkeys(one.encode("utf-8", "replace").decode() for one in sidecars.remarks))
            state = replace(state, done=number + 1, bytes_done=size, elapsed=elapsed, remarks=remarks)
            yield state
    except GeneratorExit:  # stopped
        library.store_index()
        raise
    library.store_index()
    yield replace(state, file=None)


def _one(
    library: Library, model: Listener, file: Path, size: int, state: State, sidecars: SidecarIndex,
    *, copy: bool, language: str, track: int,
) -> Iterator[State]:  # fmt: skip
    """Add one file; the last state is the one after it."""
    digest = _digest(file)
    recording = _there(library, file, digest, track)
    position = library.position(recording.id) if recording else 0.0
    if recording is not None and recording.done and position > 0:
        updated = _taken_up(library, recording, sidecars.of(file, recording.language or language), file)
        yield replace(state, known=state.known + 1, updated=state.updated + updated)
        return
    earlier, new = _earlier(library, file, digest), recording is None
    spoken = [one.language for one in (earlier if new else [recording]) if one.language]
    known = sidecars.of(file, spoken[-1] if spoken else language)
    heard = _Heard(stream(file, track=track if new else recording.track), position)
    sound = heard.sound
    if new:
        recording = replace(_described(file, digest, known, language, earlier), track=sound.track)
        if copy:
            recording = replace(recording, path=_copied(file, digest, library.folder))
    pending = _Pending(committed=position)
    count, cut = 0, ahead(utterances(heard.blocks(), position), BATCH)
    try:
        for utterance in cut:
            pending.utterances.append(utterance)
            long = utterance.end - pending.committed >= COMMIT_SECONDS
            if long or len(pending.utterances) == BATCH:
                count += len(pending.utterances)
                _store(library, model, recording, known, pending, new=new)
                new = False
                share = min(1.0, utterance.end / sound.length) if sound.length else 0.0
                yield replace(
                    state, seconds=state.seconds + heard.seconds - position, file_seconds=utterance.end,
                    segments=state.segments + count, bytes_done=state.bytes_done + share * size,
                )  # fmt: skip
        if _size(file) != size:
            raise AudioError(f"{readable(file.name)} changed while it was read: add it again.")
        count += len(pending.utterances)
        _store(library, model, recording, known, pending, new=new)
        new = False
    except BaseException as error:
        if new and copy:
            (library.folder / recording.path).unlink(missing_ok=True)
        elif not new and isinstance(error, AudioError | OSError):
            library.remove(recording.id)
        raise
    finally:
        cut.close()
        sound.close()
    library.finish(recording.id, max(heard.seconds, 0.001), heard.meter.loudness(), sound.flaw)
    _taken_up(library, recording, known, file)  # of what was stored before a stop
    for one in earlier:
        library.remove(one.id)
    silent = count == 0 and position == 0
    yield replace(
        state, added=state.added + (not silent), seconds=state.seconds + heard.seconds - position,
        segments=state.segments + count, silent=(*state.silent, file) if silent else state.silent,
        partial=(*state.partial, (file, sound.flaw)) if sound.flaw else state.partial,
    )  # fmt: skip


def _there(library: Library, file: Path, digest: str, track: int) -> Recording | None:
    """What is there already of a file; what was made of another track of it than is wanted is taken out."""
    recording = library.recording_of(digest)
    if recording is not None and track not in (0, recording.track):
        library.remove(recording.id)
        return None
    if recording is not None and recording.path != file and not recording.path.is_file():
        library.edit(recording.id, path=str(file))  # it was moved
    return recording


def _earlier(library: Library, file: Path, digest: str) -> list[Recording]:
    """What was added from a file before it became what it is now: from the same place, or what there was of it then."""
    there = [one for one in library.recordings_at(file) if one.sha256 not in ("", digest)]
    return there + [one for one in library.flawed() if one.sha256 != digest and _continues(file, one.path)]


def _continues(file: Path, part: Path) -> bool:
    """Whether a file begins as another one, its head aside, and goes on."""
    size = _size(part)
    if not HEAD < size < _size(file):
        return False
    with file.open("rb") as whole, part.open("rb") as beginning:
        whole.seek(HEAD)
        beginning.seek(HEAD)
        while block := beginning.read(2**20):
            if whole.read(len(block)) != block:
                return False
    return True


def _store(
    library: Library, model: Listener, recording: Recording, known: Sidecar, pending: _Pending, *, new: bool
) -> None:
    """Embed the pending utterances and commit them; the recording, too, if it is new."""
    spoken = model.encode_speech([one.waveform for one in pending.utterances], return_phones=True)
    facts = {"language": recording.language, "speaker": recording.speaker, "category": recording.category}
    segments = [Segment(0, recording.id, one.start, one.end, **facts) for one in pending.utterances]
    segments = _said(segments, known, recording.speaker, only=new)
    end = segments[-1].end if segments else 0.001
    recordings = [replace(recording, duration=end, done=False)] if new else []
    if recordings or segments:
        library.add(recordings, segments, spoken.vectors, [pack(phones) for phones in spoken.phones])
    pending.utterances, pending.committed = [], end


def _said(segments: list[Segment], known: Sidecar, speaker: str, *, only: bool) -> list[Segment]:
    """Segments with what a transcript has of them.

    Args:
        speaker: who speaks where the transcript does not tell.
        only: whether they may be all of the recording: then one alone says all of a transcript without times.
    """
    said = [
        replace(
            one, text=known.text_of(one.start, one.end), speaker=known.speaker_of(one.start, one.end) or speaker
        )
        for one in segments
    ]  # fmt: skip
    if only and len(said) == 1 and not known.cues:
        return [replace(said[0], text=known.text)]
    return said


def _taken_up(library: Library, recording: Recording, known: Sidecar, file: Path) -> bool:
    """Take up a transcript or facts that were put beside a recording, or changed, since it was added. What was edited
    in the library stays, unless a table says something new. Returns whether there was anything."""
    summary = known.summary(recording.beside)
    if summary == recording.beside:
        return False
    before, facts = json.loads(recording.beside or "{}"), _news(recording, known.facts, file)
    if known.language and not recording.language:
        facts = {"language": known.language} | facts
    facts = {name: value for name, value in facts.items() if value != getattr(recording, name)}
    new = bool(known.text) and json.loads(summary)["transcript"] != before.get("transcript", "")
    there = library.segments_of(recording.id)
    said: list[Segment] = []
    if new or (known.cues and "speaker" in facts):
        said = _said(there, known, facts.get("speaker", recording.speaker), only=True)
        if not before.get("transcript"):  # where the transcript has nothing, what was known stays
            said = [replace(one, text=one.text or old.text) for one, old in zip(said, there, strict=True)]
    library.describe(recording.id, facts, said, known.text if new else None, summary)
    return new or bool(facts)


def _news(recording: Recording, facts: dict[str, str], file: Path) -> dict[str, str]:
    """Of the facts that lie beside a file, those that did not when the recording was made of it."""
    if recording.beside:
        before = json.loads(recording.beside)["facts"]
        return {name: value for name, value in facts.items() if value != before.get(name)}
    unset = {"title": _title(file)}  # it was added when nobody noted what lay beside it: what is known since then stays
    return {name: value for name, value in facts.items() if getattr(recording, name) == unset.get(name, "")}


def _title(file: Path) -> str:
    return " ".join(readable(file.stem).split()) or readable(file.name)


def _described(file: Path, digest: str, known: Sidecar, language: str, earlier: list[Recording]) -> Recording:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    facts, told = {"title": _title(file), "language": language or known.language}, known.facts
    for one in earlier:  # what was known of it stays known, unless a table says something new
        facts |= {name: value for name in FACTS.values() if (value := getattr(one, name))}
        told = _news(one, told, file)
    facts |= told
    return Recording(
        digest[:16], file, duration=1.0, text=known.text, added=now, sha256=digest, beside=known.summary(), **facts
    )


def _copied(file: Path, digest: str, folder: Path) -> Path:
    """Put a file into the library's folder, under its checksum. Returns the path relative to that."""
    suffix = file.suffix.lower().strip()
    path = Path(FILES, digest + (suffix if suffix in SUFFIXES else ""))
    target = folder / path
    try:
        target.parent.mkdir(exist_ok=True)
        if not target.is_file() or target.stat().st_size != _size(file):
            with whole_file(target) as partial:
                shutil.copyfile(file, partial)
    except OSError as error:
        name, reason = readable(file.name), error.strerror or error
        raise LibraryError(f"{name} cannot be copied into {folder}: {reason}.") from error
    return path


def _digest(file: Path) -> str:
    """SHA-256 of a file's content, which must be a regular file of no more than the size that is set."""
    if not file.is_file():
        raise AudioError(f"{readable(file.name)} is not a file.")
    most = current().file_mib
    if _size(file) > most * 2**20:
        raise AudioError(f"{readable(file.name)} is larger than {most:g} MiB: split it, or set CLASP_FILE_MIB.")
    return sha256(file)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
