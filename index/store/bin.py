"""The bin of a library: beside its own tables the same again, which hold the rows of removed recordings.

A recording is copied there before it is taken out of the library, and back before it is taken out of the bin. Whoever
is stopped in between leaves it in both: then it is in the library, and what the bin has of it does not count.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import sqlalchemy

from index.store.connection import Connection
from index.store.postgresql import PostgreSQL
from index.store.schema import tables
from index.store.sqlite import SQLite
from index.store.statements import execute, read

TABLE = """CREATE TABLE IF NOT EXISTS bin.bin (
    recording TEXT PRIMARY KEY,
    removed TEXT NOT NULL,  -- ISO 8601, UTC
    model TEXT NOT NULL     -- checksum of the model that made its vectors
)"""
REMADE = ("compared",)  # tables that say what has been made of the library as it was
LIVING = "SELECT id FROM main.recordings"  # which are in the library


class Bin(Connection):
    """What is removed from a library, and can be brought back."""

    def binned(self, *, every: bool = False) -> list[tuple[str, str, str, str]]:
        """Id, title, path and time of removal of the recordings in the bin, those removed last first; of `every` one,
        also of those that are in the library again."""
        living = "" if every else f"WHERE id NOT IN ({LIVING}) "
        rows = self._read_bin(
            "SELECT id, title, path, removed FROM bin.recordings JOIN bin.bin ON recording = id "
            f"{living}ORDER BY removed DESC, title, id"
        )
        return [(name, title, os.fsdecode(path), removed) for name, title, path, removed in rows]

    def binned_of(self, sha256: str) -> str | None:
        """The id of the recording in the bin whose file has this checksum, if it can be brought back."""
        rows = self._read_bin(
            "SELECT id FROM bin.recordings JOIN bin.bin ON recording = id "
            f"WHERE sha256 = :sha256 AND id NOT IN ({LIVING}) AND model = (SELECT model FROM main.library)",
            sha256=sha256,
        )  # fmt: skip
        return rows[0][0] if rows else None

    def copy_to_bin(self, names: Collection[str], removed: str) -> None:
        """Copy recordings, and all that belongs to them, into the bin."""
        with self._errors(), self._bin().begin() as connection:  # only the bin is locked
            self._delete_from_bin(connection, names)
            for table, clause in _clauses("").items():
                copy = f"INSERT INTO bin.{table} SELECT * FROM main.{table} WHERE {clause}"
                execute(connection, copy, names=names)
            execute(
                connection,
                "INSERT INTO bin.bin SELECT recordings.id, :removed, model FROM main.recordings, main.library "
                "WHERE recordings.id IN :names", removed=removed, names=names,
            )  # fmt: skip

    def copy_from_bin(self, names: Collection[str]) -> bool:
        """Copy recordings, and all that belongs to them, from the bin, in the transaction of `restoring`, if all are
        there with vectors of the library's model. Their segments get ids that none has had. Returns whether they
        are."""
        writer = self._writer
        there = "SELECT count(*) FROM bin.bin JOIN main.library USING (model) WHERE recording IN :names"
        if execute(writer, there, names=names).scalar_one() < len({*names}):
            return False
        span = "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM bin.segments WHERE recording IN :names"
        first, last = execute(writer, span, names=names).one()
        shift = self._home.new_ids(writer, last + 1 - first) - first
        for table, clause in _clauses("bin.").items():
            ids = {column for column, parent, _ in tables()[table].references if parent == "segments"}
            ids |= {"id"} if table == "segments" else set()
            columns = tables()[table].columns
            values = [f"{column} + {shift}" if column in ids else column for column in columns]
            copy = f"INSERT INTO main.{table} ({', '.join(columns)}) "
            copy += f"SELECT {', '.join(values)} FROM bin.{table} WHERE {clause}"
            execute(writer, copy, names=names)
        return True

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """A transaction in which the bin can be read."""
        with self._errors(), self._commit(self._bin()):
            yield

    def delete_binned(self, names: Collection[str]) -> None:
        """Take recordings out of the bin."""
        with self._errors():
            engine = self._bin()
            with engine.begin() as connection:
                self._delete_from_bin(connection, names)
            self._home.give_back_space(engine, "bin")

    def _read_bin(self, sql: str, **values: str) -> list[tuple]:
        with self._errors():
            if not self._home.has("bin"):
                return []
            return read(self._bin(), sql, **values)

    def _bin(self) -> sqlalchemy.Engine:
        """Makes connections to the library's database that see the bin, which is made if need be."""
        self._home.migrate("bin")
        self._home.prepare("bin", [TABLE])  # which is not there yet if making the bin was interrupted
        return self._home.engine("bin")

    def _delete_from_bin(self, connection: sqlalchemy.Connection, names: Collection[str]) -> None:
        """Take recordings out of the bin, in a transaction."""
        for table, clause in reversed(_clauses("bin.").items()):
            execute(connection, f"DELETE FROM bin.{table} WHERE {clause}", names=names)
        execute(connection, "DELETE FROM bin.bin WHERE recording IN :names", names=names)


def paths_in_bin(home: SQLite | PostgreSQL) -> list[str]:
    """The paths of the recordings in the bin of a library, as they were added."""
    if not home.has("bin"):
        return []
    home.migrate("bin")
    return [os.fsdecode(path) for (path,) in read(home.engine("bin"), "SELECT path FROM bin.recordings")]


def _clauses(part: str) -> dict[str, str]:
    """The tables that have something of recordings alone, parents first, and of each the condition for some of these,
    whose ids are the value `names`. `part` comes before the names of other tables."""
    clauses = {"recordings": "id IN :names", "segments": "recording IN :names"}
    for name, table in tables().items():
        parents = {parent: column for column, parent, _ in table.references}
        if name in clauses or name in REMADE or sum(cascades for *_, cascades in table.references) != 1:
            continue
        if "recordings" in parents:
            clauses[name] = f"{parents['recordings']} IN :names"
        elif "segments" in parents:
            clauses[name] = f"{parents['segments']} IN (SELECT id FROM {part}segments WHERE recording IN :names)"
    return clauses
