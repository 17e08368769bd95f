"""The database of a library with the search index that follows it.

    indexed = IndexedDatabase(Database(folder))
    with indexed.writing() as database:           # one writer at a time
        database.edit("interview", {"title": "Harbour"})
        indexed.follow()
    indexed.index.nearest(query, 10, None)        # any number of threads, also meanwhile

The database is the truth. The index is kept in memory and never changes: writing makes a new one and swaps it in. What
its graphs lack is compared one by one; once that is much, a thread extends them and swaps them in.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from clasp.errors import LibraryError
from index.store.database import Database
from index.vectors.milvus import MilvusIndex
from index.vectors.search_index import SearchIndex
from index.vectors.segment_table import SegmentTable


class IndexedDatabase:
    """A database and its index; any number of threads may read it.

    Attributes:
        index: what can be found now.
    """

    def __init__(
        self, database: Database, halves: Sequence[slice], *, milvus: str = "", read_only: bool = False
    ) -> None:
        """Open the index.

        Args:
            halves: where those of a vector are, see `index.vectors.protocol.halves_of`.
            milvus: address of the server that searches, see `index.vectors.milvus`; '': it is done here.

        Raises:
            LibraryError: if the server cannot be used.
        """
        self.database = database
        self.read_only = read_only
        segments = database.contents()
        if milvus and halves:
            found = MilvusIndex.open(milvus, database.identity(), segments, halves, database.knows)
            self.index = SearchIndex(segments, halves, found)
        else:
            self.index = SearchIndex.open(database.folder, segments, halves, database.knows)
        self._searchable = bool(halves)
        self._stored = not self.index.lacking.any()  # whether the folder has the index of what was written here
        self._lock = threading.Lock()
        self._extending: threading.Thread | None = None
        self._stop = False
        if self.index.is_behind:
            self._extend_in_background(store=True)
        else:
            self.store_index()

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
        self._extend_in_background()

    def refresh(self, *, wait: bool = False) -> None:
        """Take up what other processes have written, unless this one is writing; or `wait` until it is not."""
        if (self._is_current() and not self.index.is_behind) or not self._lock.acquire(blocking=wait):
            return
        try:
            if not self._is_current():  # who has written it stores the index
                self.index = self.index.updated(self.database.contents(known=self.index.segments))
            self._extend_in_background()
        finally:
            self._lock.release()

    def store_index(self) -> None:
        """Write the index to the folder, if that lacks something, so that the next opening finds it."""
        self._stop_extending()
        with self._lock:
            if self._searchable and not self._stored:
                self.index, self._stored = self.index.save(self.database.folder), True

    def close(self, *, store_index: bool = True) -> None:
        """Store the index and close the database. Searching afterwards is an error."""
        if store_index:
            self.store_index()
        self._stop_extending()
        with self._lock:
            self.database.close()

    def _is_current(self) -> bool:
        return self.database.version() == self.index.segments.version

    def _extend_in_background(self, *, store: bool = False) -> None:
        """Extend the graphs, if that is worth it and not being done; `store` them then."""
        if self._searchable and self.index.is_behind and (self._extending is None or not self._extending.is_alive()):
            self._stop = False
            self._extending = threading.Thread(target=self._extend, args=(store,), name="extend the search index")
            self._extending.start()

    def _extend(self, store: bool) -> None:
        while self.index.is_behind and not self._is_stopped():
            extended = self.index.extended(self._is_stopped)
            with self._lock:  # what was written meanwhile comes one by one
                self.index = self.index.with_vectors_of(extended)
        if store and not self._is_stopped():
            with self._lock:
                self.index, self._stored = self.index.save(self.database.folder), True

    def _stop_extending(self) -> None:
        """Have it end soon, and wait for that; what is done by then counts."""
        self._stop = True
        if self._extending is not None:
            self._extending.join()

    def _is_stopped(self) -> bool:
        return self._stop or not threading.main_thread().is_alive()  # the interpreter waits for threads
