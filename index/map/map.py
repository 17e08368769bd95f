"""The map of a library: every utterance as a point, near to those that say something alike.

    shown = Map.load(library)            # fitted before: see `fit`
    flat, solid = shown.place(query)     # where a query lies, (2,) and (3,)
    shown.points().packed()              # all that a page draws

Speech and texts are laid out together, once, and stored in the library's folder. Segments that are added later are
placed between their neighbours, and so is a query; nothing is fitted anew for them, and the others keep their places.
What distances mean: near points are alike, far ones are not, and how far says little.
"""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import LibraryError
from index.files import load_arrays, save_arrays
from index.map.clusters import Region
from index.map.quality import Measure
from index.map.umap import NEIGHBOURS, between, placed
from index.map.wire import Points

if TYPE_CHECKING:
    from index.library import Library
    from index.records import Segment

log = logging.getLogger(__name__)

MAP_FILE = "map.npz"
EDGE = 1.001  # coordinates are within it


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was fitted, and is stored."""

    model: str  # checksum
    keys: np.ndarray  # uint64 (n,), see `keys`
    flat: np.ndarray  # float32 (n, 2, 2), within [-1, 1]: of the speech of segments, then of the texts; NaN without
    solid: np.ndarray  # float32 (n, 2, 3): the same in three dimensions
    region: np.ndarray  # int16 (n,): in which of `regions` the speech lies; -1: in none
    sampled: int  # how many points were laid out, and the others placed among them; 0: all were laid out
    regions: list[Region]
    measures: list[Measure]

    @cached_property
    def digest(self) -> str:
        """Of all of it."""
        told = repr((self.model, self.sampled, self.regions, self.measures)).encode()
        parts = (one.tobytes() for one in (self.keys, self.flat, self.solid, self.region))
        return blake2b(b"".join((told, *parts)), digest_size=8).hexdigest()

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            LibraryError: if it cannot be written.
        """
        lists = {"regions": [*map(asdict, self.regions)], "measures": [*map(asdict, self.measures)]}
        facts = np.array(json.dumps({"sampled": self.sampled, **lists}, ensure_ascii=False).encode())
        try:
            places = {"flat": self.flat, "solid": self.solid, "region": self.region}
            save_arrays(path, model=self.model, keys=self.keys, **places, facts=facts)
        except OSError as error:
            raise LibraryError(f"The map cannot be stored in {path.parent}: {error}.") from error

    @classmethod
    def load(cls, path: Path) -> "Fitted":
        """What `save` has written.

        Raises:
            LibraryError: if it is missing or damaged.
        """
        names = ("model", "keys", "flat", "solid", "region", "facts")
        model, keys, flat, solid, region, facts = load_arrays(path, *names)
        shapes = [
            (keys, np.uint64, ()),
            (flat, np.float32, (2, 2)),
            (solid, np.float32, (2, 3)),
            (region, np.int16, ()),
        ]
        if any(one.dtype != kind or one.shape != (len(keys), *shape) for one, kind, shape in shapes):
            raise LibraryError(f"{path.name} is damaged: its columns do not fit together.")
        for positions in (flat, solid):
            if not (np.abs(positions[:, 0]) <= EDGE).all() or (np.abs(positions[:, 1]) > EDGE).any():
                raise LibraryError(f"{path.name} is damaged: points lie outside the map.")
        try:
            known = json.loads(facts.tobytes())
            regions = [Region(**one) for one in known["regions"]]
            measures = [Measure(**one) for one in known["measures"]]
            sampled = int(known["sampled"])
        except (ValueError, KeyError, TypeError) as error:
            raise LibraryError(f"{path.name} is damaged: {error}") from error
        if ((region < -1) | (region >= len(regions))).any():
            raise LibraryError(f"{path.name} is damaged: there are no such regions.")
        return cls(str(model), keys, flat, solid, region, sampled, regions, measures)


def keys(segments: "Sequence[Segment]") -> np.ndarray:
    """What segments are known by on a map, uint64 (n,): recording and time. Unlike ids, these outlive a database."""
    names = (f"{one.recording}@{one.start:.3f}-{one.end:.3f}".encode() for one in segments)
    return np.frombuffer(b"".join(blake2b(name, digest_size=8).digest() for name in names), "<u8").astype(np.uint64)


@dataclass(frozen=True, eq=False)
class _Shown:
    """Where the segments of a library lie at one moment."""

    seen: np.ndarray  # the ids as the library gave them
    ids: np.ndarray  # int64 (n,), ascending
    flat: np.ndarray  # float32 (n, 2, 2)
    solid: np.ndarray  # float32 (n, 2, 3)
    region: np.ndarray  # int16 (n,)
    stale: int


