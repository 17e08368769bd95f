"""Tables of vectors whose ids are numbered from 1, and what comparing all of them finds."""

from dataclasses import replace

import numpy as np

from index.vectors.protocol import Version
from index.vectors.segment_table import SegmentTable, VectorBuffer

VERSION = Version("model", 3, "c0ffee")


def table(vectors: np.ndarray, ids: np.ndarray | None = None) -> SegmentTable:
    """A library of these vectors, (n, dim), that were never replaced."""
    ids = np.arange(1, len(vectors) + 1) if ids is None else ids
    buffer = VectorBuffer(vectors.shape[1]).appended(vectors)
    return SegmentTable(VERSION, ids, buffer, {}, np.zeros(len(vectors), np.int64))


def replaced(segments: SegmentTable, rows: np.ndarray, vectors: np.ndarray) -> SegmentTable:
    """A generation later, with other vectors (m, dim) in some rows, int64 (m,)."""
    version = replace(segments.version, generation=segments.version.generation + 1)
    generations = np.array(segments.replaced)
    generations[rows] = version.generation
    return SegmentTable(version, segments.ids, segments.vectors.replaced(rows, vectors), {}, generations)


def nearest(vectors: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[int]:
    """Rows of the `k` vectors (n, dim) with the largest cosine."""
    vectors = vectors.astype(np.float32)
    scores = vectors @ query / np.linalg.norm(vectors, axis=1).clip(1e-6)
    if allowed is not None:
        scores[~allowed] = -np.inf
    return np.argsort(-scores, kind="stable")[:k].tolist()


def clusters(count: int, dim: int, groups: int, seed: int) -> np.ndarray:
    """Unit vectors around some random directions, all of which share a direction: float16 (count, dim)."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((groups, dim)) + 3 * random.standard_normal(dim)
    vectors = centres[random.integers(0, groups, count)] + 0.3 * random.standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
