"""What a library can find at one moment. It never changes, so any number of threads may search it."""

import math
from dataclasses import dataclass

import numpy as np

from index.vectors.index_file import HNSW_MOST, VectorIndex, exact_search
from index.vectors.pq import exact_scan
from index.vectors.segment_table import SegmentTable

EXACT_BELOW = 60_000  # segments that pass a filter: so few are compared one by one; of a million, that takes 17 ms
REACH = 2  # times as many neighbours as should be needed are looked at where only some of them count


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What can be found: all of `contents`, of which `index` holds those up to its last, and perhaps some that were
    removed. What came later is compared one by one until it is worth indexing."""

    contents: SegmentTable
    index: VectorIndex

    @property
    def indexed(self) -> int:
        """How many rows of the contents, from the first, are in the index."""
        return int(np.searchsorted(self.contents.ids, self.index.last, "right"))

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> np.ndarray:
        """Rows, int64, of the `k` vectors most like `query`, best first; fewer only where there are fewer."""
        vectors, indexed = self.contents.vectors, self.indexed
        exact = exact_scan if len(vectors) > HNSW_MOST else exact_search
        before, after = (None, None) if allowed is None else (allowed[:indexed], allowed[indexed:])
        likely = self._likely(query, k, before, indexed)
        if likely is None:
            return exact(vectors, query, k, allowed)
        later = indexed + exact(vectors[indexed:], query, k, after)
        rows = np.concatenate([likely, later])
        return rows[exact(vectors[rows], query, k)]

    def _likely(self, query: np.ndarray, k: int, allowed: np.ndarray | None, indexed: int) -> np.ndarray | None:
        """Rows, int64, of the first `indexed` among which the `k` nearest are; None if the index is of no help."""
        ids = self.contents.ids[:indexed]
        available = indexed if allowed is None else int(allowed.sum())
        if not available or (allowed is not None and available <= EXACT_BELOW):
            return None
        needed = min(self.index.candidates(k), available)
        some = available < len(self.index)
        found = self.index.search(query, math.ceil(REACH * needed * len(self.index) / available) if some else needed)
        rows = np.searchsorted(ids, found).clip(max=indexed - 1)
        rows = rows[ids[rows] == found]  # the index may still hold what was removed
        rows = rows if allowed is None else rows[allowed[rows]]
        return rows[:needed] if len(rows) >= needed else None
