"""The tables of saved searches and of what they have found."""

import io
from collections.abc import Sequence

import numpy as np

from index.records import SavedHit, SavedSearch, StoredQuery
from index.store.connection import Connection

COLUMNS = "name, text, language, filters, model, created"


class SavedSearchTables(Connection):
    """What is asked of them, and the changes to them."""

    def saved_searches(self) -> list[SavedSearch]:
        """The saved searches, in the order in which they were saved."""
        counts = "(SELECT count(*) FROM saved_hits WHERE search = name), "
        counts += "(SELECT count(*) FROM saved_hits WHERE search = name AND seen = 0)"
        rows = self._read(f"SELECT {COLUMNS}, {counts} FROM saved_searches ORDER BY created, name")
        return [SavedSearch(*row) for row in rows]

    def stored_query(self, name: str) -> StoredQuery:
        """What a saved search looks for; there must be one of this name."""
        ((vector, phones, sound),) = self._read(
            "SELECT vector, phones, sound FROM saved_searches WHERE name = :name", name=name
        )
        try:
            return StoredQuery(_array(vector), _array(phones), sound)
        except ValueError as error:
            raise self._home.damaged("the query of a saved search is cut short") from error

    def insert_saved_search(self, one: SavedSearch, query: StoredQuery) -> None:
        """Save a search; what is in the library already is no news to it."""
        now = "(SELECT coalesce(max(id), 0) FROM segments)"
        with self._transaction():
            self._write(
                f"INSERT INTO saved_searches ({COLUMNS}, vector, phones, sound, known, last, generation) "
                "VALUES (:name, :text, :language, :filters, :model, :created, :vector, :phones, :sound, "
                f"{now}, {now}, (SELECT generation FROM library))",
                name=one.name, text=one.text, language=one.language, filters=one.filters, model=one.model,
                created=one.created, vector=_bytes(query.vector), phones=_bytes(query.phones), sound=query.sound,
            )  # fmt: skip

    def encode_saved_search(self, name: str, model: str, query: StoredQuery) -> None:
        """Give a saved search what another model makes of it."""
        with self._transaction():
            self._write(
                "UPDATE saved_searches SET model = :model, vector = :vector, phones = :phones WHERE name = :name",
                model=model, vector=_bytes(query.vector), phones=_bytes(query.phones), name=name,
            )  # fmt: skip

    def remove_saved_search(self, name: str) -> None:
        """Forget a saved search and what it has found."""
        with self._transaction():
            self._write("DELETE FROM saved_searches WHERE name = :name", name=name)

    def unsearched(self, name: str) -> tuple[list[int], int]:
        """The segments that are new to a saved search, or whose vectors have changed since it was last run, and the
        generation of which that is true."""
        ((generation,),) = self._read("SELECT generation FROM library")
        rows = self._read(
            "SELECT segments.id FROM saved_searches JOIN segments ON segments.id > known "
            "JOIN vectors ON segment = segments.id "
            "WHERE name = :name AND (segments.id > last OR replaced > saved_searches.generation) ORDER BY segments.id",
            name=name,
        )  # fmt: skip
        return [number for (number,) in rows], generation

    def store_saved_hits(
        self, name: str, hits: Sequence[SavedHit], searched: Sequence[int], generation: int
    ) -> list[SavedHit]:
        """Keep what a saved search has found among the segments that were `searched`, as of a generation. Returns what
        it had not found before."""
        fresh = []
        with self._transaction():
            for one in hits:
                known = {"name": name, "segment": one.segment}
                found = self._write("SELECT 1 FROM saved_hits WHERE search = :name AND segment = :segment", **known)
                fresh += [] if found.first() else [one]
                self._write(
                    "INSERT INTO saved_hits SELECT name, segments.id, :probability, :strong, :found, 0 "
                    "FROM saved_searches, segments WHERE name = :name AND segments.id = :segment "
                    "ON CONFLICT (search, segment) "
                    "DO UPDATE SET probability = excluded.probability, strong = excluded.strong",
                    probability=one.probability, strong=int(one.strong), found=one.found, **known,
                )  # fmt: skip
            self._write(
                "UPDATE saved_searches SET last = CASE WHEN last < :last THEN :last ELSE last END, "
                "generation = :generation WHERE name = :name",
                last=max(searched, default=0), generation=generation, name=name,
            )  # fmt: skip
        return fresh

    def saved_hits(self, name: str) -> list[SavedHit]:
        """What a saved search has found, the newest first, then the likeliest."""
        rows = self._read(
            "SELECT segment, probability, strong, found, seen FROM saved_hits WHERE search = :name "
            "ORDER BY found DESC, probability DESC, segment", name=name
        )  # fmt: skip
        return [
            SavedHit(number, probability, bool(strong), found, bool(seen))
            for number, probability, strong, found, seen in rows
        ]

    def see_saved_hits(self, name: str) -> None:
        """Say that what a saved search has found until now has been seen."""
        with self._transaction():
            self._write("UPDATE saved_hits SET seen = 1 WHERE search = :name", name=name)


def _bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array.astype("<f4"), allow_pickle=False)
    return file.getvalue()


def _array(content: bytes) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)
