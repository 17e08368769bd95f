"""The map of a library: every utterance as a point, near to those that say something alike.

    shown = LibraryMap.load(library)      # fitted before: see `index.map.fit`
    flat, solid = shown.locate(query)     # where a query lies, (2,) and (3,)
    shown.points().to_bytes()             # all that a page draws

Speech and texts are laid out together, once, and stored in the library's folder. Segments that are added later are
placed between their neighbours, and so is a query; nothing is fitted anew for them, and the others keep their places.
What distances mean: near points are alike, far ones are not, and how far says little.
"""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import LibraryError
from index.map.layout import MAP_FILE, MapLayout, segment_keys
from index.map.umap import NEIGHBOURS, interpolate, weighted_mean
from index.map.wire import Points
from index.meanings import meanings

if TYPE_CHECKING:
    from index.library import Library
    from index.records import Segment

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Positions:
    """Where the segments of a library lie at one moment."""

    library_ids: np.ndarray  # the very array that the library gave: it is another one after every change
    ids: np.ndarray  # int64 (n,), ascending
    flat: np.ndarray  # float32 (n, 2, 2)
    solid: np.ndarray  # float32 (n, 2, 3)
    region: np.ndarray  # int16 (n,)
    stale: int

    @classmethod
    def none(cls) -> "_Positions":
        """Of no segments."""
        flat, solid = (np.empty((0, 2, size), np.float32) for size in (2, 3))
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), flat, solid, np.empty(0, np.int16), 0)


class LibraryMap:
    """A layout, and the library whose segments it shows. Any number of threads may use it."""

    def __init__(self, library: "Library", layout: MapLayout) -> None:
        """Raises LibraryError if not a single segment of the library is on the map."""
        self.layout = layout
        self._library = library
        self._lock = threading.Lock()
        self._positions = _Positions.none()
        self.refresh()

    @classmethod
    def load(cls, library: "Library") -> "LibraryMap":
        """The map stored with a library.

        Raises:
            LibraryError: if there is none, it is damaged, or it is of other segments.
        """
        try:
            loaded = cls(library, MapLayout.load(library.folder / MAP_FILE))
        except LibraryError as error:
            raise LibraryError(f"There is no usable map: fit it with `python -m clasp map` ({error})") from error
        if loaded.of_another_model:  # the utterances are the same: it still shows them, only less well
            log.warning("The map was fitted with another model: fit it anew with `python -m clasp map`.")
        return loaded

    def __len__(self) -> int:
        """How many segments it shows."""
        return len(self._positions.ids)

    @property
    def version(self) -> str:
        """Of what it shows: another one when it was fitted anew, or anything in the library has changed."""
        return f"{self.layout.digest}-{self._library.version}"

    @property
    def stale(self) -> int:
        """How many segments were added since it was fitted, and placed between their neighbours."""
        return self._positions.stale

    @property
    def of_another_model(self) -> bool:
        """Whether it was fitted to the vectors of another model than the library has now."""
        return self.layout.model != self._library.model

    def refresh(self) -> bool:
        """Take up what was added to the library and removed from it. Returns whether anything was; if not, it costs
        nothing.

        Raises:
            LibraryError: if not a single segment of the library is on the map.
        """
        with self._lock:
            ids, vectors = self._library.vectors()
            if ids is self._positions.library_ids:
                return False
            segments = {one.id: one for one in self._library.segments()}
            there = np.isin(ids, list(segments))
            speech = meanings(vectors[there], self._library.meaning_dim)
            self._positions = self._placed([segments[one] for one in ids[there].tolist()], speech, ids)
            return True

    def locate(self, vector: np.ndarray, *, spoken: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Where a query (dim,) lies on the flat map and on the solid one, float32 (2,) and (3,): at the mean of the
        positions of its neighbours by meaning, weighted by similarity; by meaning and sound if it is `spoken`, for what
        is heard of a meaning without a transcript is rough."""
        dim = len(vector) if spoken else self._library.meaning_dim
        asked = np.where(np.arange(len(vector)) < dim, vector, 0)
        nearest = self._library.candidates(asked, NEIGHBOURS)
        positions = self._positions
        rows, there = _rows_of(nearest.ids, positions.ids)
        if not there.all() and self.refresh():
            positions = self._positions
            rows, there = _rows_of(nearest.ids, positions.ids)
        if not there.any():
            return np.zeros(2, np.float32), np.zeros(3, np.float32)
        scores = meanings(nearest.vectors[there], dim) @ meanings(asked[None], dim)[0]
        best = np.argsort(-scores)[:NEIGHBOURS]
        rows, scores = rows[there][best], scores[best]
        return weighted_mean(scores, positions.flat[rows, 0]), weighted_mean(scores, positions.solid[rows, 0])

    def points(self, most: int | None = None) -> Points:
        """Every segment with its positions and facts, or a random sample of `most` of them, always the same."""
        self.refresh()
        positions, segments = self._positions, {one.id: one for one in self._library.segments()}
        there = np.isin(positions.ids, list(segments))
        if most is not None and there.sum() > most:
            there = np.isin(np.arange(len(there)), np.random.default_rng(0).permutation(np.flatnonzero(there))[:most])
        listed = [segments[number] for number in positions.ids[there].tolist()]
        columns = (positions.flat[there], positions.solid[there], positions.region[there])
        return Points.of(listed, self._library.recordings(), *columns)

    def threads(self, ids: np.ndarray) -> list[list[int]]:
        """What recurs in another recording: pairs of places among the ids of segments, int64 (n,), ascending."""
        pairs = self._library.recurrences.pairs()
        rows, there = _rows_of(pairs.reshape(-1), ids)
        return rows.reshape(-1, 2)[there.reshape(-1, 2).all(axis=1)].tolist()

    def _placed(self, segments: "list[Segment]", vectors: np.ndarray, library_ids: np.ndarray) -> _Positions:
        """Where these segments lie: where they were laid out, or were before, or else between their neighbours."""
        layout, before = self.layout, self._positions
        ids = np.array([one.id for one in segments], np.int64)
        order = np.argsort(layout.keys)
        rows, known = _rows_of(segment_keys(segments), layout.keys[order])
        if len(ids) and not known.any():
            raise LibraryError(f"It shows none of the {len(ids)} utterances of the library.")
        flat, solid = (np.full((len(ids), 2, size), np.nan, np.float32) for size in (2, 3))
        region = np.full(len(ids), -1, np.int16)
        rows = order[rows[known]]
        flat[known], solid[known], region[known] = layout.flat[rows], layout.solid[rows], layout.region[rows]
        earlier_rows, earlier = _rows_of(ids, before.ids)
        earlier &= ~known
        flat[earlier], solid[earlier] = before.flat[earlier_rows[earlier]], before.solid[earlier_rows[earlier]]
        new = ~known & ~earlier
        if new.any():
            both = interpolate(vectors[new], vectors[known], np.concatenate([flat[known, 0], solid[known, 0]], axis=1))
            flat[new, 0], solid[new, 0] = both[:, :2], both[:, 2:]
        return _Positions(library_ids, ids, flat, solid, region, int((~known).sum()))


def _rows_of(wanted: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `wanted` (n,) stand in an ascending list: rows, int64 (n,), and whether they do, bool (n,)."""
    if len(among) == 0:
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    rows = np.searchsorted(among, wanted).clip(max=len(among) - 1)
    return rows, among[rows] == wanted
