"""The database of a library with the search index that follows it.

    indexed = IndexedDatabase(Database(folder))
    with indexed.writing() as database:           # one writer at a time
        database.edit("interview", {"title": "Harbour"})
        indexed.follow()
    indexed.index.nearest(query, 10, None)        # any number of threads, also meanwhile

The database is the truth. The index is kept in memory and never changes: writing makes a new one and swaps it in.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clasp.errors import LibraryError
from index.store.database import Database
from index.vectors.search_index import SearchIndex
from index.vectors.segment_table import SegmentTable


class IndexedDatabase:
    """A database and its index; any number of threads may read it.

    Attributes:
        index: what can be found now.
    """

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
        self.database = database
        self.read_only = read_only
        self.index = SearchIndex.open(database.folder, database.contents(), database.knows)
        self._stored = True  # whether the folder has the index of what was written here
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """The database, for one writer at a time.

        Raises:
            LibraryError: if the library is for searching only.
        """
        self.must_be_writable()
        with self._lock:
            yield self.database

    def must_be_writable(self) -> None:
        """Raise LibraryError if the library is for searching only."""
        if self.read_only:
            folder = self.database.folder
            raise LibraryError(f"The library in {folder} is for searching only: it cannot be changed here.")

    def follow(self, change: Callable[[SegmentTable], SegmentTable] | None = None) -> None:
        """Search what was just written from now on; called while writing.

        Args:
            change: makes the segments of before those of now, which is quicker than reading them (the default). It does
                not count where another process has written meanwhile.
        """
        before = self.index.segments
        after = None if change is None else change(before)
        if after is None or after.version.generation != before.version.generation + 1:
            after = self.database.contents(known=before)
        self.index, self._stored = self.index.updated(after), False

    def refresh(self, *, wait: bool = False) -> None:
        """Take up what other processes have written, unless this one is writing; or `wait` until it is not."""
        if self._is_current() or not self._lock.acquire(blocking=wait):
            return
        try:
            if not self._is_current():  # who has written it stores the index
                self.index = self.index.updated(self.database.contents(known=self.index.segments))
        finally:
            self._lock.release()

    def store_index(self) -> None:
        """Write the index to the folder, if that lacks something, so that the next opening finds it."""
        with self._lock:
            if not self._stored:
                self.index, self._stored = self.index.save(self.database.folder), True

    def close(self, *, store_index: bool = True) -> None:
        """Store the index and close the database. Searching afterwards is an error."""
        if store_index:
            self.store_index()
        with self._lock:
            self.database.close()

    def _is_current(self) -> bool:
        return self.database.version() == self.index.segments.version
