"""Where the database of a library is: in its folder, or in the PostgreSQL server that CLASP_DATABASE names."""

from pathlib import Path

from clasp.settings import current
from index.store.postgresql import LINK_FILE, PostgreSQL
from index.store.schema import DATABASE_FILE
from index.store.sqlite import SQLite


def home_of(folder: Path, server: str | None = None) -> SQLite | PostgreSQL:
    """The home of the library in `folder`, or of the one that will be made there.

    Args:
        server: address of the server that new ones are made in, '' for none; None: what CLASP_DATABASE says.

    Raises:
        LibraryError: if the server cannot be used.
    """
    server = current().database if server is None else server
    if (folder / DATABASE_FILE).exists():
        return SQLite(folder)
    return PostgreSQL(folder, server) if server or (folder / LINK_FILE).exists() else SQLite(folder)


def is_named(folder: Path) -> bool:
    """Whether the folder says that it has a library, be that damaged."""
    return any((folder / file).exists() for file in (DATABASE_FILE, LINK_FILE))
