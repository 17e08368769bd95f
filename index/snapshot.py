"""What a library can find at one moment. It never changes, so any number of threads may search it."""

import math
from dataclasses import dataclass

import numpy as np

from .database import Contents
from .vectors import VectorIndex, exact_search

EXACT_BELOW = 2_000  # segments that pass a filter: so few are compared one by one
REACH = 2  # times as many neighbours as should be needed are looked at for k that pass a filter


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What can be found: all of `contents`, of which `index` holds those up to its last, and perhaps some that were
    removed. What came later is compared one by one until it is worth indexing."""

    contents: Contents
    index: VectorIndex

    @property
    def indexed(self) -> int:
        """How many rows of the contents, from the first, are in the index."""
        return int(np.searchsorted(self.contents.ids, self.index.last, "right"))

    def nearest(self, query: np.ndarray, k: int, allowed: np.ndarray | None) -> np.ndarray:
        """Rows, int64, of the `k` vectors most like `query`, best first; fewer only where there are fewer."""
        vectors, indexed = self.contents.vectors, self.indexed
        if indexed == len(vectors):
            return self._by_index(query, k, allowed, indexed)
        before, after = (None, None) if allowed is None else (allowed[:indexed], allowed[indexed:])
        later = indexed + exact_search(vectors[indexed:], query, k, after)
        rows = np.concatenate([self._by_index(query, k, before, indexed), later])
        return rows[np.argsort(-(vectors[rows] @ query), kind="stable")[:k]]

    def _by_index(self, query: np.ndarray, k: int, allowed: np.ndarray | None, indexed: int) -> np.ndarray:
        """The same of the first `indexed` rows."""
        ids = self.contents.ids[:indexed]
        available = indexed if allowed is None else int(allowed.sum())
        k = min(k, available)
        if k == 0:
            return np.empty(0, np.int64)
        if allowed is None or available > EXACT_BELOW:
            few = available < len(self.index)
            found = self.index.search(query, math.ceil(REACH * k * len(self.index) / available) if few else k)
            rows = np.searchsorted(ids, found).clip(max=indexed - 1)
            rows = rows[ids[rows] == found]  # the index may still hold what was removed
            rows = rows if allowed is None else rows[allowed[rows]]
            if len(rows) >= k:
                return rows[:k]
        return exact_search(self.contents.vectors[:indexed], query, k, allowed)
