"""A library: recordings, their segments and the vectors of these, searchable by vector.

    >>> import clasp
    >>> from index.paths import open_library
    >>> model = clasp.load()
    >>> library = open_library(model, "demo")
    >>> library.languages()[:4]
    ['ar', 'de', 'en', 'es']
    >>> nearest = library.candidates(model.encode_text(["The ship was lost in the storm."])[0], k=1)
    >>> nearest.segments[0].transcript
    'The ship was lost in the storm, three days out of Lisbon.'
    >>> library.recording("lighthouse").title
    'The Lighthouse Keeper Remembers'

One of your own:

    with Library.create(folder, model) as library:
        spoken = model.encode_speech(waveforms, return_phones=True)
        library.add([recording], segments, spoken.vectors, [pack(phones) for phones in spoken.phones])

Any number of threads can search it while one of them writes.
"""

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clasp.audio.decode import stream
from clasp.audio.envelope import envelope as measure_envelope
from clasp.errors import AudioError, LibraryError
from clasp.filenames import readable
from clasp.phones.alignment import RAREST_PAIRS, TOP_PHONES
from clasp.settings import current
from clasp.text.words import coverage
from index.bin import LibraryBin
from index.corrections import LibraryCorrections
from index.diarization import Diarization
from index.feeds import LibraryFeeds
from index.filters import Filter
from index.indexed_database import IndexedDatabase
from index.metadata import checked, tags
from index.model import EmbeddingModel
from index.notes import LibraryNotes
from index.records import Recording, Segment, SpeakerEmbeddings
from index.recurrences import LibraryRecurrences
from index.saved_searches import LibrarySavedSearches
from index.store.database import Database
from index.store.home import home_of
from index.store.queries import are_unit
from index.store.schema import DATABASE_FILE
from index.transcripts import LibraryTranscripts
from index.vectors.hnsw import MANIFEST_FILE
from index.vectors.protocol import halves_of
from index.vectors.search_index import SearchIndex
from index.vectors.segment_table import SegmentTable
from index.watched_folders import LibraryWatchedFolders

__all__ = ["Candidates", "Library", "Recording", "Segment"]

EVERYTHING = Filter()
BY_PHONES = 200  # candidates by a few pairs of phones at least: most of them are chance
MEASURED_MOST = 600.0  # seconds of a recording whose loudness may be measured when it is asked for
FILES = "files"  # folder of the recordings that were copied into the library
OBJECTS = "objects"  # folder of those that were fetched into it from object storage


@dataclass(frozen=True, eq=False)
class Candidates:
    """The segments of a library nearest to a query by meaning and by sound, and those that have its words or phones."""

    segments: list[Segment]
    vectors: np.ndarray  # float32 (n, dim), unit rows
    coverage: np.ndarray  # float64 (n,), the share of the query's words that each has, see `clasp.text.words.coverage`
    weights: dict[str, float]  # of the query's words: the rarer in the library, the more
    note: str = ""  # why finding them took longer than usual, a sentence

    @property
    def ids(self) -> np.ndarray:
        """Ids of the segments, int64 (n,)."""
        return np.array([segment.id for segment in self.segments], np.int64)


class OtherModelError(LibraryError):
    """A library whose vectors another model made."""


