"""The folders that a library watches while the app is open; `index.ingest.watch` tells what has changed in one.

library.watched_folders.add(Path("/home/ada/Interviews"))
library.watched_folders.all()           # [WatchedFolder(Path("/home/ada/Interviews"), …)]
"""

from datetime import datetime, timezone
from pathlib import Path

from clasp.errors import DataError, LibraryError
from clasp.filenames import readable
from index.indexed_database import IndexedDatabase
from index.records import WatchedFolder


class LibraryWatchedFolders:
    """The watched folders of one library."""

    def __init__(self, indexed: IndexedDatabase) -> None:
        self._indexed = indexed
        self._database = indexed.database

    def all(self) -> list[WatchedFolder]:
        """The folders, in the order of their paths."""
        return self._database.watched_folders()

    def add(self, path: Path) -> None:
        """Watch a folder, given by its absolute path.

        Raises:
            DataError: if it is none, or holds the library.
        """
        if not path.is_dir():
            raise DataError(f"{readable(str(path))} is no folder: name one that is there.")
        if self._database.folder.resolve().is_relative_to(path.resolve()):
            raise DataError(f"{readable(str(path))} holds this library itself: name a folder beside it.")
        with self._indexed.writing() as database:
            database.watch_folder(path)

    def note(self, path: Path, outcome: str) -> None:
        """Say what has happened in a folder, in one sentence; what was said already is not said anew."""
        if any(one.path == path and one.outcome != outcome for one in self.all()):
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            with self._indexed.writing() as database:
                database.note_watched_folder(path, now, outcome)

    def remove(self, path: Path) -> None:
        """Watch a folder no longer. What was added of it stays in the library.

        Raises:
            LibraryError: if it is not watched.
        """
        if path not in [one.path for one in self.all()]:
            raise LibraryError(f"{readable(str(path))} is not watched.")
        with self._indexed.writing() as database:
            database.unwatch_folder(path)
