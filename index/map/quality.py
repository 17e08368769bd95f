"""How good a map is: how many neighbours share a category or a language, how truly it shows the space of meanings, and
how good that space is. Each number has a sentence that explains it.

Alignment and uniformity are those of Wang and Isola (2020), "Understanding contrastive representation learning
through alignment and uniformity on the hypersphere".
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.map.umap import nearest

SAMPLE = 2_000  # points that are looked at where all would take long
NEIGHBOURS = 10
SEED = 0


@dataclass(frozen=True)
class Measure:
    """A number that is shown with a map."""

    name: str
    value: float
    chance: float | None  # what it would be if nothing were where it belongs; None where that says nothing
    meaning: str  # a sentence: what it is, and what is good


def measure_map(
    speech: np.ndarray,
    text: np.ndarray,
    with_text: np.ndarray,
    categories: Sequence[str],
    languages: Sequence[str],
    flat: np.ndarray,
    solid: np.ndarray,
) -> list[Measure]:
    """Those that can be told; few points tell nothing.

    Args:
        speech: unit vectors of segments, float32 (n, dim).
        text: unit vectors of the texts of some of them, float32 (m, dim).
        with_text: which ones, rows, int64 (m,).
        categories: of the segments (n,); '' where unknown; so with languages.
        flat: positions of speech, then of texts, float32 (n + m, 2).
        solid: the same, (n + m, 3).
    """
    vectors = np.concatenate([speech, text])
    few = sample(len(vectors))
    found: list[tuple[str, float | None, float | None, str]] = []
    for fact, values in (("category", categories), ("language", languages)):
        for name, points, nearest_by in (("meaning", speech, "by meaning"), ("map", flat[: len(speech)], "on the map")):
            share, chance = shared(points, values)
            meaning = (
                f"Share of the ten utterances nearest {nearest_by} that have the {fact} of the one they are near to."
            )
            found.append((f"same_{fact}_{name}", share, chance, meaning))
    for name, positions in (("flat", flat), ("solid", solid)):
        meaning = (
            f"How far what lies near on the {name} map is near in meaning, too. 1 is always, 0.5 is chance; "
            "from 0.8 on, neighbourhoods can be trusted."
        )
        found.append((f"trustworthiness_{name}", trustworthiness(vectors[few], positions[few]), 0.5, meaning))
    meaning = (
        "Mean squared distance between an utterance and its own text. 0 is the same place, 2 is unrelated; "
        "the smaller, the surer a typed query finds what was said."
    )
    found.append(("alignment", alignment(speech[with_text], text), 2.0, meaning))
    meaning = (
        "Whether the utterances use all of the space: the logarithm of their mean nearness to one another. 0 is all in "
        "one place, -4 is spread evenly; the lower, the better they can be told apart."
    )
    found.append(("uniformity", uniformity(speech[sample(len(speech))]), None, meaning))
    return [Measure(name, value, chance, meaning) for name, value, chance, meaning in found if value is not None]


def sample(count: int) -> np.ndarray:
    """Rows of at most SAMPLE of `count` points, int64, ascending, the same every time."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).choice(count, SAMPLE, replace=False))


def trustworthiness(vectors: np.ndarray, positions: np.ndarray) -> float | None:
    """How far neighbours among `positions` (n, d) are neighbours among unit vectors (n, dim), too: 0 to 1; None if
    there are too few to tell. It takes memory for n² numbers."""
    if len(vectors) <= 2 * NEIGHBOURS:
        return None

    from sklearn.manifold import trustworthiness

    return float(trustworthiness(vectors, positions, n_neighbors=NEIGHBOURS))


def shared(points: np.ndarray, values: Sequence[str]) -> tuple[float | None, float | None]:
    """Share of the nearest neighbours of points (n, d) that have the same value (n,), and what it would be by chance;
    None if there are too few to tell, or all have the same. Those without a value, '', are left out. Of many points
    only a sample counts, with its neighbours among all of them."""
    known = np.array([bool(one) for one in values], bool)
    points, names = points[known], np.array(values, str)[known]
    kinds, codes = np.unique(names, return_inverse=True)
    if len(points) <= NEIGHBOURS + 1 or len(kinds) < 2:
        return None, None
    sampled = sample(len(points))
    neighbours = _neighbours(points, sampled)
    counts = np.bincount(codes)
    chance = ((counts[codes] - 1) / (len(codes) - 1)).mean()
    return float((codes[neighbours] == codes[sampled, None]).mean()), float(chance)


def alignment(one: np.ndarray, other: np.ndarray) -> float | None:
    """Mean squared distance of vectors (n, dim) that belong together row by row; None if there are none."""
    return float(((one - other) ** 2).sum(axis=1).mean()) if len(one) else None


def uniformity(vectors: np.ndarray) -> float | None:
    """Logarithm of the mean Gaussian potential, exp(-2 d²), of all pairs of unit vectors (n, dim); None without one."""
    if len(vectors) < 2:
        return None
    squared = np.maximum(2 - 2 * (vectors @ vectors.T), 0)[np.triu_indices(len(vectors), 1)]
    return float(np.log(np.exp(-2 * squared.astype(np.float64)).mean()))


def _neighbours(points: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """Rows, int64 (m, NEIGHBOURS), of the points (n, d) nearest to those sampled (m,), without themselves."""
    if points.shape[1] > 3:
        rows = nearest(points[sampled], points, NEIGHBOURS + 1)[0]
    else:
        from scipy.spatial import KDTree

        rows = KDTree(points).query(points[sampled], NEIGHBOURS + 1)[1]
    itself = rows == sampled[:, None]
    itself[~itself.any(axis=1), -1] = True  # where others lie in the very same place, it may not be among them
    return rows[~itself].reshape(len(sampled), NEIGHBOURS)
