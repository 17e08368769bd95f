"""The bin of a library: a database beside its own, with the same tables, that holds the rows of removed recordings.

A recording is copied there before it is taken out of the library, and back before it is taken out of the bin. Whoever
is stopped in between leaves it in both: then it is in the library, and what the bin has of it does not count.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from index.store.connection import Connection
from index.store.schema import DATABASE_FILE, connect, migrate

BIN_FILE = "bin.db"
TABLE = """CREATE TABLE IF NOT EXISTS bin (
    recording TEXT PRIMARY KEY,
    removed TEXT NOT NULL,  -- ISO 8601, UTC
    model TEXT NOT NULL     -- checksum of the model that made its vectors
) WITHOUT ROWID"""
REMADE = ("compared",)  # tables that say what has been made of the library as it was
LIVING = "SELECT id FROM library.recordings"  # which are in the library


class Bin(Connection):
    """What is removed from a library, and can be brought back."""

    def binned(self, *, every: bool = False) -> list[tuple[str, str, str, str]]:
        """Id, title, path and time of removal of the recordings in the bin, those removed last first; of `every` one,
        also of those that are in the library again."""
        if not (self.folder / BIN_FILE).exists():
            return []
        with self._errors(), self._bin() as database:
            rows = database.execute(
                "SELECT id, title, path, removed FROM recordings JOIN bin ON recording = id "
                f"WHERE ? OR id NOT IN ({LIVING}) ORDER BY removed DESC, title, id", (every,),
            ).fetchall()  # fmt: skip
        return [(name, title, os.fsdecode(path), removed) for name, title, path, removed in rows]

    def binned_of(self, sha256: str) -> str | None:
        """The id of the recording in the bin whose file has this checksum, if it can be brought back."""
        if not (self.folder / BIN_FILE).exists():
            return None
        with self._errors(), self._bin() as database:
            row = database.execute(
                "SELECT id FROM recordings JOIN bin ON recording = id "
                f"WHERE sha256 = ? AND id NOT IN ({LIVING}) AND model = (SELECT model FROM library.library)", (sha256,),
            ).fetchone()  # fmt: skip
        return row[0] if row else None

    def copy_to_bin(self, name: str, removed: str) -> None:
        """Copy a recording, and all that belongs to it, into the bin."""
        with self._errors(), self._bin() as database:
            database.execute("BEGIN")  # of both databases, only the bin is locked
            _delete(database, name)
            for table, clause in _rows(database, "library").items():
                database.execute(f"INSERT INTO main.{table} SELECT * FROM library.{table} WHERE {clause}", (name,))
            database.execute("INSERT INTO bin SELECT ?, ?, model FROM library.library", (name, removed))
            database.execute("COMMIT")

    def copy_from_bin(self, name: str) -> bool:
        """Copy a recording, and all that belongs to it, from the bin, in the transaction of `restoring`. Its segments
        get ids that none has had. Returns whether it is there, with vectors of the library's model."""
        write = self._writer.execute
        there = "SELECT 1 FROM bin.bin JOIN library USING (model) WHERE recording = ?"
        if write(there, (name,)).fetchone() is None:
            return False
        (last,) = write("SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'segments'").fetchone()
        (first,) = write("SELECT ifnull(min(id), 0) FROM bin.segments WHERE recording = ?", (name,)).fetchone()
        for table, clause in _rows(self._writer, "bin").items():
            ids = {column for column, parent in _parents(self._writer, table) if parent == "segments"}
            ids |= {"id"} if table == "segments" else set()
            columns = [row[1] for row in write(f"PRAGMA main.table_info({table})")]
            values = [f"{column} + {last + 1 - first}" if column in ids else column for column in columns]
            write(f"INSERT INTO main.{table} SELECT {', '.join(values)} FROM bin.{table} WHERE {clause}", (name,))
        return True

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """A transaction in which the bin can be read."""
        with self._errors(), self._bin():
            pass  # there is one, of this version
        with self._errors():
            self._writer.execute("ATTACH ? AS bin", (str(self.folder / BIN_FILE),))
            try:
                with self._commit():
                    yield
            finally:
                self._writer.execute("DETACH bin")

    def delete_binned(self, name: str) -> None:
        """Take a recording out of the bin."""
        with self._errors(), self._bin() as database:
            database.execute("BEGIN")
            _delete(database, name)
            database.execute("COMMIT")
            database.executescript("PRAGMA incremental_vacuum")

    @contextmanager
    def _bin(self) -> Iterator[sqlite3.Connection]:
        """The bin's database, made if need be, with the library's attached to be read."""
        path = self.folder / BIN_FILE
        if not path.exists():
            try:
                _make(path)
            except BaseException:  # the disk is full: there is none then
                for left in (path, *path.parent.glob(f"{BIN_FILE}-*")):
                    left.unlink(missing_ok=True)
                raise
        with closing(connect(path)) as database:
            migrate(database)
            database.execute("PRAGMA foreign_keys = OFF")  # what other tables say stays in the library
            database.execute(TABLE)  # which is not there yet if making it was interrupted
            database.execute("ATTACH ? AS library", (f"{self.folder / DATABASE_FILE}",))
            try:
                yield database
            finally:
                if database.in_transaction:
                    database.execute("ROLLBACK")


def paths_in_bin(folder: Path) -> list[str]:
    """The paths of the recordings in the bin of the library in `folder`, as they were added."""
    if not (folder / BIN_FILE).exists():
        return []
    with closing(connect(folder / BIN_FILE)) as database:
        migrate(database)
        return [os.fsdecode(path) for (path,) in database.execute("SELECT path FROM recordings")]


def _make(path: Path) -> None:
    with closing(connect(path)) as database:
        migrate(database)
        database.execute(TABLE)


def _delete(database: sqlite3.Connection, name: str) -> None:
    """Take a recording out of the bin, in a transaction."""
    clauses = _rows(database, "main")
    for table in reversed(clauses):
        database.execute(f"DELETE FROM main.{table} WHERE {clauses[table]}", (name,))
    database.execute("DELETE FROM bin WHERE recording = ?", (name,))


def _rows(database: sqlite3.Connection, schema: str) -> dict[str, str]:
    """The tables that have something of recordings alone, parents first, and of each the condition for a single one,
    the id of which is its only value."""
    clauses = {"recordings": "id = ?", "segments": "recording = ?"}
    tables = database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    for (table,) in tables:
        parents = {parent: column for column, parent in _parents(database, table)}
        if table in clauses or table in REMADE or _owners(database, table) != 1:
            continue
        if "recordings" in parents:
            clauses[table] = f"{parents['recordings']} = ?"
        elif "segments" in parents:
            clauses[table] = f"{parents['segments']} IN (SELECT id FROM {schema}.segments WHERE recording = ?)"
    return clauses


def _owners(database: sqlite3.Connection, table: str) -> int:
    """Without how many others, all at once, a row of a table does not stay."""
    return sum(row[6] == "CASCADE" for row in database.execute(f"PRAGMA main.foreign_key_list({table})"))


def _parents(database: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """The columns of a table that refer to another one, and which."""
    return [(row[3], row[2]) for row in database.execute(f"PRAGMA main.foreign_key_list({table})")]
