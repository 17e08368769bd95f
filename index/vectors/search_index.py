"""What a library can be searched by at one moment.

    index = SearchIndex.open(folder, segments, knows)   # from the folder, or built anew
    rows = index.nearest(query, k=10, allowed=None)
    index = index.updated(later)                        # another one; the old one can still be searched
    index.save(folder)                                  # for the next opening

It is made of the segments in memory, and an index of their vectors.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from index.vectors.index_file import (
    HNSW_MOST,
    StaleIndex,
    VectorIndex,
    Version,
    empty_index,
    exact_search,
    load_index,
    save_index,
)
from index.vectors.pq import exact_scan
from index.vectors.segment_table import SegmentTable

UNINDEXED_MOST = 2_000  # new segments are compared one by one until they are more, or the library is closed
REMOVED_MOST = 0.2  # share of an index that may have been removed before it is built anew
EXACT_BELOW = 60_000  # segments that pass a filter: so few are compared one by one; of a million, that takes 17 ms
REACH = 2  # times as many neighbours as should be needed are looked at where only some of them count

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """Finds the nearest of all `segments`. Never changes, so any number of threads may search it.

    `vector_index` holds the segments up to its last, and perhaps some that were removed since. What came later is
    compared one by one until it is worth indexing.
    """

    segments: SegmentTable
    vector_index: VectorIndex

    @classmethod
    def open(cls, folder: Path, segments: SegmentTable, knows: Callable[[Version], bool]) -> "SearchIndex":
        """The index in `folder` with what it lacks, or a new one where it is of no use; `knows` tells whether the
        library was once of a version."""
        opened = cls(segments, empty_index(segments.dim, len(segments)))
        if len(segments) == 0:
            return opened
        try:
            stored, version = load_index(folder, segments.dim, segments.ids, knows)
            if version == segments.version:
                return cls(segments, stored)
            generations = (version.generation, segments.version.generation)
            log.warning("Bringing the search index of %s from generation %d to %d.", folder, *generations)
            if segments.replaced <= version.generation:
                opened = cls(segments, stored)
        except StaleIndex as reason:
            log.warning("Building the search index of %s anew: %s.", folder, reason)
        opened = opened._extended()
        opened.save(folder)
        return opened

    @property
    def indexed(self) -> int:
        """How many of the segments, from the first, are in the index."""
        return int(np.searchsorted(self.segments.ids, self.vector_index.last, "right"))

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> np.ndarray:
        """Rows of the `k` segments whose vectors are most like a query.

        Args:
            query: float32 (dim,).
            allowed: which segments count, bool (n,); None: all of them.

        Returns:
            int64 (≤ k,), best first; fewer only where there are fewer.
        """
        vectors, indexed = self.segments.vectors, self.indexed
        exact = exact_scan if len(vectors) > HNSW_MOST else exact_search
        before, after = (None, None) if allowed is None else (allowed[:indexed], allowed[indexed:])
        likely = self._likely(query, k, before, indexed)
        if likely is None:
            return exact(vectors, query, k, allowed)
        later = indexed + exact(vectors[indexed:], query, k, after)
        rows = np.concatenate([likely, later])
        return rows[exact(vectors[rows], query, k)]

    def updated(self, segments: SegmentTable) -> "SearchIndex":
        """An index of the segments as they are now."""
        vector_index = self.vector_index
        if segments.replaced > self.segments.replaced:  # it would look for vectors that are there no more
            vector_index = empty_index(segments.dim, len(segments))
        updated = SearchIndex(segments, vector_index)
        return updated._extended() if len(segments) - updated.indexed > UNINDEXED_MOST else updated

    def save(self, folder: Path) -> "SearchIndex":
        """Write it to a folder, all segments indexed; a failure is logged, for it is made anew at the next start.
        Returns the index that was written."""
        whole = self if self.indexed == len(self.segments) else self._extended()
        try:
            save_index(whole.vector_index, folder, self.segments.version)
        except OSError as error:
            log.warning("The search index of %s could not be stored: %s.", folder, error)
        return whole

    def _extended(self) -> "SearchIndex":
        """All segments in the index: it is extended by what it lacks, or built anew if much of it was removed or
        another kind suits so many."""
        segments, vector_index, indexed = self.segments, self.vector_index, self.indexed
        fresh = empty_index(segments.dim, len(segments))
        removed = len(vector_index) - indexed
        if removed > REMOVED_MOST * len(vector_index) or vector_index.kind != fresh.kind:
            vector_index, indexed = fresh, 0
        return SearchIndex(segments, vector_index.extended(segments.ids[indexed:], segments.vectors[indexed:]))

    def _likely(self, query: np.ndarray, k: int, allowed: np.ndarray | None, indexed: int) -> np.ndarray | None:
        """Rows, int64, of the first `indexed` among which the `k` nearest are; None if the index is of no help."""
        ids = self.segments.ids[:indexed]
        available = indexed if allowed is None else int(allowed.sum())
        if not available or (allowed is not None and available <= EXACT_BELOW):
            return None
        index = self.vector_index
        needed = min(index.candidates(k), available)
        reach = math.ceil(REACH * needed * len(index) / available) if available < len(index) else needed
        found = index.search(query, reach)
        rows = np.searchsorted(ids, found).clip(max=indexed - 1)
        rows = rows[ids[rows] == found]  # the index may still hold what was removed
        rows = rows if allowed is None else rows[allowed[rows]]
        return rows[:needed] if len(rows) >= needed else None