class Map:
    """A fitted map, and the library whose segments it shows. Any number of threads may use it."""

    def __init__(self, library: "Library", fitted: Fitted) -> None:
        """Raises LibraryError if not a single segment of the library is on the map."""
        self.fitted = fitted
        self._library = library
        self._lock = threading.Lock()
        none = np.empty(0, np.int64)
        nowhere = (np.empty((0, 2, size), np.float32) for size in (2, 3))
        self._shown = _Shown(none, none, *nowhere, np.empty(0, np.int16), 0)
        self.follow()

    @classmethod
    def load(cls, library: "Library") -> "Map":
        """The map stored with a library.

        Raises:
            LibraryError: if there is none, it is damaged, or it is of other segments.
        """
        try:
            shown = cls(library, Fitted.load(library.folder / MAP_FILE))
        except LibraryError as error:
            raise LibraryError(f"There is no usable map: fit it with `python -m clasp map` ({error})") from error
        if shown.of_another_model:  # the utterances are the same: it still shows them, only less well
            log.warning("The map was fitted with another model: fit it anew with `python -m clasp map`.")
        return shown

    def __len__(self) -> int:
        """How many segments it shows."""
        return len(self._shown.ids)

    @property
    def version(self) -> str:
        """Of what it shows: another one when it was fitted anew, or anything in the library has changed."""
        return f"{self.fitted.digest}-{self._library.version}"

    @property
    def stale(self) -> int:
        """How many segments were added since it was fitted, and placed between their neighbours."""
        return self._shown.stale

    @property
    def sampled(self) -> int:
        """How many points were laid out, and all others placed between those; 0 if all were laid out."""
        return self.fitted.sampled

    @property
    def of_another_model(self) -> bool:
        """Whether it was fitted to the vectors of another model than the library has now."""
        return self.fitted.model != self._library.model

    def follow(self) -> bool:
        """Take up what was added to the library and removed from it. Returns whether anything was; if not, it costs
        nothing.

        Raises:
            LibraryError: if not a single segment of the library is on the map.
        """
        with self._lock:
            ids, vectors = self._library.vectors()
            if ids is self._shown.seen:
                return False
            segments = {one.id: one for one in self._library.segments()}
            there = np.isin(ids, list(segments))
            self._shown = self._of([segments[one] for one in ids[there].tolist()], vectors[there], ids)
            return True

    def place(self, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a query (dim,) lies on the flat map and on the solid one, float32 (2,) and (3,): at the mean of its
        neighbours' positions, weighted by similarity."""
        nearest = self._library.candidates(vector, NEIGHBOURS)
        flat, solid, there = self._speech(nearest.ids)
        if not there.any():
            return np.zeros(2, np.float32), np.zeros(3, np.float32)
        scores = nearest.vectors[there] @ vector
        return between(scores, flat), between(scores, solid)

    def points(self, most: int | None = None) -> Points:
        """Every segment with its places and facts, or a random sample of `most` of them, always the same."""
        self.follow()
        shown, segments = self._shown, {one.id: one for one in self._library.segments()}
        there = np.isin(shown.ids, list(segments))
        if most is not None and there.sum() > most:
            there = np.isin(np.arange(len(there)), np.random.default_rng(0).permutation(np.flatnonzero(there))[:most])
        listed = [segments[number] for number in shown.ids[there].tolist()]
        return Points.of(listed, self._library.recordings(), shown.flat[there], shown.solid[there], shown.region[there])

    def _speech(self, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions of the speech of segments with these ids, float32 (m, 2) and (m, 3), and which of them are on the
        map, bool (n,)."""
        shown = self._shown
        rows, there = _found(shown.ids, segments)
        if not there.all() and self.follow():
            shown = self._shown
            rows, there = _found(shown.ids, segments)
        return shown.flat[rows[there], 0], shown.solid[rows[there], 0], there

    def _of(self, segments: "list[Segment]", vectors: np.ndarray, seen: np.ndarray) -> _Shown:
        """Where these segments lie: where they were laid out, or were before, or else between their neighbours."""
        ids = np.array([one.id for one in segments], np.int64)
        order = np.argsort(self.fitted.keys)
        rows, known = _found(self.fitted.keys[order], keys(segments))
        if len(ids) and not known.any():
            raise LibraryError(f"It shows none of the {len(ids)} utterances of the library.")
        flat, solid = (np.full((len(ids), 2, size), np.nan, np.float32) for size in (2, 3))
        region = np.full(len(ids), -1, np.int16)
        region[known] = self.fitted.region[order[rows[known]]]
        flat[known], solid[known] = self.fitted.flat[order[rows[known]]], self.fitted.solid[order[rows[known]]]
        before, earlier = _found(self._shown.ids, ids)
        earlier &= ~known
        flat[earlier], solid[earlier] = self._shown.flat[before[earlier]], self._shown.solid[before[earlier]]
        new = ~known & ~earlier
        if new.any():
            both = placed(vectors[new], vectors[known], np.concatenate([flat[known, 0], solid[known, 0]], axis=1))
            flat[new, 0], solid[new, 0] = both[:, :2], both[:, 2:]
        return _Shown(seen, ids, flat, solid, region, int((~known).sum()))


def _found(among: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where `wanted` stand in an ascending list: rows, int64 (n,), and whether they do, bool (n,)."""
    if len(among) == 0:
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    rows = np.searchsorted(among, wanted).clip(max=len(among) - 1)
    return rows, among[rows] == wanted
