"""The truth of a library: recordings, segments and vectors in one SQLite database."""

import json
import math
import os
import secrets
import shlex
import shutil
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from clasp.errors import LibraryError
from clasp.phones.alignment import TOP_PHONES
from clasp.speech.transcript import Transcript, Word
from index.records import Recording, Segment
from index.store import full_text
from index.store.schema import connect, migrate
from index.vectors.index_file import Version
from index.vectors.segment_table import CategoricalBuilder, SegmentTable, VectorBuffer

DATABASE_FILE = "library.db"
ROOM = 2**20  # bytes; a disk with less is full
RECORDING = (
    "id, path, title, duration, language, speaker, category, text, date, added, sha256, track, flaw, beside, done"
)
SEGMENT = (
    "id, recording, start_s, end_s, segments.text, segments.language, speaker, category, ifnull(transcripts.text, ''), "
    "log_probability, ifnull(transcripts.language, '')"
)
SEGMENTS = "segments LEFT JOIN transcripts ON segment = id"
EDITABLE = ("title", "language", "speaker", "category", "date", "path")
SHARED = ("language", "speaker", "category")  # facts of a recording that its segments repeat
BLOCK = 4_096  # rows that are read at a time
FILTERED = (
    "recording",
    "category",
    "language",
    "speaker",
    "date",
)  # facts of a segment that searches can be limited to


