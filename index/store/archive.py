"""A whole library as one archive, recordings included, and back: a zip file that any program can look into."""

import os
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

from sqlalchemy.exc import DBAPIError

from clasp.errors import LibraryError
from clasp.files import whole_file
from index.library import FILES
from index.store.copying import copy_rows
from index.store.home import home_of
from index.store.postgresql import PostgreSQL
from index.store.schema import DATABASE_FILE, connect, migrate
from index.store.sqlite import SQLite

UNPACKED = 256 * 2**30  # bytes: most that an archive may unfold to


def pack(folder: Path, target: Path) -> None:
    """Write the library in `folder` to `target`, as one state; recordings that lie elsewhere go along.

    Raises:
        LibraryError: if something cannot be read or written; `target` is as before then.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder) as scratch, whole_file(target) as path:
            copy = Path(scratch, DATABASE_FILE)
            _copy_database(folder, copy)
            with closing(sqlite3.connect(copy)) as database:
                rows = database.execute("SELECT id, path, sha256 FROM recordings").fetchall()
                with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
                    for name, where, digest in rows:
                        file = folder / os.fsdecode(where)
                        if file.is_file():
                            inside = PurePosixPath(FILES, (digest or name) + file.suffix.lower())
                            archive.write(file, str(inside))
                            database.execute("UPDATE recordings SET path = ? WHERE id = ?", (str(inside), name))
                    database.commit()
                    database.execute("PRAGMA journal_mode = DELETE")
                    archive.write(copy, DATABASE_FILE, zipfile.ZIP_DEFLATED)
    except (OSError, sqlite3.Error, DBAPIError) as error:
        raise LibraryError(f"The library in {folder} cannot be exported: {error}.") from error


def unpack(archive: Path, folder: Path) -> None:
    """Make a library in `folder`, or in the server of CLASP_DATABASE, of what `pack` wrote, whole or not at all.

    Raises:
        LibraryError: if there is a library already, or the archive is damaged, hostile or too large.
    """
    if folder.exists() and any(folder.iterdir()):
        raise LibraryError(f"{folder} is not empty: import into a library that is not there yet.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".importing-") as scratch:
            built = Path(scratch, "library")
            (built / FILES).mkdir(parents=True)
            with zipfile.ZipFile(archive) as source:
                left = UNPACKED
                for entry in source.infolist():
                    name = PurePosixPath(entry.filename)
                    if str(name) != DATABASE_FILE and (str(name.parent) != FILES or "\\" in entry.filename):
                        raise LibraryError(f"{archive.name} is no library: it holds {entry.filename!r}.")
                    with source.open(entry) as packed, (built / name).open("xb") as file:
                        while block := packed.read(2**20):
                            left -= len(block)
                            if left < 0:
                                raise LibraryError(f"{archive.name} unfolds to more than {UNPACKED / 2**30:g} GiB.")
                            file.write(block)
            _check(built, archive.name)
            with _moved(built, home_of(folder)):
                if folder.exists():
                    folder.rmdir()
                os.replace(built, folder)
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, sqlite3.Error, DBAPIError) as error:
        raise LibraryError(f"{archive.name} cannot be imported: {error}.") from error


def _copy_database(folder: Path, target: Path) -> None:
    """Copy the database of a library, as one state, to a new one of SQLite."""
    home = home_of(folder)
    if isinstance(home, PostgreSQL):
        copy = SQLite(target.parent)
        copy.migrate()
        copy_rows(home, copy)
    else:
        with closing(connect(folder / DATABASE_FILE)) as source, closing(sqlite3.connect(target)) as database:
            source.backup(database)


@contextmanager
def _moved(folder: Path, home: SQLite | PostgreSQL) -> Iterator[None]:
    """Meanwhile the database of the library in `folder` is at its home, where it stays if nothing is raised."""
    if isinstance(home, SQLite):
        yield
        return
    if home.exists():
        raise LibraryError(f"{home.name} has a library of this name: import into one that is not there yet.")
    try:
        home.migrate()
        copy_rows(SQLite(folder), home)
        home.settle(folder)
        for path in folder.glob(f"{DATABASE_FILE}*"):
            path.unlink()
        yield
    except BaseException:
        home.drop()
        raise


def _check(folder: Path, name: str) -> None:
    """That the database is whole, and names no file outside the library but by a path that is not there."""
    if not (folder / DATABASE_FILE).is_file():
        raise LibraryError(f"{name} is no library: it has no {DATABASE_FILE}.")
    with closing(connect(folder / DATABASE_FILE)) as database:
        migrate(database)
        if database.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise LibraryError(f"{name} is damaged: its database is not whole. Export it again.")
        for recording, where in database.execute("SELECT id, path FROM recordings").fetchall():
            path = PurePosixPath(os.fsdecode(where))
            if str(path.parent) != FILES or not (folder / path).is_file():
                lost = str(PurePosixPath(FILES, "lost", recording))  # it was not there when exported
                database.execute("UPDATE recordings SET path = ? WHERE id = ?", (lost, recording))
