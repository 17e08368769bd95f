"""What searching needs of every segment, in memory. It never changes; what is added, removed or edited makes new ones,
which share with the old what they can."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.vectors.index_file import Version

ROOM = 1.5  # memory is reserved for so many times the vectors; the system gives it when it is used


@dataclass(frozen=True, eq=False)
class SegmentTable:
    """What searching needs of every segment, in the order of ids."""

    version: Version
    ids: np.ndarray  # int64 (n,), ascending
    rows: "VectorBuffer"  # unit vectors
    facts: "dict[str, Categorical]"  # by FILTERED
    replaced: int = 0  # generation in which one of the vectors was last replaced by another one

    def __post_init__(self) -> None:
        for array in (self.ids, *(facts.codes for facts in self.facts.values())):
            array.flags.writeable = False

    @property
    def vectors(self) -> np.ndarray:
        """Unit vectors, float16 (n, dim)."""
        return self.rows.array

    def joined(self, later: "SegmentTable") -> "SegmentTable":
        """These, and what came later."""
        return SegmentTable(
            later.version,
            np.concatenate([self.ids, later.ids]),
            self.rows.joined(later.vectors),
            {name: facts.joined(later.facts[name]) for name, facts in self.facts.items()},
            later.replaced,
        )

    def without(self, ids: np.ndarray, version: Version) -> "SegmentTable":
        """These without some."""
        kept = ~np.isin(self.ids, ids)
        facts = {name: Categorical(one.names, one.codes[kept]) for name, one in self.facts.items()}
        return SegmentTable(version, self.ids[kept], self.rows.only(kept), facts, self.replaced)

    def edited(self, recording: str, facts: dict[str, str], version: Version) -> "SegmentTable":
        """These, with other facts of a recording."""
        changed = self.facts["recording"].are(recording)
        edited = {name: one.edited(changed, facts[name]) if name in facts else one for name, one in self.facts.items()}
        return replace(self, version=version, facts=edited)


@dataclass(frozen=True, eq=False)
class Categorical:
    """One fact of every segment, as numbers of the names that it takes."""

    names: tuple[str, ...]  # each once; some may be of segments that were removed
    codes: np.ndarray  # int32 (n,)

    def joined(self, later: "Categorical") -> "Categorical":
        """These, and those of later segments."""
        names = tuple(dict.fromkeys(self.names + later.names))
        numbers = {name: number for number, name in enumerate(names)}
        renumbered = np.array([numbers[name] for name in later.names], np.int32)
        codes = renumbered[later.codes] if len(later.codes) else later.codes
        return Categorical(names, np.concatenate([self.codes, codes]))

    def are(self, name: str) -> np.ndarray:
        """Of which segments this is the name, bool (n,)."""
        return self.codes == (self.names.index(name) if name in self.names else -1)

    def edited(self, changed: np.ndarray, name: str) -> "Categorical":
        """These, but another name for the segments that `changed`, bool (n,)."""
        names = self.names if name in self.names else (*self.names, name)
        return Categorical(names, np.where(changed, np.int32(names.index(name)), self.codes))

    def present(self) -> list[str]:
        """The names that a segment has, sorted, without ''."""
        used = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return sorted(name for name, count in zip(self.names, used, strict=True) if name and count)


class Column:
    """Categorical in the making."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes = [np.empty(0, np.int32)]

    def add(self, names: Sequence[str]) -> None:
        """Those of some more segments."""
        for name in dict.fromkeys(names):
            self._numbers.setdefault(name, len(self._numbers))
        self._codes.append(np.fromiter(map(self._numbers.__getitem__, names), np.int32, len(names)))

    def facts(self) -> Categorical:
        """All of them."""
        return Categorical(tuple(self._numbers), np.concatenate(self._codes))


class VectorBuffer:
    """Unit vectors as `array`, float16 (n, dim), read-only."""

    def __init__(self, dim: int, expected: int = 0) -> None:
        """None yet; `expected`, and some more, can be appended without copying."""
        self._take(_Room(dim, expected), 0)

    def joined(self, later: np.ndarray) -> "VectorBuffer":
        """These, and (m, dim) later ones, in memory shared with these. Only one thread at a time may join."""
        count, dim = self.array.shape
        room = self._room
        if room.filled != count or count + len(later) > len(room.array):
            room = _Room(dim, count + len(later))
            room.array[:count] = self.array
        room.array[count : count + len(later)] = later
        return VectorBuffer.__new__(VectorBuffer)._take(room, count + len(later))

    def only(self, kept: np.ndarray) -> "VectorBuffer":
        """Those of them that are `kept`, bool (n,)."""
        count = int(kept.sum())
        room = _Room(self.array.shape[1], count)
        np.compress(kept, self.array, axis=0, out=room.array[:count])
        return VectorBuffer.__new__(VectorBuffer)._take(room, count)

    def replaced(self, places: np.ndarray, others: np.ndarray) -> "VectorBuffer":
        """These, with (m, dim) others at some places, int64 (m,); in memory of its own."""
        count, dim = self.array.shape
        room = _Room(dim, count)
        room.array[:count] = self.array
        room.array[places] = others
        return VectorBuffer.__new__(VectorBuffer)._take(room, count)

    def _take(self, room: "_Room", count: int) -> "VectorBuffer":
        room.filled = count
        self._room, self.array = room, room.array[:count]
        self.array.flags.writeable = False
        return self


class _Room:
    """Memory, and how much of it holds vectors."""

    def __init__(self, dim: int, expected: int) -> None:
        self.array = np.empty((int(ROOM * expected), dim), np.float16)
        self.filled = 0