class Database:
    """Readers on any number of threads see what is committed; of writers, there must be one at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the database in `folder`, or begin one there."""
        self.folder = folder
        self._reader_lock = threading.Lock()
        with ExitStack() as opened, self._errors():
            self._writer = opened.enter_context(closing(connect(folder / DATABASE_FILE)))
            self._reader = opened.enter_context(closing(connect(folder / DATABASE_FILE)))
            migrate(self._writer)
            full_text.complete(self._writer)
            self._made_by = self.model()
            opened.pop_all()  # they stay open

    def close(self) -> None:
        """Close the connections."""
        with self._reader_lock:
            self._reader.close()
            self._writer.close()

    def model(self) -> tuple[str, int] | None:
        """Checksum of the model whose vectors are held, and their dimension; None in a new database."""
        rows = self._read("SELECT model, dim FROM library")
        return rows[0] if rows else None

    def set_model(self, checksum: str, dim: int) -> None:
        """Say which model will make the vectors; once, in a new database."""
        with self._errors():
            values = (checksum, dim, secrets.token_hex(8))
            with self._transaction():
                self._writer.execute("INSERT INTO library VALUES (1, ?, ?, 0, ?)", values)
                self._writer.execute("INSERT INTO commits SELECT generation, commit_name FROM library")
            self._made_by = (checksum, dim)

    def version(self) -> Version:
        """Of what is committed."""
        return Version(*self._read("SELECT model, generation, commit_name FROM library")[0])

    def knows(self, version: Version) -> bool:
        """Whether this database was once of that version."""
        query = "SELECT 1 FROM library, commits WHERE model = ? AND commits.generation = ? AND name = ?"
        return bool(self._read(query, (version.model, version.generation, version.commit)))

    def insert(
        self,
        recordings: Sequence[Recording],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        phones: Sequence[np.ndarray],
    ) -> list[Segment]:
        """Add all of them, or none; vectors are float32 (number of segments, dim), packed phones uint8
        (phones, TOP_PHONES, 2) for each segment. Returns the segments with their ids."""
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        blobs = [vector.tobytes() for vector in units.astype("<f2")]
        write = self._writer.execute
        with self._errors(), self._commit():
            for one in recordings:
                facts = (one.title, one.duration, one.language, one.speaker, one.category, one.text)
                file = (one.added, one.sha256, one.track, one.flaw, one.beside, one.done)
                values = (one.id, _stored(one.path), *facts, one.date, *file)
                write(f"INSERT INTO recordings ({RECORDING}) VALUES ({', '.join('?' * len(values))})", values)
            stored = []
            for one, blob, packed in zip(segments, blobs, phones, strict=True):
                facts = (one.text, one.language, one.speaker, one.category)
                values = (one.recording, one.start, one.end, *facts)
                row = write("INSERT INTO segments VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", values)
                write("INSERT INTO vectors (segment, vector) VALUES (?, ?)", (row.lastrowid, blob))
                write("INSERT INTO phones VALUES (?, ?)", (row.lastrowid, packed.tobytes()))
                stored.append(replace(one, id=row.lastrowid))
            full_text.refresh(self._writer, [one.id for one in stored])
        return stored

    def finish(self, name: str, duration: float, envelope: bytes, flaw: str) -> None:
        """All of a recording has been added; it lasts `duration` seconds and is as loud as `envelope` says."""
        with self._errors(), self._transaction():
            values = (duration, flaw, name)
            self._writer.execute("UPDATE recordings SET done = 1, duration = ?, flaw = ? WHERE id = ?", values)
            self._writer.execute("INSERT OR REPLACE INTO envelopes VALUES (?, ?)", (name, envelope))

    def edit(self, name: str, facts: dict[str, str]) -> None:
        """Change facts of a recording, of those in EDITABLE; its segments follow."""
        with self._errors(), self._commit():
            self._edit(name, facts)
            self._refresh_full_text(name)

    def _edit(self, name: str, facts: dict[str, str]) -> None:
        for fact, value in facts.items():
            if fact not in EDITABLE:
                raise ValueError(f"The {fact} of a recording cannot be edited.")
            kept = _stored(Path(value)) if fact == "path" else value
            self._writer.execute(f"UPDATE recordings SET {fact} = ? WHERE id = ?", (kept, name))
            if fact in SHARED:
                self._writer.execute(f"UPDATE segments SET {fact} = ? WHERE recording = ?", (value, name))

    def describe(
        self, name: str, facts: dict[str, str], said: Sequence[Segment], text: str | None, beside: str
    ) -> None:
        """Take up what lies beside a recording: facts, of those in EDITABLE, texts and speakers of segments, the whole
        text where it is given."""
        with self._errors(), self._commit():
            self._edit(name, facts)
            if text is not None:
                self._writer.execute("UPDATE recordings SET text = ? WHERE id = ?", (text, name))
            self._writer.executemany(
                "UPDATE segments SET text = ?, speaker = ? WHERE id = ?",
                [(one.text, one.speaker, one.id) for one in said],
            )
            self._writer.executemany("UPDATE direct SET fused = 0 WHERE segment = ?", [(one.id,) for one in said])
            self._writer.execute("UPDATE recordings SET beside = ? WHERE id = ?", (beside, name))
            self._refresh_full_text(name)

    def remove(self, name: str) -> np.ndarray:
        """Take out a recording and all that belongs to it. Returns the ids of its segments, int64, ascending."""
        with self._errors(), self._commit():
            ids = self._writer.execute("SELECT id FROM segments WHERE recording = ? ORDER BY id", (name,)).fetchall()
            self._writer.execute("DELETE FROM recordings WHERE id = ?", (name,))
        with self._errors():
            self._writer.executescript("PRAGMA incremental_vacuum")  # `execute` would free a single page
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # gives the space back
        return np.array(ids, np.int64).reshape(-1)

    def contents(self, after: int = 0, known: SegmentTable | None = None) -> SegmentTable:
        """Of all segments with ids above `after`, as one state of the database. Of vectors, only those are read that
        are not `known`, or were replaced since; no other segment ever gets the id of one.

        Raises:
            LibraryError: if the database, or a vector in it, is damaged.
        """
        with self._reader_lock, self._errors():
            self._reader.execute("BEGIN")
            try:
                state = self._reader.execute("SELECT model, generation, commit_name, dim FROM library")
                *version, dim = state.fetchone()
                self._must_be_of_its_model(version[0], dim)
                segments = self._reader.execute(
                    "SELECT one.id, recording, one.category, one.language, one.speaker, date FROM segments AS one "
                    "JOIN recordings ON recordings.id = recording WHERE one.id > ? ORDER BY one.id", (after,)
                )  # fmt: skip
                ids, columns = [np.empty(0, np.int64)], {name: CategoricalBuilder() for name in FILTERED}
                while block := segments.fetchmany(BLOCK):
                    numbers, *facts = zip(*block, strict=True)
                    ids.append(np.array(numbers, np.int64))
                    for column, names in zip(columns.values(), facts, strict=True):
                        column.add(names)
                ids = np.concatenate(ids)
                if known is None:
                    buffer, last = VectorBuffer(dim, len(ids)), after
                else:
                    kept = np.isin(known.ids, ids)
                    buffer = known.buffer if kept.all() else known.buffer.selected(kept)
                    last = int(known.ids.max(initial=0))
                    others = self._reader.execute(
                        "SELECT segment, vector FROM vectors WHERE replaced > ? AND segment <= ? ORDER BY segment",
                        (known.version.generation, last),
                    ).fetchall()
                    if others:
                        places = np.searchsorted(known.ids[kept], [number for number, _ in others])
                        buffer = buffer.replaced(places, self._unpacked([(blob,) for _, blob in others], dim))
                vectors = self._reader.execute("SELECT vector FROM vectors WHERE segment > ? ORDER BY segment", (last,))
                while blobs := vectors.fetchmany(BLOCK):
                    buffer = buffer.appended(self._unpacked(blobs, dim))
                (replaced,) = self._reader.execute(
                    "SELECT ifnull(max(replaced), 0) FROM vectors WHERE replaced > 0"
                ).fetchone()
            finally:
                self._reader.execute("ROLLBACK")
        if len(buffer.array) != len(ids):
            raise self._damaged("there are segments without a vector, or vectors without a segment")
        built = {name: column.build() for name, column in columns.items()}
        return SegmentTable(Version(*version), ids, buffer, built, replaced)

    def _unpacked(self, blobs: list[tuple[bytes]], dim: int) -> np.ndarray:
        """Stored vectors, float16 (n, dim)."""
        if any(len(blob) != 2 * dim for (blob,) in blobs):
            raise self._damaged("a vector is cut short")
        vectors = np.frombuffer(b"".join(blob for (blob,) in blobs), "<f2").reshape(-1, dim)
        if not are_unit(vectors):
            raise self._damaged("a vector is not of unit length")
        return vectors

    def segments(self, ids: Collection[int]) -> dict[int, Segment]:
        """Those of the segments with these ids that there are, by id, in the order of ids."""
        rows = self._read(
            f"SELECT {SEGMENT} FROM {SEGMENTS} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(ids)),),
        )
        return {row[0]: _segment(row) for row in rows}

    def segments_of(self, recording: str) -> list[Segment]:
        """The segments of a recording, in the order of time."""
        rows = self._read(f"SELECT {SEGMENT} FROM {SEGMENTS} WHERE recording = ? ORDER BY start_s", (recording,))
        return [_segment(row) for row in rows]

    def phones(self, ids: Collection[int]) -> dict[int, np.ndarray]:
        """Packed phones, uint8 (phones, TOP_PHONES, 2), of those of these segments for which they are known, by id."""
        rows = self._read(
            "SELECT segment, packed FROM phones WHERE segment IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        if any(len(blob) % (2 * TOP_PHONES) for _, blob in rows):
            raise self._damaged("the phones of a segment are cut short")
        return {number: np.frombuffer(blob, np.uint8).reshape(-1, TOP_PHONES, 2) for number, blob in rows}

    def untranscribed(self) -> dict[str, list[int]]:
        """The segments whose transcript did not come with them and is still to be made, in the order of time, by
        recording; recordings in the order in which they came."""
        rows = self._read(
            "SELECT recording, segments.id FROM segments JOIN recordings ON recordings.id = recording "
            "LEFT JOIN transcripts ON segment = segments.id "
            "WHERE segments.text = '' AND (segment IS NULL OR outdated) ORDER BY added, recording, start_s, end_s"
        )
        found: dict[str, list[int]] = {}
        for recording, number in rows:
            found.setdefault(recording, []).append(number)
        return found

    def store_transcripts(self, ids: Sequence[int], transcripts: Sequence[Transcript], transcriber: str) -> None:
        """Keep what a machine has transcribed, word times in seconds of the recording. Where a transcript has come with
        the segment meanwhile, or the segment is gone, nothing is changed."""
        with self._errors(), self._transaction():
            for number, one in zip(ids, transcripts, strict=True):
                words = [
                    (word.text, round(word.start, 2), round(word.end, 2), round(word.probability, 3))
                    for word in one.words
                ]
                values = (
                    one.text, one.language, json.dumps(words, ensure_ascii=False), one.log_probability,
                    one.compression_ratio, one.no_speech, transcriber, number,
                )  # fmt: skip
                self._writer.execute(
                    "INSERT OR REPLACE INTO transcripts SELECT id, ?, ?, ?, ?, ?, ?, ?, 0 FROM segments "
                    "WHERE id = ? AND text = ''", values,
                )  # fmt: skip
                self._writer.execute("UPDATE direct SET fused = 0 WHERE segment = ?", (number,))
            full_text.refresh(self._writer, ids)

    def transcripts(self, ids: Collection[int]) -> dict[int, Transcript]:
        """What a machine has transcribed of these segments, by id; word times in seconds of the recording."""
        rows = self._read(
            "SELECT segment, text, language, words, log_probability, compression_ratio, no_speech FROM transcripts "
            "WHERE segment IN (SELECT value FROM json_each(?))", (json.dumps(list(ids)),),
        )  # fmt: skip
        return {
            number: Transcript(text, language, tuple(Word(*word) for word in json.loads(words)), *evidence)
            for number, text, language, words, *evidence in rows
        }

    def languages_heard(self, recording: str) -> dict[str, float]:
        """Seconds of a recording that were transcribed in each language that was detected."""
        return dict(self._read(
            "SELECT transcripts.language, sum(end_s - start_s) FROM transcripts JOIN segments ON id = segment "
            "WHERE recording = ? AND transcripts.text != '' GROUP BY transcripts.language", (recording,),
        ))  # fmt: skip

    def outdate_transcripts(self) -> None:
        """Have all that machines have transcribed transcribed again; until then it stays."""
        with self._errors(), self._transaction():
            self._writer.execute("UPDATE transcripts SET outdated = 1")

    def unfused(self, limit: int) -> list[int]:
        """Some of the segments whose vector lacks the transcript that there is, in the order of ids."""
        return [number for (number,) in self._read(
            "SELECT id FROM segments LEFT JOIN direct ON direct.segment = id "
            "LEFT JOIN transcripts ON transcripts.segment = id "
            "WHERE ifnull(fused, 0) = 0 AND (fused = 0 OR segments.text != '' OR ifnull(transcripts.text, '') != '') "
            "ORDER BY id LIMIT ?", (limit,),
        )]  # fmt: skip

    def direct(self, ids: Collection[int], dim: int) -> dict[int, np.ndarray]:
        """Meanings as they were heard, float16 (dim,), of those of these segments whose vectors are fused, by id."""
        rows = self._read(
            "SELECT segment, meaning FROM direct WHERE segment IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        if any(len(blob) != 2 * dim for _, blob in rows):
            raise self._damaged("the meaning of a segment is cut short")
        return {number: np.frombuffer(blob, "<f2") for number, blob in rows}

    def replace_vectors(self, ids: Sequence[int], vectors: np.ndarray, direct: np.ndarray) -> None:
        """Give segments other unit vectors, float32 (n, dim), which have their transcripts; keep the meanings as they
        were heard, (n, meaning_dim). Segments that are gone are passed over."""
        blobs = [vector.tobytes() for vector in vectors.astype("<f2")]
        meanings = [meaning.tobytes() for meaning in direct.astype("<f2")]
        write = self._writer.execute
        with self._errors(), self._commit():
            for number, blob, meaning in zip(ids, blobs, meanings, strict=True):
                write(
                    "UPDATE vectors SET vector = ?, replaced = (SELECT generation + 1 FROM library) WHERE segment = ?",
                    (blob, number),
                )
                write("INSERT OR REPLACE INTO direct SELECT id, ?, 1 FROM segments WHERE id = ?", (meaning, number))

    def find_words(self, asked: Sequence[str], k: int, allowed: Collection[int] | None = None) -> full_text.Found:
        """The `k` segments that have most of the words asked for; see `index.store.full_text`."""
        with self._reader_lock, self._errors():
            return full_text.find_words(self._reader, asked, k, allowed)

    def find_phones(self, asked: Sequence[str], k: int, allowed: Collection[int] | None = None) -> list[int]:
        """The `k` segments that have most of the pairs of phones asked for; see `index.store.full_text`."""
        with self._reader_lock, self._errors():
            return full_text.find_phones(self._reader, asked, k, allowed)

    def words(self, ids: Collection[int]) -> dict[int, frozenset[str]]:
        """The words of these segments, with those of titles and speakers, by id."""
        with self._reader_lock, self._errors():
            return full_text.words_of(self._reader, ids)

    def recording(self, name: str) -> Recording | None:
        """The recording with this id, its path as it was added."""
        return next(iter(self._recordings("WHERE id = ?", name)), None)

    def recording_of(self, sha256: str) -> Recording | None:
        """The recording whose file has this checksum."""
        return next(iter(self._recordings("WHERE sha256 = ?", sha256)), None)

    def recordings_at(self, path: Path) -> list[Recording]:
        """The recordings that were added from this path."""
        return self._recordings("WHERE path = ?", _stored(path))

    def flawed(self) -> list[Recording]:
        """The recordings of which something could not be read."""
        return self._recordings("WHERE flaw != ''")

    def recordings(self, names: Collection[str] | None = None) -> list[Recording]:
        """All of them, or those of these ids that there are, in the order of titles."""
        if names is None:
            return self._recordings("ORDER BY title, id")
        chosen = "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY title, id"
        return self._recordings(chosen, json.dumps(list(names)))

    def position(self, name: str) -> float:
        """Seconds of a recording up to which segments are known."""
        return self._read("SELECT ifnull(max(end_s), 0) FROM segments WHERE recording = ?", (name,))[0][0]

    def envelope(self, name: str) -> bytes:
        """How loud a recording is, as it was given to `finish`; empty where it is not known."""
        rows = self._read("SELECT loudness FROM envelopes WHERE recording = ?", (name,))
        return rows[0][0] if rows else b""

    def around(self, one: Segment, count: int) -> tuple[list[Segment], list[Segment]]:
        """Up to `count` segments of the same recording before and after one, both in the order of time."""
        query = f"SELECT {SEGMENT} FROM {SEGMENTS} WHERE recording = ? AND start_s"
        before = self._read(f"{query} < ? ORDER BY start_s DESC LIMIT ?", (one.recording, one.start, count))
        after = self._read(f"{query} > ? ORDER BY start_s LIMIT ?", (one.recording, one.start, count))
        return [_segment(row) for row in reversed(before)], [_segment(row) for row in after]

    def counts(self) -> dict[str, int]:
        """How many segments each recording has, by id; none where it has none."""
        return dict(self._read("SELECT recording, count(*) FROM segments GROUP BY recording"))

    def _refresh_full_text(self, recording: str) -> None:
        ids = self._writer.execute("SELECT id FROM segments WHERE recording = ?", (recording,)).fetchall()
        full_text.refresh(self._writer, [number for (number,) in ids])

    def _recordings(self, clause: str, *values: str | bytes) -> list[Recording]:
        rows = self._read(f"SELECT {RECORDING} FROM recordings {clause}", values)
        return [Recording(name, Path(os.fsdecode(path)), *facts, bool(done)) for name, path, *facts, done in rows]

    def _read(self, query: str, values: tuple = ()) -> list[tuple]:
        with self._reader_lock, self._errors():
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """A transaction that makes a new version."""
        with self._transaction():
            self._must_be_of_its_model(*self._writer.execute("SELECT model, dim FROM library").fetchone() or ())
            yield
            commit = (secrets.token_hex(8),)
            self._writer.execute("UPDATE library SET generation = generation + 1, commit_name = ?", commit)
            self._writer.execute("INSERT INTO commits SELECT generation, commit_name FROM library")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    def _must_be_of_its_model(self, *made_by: str | int) -> None:
        if made_by != self._made_by:
            raise LibraryError(f"The library in {self.folder} was embedded anew by another model: open it again.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as errors meant for a person."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise LibraryError(
                "Nothing was added: a recording or segment is there already, belongs to no known recording, "
                f"or has a value out of range ({error})."
            ) from error
        except (sqlite3.OperationalError, sqlite3.ProgrammingError, OSError) as error:  # locked, full, closed
            if "disk" in str(error) and shutil.disk_usage(self.folder).free < ROOM:
                reason = f"There is no room left on the disk of {self.folder}: free some; what is stored there stays."
                raise LibraryError(reason) from error
            raise LibraryError(f"The library in {self.folder} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> LibraryError:
        return LibraryError(
            f"The library in {self.folder} is damaged ({reason}): restore {DATABASE_FILE} from a copy, or save what "
            f"can be read of it with: python -m clasp library repair --library {shlex.quote(str(self.folder))}"
        )


def _segment(row: tuple) -> Segment:
    """A row of SEGMENT."""
    *facts, machine_text, log_probability, detected = row
    confidence = math.exp(log_probability) if machine_text else None
    return Segment(*facts, machine_text, confidence, detected)


def _stored(path: Path) -> str | bytes:
    """A path as it is kept: its text, or its bytes where these are no UTF-8."""
    name = str(path)
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def are_unit(vectors: np.ndarray) -> bool:
    """Whether all rows of (n, dim) have unit length, as far as float16 can tell."""
    vectors = vectors.astype(np.float32)
    return bool((np.abs(np.einsum("nd,nd->n", vectors, vectors) - 1) < 0.02).all())  # not so for NaN
