"""The table of watched folders."""

import os
from pathlib import Path

from index.records import WatchedFolder
from index.store.connection import Connection


class WatchedFolderTable(Connection):
    """What is asked of it, and the changes to it."""

    def watched_folders(self) -> list[WatchedFolder]:
        """The watched folders, in the order of their paths."""
        rows = self._read("SELECT path, happened, outcome FROM watched_folders ORDER BY path")
        return [WatchedFolder(Path(os.fsdecode(path)), happened, outcome) for path, happened, outcome in rows]

    def watch_folder(self, path: Path) -> None:
        """Add a folder, if it is not there yet."""
        with self._transaction():
            self._write(
                "INSERT INTO watched_folders VALUES (:path, '', '') ON CONFLICT (path) DO NOTHING",
                path=self._home.stored_path(path),
            )

    def note_watched_folder(self, path: Path, happened: str, outcome: str) -> None:
        """Say what happened last."""
        with self._transaction():
            self._write(
                "UPDATE watched_folders SET happened = :happened, outcome = :outcome WHERE path = :path",
                happened=happened, outcome=outcome, path=self._home.stored_path(path),
            )  # fmt: skip

    def unwatch_folder(self, path: Path) -> None:
        """Take a folder out."""
        with self._transaction():
            self._write("DELETE FROM watched_folders WHERE path = :path", path=self._home.stored_path(path))
