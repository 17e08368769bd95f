"""How many of the best candidates an index finds, compared with all vectors one by one.

scores = cosines(index, queries)
recall(scores, [index.nearest(query, SHORTLIST, None) for query in queries], np.arange(len(index.segments)))
"""

from collections.abc import Sequence

import numpy as np

from clasp.phones.alignment import SHORTLIST
from index.vectors.search_index import SearchIndex

BEST = 10  # of the ranked candidates
BLOCK = 10_000  # segments that are compared at a time


def cosines(index: SearchIndex, queries: np.ndarray) -> np.ndarray:
    """Of each half of queries, (q, dim), with that of every segment: float32 (halves, q, n)."""
    vectors = index.segments.vectors
    scores = np.empty((len(index.halves), len(queries), len(vectors)), np.float32)
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK].astype(np.float32)
        for half, of_half in zip(index.halves, scores, strict=True):
            asked, stored = queries[:, half], block[:, half]
            lengths = np.linalg.norm(asked, axis=1)[:, None] * np.linalg.norm(stored, axis=1)
            of_half[:, start : start + BLOCK] = asked @ stored.T / lengths
    return scores


def recall(scores: np.ndarray, found: Sequence[np.ndarray], rows: np.ndarray) -> float:
    """Share of the BEST candidates that an index should have found which are the best of those that it has.

    Args:
        scores: see `cosines`.
        found: by the index, rows of each query.
        rows: among which it searched, int64 (n,).
    """
    pairs = zip(scores.transpose(1, 0, 2), found, strict=True)
    return float(np.mean([np.isin(best(of_one, rows), best(of_one, few)).mean() for of_one, few in pairs]))


def best(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The candidates among rows, the SHORTLIST nearest by each half, that have the BEST sums of their cosines, float32
    (halves, n)."""
    near = np.unique([rows[np.argsort(-half[rows], kind="stable")[:SHORTLIST]] for half in scores])
    return near[np.argsort(-scores[:, near].sum(axis=0), kind="stable")[:BEST]]
