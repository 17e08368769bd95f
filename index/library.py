"""A library: recordings, their segments and the vectors of these, searchable by vector.

    >>> with Library.create(folder / "new", model) as library:
    ...     spoken = model.encode_speech([waveform], return_phones=True)
    ...     recording = Recording("a", path, "A recording", waveform.duration)
    ...     segment = Segment(0, "a", 0.0, waveform.duration, "The ship was lost.", "en")
    ...     library.add([recording], [segment], spoken.vectors, [pack(phones) for phones in spoken.phones])

The database is the truth. What searches need is kept in memory as a snapshot that never changes: writing
makes a new one and swaps it in, so any number of threads can search meanwhile.
"""

import shlex
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from clasp.audio.decode import stream
from clasp.audio.envelope import envelope as measured
from clasp.errors import AudioError, LibraryError
from clasp.filenames import readable
from clasp.phones.alignment import KEPT, unpack
from clasp.speech.gate import evidence, stacked
from clasp.speech.transcript import Transcript
from index.filters import Filter
from index.metadata import checked
from index.records import Recording, Segment
from index.store.database import DATABASE_FILE, Database, are_unit
from index.vectors.index_file import MANIFEST_FILE
from index.vectors.search_index import Current

__all__ = ["Candidates", "Library", "Model", "Recording", "Segment"]

EVERYTHING = Filter()
LISTENED = 600.0  # seconds of a recording whose loudness may be measured when it is asked for
FUSED = 2_000  # segments whose transcripts are taken in with one commit
FILES = "files"  # folder of the recordings that were copied into the library


class Model(Protocol):
    """What a library needs to know of the model that makes its vectors."""

    checksum: str
    dim: int
    meaning_dim: int


