"""Where the points of a map lie: laid out by UMAP from their nearest neighbours, or placed among those laid out."""

from collections.abc import Callable

import numpy as np

SEED = 0
FEW = 16  # points that are spread along their principal directions: too few for UMAP
UMAP_NEIGHBOURS = 15
UMAP_DISTANCE = 0.1  # min_dist: how close points may lie
MANY, EPOCHS, EPOCHS_OF_MANY = 10_000, 500, 200  # rounds of the layout, and those of more than MANY points
ANEW = 0.05  # of its usual steps are taken by a layout that begins from a former one
NEIGHBOURS = 10  # of a new point, between which it is placed
SHARPNESS = 0.05  # similarity by which a neighbour must fall behind the best to weigh e times less
BLOCK = 256  # vectors compared with all at once
SAME = 1e-6  # cosine distance that is rounding

Progress = Callable[[float, str], None]  # share that is done, 0 to 1, and what is being done; what it raises ends it


def no_progress(_share: float, _doing: str) -> None:
    """Nobody wants to know."""


def subprogress(progress: Progress, first: float, last: float) -> Progress:
    """The progress of a part of the work, which reaches from one share of the whole to another."""
    return lambda share, doing: progress(first + share * (last - first), doing)


def nearest(
    queries: np.ndarray, vectors: np.ndarray, k: int, progress: Progress = no_progress
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of `vectors` (n, dim) most similar to each query (m, dim), found exactly.

    Returns:
        rows, int64 (m, ≤ k), most similar first, and their dot products, float32 (m, ≤ k).
    """
    k = min(k, len(vectors))
    rows, scores = np.empty((len(queries), k), np.int64), np.empty((len(queries), k), np.float32)
    for start in range(0, len(queries), BLOCK):
        block = slice(start, start + BLOCK)
        products = queries[block] @ vectors.T
        best = np.argpartition(products, len(vectors) - k, axis=1)[:, len(vectors) - k :]
        best_scores = np.take_along_axis(products, best, axis=1)
        order = np.argsort(-best_scores, axis=1, kind="stable")
        rows[block] = np.take_along_axis(best, order, axis=1)
        scores[block] = np.take_along_axis(best_scores, order, axis=1)
        progress(min(1.0, (start + BLOCK) / len(queries)), "comparing all with all")
    return rows, scores


def lay_out(
    vectors: np.ndarray, start: tuple[np.ndarray, np.ndarray] | None = None, progress: Progress = no_progress
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of unit vectors (n, dim) on a flat map and on a solid one. The same for the same vectors.

    Args:
        start: positions to begin from, (n, 2) and (n, 3), so that a map stays recognizable (default: the principal
            directions of the vectors).

    Returns:
        float32 (n, 2) and (n, 3), each within [-1, 1] and centred.
    """
    rate = 1.0 if start is None else ANEW
    start = start or (_principal(vectors, 2), _principal(vectors, 3))
    if len(vectors) < FEW:
        progress(1.0, "laying out")
        return _scaled(start[0]), _scaled(start[1])

    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, simplicial_set_embedding

    rows, scores = nearest(vectors, vectors, UMAP_NEIGHBOURS, subprogress(progress, 0, 0.5))
    distances = np.maximum(1 - scores, 0)
    distances[distances < SAME] = 0
    random = np.random.RandomState(SEED)
    graph = fuzzy_simplicial_set(
        vectors, UMAP_NEIGHBOURS, random, "cosine", knn_indices=rows, knn_dists=distances
    )[0]  # fmt: skip
    a, b = find_ab_params(1.0, UMAP_DISTANCE)
    epochs = EPOCHS if len(vectors) <= MANY else EPOCHS_OF_MANY
    layouts = []
    for positions, report, where in (
        (start[0], subprogress(progress, 0.5, 0.75), "laying out the flat map"),
        (start[1], subprogress(progress, 0.75, 1.0), "laying out the solid map"),
    ):
        begin = 10 * _scaled(positions) + random.normal(scale=1e-3, size=positions.shape)  # no two at the same place
        layout, _ = simplicial_set_embedding(
            vectors, graph, positions.shape[1], rate, a, b, 1.0, 5, _Epochs(epochs, report, where), begin,
            np.random.RandomState(SEED), "cosine", {}, False, {}, False,
        )  # fmt: skip
        layouts.append(_scaled(layout if rate == 1 else _aligned(layout, positions)))
    return layouts[0], layouts[1]


def interpolate(
    vectors: np.ndarray, among: np.ndarray, positions: np.ndarray, progress: Progress = no_progress
) -> np.ndarray:
    """Positions, float32 (m, d), of new unit vectors (m, dim) between their neighbours among others (n, dim), n > 0,
    which lie at `positions` (n, d)."""
    rows, scores = nearest(vectors, among, NEIGHBOURS, progress)
    return weighted_mean(scores, positions[rows])


def weighted_mean(scores: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The mean of neighbours' positions (…, k, d), float32 (…, d), each weighing by its score (…, k)."""
    weights = np.exp((scores - scores.max(axis=-1, keepdims=True)) / SHARPNESS)
    mean = (weights[..., None] * positions).sum(axis=-2) / weights.sum(axis=-1, keepdims=True)
    return mean.astype(np.float32)


class _Epochs(list):
    """The number of epochs as UMAP takes it: a list of those after which it is to keep the positions. It asks the list
    after each of them, and that is how its progress is known, and how it is stopped."""

    def __init__(self, count: int, progress: Progress, doing: str) -> None:
        super().__init__([count])
        self._progress, self._doing = progress, doing

    def __contains__(self, epoch: object) -> bool:
        assert isinstance(epoch, int)
        self._progress((epoch + 1) / self[0], self._doing)
        return False


def _principal(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Coordinates, float32 (n, dimensions), along the directions in which vectors (n, dim) differ most."""
    centred = vectors - vectors.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    directions = directions[:, ::-1][:, :dimensions]
    directions = directions * np.sign(directions.sum(axis=0) + 1e-12)  # either sign is right; this one is always it
    return np.pad(centred @ directions, ((0, 0), (0, dimensions - directions.shape[1])))


def _aligned(positions: np.ndarray, former: np.ndarray) -> np.ndarray:
    """Positions (n, d) turned, or mirrored, about their middle so that they lie as near to former ones as can be."""
    from scipy.linalg import orthogonal_procrustes

    centred = positions - positions.mean(axis=0)
    return centred @ orthogonal_procrustes(centred, former - former.mean(axis=0))[0]


def _scaled(positions: np.ndarray) -> np.ndarray:
    """Positions (n, d) moved and scaled into [-1, 1], float32."""
    centred = positions - (positions.max(axis=0) + positions.min(axis=0)) / 2
    return (centred / (np.abs(centred).max() or 1)).astype(np.float32)
