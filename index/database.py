"""The truth of a library: recordings, segments and vectors in one SQLite database."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clasp.alignment import KEPT
from clasp.errors import LibraryError

from .schema import connect, migrate
from .vectors import Version

DATABASE_FILE = "library.db"


@dataclass(frozen=True)
class Recording:
    """An audio file. What is unknown is ''."""

    id: str
    path: Path  # relative to the library's audio folder, or absolute; absolute when it comes from a library
    title: str
    duration: float  # seconds
    language: str = ""  # BCP-47
    voice: str = ""
    category: str = ""
    text: str = ""


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording: one utterance. Its id is given by the library; before that it is 0."""

    id: int
    recording: str  # id
    start: float  # seconds
    end: float
    text: str = ""
    language: str = ""  # BCP-47
    voice: str = ""
    category: str = ""

    @property
    def name(self) -> str:
        """Recording and start: names the segment in files that outlive a database."""
        return f"{self.recording}@{self.start:.2f}"


@dataclass(frozen=True, eq=False)
class Contents:
    """What searching needs of every segment, in the order of ids."""

    version: Version
    ids: np.ndarray  # int64 (n,), ascending
    vectors: np.ndarray  # float32 (n, dim), unit rows
    categories: np.ndarray  # str (n,)
    languages: np.ndarray  # str (n,)

    def __post_init__(self) -> None:
        for array in (self.ids, self.vectors, self.categories, self.languages):
            array.flags.writeable = False

    def joined(self, later: "Contents") -> "Contents":
        """These, and what came later."""
        return Contents(
            later.version,
            np.concatenate([self.ids, later.ids]),
            np.concatenate([self.vectors, later.vectors]),
            np.concatenate([self.categories, later.categories]),
            np.concatenate([self.languages, later.languages]),
        )


class Database:
    """Readers on any number of threads see what is committed; of writers, there must be one at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the database in `folder`, or begin one there."""
        self.folder = folder
        with self._errors():
            self._writer = connect(folder / DATABASE_FILE)
            self._reader = connect(folder / DATABASE_FILE)
            self._reader_lock = threading.Lock()
            migrate(self._writer)

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
            self._writer.execute("INSERT INTO library VALUES (1, ?, ?, 0, ?)", values)

    def insert(
        self,
        recordings: Sequence[Recording],
        segments: Sequence[Segment],
        vectors: np.ndarray,
        heard: Sequence[np.ndarray],
    ) -> list[Segment]:
        """Add all of them, or none; vectors are float32 (number of segments, dim), packed phones uint8
        (phones, KEPT, 2) for each segment. Returns the segments with their ids."""
        blobs = [vector.tobytes() for vector in vectors.astype("<f2")]
        write = self._writer.execute
        with self._errors(), self._transaction():
            for one in recordings:
                facts = (one.title, one.duration, one.language, one.voice, one.category, one.text)
                values = (one.id, str(one.path), *facts)
                write("INSERT INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            stored = []
            for one, blob, phones in zip(segments, blobs, heard, strict=True):
                facts = (one.text, one.language, one.voice, one.category)
                values = (one.recording, one.start, one.end, *facts)
                row = write("INSERT INTO segments VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", values)
                write("INSERT INTO vectors VALUES (?, ?)", (row.lastrowid, blob))
                write("INSERT INTO phones VALUES (?, ?)", (row.lastrowid, phones.tobytes()))
                stored.append(replace(one, id=row.lastrowid))
            write("UPDATE library SET generation = generation + 1, commit_name = ?", (secrets.token_hex(8),))
        return stored

    def contents(self, after: int = 0) -> Contents:
        """Of all segments with ids above `after`, as one state of the database.

        Raises:
            LibraryError: if the database, or a vector in it, is damaged.
        """
        with self._reader_lock, self._errors():
            self._reader.execute("BEGIN")
            try:
                state = self._reader.execute("SELECT model, generation, commit_name, dim FROM library")
                *version, dim = state.fetchone()
                rows = self._reader.execute(
                    "SELECT id, category, language, vector FROM segments JOIN vectors ON segment = id "
                    "WHERE id > ? ORDER BY id", (after,)
                ).fetchall()  # fmt: skip
            finally:
                self._reader.execute("ROLLBACK")
        ids, categories, languages, blobs = zip(*rows, strict=True) if rows else ((), (), (), ())
        if any(len(blob) != 2 * dim for blob in blobs):
            raise self._damaged("a vector is cut short")
        vectors = np.frombuffer(b"".join(blobs), "<f2").astype(np.float32).reshape(-1, dim)
        if not are_unit(vectors):
            raise self._damaged("a vector is not of unit length")
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        strings = (np.array(categories, str), np.array(languages, str))
        return Contents(Version(*version), np.array(ids, np.int64), vectors, *strings)

    def segments(self, ids: Collection[int]) -> dict[int, Segment]:
        """Those of the segments with these ids that there are, by id, in the order of ids."""
        rows = self._read(
            "SELECT id, recording, start_s, end_s, text, language, voice, category FROM segments "
            "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(ids)),),
        )
        return {row[0]: Segment(*row) for row in rows}

    def heard(self, ids: Collection[int]) -> dict[int, np.ndarray]:
        """Packed phones, uint8 (phones, KEPT, 2), of those of these segments for which they are known, by id."""
        rows = self._read(
            "SELECT segment, heard FROM phones WHERE segment IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )
        if any(len(blob) % (2 * KEPT) for _, blob in rows):
            raise self._damaged("the phones of a segment are cut short")
        return {number: np.frombuffer(blob, np.uint8).reshape(-1, KEPT, 2) for number, blob in rows}

    def recording(self, name: str) -> Recording | None:
        """The recording with this id, its path as it was added."""
        rows = self._read(
            "SELECT id, path, title, duration, language, voice, category, text FROM recordings WHERE id = ?",
            (name,),
        )
        return Recording(rows[0][0], Path(rows[0][1]), *rows[0][2:]) if rows else None

    def _read(self, query: str, values: tuple = ()) -> list[tuple]:
        with self._reader_lock, self._errors():
            return self._reader.execute(query, values).fetchall()

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
            raise LibraryError(f"The library in {self.folder} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> LibraryError:
        return LibraryError(
            f"The library in {self.folder} is damaged ({reason}): restore {DATABASE_FILE} from a copy."
        )


def are_unit(vectors: np.ndarray) -> bool:
    """Whether all rows of (n, dim) have unit length, as far as float16 can tell."""
    return bool((np.abs(np.linalg.norm(vectors, axis=1) - 1) < 0.01).all())  # not so for NaN
