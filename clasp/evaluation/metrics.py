"""Retrieval metrics: HITS@1, recall@5 and @10, mean reciprocal rank and mean rank; and the published protocol.

The rank of a query is that of its best-placed *correct* candidate; every candidate with the query's label is
correct, so equal texts count as one answer. Other correct candidates never push the best one down.

Ties are counted against the model: a wrong candidate that scores as high as the right one stands before it,
so that an encoder which maps everything to one vector finds nothing. `ties="optimistic"` counts strictly better
candidates alone. `published` is the protocol of the paper (arXiv 2412.13071), which differs in more than that.

Scores are computed a chunk of queries at a time: 50,000 queries over 50,000 candidates of 768 dimensions take
less than 1 GB, vectors included.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

TIE = 1e-6  # float32 cosines of equal vectors differ by about 1e-7 with the shape of the matrix product
THRESHOLD = 0.5  # cosine from which the published protocol calls a pair a match
SOFT = 99  # wrong candidates of the published soft test
RESAMPLES = 1000

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
    gold, pool = _numbered(query_labels, candidate_labels)
    found = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), chunk):
        rows = slice(start, start + chunk)
        scores = queries[rows] @ candidates.T  # (chunk, m)
        found[rows] = placed(scores, gold[rows, None] == pool, ties)
    return found


def _numbered(query_labels: Sequence[Hashable], candidate_labels: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """Labels as numbers, int64 (n,) and (m,)."""
    number = {label: index for index, label in enumerate(dict.fromkeys(candidate_labels))}
    missing = [label for label in query_labels if label not in number]
    if missing:
        raise ValueError(f"{len(missing)} queries have no correct candidate, for example {missing[0]!r}.")
    gold = np.array([number[label] for label in query_labels], dtype=np.int64)
    return gold, np.array([number[label] for label in candidate_labels], dtype=np.int64)


def placed(scores: np.ndarray, correct: np.ndarray, ties: Ties = "pessimistic") -> np.ndarray:
    """The rank, from 1, of the best correct candidate in each row, int64 (n,).

    Args:
        scores: float (n, m), the higher the better.
        correct: bool (n, m), at least one in each row.
    """
    margin = -TIE if ties == "pessimistic" else TIE
    best = scores.max(axis=1, keepdims=True, where=correct, initial=-np.inf)  # (n, 1)
    return 1 + ((scores > best + margin) & ~correct).sum(axis=1)


def summary(found: np.ndarray) -> dict[str, float]:
    """HITS@1, recall@5, recall@10, MRR (each 0 to 1) and mean rank (from 1) of `ranks`, shape (n,)."""
    return {
        "hits@1": float((found == 1).mean()),
        "recall@5": float((found <= 5).mean()),
        "recall@10": float((found <= 10).mean()),
        "mrr": float((1 / found).mean()),
        "mean_rank": float(found.mean()),
    }


def bootstrap(found: np.ndarray) -> dict[str, np.ndarray]:
    """HITS@1, recall@10 and MRR, float64 (1000,) each, of 1,000 bootstrap samples of `ranks`, int (n,); the seed is
    fixed."""
    draw = np.random.default_rng(0)
    samples = found[draw.integers(len(found), size=(RESAMPLES, len(found)))]  # (1000, n)
    means = {"hits@1": samples == 1, "recall@10": samples <= 10, "mrr": 1 / samples}
    return {name: values.mean(axis=1) for name, values in means.items()}


def interval(samples: np.ndarray) -> list[float]:
    """The 95 % percentile interval [low, high] of bootstrap samples."""
    return np.percentile(samples, [2.5, 97.5]).tolist()


def published(queries: np.ndarray, candidates: np.ndarray, gold: np.ndarray, *, chunk: int = 512) -> dict[str, float]:
    """Figures by the protocol of the paper, which knows one right candidate per query.

    - hits@1, mrr, mean_rank: ties are optimistic, and "duplicates removed": a query whose candidate scores as
      high as an earlier one that is best is left out; `queries` of them remain (of none, one in the last place).
    - hits@1_of_100: the right candidate among 99 random others (all, in a smaller pool), ties optimistic.
    - macro_f1: every pair is called a match from a cosine of THRESHOLD on; mean of the F1 of matches and others.
    - accuracy ("golden"): share of right pairs that are called matches.

    Args:
        queries: (n, dim) unit rows.
        candidates: (m, dim) unit rows, the pool.
        gold: int (n,), the right candidate of each query.
        chunk: queries scored at a time.

    Raises:
        ValueError: if there is not one right candidate per query.
    """
    if gold.shape != (len(queries),):
        raise ValueError(f"{len(queries)} queries with right candidates of shape {gold.shape}: each needs one.")
    draw = np.random.default_rng(0)
    pool = len(candidates)
    found, removed = np.empty(len(queries), np.int64), np.empty(len(queries), bool)
    soft, matched = np.empty(len(queries), bool), np.empty(len(queries), bool)
    called = 0  # pairs called a match
    for start in range(0, len(queries), chunk):
        rows = slice(start, start + chunk)
        scores = queries[rows] @ candidates.T  # (chunk, m)
        each = np.arange(len(scores))
        mine = scores[each, gold[rows]][:, None]  # (chunk, 1)
        found[rows] = 1 + (scores > mine + TIE).sum(axis=1)
        first = (scores >= scores.max(axis=1, keepdims=True) - TIE).argmax(axis=1)
        removed[rows] = (found[rows] == 1) & (first < gold[rows])
        others = np.stack([draw.choice(pool - 1, min(SOFT, pool - 1), replace=False) for _ in each])
        others += others >= gold[rows, None]  # any candidate but the right one
        soft[rows] = (np.take_along_axis(scores, others, axis=1) <= mine + TIE).all(axis=1)
        matched[rows] = mine[:, 0] >= THRESHOLD
        called += int((scores >= THRESHOLD).sum())
    kept = np.array([pool]) if removed.all() else found[~removed]
    right = int(matched.sum())
    wrong = called - right + len(queries) - right  # called a match and is none, or the reverse
    neither = len(queries) * pool - right - wrong
    return {
        "queries": int((~removed).sum()),
        "hits@1": float((kept == 1).mean()),
        "mrr": float((1 / kept).mean()),
        "mean_rank": float(kept.mean()),
        "hits@1_of_100": float(soft.mean()),
        "macro_f1": (_f1(right, wrong) + _f1(neither, wrong)) / 2,
        "accuracy": float(matched.mean()),
    }


def _f1(right: int, wrong: int) -> float:
    return 2 * right / (2 * right + wrong) if right else 0.0
