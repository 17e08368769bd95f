"""The layout of a map: where every utterance lies, as it was fitted once and is stored in the library's folder."""

import json
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

if TYPE_CHECKING:
    from index.records import Segment

MAP_FILE = "map.npz"
EDGE = 1.001  # coordinates are within it


@dataclass(frozen=True, eq=False)
class MapLayout:
    """Positions of the speech of segments and of their texts, on a flat map and on a solid one."""

    model: str  # checksum of the one whose vectors were laid out
    keys: np.ndarray  # uint64 (n,), see `segment_keys`
    flat: np.ndarray  # float32 (n, 2, 2), within [-1, 1]: of the speech of segments, then of the texts; NaN without
    solid: np.ndarray  # float32 (n, 2, 3): the same in three dimensions
    region: np.ndarray  # int16 (n,): in which of `regions` the speech lies; -1: in none
    sampled: int  # how many points were laid out, and the others placed among them; 0: all were laid out
    regions: list[Region]
    measures: list[Measure]

    @cached_property
    def digest(self) -> str:
        """Of all of it."""
        facts = repr((self.model, self.sampled, self.regions, self.measures)).encode()
        arrays = (one.tobytes() for one in (self.keys, self.flat, self.solid, self.region))
        return blake2b(b"".join((facts, *arrays)), digest_size=8).hexdigest()

    def save(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises:
            LibraryError: if it cannot be written.
        """
        lists = {"regions": [*map(asdict, self.regions)], "measures": [*map(asdict, self.measures)]}
        facts = np.array(json.dumps({"sampled": self.sampled, **lists}, ensure_ascii=False).encode())
        try:
            positions = {"flat": self.flat, "solid": self.solid, "region": self.region}
            save_arrays(path, model=self.model, keys=self.keys, **positions, facts=facts)
        except OSError as error:
            raise LibraryError(f"The map cannot be stored in {path.parent}: {error}.") from error

    @classmethod
    def load(cls, path: Path) -> "MapLayout":
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


def segment_keys(segments: "Sequence[Segment]") -> np.ndarray:
    """What segments are known by on a map, uint64 (n,): recording and time. Unlike ids, these outlive a database."""
    names = (f"{one.recording}@{one.start:.3f}-{one.end:.3f}".encode() for one in segments)
    return np.frombuffer(b"".join(blake2b(name, digest_size=8).digest() for name in names), "<u8").astype(np.uint64)
