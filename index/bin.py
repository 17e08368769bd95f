"""Recordings that were removed from a library, for thirty days.

    library.bin.put("interview")
    library.bin.contents()[0].title
    library.bin.restore("interview")

What is in the bin is neither found nor counted nor exported. Its transcripts, corrections and notes stay with it, and
so does its file, if that was copied into the library.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from clasp.errors import LibraryError
from index.indexed_database import IndexedDatabase
from index.store.database import Database

KEEP = timedelta(days=30)


@dataclass(frozen=True)
class Removed:
    """A recording in the bin."""

    id: str
    title: str
    path: Path  # as it was added
    removed: datetime  # UTC

    @property
    def until(self) -> datetime:
        """When it is deleted for good."""
        return self.removed + KEEP


class LibraryBin:
    """The bin of one library; recordings are given by id."""

    def __init__(self, indexed: IndexedDatabase, unlink: Callable[[Path], None]) -> None:
        """`unlink` deletes a file by its path, as it was added, if that was copied into the library."""
        self._indexed = indexed
        self._unlink = unlink

    def put(self, *recordings: str) -> None:
        """Remove recordings from the library, in one transaction, so that they can be restored.

        Raises:
            LibraryError: if there is no such recording, or the library is for searching only; it is as before then.
        """
        with self._indexed.writing() as database:
            for one in recordings:
                if database.recording(one) is None:
                    raise LibraryError(f"There is no recording {one!r} in this library.")
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            ids = database.remove(recordings, lambda: database.copy_to_bin(recordings, now))
            self._indexed.follow(lambda before: before.without(ids, database.version()))

    def contents(self, *, every: bool = False) -> list[Removed]:
        """What is in the bin, what was removed last first; of `every` one, also of those that are in the library
        again."""
        found = self._indexed.database.binned(every=every)
        return [
            Removed(name, title, Path(path), datetime.fromisoformat(removed)) for name, title, path, removed in found
        ]

    def of(self, sha256: str) -> str | None:
        """The id of the recording in the bin whose file has this checksum, if it can be restored; None if there is
        none."""
        return self._indexed.database.binned_of(sha256)

    def restore(self, *recordings: str) -> None:
        """Bring recordings back, in one transaction.

        Raises:
            LibraryError: if one is not in the bin, was added again meanwhile, or another model made its vectors; none
                comes back then.
        """
        with self._indexed.writing() as database:
            if not {one.id for one in self.contents()}.issuperset(recordings):
                raise LibraryError("This recording is no longer in the bin.")
            if not database.restore(recordings):
                raise LibraryError(
                    "The library was embedded anew since this recording was removed: add the recording again."
                )
            self._indexed.follow(
                lambda before: before.appended(database.contents(after=int(before.ids.max(initial=0))))
            )
            database.delete_binned(recordings)

    def delete(self, recording: str) -> None:
        """Delete a recording in the bin for good, with its file if that was copied into the library.

        Raises:
            LibraryError: if it is not in the bin, or the library is for searching only.
        """
        with self._indexed.writing() as database:
            one = next((one for one in self.contents() if one.id == recording), None)
            if one is None:
                raise LibraryError("This recording is no longer in the bin.")
            self._delete(database, [one])

    def expire(self, now: datetime | None = None) -> None:
        """Delete for good what has been in the bin for its time."""
        now = now or datetime.now(timezone.utc)
        expired = [one for one in self.contents(every=True) if one.until <= now]
        if expired:
            with self._indexed.writing() as database:
                self._delete(database, expired)

    def _delete(self, database: Database, removed: Sequence[Removed]) -> None:
        database.delete_binned([one.id for one in removed])
        for one in removed:
            if not database.recordings_at(one.path):
                self._unlink(one.path)
