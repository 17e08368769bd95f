"""The podcast feeds that a library follows.

    library.feeds.all()                             # [Feed("https://example.org/feed.xml", "Harbour Stories", …)]
    library.feeds.waiting(feed.address)             # episodes that are still to be taken up
    library.feeds.remove(feed.address)              # its recordings stay

`index.ingest.feeds` fetches what is new in them.
"""

from collections.abc import Sequence

from clasp.errors import LibraryError
from index.indexed_database import IndexedDatabase
from index.records import Episode, Feed


class LibraryFeeds:
    """The feeds of one library; they are known by their addresses."""

    def __init__(self, indexed: IndexedDatabase) -> None:
        self._indexed = indexed
        self._database = indexed.database

    def all(self) -> list[Feed]:
        """The feeds, in the order of titles."""
        return self._database.feeds()

    def get(self, address: str) -> Feed:
        """The feed with this address.

        Raises:
            LibraryError: if it is not followed.
        """
        found = next((one for one in self.all() if one.address == address), None)
        if found is None:
            raise LibraryError(f"{address} is none of the feeds of this library: add it first.")
        return found

    def episodes(self, address: str) -> list[Episode]:
        """The episodes of a feed that are known, the newest first."""
        return self._database.episodes(address)

    def waiting(self, address: str) -> list[Episode]:
        """Those that have not been taken up yet."""
        return [one for one in self.episodes(address) if not one.done]

    def store(self, feed: Feed, episodes: Sequence[Episode] | None = None) -> None:
        """Add a feed, or change what is known of it; with `episodes`, these are what is in it now."""
        with self._indexed.writing() as database:
            database.store_feed(feed, episodes)

    def settle(self, address: str, guid: str, *, recording: str = "", problem: str = "", done: bool = True) -> None:
        """Say what has become of an episode; one that is not done is tried again."""
        with self._indexed.writing() as database:
            database.settle_episode(address, guid, recording, problem, done=done)

    def remove(self, address: str) -> None:
        """Follow a feed no longer. What was added of it stays in the library.

        Raises:
            LibraryError: if it is not followed.
        """
        self.get(address)
        with self._indexed.writing() as database:
            database.remove_feed(address)
