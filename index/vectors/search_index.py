"""What a library can be searched by at one moment.

    index = SearchIndex.open(folder, segments, halves, knows)  # from the folder, or empty
    rows = index.nearest(query, k=10, allowed=None)
    index = index.updated(later)                               # another one; the old one can still be searched
    index = index.extended()                                   # the same, all of it in the graphs
    index.save(folder)                                         # for the next opening

It is made of the segments in memory, and an index of their vectors.
"""

import logging
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import numpy as np

from index.vectors.exact import exact_search
from index.vectors.hnsw import HnswIndex, StaleIndex
from index.vectors.protocol import VectorIndex, Version
from index.vectors.segment_table import SegmentTable

EXACT_BELOW = 10_000  # segments that pass a filter: so few are compared one by one, in some 20 ms
REACH = 2  # times as many neighbours as should be needed are looked at where only some of them count

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class SearchIndex:
    """Finds the nearest of all `segments` by each half of a vector. Never changes, so any number of threads may search
    it.

    What `vector_index` lacks, because it came or was replaced later, is compared one by one until it is worth indexing.
    """

    segments: SegmentTable
    halves: Sequence[slice]
    vector_index: VectorIndex

    @classmethod
    def open(
        cls, folder: Path, segments: SegmentTable, halves: Sequence[slice], knows: Callable[[Version], bool]
    ) -> "SearchIndex":
        """The index in `folder`, or an empty one where that is of no use; `knows` tells whether the library was once of
        a version. Without halves nothing is found, and the folder stays as it is."""
        if len(segments) == 0 or not halves:
            return cls(segments, halves, HnswIndex(halves))
        try:
            stored, version = HnswIndex.load(folder, halves, segments.ids, knows)
        except StaleIndex as reason:
            log.warning("Building the search index of %s anew: %s.", folder, reason)
            return cls(segments, halves, HnswIndex(halves))
        if stored.lacks(segments).any():
            generations = (version.generation, segments.version.generation)
            log.warning("Bringing the search index of %s from generation %d to %d.", folder, *generations)
        return cls(segments, halves, stored)

    @property
    def is_behind(self) -> bool:
        """Whether so much is compared one by one that the vector index is worth extending."""
        return self.vector_index.is_behind(self.segments.version, self._lacking)

    @cached_property
    def lacking(self) -> np.ndarray:
        """Which of the segments are to be compared one by one, bool (n,)."""
        return self.vector_index.lacks(self.segments)

    @cached_property
    def _lacking(self) -> int:
        return int(self.lacking.sum())

    def nearest(
        self,
        query: np.ndarray,
        k: int,
        allowed: np.ndarray | None,
        names: Mapping[str, Collection[str]] = MappingProxyType({}),
    ) -> np.ndarray:
        """Rows of the `k` segments that are most like a query in meaning, and of the `k` most like it in sound.

        Args:
            query: float32 (dim,); a half of it that is zero finds nothing.
            k: how many of each.
            allowed: which segments count, bool (n,); None: all of them.
            names: what these have in some columns, for an index that can filter by it.

        Returns:
            int64 (≤ 2 k,), each once: by meaning, best first, then what only the sound finds.
        """
        asked = [number for number, half in enumerate(self.halves) if query[half].any()]
        found = [self._nearest(number, query[self.halves[number]], k, allowed, names) for number in asked]
        return np.array(list(dict.fromkeys(row for rows in found for row in rows.tolist())), np.int64)

    def updated(self, segments: SegmentTable) -> "SearchIndex":
        """An index of the segments as they are now."""
        return SearchIndex(segments, self.halves, self.vector_index)

    def with_vectors_of(self, extended: "SearchIndex") -> "SearchIndex":
        """The same segments with the vector index of an earlier one that was extended meanwhile."""
        return replace(self, vector_index=extended.vector_index)

    def extended(self, stop: Callable[[], bool] = lambda: False) -> "SearchIndex":
        """The same with all segments in the vector index, or fewer if it is told to `stop`."""
        return replace(self, vector_index=self.vector_index.extended(self.segments, stop))

    def save(self, folder: Path) -> "SearchIndex":
        """Write it to a folder, all segments indexed; a failure is logged, for it is made anew at the next start.
        Returns the index that was written."""
        whole = self.extended()
        try:
            whole.vector_index.save(folder, self.segments.version)
        except OSError as error:
            log.warning("The search index of %s could not be stored: %s.", folder, error)
        return whole

    def _nearest(
        self, half: int, query: np.ndarray, k: int, allowed: np.ndarray | None, names: Mapping[str, Collection[str]]
    ) -> np.ndarray:
        """Rows of the `k` segments nearest in a half, best first."""
        vectors = self.segments.vectors.half(self.halves[half])
        likely = self._likely(half, query, k, allowed, names)
        if likely is None:
            return exact_search(vectors, query, k, allowed)
        later = np.flatnonzero(self.lacking if allowed is None else self.lacking & allowed)
        rows = np.concatenate([likely, later])
        return rows[exact_search(vectors[rows], query, k)]

    def _likely(
        self, half: int, query: np.ndarray, k: int, allowed: np.ndarray | None, names: Mapping[str, Collection[str]]
    ) -> np.ndarray | None:
        """Rows, int64, among which the `k` nearest are that the index does not lack; None if it is of no help."""
        ids, index = self.segments.ids, self.vector_index
        if allowed is not None and int(allowed.sum()) <= EXACT_BELOW:
            return None
        usable = ~self.lacking if allowed is None else allowed & ~self.lacking
        available = int(usable.sum())
        if not available:
            return None
        needed = min(k, available)
        passing = len(ids) - self._lacking if index.filters else available  # of what the index looks at
        reach = math.ceil(REACH * needed * len(index) / passing) if passing < len(index) else needed
        found = index.search(half, query, reach, names)
        rows = np.searchsorted(ids, found).clip(max=len(ids) - 1)
        rows = rows[(ids[rows] == found) & usable[rows]]  # the index may still hold what was removed
        return rows[:needed] if len(rows) >= needed else None
