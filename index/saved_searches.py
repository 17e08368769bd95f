"""The searches that are saved with a library, and what they have found in it.

    library.saved_searches.add("Floods", encode(model, text="the river rose"), model.checksum)
    library.saved_searches.all()                    # [SavedSearch("Floods", "the river rose", unseen=2, …)]
    library.saved_searches.hits("Floods")           # [SavedHit(17, 0.93, strong=True, …)]

`index.new_hits` runs them on what is new.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from itertools import chain, count
from typing import TYPE_CHECKING

import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import DataError, LibraryError
from index.filters import Filter
from index.indexed_database import IndexedDatabase
from index.metadata import line
from index.records import SavedHit, SavedSearch, StoredQuery

if TYPE_CHECKING:
    from clasp import Waveform
    from index.search import Query

LONGEST_NAME = 100  # characters
BEGINNING = 80  # characters of a text that name a search
LONGEST_SOUND = 120.0  # seconds of a spoken search


class LibrarySavedSearches:
    """The saved searches of one library; they are known by their names."""

    def __init__(self, indexed: IndexedDatabase) -> None:
        self._indexed = indexed
        self._database = indexed.database

    def all(self) -> list[SavedSearch]:
        """The saved searches, in the order in which they were saved."""
        return self._database.saved_searches()

    def get(self, name: str) -> SavedSearch:
        """The saved search of this name.

        Raises:
            LibraryError: if there is none.
        """
        found = next((one for one in self.all() if one.name == name), None)
        if found is None:
            raise LibraryError(f"There is no saved search called {name!r} in this library.")
        return found

    def free_name(self, text: str) -> str:
        """A name for a search that looks for a text: its beginning, with a number if that is taken."""
        wanted, taken = line(text[:BEGINNING]), {one.name for one in self.all()}
        names = chain([wanted], (f"{wanted} {number}" for number in count(2)))
        return next(one for one in names if one not in taken)

    def query(self, name: str) -> StoredQuery:
        """What a saved search looks for."""
        self.get(name)
        return self._database.stored_query(name)

    def add(
        self, name: str, query: "Query", model: str, waveform: "Waveform | None" = None, filters: Filter | None = None
    ) -> SavedSearch:
        """Save a search, typed or spoken; it finds what comes into the library from now on.

        Args:
            query: encoded by the model with the checksum `model`.
            waveform: of a spoken query.
            filters: what a segment must be, besides.

        Raises:
            DataError: if the name cannot be used, or the waveform is too long.
            LibraryError: if there is a saved search of this name.
        """
        name = line(name)
        if not name or len(name) > LONGEST_NAME:
            raise DataError(f"A saved search needs a name, of {LONGEST_NAME} characters at most.")
        if query.text is None and waveform is None:
            raise DataError("Only a text or a spoken query can be saved: type one, or speak.")
        if waveform is not None and waveform.duration > LONGEST_SOUND:
            raise DataError(f"A spoken search that is saved lasts {LONGEST_SOUND:.0f} s at most: speak a shorter one.")
        if any(one.name == name for one in self.all()):
            raise LibraryError(f"There is a saved search called {name!r} already: choose another name.")
        stored = StoredQuery(query.vector, query.phones, b"" if waveform is None else _flac(waveform))
        asked = {field: value for field, value in asdict(filters or Filter()).items() if value}
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds")
        saved = SavedSearch(
            name, query.text or "", query.language or "", json.dumps(asked, ensure_ascii=False), model, now
        )
        with self._indexed.writing() as database:
            database.insert_saved_search(saved, stored)
        return saved

    def encode(self, name: str, model: str, query: "Query") -> None:
        """Give a saved search what the model with this checksum makes of it."""
        stored = StoredQuery(query.vector, query.phones)
        with self._indexed.writing() as database:
            database.encode_saved_search(name, model, stored)

    def remove(self, name: str) -> None:
        """Forget a saved search and what it has found.

        Raises:
            LibraryError: if there is none of this name.
        """
        self.get(name)
        with self._indexed.writing() as database:
            database.remove_saved_search(name)

    def unsearched(self, name: str) -> tuple[list[int], int]:
        """Ids of the segments that are new to a saved search or were transcribed since it was last run, and the
        generation of the library in which that is so."""
        return self._database.unsearched(name)

    def store(self, name: str, hits: Sequence[SavedHit], searched: Sequence[int], generation: int) -> list[SavedHit]:
        """Keep what was found among the segments that were `searched`. Returns what had not been found before."""
        with self._indexed.writing() as database:
            return database.store_saved_hits(name, hits, searched, generation)

    def hits(self, name: str) -> list[SavedHit]:
        """What a saved search has found, the newest first.

        Raises:
            LibraryError: if there is none of this name.
        """
        self.get(name)
        return self._database.saved_hits(name)

    def see(self, name: str) -> None:
        """Say that what a saved search has found until now has been seen."""
        with self._indexed.writing() as database:
            database.see_saved_hits(name)


def filter_of(search: SavedSearch, segments: Sequence[int]) -> Filter:
    """The filter of a saved search among some segments, given by their ids."""
    return Filter(**json.loads(search.filters) | {"segments": tuple(segments)})


def _flac(waveform: "Waveform") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform.samples, SAMPLE_RATE, format="FLAC")
    return file.getvalue()
