"""SQLite as the home of a library: files in its folder, for the processes of one machine."""

import os
import shlex
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, NullPool, QueuePool, create_engine, event

from clasp.errors import LibraryError
from index.store.schema import DATABASE_FILE, connect, migrate

FILES = {"main": DATABASE_FILE, "bin": "bin.db", "fresh": "reembedded.db"}
LEAST_FREE = 2**20  # bytes; a disk with less is full
READERS = 8  # connections that stay open


class SQLite:
    """The databases of a library in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def engine(self, *parts: str) -> Engine:
        """Makes connections to the library's database, in which SQL names what is in other `parts` by these.

        Every connection is in a transaction. One of an engine with the option `writes` is the only one of these.
        """
        attached = {part: self._folder / FILES[part] for part in parts}

        def connected() -> sqlite3.Connection:
            connection = connect(self._folder / DATABASE_FILE)
            try:
                for part, path in attached.items():
                    connection.execute(f"ATTACH ? AS {part}", (str(path),))
            except BaseException:
                connection.close()
                raise
            return connection

        pool = {"poolclass": NullPool} if parts else {
            "poolclass": QueuePool, "pool_size": READERS, "max_overflow": -1, "pool_use_lifo": True
        }  # fmt: skip
        engine = create_engine("sqlite://", creator=connected, **pool)
        event.listen(engine, "begin", _begin)
        return engine

    def exists(self) -> bool:
        """Whether there is a library, be that damaged."""
        path = self._folder / DATABASE_FILE
        return path.is_file() and path.stat().st_size > 0

    def has(self, part: str) -> bool:
        """Whether a part is there."""
        return (self._folder / FILES[part]).exists()

    def migrate(self, part: str = "main") -> None:
        """Bring a part up to date, or make it, whole or not at all."""
        path = self._folder / FILES[part]
        is_new = not path.exists()
        try:
            with closing(connect(path)) as connection:
                migrate(connection)
        except BaseException:
            if is_new and part != "main":  # the disk is full: there is none then
                for left in (path, *path.parent.glob(f"{path.name}-*")):
                    left.unlink(missing_ok=True)
            raise

    def settle(self) -> None:
        """Nothing: the library is in its folder."""

    def prepare(self, part: str, tables: Sequence[str]) -> None:
        """Make the tables of a part that are not there."""
        with self.engine(part).begin() as connection:
            for sql in tables:
                connection.exec_driver_sql(sql)

    def drop(self, part: str) -> None:
        """Delete a part."""
        (self._folder / FILES[part]).unlink(missing_ok=True)

    def give_back_space(self, engine: Engine, part: str = "main") -> None:
        """Shorten the file by what was deleted."""
        with closing(engine.raw_connection()) as pooled:
            connection = pooled.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            connection.executescript(f"PRAGMA {part}.incremental_vacuum")  # `execute` would free a single page
            connection.execute(f"PRAGMA {part}.wal_checkpoint(TRUNCATE)").fetchall()

    def stored_path(self, path: Path) -> str | bytes:
        """A path as it is stored: its text, or its bytes where these are no UTF-8."""
        name = str(path)
        try:
            name.encode()
        except UnicodeEncodeError:
            return os.fsencode(name)
        return name

    def new_ids(self, connection: Connection, count: int) -> int:
        """The first of so many ids that no segment has had."""
        (last,) = connection.exec_driver_sql(
            "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'segments'"
        ).one()
        return last + 1

    def go_on_counting(self, connection: Connection) -> None:
        """Nothing: SQLite does so."""

    def explained(self, error: BaseException) -> LibraryError:
        """An error of the database, meant for a person."""
        folder = self._folder
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError | sqlite3.ProgrammingError
        ):
            return self.damaged(str(error))
        if "disk" in str(error) and shutil.disk_usage(folder).free < LEAST_FREE:  # locked, full, closed
            return LibraryError(
                f"There is no room left on the disk of {folder}: free some; what is stored there stays."
            )
        return LibraryError(f"The library in {folder} cannot be used: {error}.")

    def damaged(self, reason: str) -> LibraryError:
        """What is said where something in the database cannot be."""
        return LibraryError(
            f"The library in {self._folder} is damaged ({reason}): restore {DATABASE_FILE} from a copy, or save what "
            f"can be read of it with: python -m clasp library repair --library {shlex.quote(str(self._folder))}"
        )


def _begin(connection: Connection) -> None:
    how = "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
    connection.connection.cursor().execute(how)  # a tenth of the time that SQLAlchemy takes for it
