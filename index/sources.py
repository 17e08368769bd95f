"""Where the recordings of a library come from by themselves: folders that it watches, and feeds that it follows."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from clasp.errors import LibraryError
from index.store.home import home_of, is_named
from index.store.statements import read


def has_sources(library: Path) -> bool:
    """Whether the library in a folder watches folders or follows feeds, without opening it."""
    if not is_named(library):
        return False
    query = "SELECT 1 FROM watched_folders UNION ALL SELECT 1 FROM feeds LIMIT 1"
    try:
        engine = home_of(library).engine()
        try:
            return bool(read(engine, query))
        finally:
            engine.dispose()
    except (DBAPIError, sqlite3.Error, LibraryError):  # older, damaged or out of reach: said where it is opened
        return False
