"""The tables of podcast feeds and of their episodes."""

import json
from collections.abc import Sequence
from typing import Any

from index.records import Episode, Feed, TranscriptLink
from index.store.connection import Connection
from index.store.statements import insertion

FEED_COLUMNS = "address, title, etag, modified, checked, problem"
EPISODE_COLUMNS = "guid, address, title, date, category, language, type, transcripts, done, recording, problem"


class FeedTables(Connection):
    """What is asked of them, and the changes to them."""

    def feeds(self) -> list[Feed]:
        """The feeds, in the order of titles."""
        counts = "(SELECT count(*) FROM episodes WHERE feed = feeds.address), "
        counts += "(SELECT count(*) FROM episodes WHERE feed = feeds.address AND done = 0)"
        return [Feed(*row) for row in self._read(f"SELECT {FEED_COLUMNS}, {counts} FROM feeds ORDER BY title, address")]

    def episodes(self, feed: str) -> list[Episode]:
        """The episodes of a feed, the newest first."""
        rows = self._read(
            f"SELECT {EPISODE_COLUMNS} FROM episodes WHERE feed = :feed ORDER BY date DESC, guid", feed=feed
        )
        links = [tuple(TranscriptLink(*one) for one in json.loads(row[7])) for row in rows]
        values: list[Any] = [(*row[:7], one, bool(row[8]), *row[9:]) for row, one in zip(rows, links, strict=True)]
        return [Episode(*one) for one in values]

    def store_feed(self, feed: Feed, episodes: Sequence[Episode] | None = None) -> None:
        """Add a feed, or change what is known of it. With `episodes`, these are what it has now: new ones are added,
        what is known of the others is changed, and those that were never taken up and are no longer in it go. One whose
        sound has another address, and could not be read, is tried again."""
        with self._transaction():
            names = FEED_COLUMNS.split(", ")
            changed = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
            self._write(
                f"{insertion('feeds', names)} ON CONFLICT (address) DO UPDATE SET {changed}",
                **{name: getattr(feed, name) for name in names},
            )  # fmt: skip
            if episodes is not None:
                guids = [one.guid for one in episodes]
                gone = "done = 0 AND guid NOT IN :names"
                self._write(f"DELETE FROM episodes WHERE feed = :feed AND {gone}", feed=feed.address, names=guids)
            for one in episodes or ():
                self._store_episode(feed.address, one)

    def _store_episode(self, feed: str, one: Episode) -> None:
        names = EPISODE_COLUMNS.split(", ")[:8]
        transcripts = [(link.address, link.type, link.language) for link in one.transcripts]
        facts: dict[str, Any] = {name: getattr(one, name) for name in names[:7]}
        changed = [f"{name} = excluded.{name}" for name in names[1:]]
        again = "episodes.recording = '' AND episodes.address != excluded.address"
        changed.append(f"done = CASE WHEN {again} THEN 0 ELSE episodes.done END")
        self._write(
            f"{insertion('episodes', ['feed', *names])} ON CONFLICT (feed, guid) DO UPDATE SET {', '.join(changed)}",
            feed=feed, **facts, transcripts=json.dumps(transcripts, ensure_ascii=False),
        )  # fmt: skip

    def settle_episode(self, feed: str, guid: str, recording: str, problem: str, *, done: bool) -> None:
        """Say what has become of an episode: the recording that was made of it, or why there is none."""
        with self._transaction():
            self._write(
                "UPDATE episodes SET recording = :recording, problem = :problem, done = :done "
                "WHERE feed = :feed AND guid = :guid",
                recording=recording, problem=problem, done=int(done), feed=feed, guid=guid,
            )  # fmt: skip

    def remove_feed(self, address: str) -> bool:
        """Forget a feed and its episodes; recordings stay. Returns whether there was one."""
        with self._transaction():
            return self._write("DELETE FROM feeds WHERE address = :address", address=address).rowcount > 0
