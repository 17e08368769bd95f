"""Retrieval metrics: HITS@1, recall@5 and @10, mean reciprocal rank and mean rank.

The rank of a query is that of its best-placed *correct* candidate; every candidate with the query's label is
correct, so equal texts count as one answer. Other correct candidates never push the best one down.

Ties are counted against the model: a wrong candidate that scores as high as the right one stands before it,
so that an encoder which maps everything to one vector finds nothing. `ties="optimistic"` is the published
protocol, where only strictly better candidates count.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

TIE = 1e-6  # float32 cosines of equal vectors differ by about 1e-7 with the shape of the matrix product

Ties = Literal["pessimistic", "optimistic"]


def ranks(
    queries: np.ndarray,
    candidates: np.ndarray,
    query_labels: Sequence[Hashable],
    candidate_labels: Sequence[Hashable],
    *,
    ties: Ties = "pessimistic",
    chunk: int = 512,
) -> np.ndarray:
    """The rank, from 1, of the best-placed correct candidate of every query.

    Args:
        queries: (n, dim) vectors; the score of a candidate is the dot product.
        candidates: (m, dim) vectors, the pool.
        query_labels: n labels, usually normalised texts.
        candidate_labels: m labels; a candidate is correct when its label equals the query's.
        ties: how wrong candidates that score within 1e-6 of the right one count.
        chunk: queries scored at a time; memory is chunk × m × 4 bytes, a few times over.

    Returns:
        int64 (n,).

    Raises:
        ValueError: if shapes and labels disagree, or a query has no correct candidate.
    """
    if len(queries) != len(query_labels) or len(candidates) != len(candidate_labels):
        raise ValueError(
            f"{len(queries)} queries with {len(query_labels)} labels and "
            f"{len(candidates)} candidates with {len(candidate_labels)} labels: each vector needs one label."
        )
    number = {label: index for index, label in enumerate(dict.fromkeys(candidate_labels))}
    missing = [label for label in query_labels if label not in number]
    if missing:
        raise ValueError(f"{len(missing)} queries have no correct candidate, for example {missing[0]!r}.")
    gold = np.array([number[label] for label in query_labels], dtype=np.int64)
    pool = np.array([number[label] for label in candidate_labels], dtype=np.int64)

    margin = -TIE if ties == "pessimistic" else TIE
    found = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), chunk):
        rows = slice(start, start + chunk)
        scores = queries[rows] @ candidates.T  # (chunk, m)
        correct = gold[rows, None] == pool  # (chunk, m)
        best = np.where(correct, scores, -np.inf).max(axis=1, keepdims=True)  # (chunk, 1)
        found[rows] = 1 + ((scores > best + margin) & ~correct).sum(axis=1)
    return found


def summary(found: np.ndarray) -> dict[str, float]:
    """HITS@1, recall@5, recall@10, MRR (each 0 to 1) and mean rank (from 1) of `ranks`, shape (n,)."""
    return {
        "hits@1": float((found == 1).mean()),
        "recall@5": float((found <= 5).mean()),
        "recall@10": float((found <= 10).mean()),
        "mrr": float((1 / found).mean()),
        "mean_rank": float(found.mean()),
    }
