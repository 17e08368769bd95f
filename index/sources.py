"""Where the recordings of a library come from by themselves: folders that it watches, and feeds that it follows."""

import sqlite3
from contextlib import closing
from pathlib import Path

from index.store.schema import DATABASE_FILE


def has_sources(library: Path) -> bool:
    """Whether the library in a folder watches folders or follows feeds, without opening it."""
    path = library / DATABASE_FILE
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT 1 FROM watched_folders UNION ALL SELECT 1 FROM feeds LIMIT 1")
            return found.fetchone() is not None
    except sqlite3.Error:  # it is older, or damaged, which is said where it is opened
        return False
