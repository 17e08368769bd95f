"""Search by comparing a query with every vector."""

import numpy as np

from index.vectors.segment_table import VectorBuffer

BLOCK = 4_096  # rows at a time: their float32 copy stays in the processor's cache


def exact_search(
    matrix: np.ndarray | VectorBuffer, query: np.ndarray, k: int, allowed: np.ndarray | None = None
) -> np.ndarray:
    """Rows, int64 (≤ k,), of `matrix`, float16 (n, dim), whose cosine with `query`, float32 (dim,), is largest, best
    first. Equal ones come in the order of the rows; a row of zeros has a cosine of 0. With `allowed`, bool (n,), only
    those rows count.
    """
    rows = np.arange(len(matrix)) if allowed is None else np.flatnonzero(allowed)
    scores = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        vectors = (matrix[block] if allowed is None else matrix[rows[block]]).astype(np.float32)
        lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        scores[block] = vectors @ query / np.maximum(lengths, 1e-6)
    if k < len(rows):
        least = np.partition(scores, len(rows) - k)[len(rows) - k]
        rows, scores = rows[scores >= least], scores[scores >= least]
    return rows[np.argsort(-scores, kind="stable")[:k]]
