"""What finds the nearest of many vectors, however it does that."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from index.vectors.segment_table import SegmentTable


@dataclass(frozen=True)
class Version:
    """The state of a library that an index holds."""

    model: str  # checksum
    generation: int
    commit: str


class VectorIndex(Protocol):
    """Finds the nearest by meaning and the nearest by sound; any number of threads may search it.

    Attributes:
        filters: whether searches heed names.
        trouble: why it is of no help now, a sentence; '' if it is.
    """

    filters: bool

    @property
    def trouble(self) -> str: ...

    def __len__(self) -> int:
        """How many segments it holds, those included that were removed since."""

    def lacks(self, segments: "SegmentTable") -> np.ndarray:
        """Which of the segments it does not hold, or not with the vector of now, bool (n,)."""

    def is_behind(self, version: Version, lacking: int) -> bool:
        """Whether it is worth extending to a version of the library, of which it lacks so many segments."""

    def search(self, half: int, query: np.ndarray, k: int, names: Mapping[str, Collection[str]]) -> np.ndarray:
        """Ids, int64 (≤ k,), of segments near in a half (0: meaning, 1: sound) to that of a query, float32 (half dim,),
        nearest first; if it `filters`, of those that have one of the `names` in every column that is given. It may
        still hold what was removed. Empty where it is of no help: search exactly then."""

    def extended(self, segments: "SegmentTable", stop: Callable[[], bool]) -> "VectorIndex":
        """An index that holds all of these segments, or fewer if it is told to `stop`."""

    def save(self, folder: Path, version: Version) -> None:
        """Keep it for the next opening; OSError if that does not succeed."""


def halves_of(dim: int, meaning_dim: int) -> tuple[slice, ...]:
    """Where the halves of a vector are: meaning, and sound if the model has it; none if it is not known (0)."""
    halves = (slice(0, meaning_dim), slice(meaning_dim, dim))
    return halves[: 0 if not meaning_dim else 1 if meaning_dim == dim else 2]
