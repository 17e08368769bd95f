"""The saved searches of a library, with what they have found."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from index.records import Recording, SavedHit, SavedSearch, Segment
from index.search import Query
from ui.recording.address import page
from ui.templates import render

if TYPE_CHECKING:
    from index.library import Library

MOST = 50  # hits of a search that are listed


@dataclass(frozen=True)
class ListedHit:
    """A hit, and where it can be heard."""

    hit: SavedHit
    segment: Segment
    recording: Recording
    address: str


def listing(library: "Library", key: str) -> str:
    """The list; '' where no search is saved. `key` stands for the library in URLs."""
    searches = [(one, _hits(library, one, key)) for one in library.saved_searches.all()]
    return render("library/saved.html", searches=searches) if searches else ""


def _hits(library: "Library", search: SavedSearch, key: str) -> list[ListedHit]:
    """The hits of a search, new ones first."""
    hits = sorted(library.saved_searches.hits(search.name), key=lambda one: one.seen)[:MOST]
    segments = {one.id: one for one in library.segments([one.segment for one in hits])}
    recordings = {one.id: one for one in library.recordings({one.recording for one in segments.values()})}
    query = Query(np.empty(0, np.float32), 0.0, np.empty((0, 0), np.float32), search.text or None)
    listed = []
    for hit in hits:
        segment = segments.get(hit.segment)
        if segment is not None and segment.recording in recordings:
            address = page(key, segment.recording, query, segment.start)
            listed.append(ListedHit(hit, segment, recordings[segment.recording], address))
    return listed