class Fuser(Protocol):
    """What taking in transcripts needs of a model: see `Clasp.fuse`."""

    def fuse(self, direct: np.ndarray, texts: list[str], evidence: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Candidates:
    """The segments of a library nearest to some query vectors."""

    segments: list[Segment]
    vectors: np.ndarray  # float32 (n, dim), unit rows

    @property
    def ids(self) -> np.ndarray:
        """Ids of the segments, int64 (n,)."""
        return np.array([segment.id for segment in self.segments], np.int64)


class OtherModelError(LibraryError):
    """A library whose vectors another model made."""


class Library:
    """A folder with a database, a search index that can be rebuilt from it, and perhaps the audio."""

    def __init__(self, database: Database, model: Model, audio: Path | None, read_only: bool = False) -> None:
        """Use `create` or `open`."""
        self.folder = database.folder
        self.read_only = read_only
        self._database = database
        self._model = model
        self._audio = (audio or self.folder).absolute()
        self._lock = threading.Lock()  # one writer at a time
        self._now = Current(self.folder, model.dim, database.contents(), database.knows)

    @classmethod
    def create(cls, folder: Path, model: Model, *, audio: Path | None = None) -> "Library":
        """Make an empty library. Relative paths of recordings start from `audio` (default: `folder`).

        Raises:
            LibraryError: if the folder holds one already, or cannot be written.
        """
        if not cls.is_free(folder):
            raise LibraryError(f"{folder} already holds a library: open it, or choose another folder.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"No library can be made in {folder}: {error}.") from error
        database = Database(folder)
        try:
            database.set_model(model.checksum, model.dim)
            return cls(database, model, audio)
        except BaseException:
            database.close()
            raise

    @classmethod
    def open(cls, folder: Path, model: Model, *, audio: Path | None = None, read_only: bool = False) -> "Library":
        """Open the library in `folder`. Relative paths of recordings start from `audio` (default: `folder`).

        Raises:
            LibraryError: if there is none, it is damaged, or another model made its vectors.
        """
        cls.must_exist(folder)
        database = Database(folder)
        try:
            made_by = database.model()
            if made_by != (model.checksum, model.dim):
                raise OtherModelError(_other_model(folder, made_by, model))
            return cls(database, model, audio, read_only)
        except BaseException:
            database.close()
            raise

    @staticmethod
    def is_free(folder: Path) -> bool:
        """Whether `folder` holds no library: nothing, or one whose making was cut short before anything was in it."""
        if (folder / MANIFEST_FILE).exists() or (folder / FILES).exists():
            return False
        path = folder / DATABASE_FILE
        if not path.exists() or path.stat().st_size == 0:
            return True
        database = Database(folder)
        try:
            return database.model() is None
        finally:
            database.close()

    @staticmethod
    def must_exist(folder: Path) -> None:
        """Raise LibraryError unless there is a library in `folder`."""
        path = folder / DATABASE_FILE
        if not path.is_file() or path.stat().st_size == 0:
            lost = (folder / MANIFEST_FILE).exists()
            advice = f"Its {DATABASE_FILE} is lost: restore it from a copy." if lost else "Create one first."
            raise LibraryError(f"There is no library in {folder}. {advice}")

    def close(self) -> None:
        """Store the index and close the database. Searching afterwards is an error."""
        self.store_index()
        with self._lock:
            self._database.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        """Close it; after an error the index is left to the next opening, for the disk may be full."""
        if kind is not None and issubclass(kind, LibraryError):
            self._now.stored = True
        self.close()

    def __len__(self) -> int:
        """How many segments can be found."""
        return len(self._now.snapshot.contents.ids)

    @property
    def model(self) -> str:
        """Checksum of the model that made the vectors."""
        return self._model.checksum

    @property
    def version(self) -> str:
        """Of what can be found: another one after every change, and in every other library."""
        return self._now.snapshot.contents.version.commit

    def categories(self) -> list[str]:
        """The categories there are, sorted."""
        return self._now.snapshot.contents.facts["category"].present()

    def languages(self) -> list[str]:
        """The languages there are, as BCP-47 tags, sorted."""
        return self._now.snapshot.contents.facts["language"].present()

    def speakers(self) -> list[str]:
        """The speakers there are, sorted."""
        return self._now.snapshot.contents.facts["speaker"].present()

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Ids, int64 (n,), ascending, and their vectors, float32 (n, dim), unit rows."""
        contents = self._now.snapshot.contents
        return contents.ids, contents.vectors.astype(np.float32)

    def segments(self, numbers: Sequence[int] | None = None) -> list[Segment]:
        """All segments, or those of these ids that there are; in the order of ids."""
        numbers = self._now.snapshot.contents.ids.tolist() if numbers is None else numbers
        return list(self._database.segments(numbers).values())

    def segments_of(self, recording: str) -> list[Segment]:
        """The segments of a recording, in the order of time."""
        return self._database.segments_of(recording)

    def segment(self, number: int) -> Segment:
        """The segment with this id.

        Raises:
            LibraryError: if there is none.
        """
        found = self._database.segments([number])
        if number not in found:
            raise LibraryError(f"There is no segment {number} in this library.")
        return found[number]

    def recording(self, name: str) -> Recording:
        """The recording with this id, its path absolute.

        Raises:
            LibraryError: if there is none.
        """
        recording = self._database.recording(name)
        if recording is None:
            raise LibraryError(f"There is no recording {name!r} in this library.")
        return replace(recording, path=self._audio / recording.path)

    def recordings(self, names: Collection[str] | None = None) -> list[Recording]:
        """All recordings, or those of these ids that there are; their paths absolute, in the order of titles."""
        return [replace(one, path=self._audio / one.path) for one in self._database.recordings(names)]

    def recording_of(self, sha256: str) -> Recording | None:
        """The recording whose file has this checksum, its path absolute; None if there is none."""
        recording = self._database.recording_of(sha256)
        return recording and replace(recording, path=self._audio / recording.path)

    def recordings_at(self, path: Path) -> list[Recording]:
        """The recordings that were added from this absolute path."""
        return self._database.recordings_at(path)

    def flawed(self) -> list[Recording]:
        """The recordings of which something could not be read, their paths absolute."""
        return [replace(one, path=self._audio / one.path) for one in self._database.flawed()]

    def around(self, segment: Segment, count: int = 1) -> tuple[list[Segment], list[Segment]]:
        """Up to `count` segments of the same recording before a segment, and after it; in the order of time."""
        return self._database.around(segment, count)

    def envelope(self, recording: str) -> np.ndarray:
        """How loud a recording is, uint8 (n,), see `clasp.audio.envelope`; empty where that is not known."""
        stored = np.frombuffer(self._database.envelope(recording), np.uint8)
        known = self.recording(recording)
        if len(stored) or not known.done or known.duration > LISTENED or not known.path.is_file():
            return stored
        try:
            return measured(stream(known.path, track=known.track))  # it was added with its vectors, unheard
        except AudioError:
            return stored

    def vector(self, segment: int) -> np.ndarray:
        """The vector, float32 (dim,), of the segment with this id.

        Raises:
            LibraryError: if there is none.
        """
        contents = self._now.snapshot.contents
        row = int(np.searchsorted(contents.ids, segment))
        if row == len(contents.ids) or contents.ids[row] != segment:
            raise LibraryError(f"There is no segment {segment} in this library.")
        return np.array(contents.vectors[row], np.float32)

    def position(self, recording: str) -> float:
        """Seconds of a recording up to which it has been added."""
        return self._database.position(recording)

    def counts(self) -> dict[str, int]:
        """How many segments each recording has, by id; those without any are left out."""
        return self._database.counts()

    def audio(self, segment: Segment) -> tuple[Path, float, float]:
        """The file in which a segment is heard, and its start and end there in seconds.

        Raises:
            LibraryError: if the file is no longer where it was.
        """
        path = self.recording(segment.recording).path
        if not path.is_file():
            raise LibraryError(f"The recording {readable(str(path))} is no longer there: put it back to hear it.")
        return path, segment.start, segment.end

    def candidates(self, queries: np.ndarray, k: int = 10, *, filters: Filter = EVERYTHING) -> Candidates:
        """The `k` segments nearest to each of some query vectors, by dot product; fewer only where there are fewer.

        Those of the first query come first, nearest first, then what only the next ones find; none comes twice.

        Args:
            queries: (number of queries, dim), or (dim,) for a single one.
            k: how many, from 1.
            filters: which segments count.

        Raises:
            LibraryError: if a query has another shape or is not finite, or `k` is below 1.
        """
        if k < 1:
            raise LibraryError(f"Cannot search for {k} hits: ask for one or more.")
        queries = np.atleast_2d(np.asarray(queries, np.float32))
        if queries.shape[1:] != (self._model.dim,) or not np.isfinite(queries).all():
            raise LibraryError(f"A query has {self._model.dim} finite numbers; these are {queries.shape}.")
        while True:
            snapshot = self._now.snapshot
            contents = snapshot.contents
            allowed = filters.allowed(contents)
            rows = [row for query in queries for row in snapshot.nearest(query, k, allowed).tolist()]
            rows = np.array(list(dict.fromkeys(rows)), np.int64)
            ids = contents.ids[rows].tolist()
            segments = self._database.segments(ids)
            if len(segments) == len(ids):
                return Candidates([segments[number] for number in ids], contents.vectors[rows].astype(np.float32))
            self._refresh(wait=True)  # some were removed meanwhile

    def phones(self, segments: Sequence[Segment]) -> list[np.ndarray]:
        """Phones heard in each segment, as `clasp.phones.alignment.pack` makes them; no rows where none are known."""
        found = self._database.phones([segment.id for segment in segments])
        nothing = np.zeros((0, KEPT, 2), np.uint8)
        return [found.get(segment.id, nothing) for segment in segments]

    def add(
        self,
        recordings: Sequence[Recording],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray] | None = None,
    ) -> list[Segment]:
        """Add recordings and segments (of these or of earlier recordings) in one transaction: all or nothing.

        Args:
            vectors: (number of segments, dim), unit rows; stored as float16.
            phones: of each segment, as `clasp.phones.alignment.pack` makes them (default: none are known).

        Returns:
            The segments with their ids.

        Raises:
            LibraryError: if something is there already, a segment is of an unknown recording, a value is out
                of range, or the vectors do not fit. The library is as before then.
        """
        vectors = np.asarray(vectors, np.float32)
        shape = (len(segments), self._model.dim)
        if vectors.shape != shape or not are_unit(vectors):
            raise LibraryError(
                f"{len(segments)} segments need unit vectors of shape {shape}; these are {vectors.shape} "
                "or of other lengths."
            )
        self._must_be_writable()
        phones = [np.zeros((0, KEPT, 2), np.uint8)] * len(segments) if phones is None else phones
        if len(phones) != len(segments) or any(one.dtype != np.uint8 or one.shape[1:] != (KEPT, 2) for one in phones):
            raise LibraryError(f"{len(segments)} segments need packed phones, uint8 (phones, {KEPT}, 2) each.")
        with self._lock:
            stored = self._database.insert(recordings, segments, vectors, phones)
            old = self._now.snapshot.contents
            new = self._database.contents(after=int(old.ids.max(initial=0)))
            follows = new.version.generation == old.version.generation + 1
            self._now.take(old.joined(new) if follows else self._database.contents(known=old))
        return stored

    def finish(self, recording: str, duration: float, envelope: np.ndarray | None = None, flaw: str = "") -> None:
        """Say that all of a recording has been added; it lasts `duration` seconds, `envelope`, uint8 (n,), says how
        loud it is (see `clasp.audio.envelope`), `flaw` what of the file could not be read."""
        self._must_be_writable()
        loudness = b"" if envelope is None else envelope.astype(np.uint8).tobytes()
        with self._lock:
            self._database.finish(recording, duration, loudness, flaw)

    def edit(self, recording: str, **facts: str) -> None:
        """Change facts of a recording: title, language, speaker, category, date or path. Its segments follow.

        Raises:
            DataError: if a fact is not as `index.metadata` wants it.
            LibraryError: if there is no such recording.
        """
        self._must_be_writable()
        self.recording(recording)
        facts = {name: value if name == "path" else checked({name: value})[name] for name, value in facts.items()}
        with self._lock:
            self._database.edit(recording, facts)
            old, version = self._now.snapshot.contents, self._database.version()
            follows = version.generation == old.version.generation + 1
            self._now.take(old.edited(recording, facts, version) if follows else self._database.contents(known=old))

    def describe(
        self, recording: str, facts: dict[str, str], said: Sequence[Segment], text: str | None, beside: str
    ) -> None:
        """Take up what lies beside a recording, in one transaction, without hearing it again.

        Args:
            facts: those that change, as `edit` takes them.
            said: segments of it with the texts and speakers that they shall have.
            text: all that is said; None leaves it as it is.
            beside: what there is, see `index.ingest.sidecars`.

        Raises:
            LibraryError: if there is no such recording.
        """
        self._must_be_writable()
        self.recording(recording)
        with self._lock:
            self._database.describe(recording, facts, said, text, beside)
            self._now.take(self._database.contents(known=self._now.snapshot.contents))

    def remove(self, recording: str) -> None:
        """Take out a recording: its segments, their vectors, and its file if that was copied into the library.

        Raises:
            LibraryError: if there is no such recording.
        """
        self._must_be_writable()
        file = self.recording(recording).path
        with self._lock:
            ids = self._database.remove(recording)
            old, version = self._now.snapshot.contents, self._database.version()
            follows = version.generation == old.version.generation + 1
            self._now.take(old.without(ids, version) if follows else self._database.contents(known=old))
        if file.parent == self._audio / FILES:
            file.unlink(missing_ok=True)

    def untranscribed(self) -> dict[str, list[int]]:
        """The segments that still lack a transcript, in the order of time, by recording."""
        return self._database.untranscribed()

    def languages_heard(self, recording: str) -> dict[str, float]:
        """Seconds of a recording that were transcribed in each language, as ISO 639."""
        return self._database.languages_heard(recording)

    def machine_transcripts(self, segments: Sequence[int]) -> dict[int, Transcript]:
        """What a machine has transcribed of segments, given and returned by id; word times in seconds of the
        recording."""
        return self._database.transcripts(segments)

    def store_transcripts(self, segments: Sequence[int], transcripts: Sequence[Transcript], transcriber: str) -> None:
        """Keep what the transcriber of this name has made of segments, given by id, word times in seconds of the
        recording. It never takes the place of a transcript that came with a recording."""
        self._must_be_writable()
        with self._lock:
            self._database.store_transcripts(segments, transcripts, transcriber)

    def outdate_transcripts(self) -> None:
        """Have everything that a machine has transcribed transcribed again; until then it stays."""
        self._must_be_writable()
        with self._lock:
            self._database.outdate_transcripts()

    def fuse(self, model: "Fuser") -> Iterator[int]:
        """Take transcripts into the vectors that lack them; yields how many it has been, after each commit.

        Nothing is heard again, and may be stopped: what is left is done the next time.
        """
        self._must_be_writable()
        done, half = 0, self._model.meaning_dim
        while ids := self._database.unfused(FUSED):
            self._refresh(wait=True)
            contents = self._now.snapshot.contents
            segments, machine = self._database.segments(ids), self._database.transcripts(ids)
            phones, known = self._database.phones(ids), self._database.direct(ids, half)
            there = np.isin(ids, contents.ids)
            ids = [number for number, known_here in zip(ids, there, strict=True) if known_here and number in segments]
            if not ids:
                continue  # they were removed meanwhile
            vectors = contents.vectors[np.searchsorted(contents.ids, ids)].astype(np.float32)
            lengths = np.linalg.norm(vectors[:, :half], axis=1, keepdims=True)
            direct = vectors[:, :half] / np.maximum(lengths, 1e-6)
            for row, number in enumerate(ids):
                direct[row] = known.get(number, direct[row])
            rows = [_evidence(segments[number], machine.get(number), phones.get(number)) for number in ids]
            texts = [segments[number].transcript for number in ids]
            vectors[:, :half] = lengths * model.fuse(direct, texts, stacked(rows))
            with self._lock:
                self._database.replace_vectors(ids, vectors, direct)
                self._now.take(self._database.contents(known=self._now.snapshot.contents))
            done += len(ids)
            yield done

    def refresh(self) -> None:
        """Take up what other processes have written, unless this one is writing."""
        self._refresh(wait=False)

    def store_index(self) -> None:
        """Write the search index, so that the next opening finds it."""
        with self._lock:
            self._now.store()

    def _must_be_writable(self) -> None:
        if self.read_only:
            raise LibraryError(f"The library in {self.folder} is for searching only: it cannot be changed here.")

    def _refresh(self, *, wait: bool) -> None:
        if self._database.version() == self._now.snapshot.contents.version or not self._lock.acquire(blocking=wait):
            return
        try:
            if self._database.version() != self._now.snapshot.contents.version:
                self._now.take(self._database.contents(known=self._now.snapshot.contents), written_here=False)
        finally:
            self._lock.release()


def _evidence(segment: Segment, machine: Transcript | None, packed: np.ndarray | None) -> np.ndarray:
    """What the gate is told of a segment."""
    phones = np.zeros((0, 1), np.float32) if packed is None else unpack(packed)
    if segment.text or machine is None:
        return evidence(Transcript(segment.text, segment.language), phones, supplied=True)
    return evidence(machine, phones)


def _other_model(folder: Path, made_by: tuple[str, int] | None, model: Model) -> str:
    if made_by is None:
        return f"The library in {folder} was never finished: delete its {DATABASE_FILE} and make it anew."
    checksum, dim = made_by
    return (
        f"The library in {folder} was made by another model ({checksum[:12]}, vectors of {dim} numbers) than "
        f"the one in use ({model.checksum[:12]}, {model.dim}), and their vectors cannot be compared. "
        "Open it with its own model, or embed it anew with this one: "
        f"python -m clasp library reembed --library {shlex.quote(str(folder))}"
    )
