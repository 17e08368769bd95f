"""The table of watched folders."""

import os
from pathlib import Path

from index.records import WatchedFolder
from index.store.connection import Connection
from index.store.queries import stored_path


class WatchedFolderTable(Connection):
    """What is asked of it, and the changes to it."""

    def watched_folders(self) -> list[WatchedFolder]:
        """The watched folders, in the order in which they were named."""
        rows = self._read("SELECT path, happened, outcome FROM watched_folders ORDER BY rowid")
        return [WatchedFolder(Path(os.fsdecode(path)), happened, outcome) for path, happened, outcome in rows]

    def watch_folder(self, path: Path) -> None:
        """Add a folder, if it is not there yet."""
        with self._transaction():
            self._writer.execute("INSERT OR IGNORE INTO watched_folders VALUES (?, '', '')", (stored_path(path),))

    def note_watched_folder(self, path: Path, happened: str, outcome: str) -> None:
        """Say what happened last."""
        with self._transaction():
            values = (happened, outcome, stored_path(path))
            self._writer.execute("UPDATE watched_folders SET happened = ?, outcome = ? WHERE path = ?", values)

    def unwatch_folder(self, path: Path) -> None:
        """Take a folder out."""
        with self._transaction():
            self._writer.execute("DELETE FROM watched_folders WHERE path = ?", (stored_path(path),))