class Library:
    """A folder with a database, a search index that can be rebuilt from it, and perhaps the audio.

    Attributes:
        folder: where it is.
        read_only: whether it is for searching only.
        transcripts: what a machine has transcribed of it.
        feeds: the podcast feeds that it follows.
        saved_searches: searches that are run on what is new in it.
        corrections: what a person has corrected in its transcripts.
        watched_folders: the folders that it watches while the app is open.
        diarization: who speaks in it.
        notes: at moments of its recordings.
        bin: recordings that were removed, and can be restored.
        recurrences: what is said in several recordings of it.
    """

    # Opening and closing

    def __init__(
        self, database: Database, model: EmbeddingModel, audio: Path | None, read_only: bool = False, milvus: str = ""
    ) -> None:
        """Use `create` or `open`."""
        self.folder = database.folder
        self.read_only = read_only
        self._model = model
        self._audio = (audio or self.folder).absolute()
        self._database = database
        halves = halves_of(model.dim, model.meaning_dim)
        self._indexed = IndexedDatabase(database, halves, milvus=milvus, read_only=read_only)
        self.transcripts = LibraryTranscripts(self._indexed, model.meaning_dim)
        self.feeds = LibraryFeeds(self._indexed)
        self.saved_searches = LibrarySavedSearches(self._indexed)
        self.corrections = LibraryCorrections(self._indexed)
        self.watched_folders = LibraryWatchedFolders(self._indexed)
        self.diarization = Diarization(self._indexed)
        self.notes = LibraryNotes(self._indexed)
        self.bin = LibraryBin(self._indexed, self._unlink)
        self.recurrences = LibraryRecurrences(self._indexed, model.meaning_dim)

    @classmethod
    def create(
        cls,
        folder: Path,
        model: EmbeddingModel,
        *,
        audio: Path | None = None,
        milvus: str | None = None,
        server: str | None = None,
    ) -> "Library":
        """Make an empty library. Relative paths of recordings start from `audio` (default: `folder`); `milvus` is as in
        `open`, `server` as in `index.store.home.home_of`.

        Raises:
            LibraryError: if the folder holds one already, or cannot be written, or a server cannot be used.
        """
        if not cls.is_free(folder, server):
            raise LibraryError(f"{folder} already holds a library: open it, or choose another folder.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryError(f"No library can be made in {folder}: {error}.") from error
        database = Database(folder, server)
        try:
            database.set_model(model.checksum, model.dim)
            return cls(database, model, audio, milvus=current().index if milvus is None else milvus)
        except BaseException:
            database.close()
            raise

    @classmethod
    def open(
        cls,
        folder: Path,
        model: EmbeddingModel,
        *,
        audio: Path | None = None,
        read_only: bool = False,
        milvus: str | None = None,
    ) -> "Library":
        """Open the library in `folder`.

        Args:
            audio: where relative paths of recordings start; None: `folder`.
            read_only: for searching only.
            milvus: address of the server that searches its vectors, '' to do without one; None: what CLASP_INDEX says.

        Raises:
            LibraryError: if there is none, it is damaged, another model made its vectors, or Milvus cannot be used.
        """
        cls.must_exist(folder)
        database = Database(folder)
        try:
            made_by = database.model()
            if made_by != (model.checksum, model.dim):
                raise OtherModelError(_other_model(folder, made_by, model))
            library = cls(database, model, audio, read_only, current().index if milvus is None else milvus)
            if not read_only:
                library.bin.expire()
            return library
        except BaseException:
            database.close()
            raise

    @staticmethod
    def is_free(folder: Path, server: str | None = None) -> bool:
        """Whether `folder` holds no library: nothing, or one whose making was cut short before anything was in it.
        `server` is as in `create`."""
        if (folder / MANIFEST_FILE).exists() or (folder / FILES).exists():
            return False
        if not home_of(folder, server).exists():
            return True
        database = Database(folder, server)
        try:
            return database.model() is None
        finally:
            database.close()

    @staticmethod
    def must_exist(folder: Path) -> None:
        """Raise LibraryError unless there is a library in `folder`."""
        if not home_of(folder).exists():
            lost = (folder / MANIFEST_FILE).exists()
            advice = f"Its {DATABASE_FILE} is lost: restore it from a copy." if lost else "Create one first."
            raise LibraryError(f"There is no library in {folder}. {advice}")

    def refresh(self) -> None:
        """Take up what other processes have written, unless this one is writing."""
        self._indexed.refresh()

    def store_index(self) -> None:
        """Store the search index, so that the next opening finds it."""
        self._indexed.store_index()

    def close(self) -> None:
        """Store the index and close the database. Searching afterwards is an error."""
        self._indexed.close()

    def __enter__(self) -> "Library":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        """Close it; after an error the index is left to the next opening, for the disk may be full."""
        self._indexed.close(store_index=kind is None or not issubclass(kind, LibraryError))

    # Searching

    def candidates(
        self,
        query: np.ndarray,
        k: int = 10,
        *,
        filters: Filter = EVERYTHING,
        words: Sequence[str] = (),
        phones: Sequence[str] = (),
    ) -> Candidates:
        """The `k` segments nearest to a query by the cosine of the meanings, and the `k` nearest by that of the sounds;
        fewer only where there are fewer.

        Those by meaning come first, nearest first, then what is found only by sound, by words and by phones; none comes
        twice.

        Args:
            query: (dim,); a half of it that is zero finds nothing.
            k: how many, from 1.
            filters: which segments count.
            words: of the query, as `clasp.text.words.words` gives them: the `k` that have most of them come, too.
            phones: pairs of its phones, as `index.store.full_text.pairs` gives them: likewise.

        Raises:
            LibraryError: if the query has another shape or is not finite, or `k` is below 1.
        """
        if k < 1:
            raise LibraryError(f"Cannot search for {k} hits: ask for one or more.")
        query = np.asarray(query, np.float32)
        if query.shape != (self._model.dim,) or not np.isfinite(query).all():
            raise LibraryError(f"A query has {self._model.dim} finite numbers; these are {query.shape}.")
        while True:
            index = self._indexed.index
            allowed = filters.allowed(index.segments)
            near = index.nearest(query, k, allowed, filters.names(index.segments)).tolist()
            others, weights = self._by_words(index.segments, words, phones, k, allowed)
            rows = np.array(list(dict.fromkeys([*near, *others])), np.int64)
            ids = index.segments.ids[rows].tolist()
            segments = self._database.segments(ids)
            if len(segments) == len(ids):
                break
            self._indexed.refresh(wait=True)  # some were removed meanwhile
        there = self._database.searched_words(ids) if words else {}
        covered = [coverage(words, there.get(number, ()), weights) if words else 0.0 for number in ids]
        vectors = index.segments.vectors[rows].astype(np.float32)
        found = [segments[number] for number in ids]
        return Candidates(found, vectors, np.array(covered, float), weights, index.vector_index.trouble)

    def _by_words(
        self, table: SegmentTable, words: Sequence[str], phones: Sequence[str], k: int, allowed: np.ndarray | None
    ) -> tuple[list[int], dict[str, float]]:
        """Rows of the segments that have most of the words, or pairs of phones, and the weight of each word."""
        if not words and not phones:
            return [], {}
        only = None if allowed is None else table.ids[allowed].tolist()
        ids, weights = [], {}
        if words:
            found = self._database.find_words(words, k, only)
            ids, weights = found.ids, found.weights
        if phones:
            few = len(phones) <= 2 * RAREST_PAIRS
            ids = ids + self._database.find_phones(phones, max(k, BY_PHONES) if few else k, only)
        rows = np.searchsorted(table.ids, ids)
        there = np.flatnonzero(np.append(table.ids, -1)[rows] == ids)  # what was added meanwhile is not in the table
        return rows[there].tolist(), weights

    def phones(self, segments: Sequence[Segment]) -> list[np.ndarray]:
        """Phones of each segment, as `clasp.phones.alignment.pack` makes them; no rows where none are known."""
        found = self._database.phones([segment.id for segment in segments])
        nothing = np.zeros((0, TOP_PHONES, 2), np.uint8)
        return [found.get(segment.id, nothing) for segment in segments]

    def vector(self, segment: int) -> np.ndarray:
        """The vector, float32 (dim,), of the segment with this id.

        Raises:
            LibraryError: if there is none.
        """
        table = self._indexed.index.segments
        row = int(np.searchsorted(table.ids, segment))
        if row == len(table) or table.ids[row] != segment:
            raise LibraryError(f"There is no segment {segment} in this library.")
        return np.array(table.vectors[row], np.float32)

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        """Ids, int64 (n,), ascending, and their vectors, float32 (n, dim), unit rows."""
        table = self._indexed.index.segments
        return table.ids, table.vectors[:].astype(np.float32)

    # What it is and what is in it

    def __len__(self) -> int:
        """How many segments can be found."""
        return len(self._indexed.index.segments)

    @property
    def model(self) -> str:
        """Checksum of the model that made the vectors."""
        return self._model.checksum

    @property
    def meaning_dim(self) -> int:
        """How many numbers of a vector, from its first, are the meaning."""
        return self._model.meaning_dim

    @property
    def version(self) -> str:
        """Of what can be found: another one after every change, and in every other library."""
        return self._indexed.index.segments.version.commit

    def categories(self) -> list[str]:
        """The categories there are, sorted."""
        return self._indexed.index.segments.columns["category"].present()

    def languages(self) -> list[str]:
        """The languages there are, as BCP-47 tags, sorted."""
        return self._indexed.index.segments.columns["language"].present()

    def speakers(self) -> list[str]:
        """The speakers there are, sorted."""
        return self._indexed.index.segments.columns["speaker"].present()

    def tags(self) -> list[str]:
        """The tags that recordings have, sorted."""
        found = self._indexed.index.segments.columns["tags"].present()
        return sorted(tags(",".join(found)), key=str.casefold)

    def segments(self, numbers: Sequence[int] | None = None) -> list[Segment]:
        """All segments, or those of these ids that there are; in the order of ids."""
        numbers = self._indexed.index.segments.ids.tolist() if numbers is None else numbers
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

    def context(self, segment: Segment, count: int = 1) -> tuple[list[Segment], list[Segment]]:
        """Up to `count` segments of the same recording before a segment, and after it; in the order of time."""
        return self._database.around(segment, count)

    def recording(self, name: str) -> Recording:
        """The recording with this id, its path absolute.

        Raises:
            LibraryError: if there is none.
        """
        recording = self._database.recording(name)
        if recording is None:
            raise LibraryError(f"There is no recording {name!r} in this library.")
        return self._located(recording)

    def recordings(self, names: Collection[str] | None = None) -> list[Recording]:
        """All recordings, or those of these ids that there are; their paths absolute, in the order of titles."""
        return [self._located(one) for one in self._database.recordings(names)]

    def recording_of(self, sha256: str) -> Recording | None:
        """The recording whose file has this checksum, its path absolute; None if there is none."""
        recording = self._database.recording_of(sha256)
        return recording and self._located(recording)

    def recordings_at(self, path: Path) -> list[Recording]:
        """The recordings that were added from this absolute path."""
        return self._database.recordings_at(self.stored_path(path))

    @property
    def search_index(self) -> SearchIndex:
        """What the library is searched by at this moment."""
        return self._indexed.index

    def stored_path(self, path: Path) -> Path:
        """An absolute path as the library stores it: relative if it is that of what was fetched into its folder."""
        return path.relative_to(self._audio) if path.is_relative_to(self._audio / OBJECTS) else path

    def owns(self, path: Path) -> bool:
        """Whether an absolute path is that of a file which was copied or fetched into the library."""
        return path.parent == self._audio / FILES or path.is_relative_to(self._audio / OBJECTS)

    def flawed(self) -> list[Recording]:
        """The recordings of which something could not be read, their paths absolute."""
        return [self._located(one) for one in self._database.flawed()]

    def position(self, recording: str) -> float:
        """Seconds of a recording up to which it has been added."""
        return self._database.position(recording)

    def counts(self) -> dict[str, int]:
        """How many segments each recording has, by id; those without any are left out."""
        return self._database.counts()

    def audio(self, segment: Segment) -> tuple[Path, float, float]:
        """The file that a segment is in, and its start and end there in seconds.

        Raises:
            LibraryError: if the file is no longer where it was.
        """
        path = self.recording(segment.recording).path
        if not path.is_file():
            raise LibraryError(f"The recording {readable(str(path))} is no longer there: put it back to hear it.")
        return path, segment.start, segment.end

    def envelope(self, recording: str) -> np.ndarray:
        """How loud a recording is, uint8 (n,), see `clasp.audio.envelope`; empty where that is not known."""
        stored = np.frombuffer(self._database.envelope(recording), np.uint8)
        known = self.recording(recording)
        if len(stored) or not known.done or known.duration > MEASURED_MOST or not known.path.is_file():
            return stored
        try:
            return measure_envelope(stream(known.path, track=known.track))  # it was added with its vectors, unheard
        except AudioError:
            return stored

    # Writing

    def add(
        self,
        recordings: Sequence[Recording],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray] | None = None,
        speakers: SpeakerEmbeddings | None = None,
    ) -> list[Segment]:
        """Add recordings and segments (of these or of earlier recordings) in one transaction: all or nothing.

        Args:
            vectors: (number of segments, dim), unit rows; stored as float16.
            phones: of each segment, as `clasp.phones.alignment.pack` makes them (default: none are known).
            speakers: who speaks in each segment (default: nobody knows).

        Returns:
            The segments with their ids.

        Raises:
            LibraryError: if something is there already, a segment is of an unknown recording, a value is out
                of range, or the vectors do not fit. The library is as before then.
        """
        phones = [np.zeros((0, TOP_PHONES, 2), np.uint8)] * len(segments) if phones is None else phones
        vectors = np.asarray(vectors, np.float32)
        self._check(segments, vectors, phones)
        with self._indexed.writing() as database:
            stored = database.insert(recordings, segments, vectors, phones, speakers)
            self._indexed.follow(
                lambda before: before.appended(database.contents(after=int(before.ids.max(initial=0))))
            )
        return stored

    def replace(
        self,
        replaced: Sequence[Segment],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray],
        speakers: SpeakerEmbeddings | None = None,
    ) -> None:
        """Put segments, given as to `add`, in the place of others of the same recording, in one transaction. Nothing is
        changed where one of these was removed or corrected meanwhile."""
        self._check(segments, vectors, phones)
        with self._indexed.writing() as database:
            database.replace_segments([one.id for one in replaced], segments, vectors, phones, speakers)
            self._indexed.follow()

    def _check(self, segments: Sequence[Segment], vectors: np.ndarray, phones: Sequence[np.ndarray]) -> None:
        """Raise LibraryError if these are no vectors and phones of segments."""
        shape = (len(segments), self._model.dim)
        if vectors.shape != shape or not are_unit(vectors):
            raise LibraryError(
                f"{len(segments)} segments need unit vectors of shape {shape}; these are {vectors.shape} "
                "or of other lengths."
            )
        if len(phones) != len(segments) or any(
            one.dtype != np.uint8 or one.shape[1:] != (TOP_PHONES, 2) for one in phones
        ):
            raise LibraryError(f"{len(segments)} segments need packed phones, uint8 (phones, {TOP_PHONES}, 2) each.")

    def finish(self, recording: str, duration: float, envelope: np.ndarray | None = None, flaw: str = "") -> None:
        """Say that all of a recording has been added; it lasts `duration` seconds, `envelope`, uint8 (n,), says how
        loud it is (see `clasp.audio.envelope`), `flaw` what of the file could not be read."""
        loudness = b"" if envelope is None else envelope.astype(np.uint8).tobytes()
        with self._indexed.writing() as database:
            database.finish(recording, duration, loudness, flaw)

    def edit(self, recording: str, **facts: str) -> None:
        """Change facts of a recording: title, language, speaker, category, date, tags or path. Its segments follow,
        but for those in which somebody other than its speaker is said to speak.

        Raises:
            DataError: if a fact is not as `index.metadata` wants it.
            LibraryError: if there is no such recording.
        """
        self._indexed.must_be_writable()
        self.recording(recording)
        facts = {name: value if name == "path" else checked({name: value})[name] for name, value in facts.items()}
        with self._indexed.writing() as database:
            database.edit(recording, facts)
            if "speaker" in facts:
                self._indexed.follow()  # whose segments are whose is read again
            else:
                self._indexed.follow(lambda before: before.edited(recording, facts, database.version()))

    def apply_sidecar(
        self, recording: str, facts: dict[str, str], segments: Sequence[Segment], text: str | None, sidecar: str
    ) -> None:
        """Take up what lies beside a recording, in one transaction; its sound is not encoded again.

        Args:
            facts: those that change, as `edit` takes them.
            segments: those of it whose texts and speakers change, with these as they shall be.
            text: all that is said; None leaves it as it is.
            sidecar: what there is, see `index.ingest.sidecars.Sidecar.summary`.

        Raises:
            LibraryError: if there is no such recording.
        """
        self._indexed.must_be_writable()
        self.recording(recording)
        with self._indexed.writing() as database:
            database.apply_sidecar(recording, facts, segments, text, sidecar)
            self._indexed.follow()

    def remove(self, *recordings: str) -> None:
        """Delete recordings for good, in one transaction: their segments, the vectors of these, and files that
        the library owns.

        Raises:
            LibraryError: if there is no such recording; nothing is deleted then.
        """
        self._indexed.must_be_writable()
        files = [self.recording(one).path for one in recordings]
        with self._indexed.writing() as database:
            ids = database.remove(recordings)
            self._indexed.follow(lambda before: before.without(ids, database.version()))
        for file in files:
            if not self.recordings_at(file):  # another one may have been made of what is there now
                self._unlink(file)

    def _unlink(self, path: Path) -> None:
        """Delete a file that the library owns."""
        file = self._audio / path
        if self.owns(file):
            file.unlink(missing_ok=True)

    def _located(self, recording: Recording) -> Recording:
        """With an absolute path."""
        return replace(recording, path=self._audio / recording.path)


def _other_model(folder: Path, made_by: tuple[str, int] | None, model: EmbeddingModel) -> str:
    if made_by is None:
        return f"The library in {folder} was never finished: delete its {DATABASE_FILE} and make it anew."
    checksum, dim = made_by
    return (
        f"The library in {folder} was made by another model ({checksum[:12]}, vectors of {dim} numbers) than "
        f"the one in use ({model.checksum[:12]}, {model.dim}), and their vectors cannot be compared. "
        "Open it with its own model, or embed it anew with this one: "
        f"python -m clasp library reembed --library {shlex.quote(str(folder))}"
    )
