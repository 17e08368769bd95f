"""Meanings of utterances: what is said, apart from the language in which it is said.

Utterances of one language lie a little to the same side, whatever they mean; without their mean, neighbours are alike
in topic rather than in language.
"""

from collections.abc import Sequence

import numpy as np

from index import languages as tags

FEW = 5  # utterances of a language, whose mean is half that of all


def meanings(vectors: np.ndarray, dim: int) -> np.ndarray:
    """The first `dim` numbers of vectors (n, ≥ dim), which are their meaning, float32 (n, dim), unit rows."""
    return _unit(vectors[:, :dim].astype(np.float32))


def without_languages(vectors: np.ndarray, languages: Sequence[str]) -> np.ndarray:
    """Unit vectors (n, dim) without the mean of their language; that of a language with few of them is drawn to the
    mean of all. Languages are BCP-47 tags, '' where unknown."""
    if len(vectors) < 2:
        return vectors
    mean = vectors.mean(axis=0)
    names = np.array([tags.primary(one) for one in languages], str)
    left = vectors.copy()
    for name in np.unique(names):
        rows = names == name
        left[rows] -= (vectors[rows].sum(axis=0) + FEW * mean) / (rows.sum() + FEW)
    return _unit(left)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
