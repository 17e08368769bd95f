"""The map: every utterance of the demo library as a point, near to those that say something alike.

    python -m clasp map

UMAP lays out speech and text vectors together, once; the result is stored in assets/library/map.npz. A query
is placed among its nearest neighbours; nothing is fitted anew for it. What distances mean: near points are
alike, far ones are not, and how far says little.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import LibraryError

from .files import load_arrays, save_arrays

if TYPE_CHECKING:
    from .library import Library

log = logging.getLogger(__name__)

MAP_FILE = "map.npz"
SEED = 0
UMAP_NEIGHBOURS = 15
UMAP_DISTANCE = 0.1  # min_dist: how close points may lie
NEIGHBOURS = 10  # of a query, between which it is placed
SHARPNESS = 0.05  # similarity by which a neighbour must fall behind the best to weigh e times less


def fit(speech: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Positions, float32 (2n, 2) within [-1, 1], of speech vectors (n, dim), then of text ones (n, dim)."""
    import umap

    vectors = np.concatenate([speech, text]).astype(np.float32)
    layout = umap.UMAP(
        n_neighbors=min(UMAP_NEIGHBOURS, len(vectors) - 1), min_dist=UMAP_DISTANCE, metric="cosine",
        random_state=SEED, n_jobs=1,
    ).fit_transform(vectors)  # fmt: skip
    layout -= (layout.max(axis=0) + layout.min(axis=0)) / 2
    return (layout / np.abs(layout).max()).astype(np.float32)


class Map:
    """A fitted map, and the library whose segments it shows.

    Attributes:
        names: str (p,), Segment.name of each point.
        spoken: bool (p,): whether a point is speech; otherwise it is the text of the segment.
        positions: float32 (p, 2), within [-1, 1].
    """

    def __init__(self, library: "Library", names: np.ndarray, spoken: np.ndarray, positions: np.ndarray) -> None:
        """Raises LibraryError if a segment of the library has no point."""
        self.names, self.spoken, self.positions = names, spoken, positions
        self._library = library
        points = dict(zip(names[spoken].tolist(), np.flatnonzero(spoken).tolist(), strict=True))
        segments = library.segments()
        missing = [one.name for one in segments if one.name not in points]
        if missing:
            raise LibraryError(
                f"The map lacks {len(missing)} of {len(segments)} utterances: fit it anew with `python -m clasp map`."
            )
        self._points = {one.id: points[one.name] for one in segments}

    @classmethod
    def load(cls, library: "Library") -> "Map":
        """The map stored with a library.

        Raises:
            LibraryError: if there is none, it is damaged, or it lacks segments.
        """
        try:
            arrays = load_arrays(library.folder / MAP_FILE, "model", "names", "spoken", "positions")
        except LibraryError as error:
            raise LibraryError(f"There is no usable map: fit it with `python -m clasp map` ({error}).") from error
        model, *points = arrays
        if str(model) != library.model:  # the utterances are the same: it still shows them, only less well
            log.warning("The map was fitted with another model: fit it anew with `python -m clasp map`.")
        return cls(library, *points)

    def places(self, segments: Sequence[int]) -> np.ndarray:
        """Positions, float32 (n, 2), of the speech of segments with these ids."""
        return self.positions[[self._points[number] for number in segments]]

    def place(self, vector: np.ndarray) -> np.ndarray:
        """Position, float32 (2,), of a query (dim,): the mean of its neighbours', weighted by similarity."""
        hits = self._library.search(vector, NEIGHBOURS)
        scores = np.array([hit.score for hit in hits], np.float32)
        weights = np.exp((scores - scores.max()) / SHARPNESS)
        return weights @ self.places([hit.segment.id for hit in hits]) / weights.sum()


def save(path: Path, model: str, names: np.ndarray, positions: np.ndarray) -> None:
    """Write a map: the model's checksum, names (n,) of segments, what `fit` made of their vectors (2n, 2)."""
    spoken = np.arange(len(positions)) < len(names)
    save_arrays(path, model=model, names=np.concatenate([names, names]), spoken=spoken, positions=positions)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp map`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")


def run(args: argparse.Namespace) -> int:
    """Fit the map of the demo library and store it; its vectors are made first if the model is another."""
    import clasp

    from . import demo

    model = clasp.load(args.model)
    vectors = demo.shipped(demo.DEMO, model) or demo.embed_demo(model)
    print(f"Laying out {len(vectors.names)} utterances and their texts …")
    save(demo.DEMO / MAP_FILE, vectors.model, vectors.names, fit(vectors.speech, vectors.text))
    print(f"Written: {demo.DEMO / MAP_FILE}")
    return 0
