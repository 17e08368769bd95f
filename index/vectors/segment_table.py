"""What searching needs of every segment, in memory. It never changes; what is added, removed or edited makes a new one,
which shares with the old what it can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from index.vectors.protocol import Version

SPARE = 1.5  # memory is reserved for so many times the vectors; the system gives it when it is used


@dataclass(frozen=True, eq=False)
class SegmentTable:
    """Ids, vectors and what can be filtered of every segment, in the order of ids."""

    version: Version
    ids: np.ndarray  # int64 (n,), ascending
    vectors: "VectorBuffer"  # float16 (n, dim), unit rows
    columns: "dict[str, Categorical]"  # recording, category, language, speaker, date, tags
    replaced: np.ndarray  # int64 (n,), the generation in which each vector was last replaced; 0: never

    def __post_init__(self) -> None:
        for array in (self.ids, self.replaced, *(column.codes for column in self.columns.values())):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self.vectors.dim

    def appended(self, later: "SegmentTable") -> "SegmentTable":
        """These, and what came later."""
        return SegmentTable(
            later.version,
            np.concatenate([self.ids, later.ids]),
            self.vectors.appended(later.vectors[:]),
            {name: column.appended(later.columns[name]) for name, column in self.columns.items()},
            np.concatenate([self.replaced, later.replaced]),
        )

    def without(self, ids: np.ndarray, version: Version) -> "SegmentTable":
        """These without some."""
        stays = ~np.isin(self.ids, ids)
        columns = {name: Categorical(column.names, column.codes[stays]) for name, column in self.columns.items()}
        return SegmentTable(version, self.ids[stays], self.vectors.selected(stays), columns, self.replaced[stays])

    def edited(self, recording: str, values: dict[str, str], version: Version) -> "SegmentTable":
        """These, with other values in some columns for the segments of a recording."""
        rows = self.columns["recording"].equal(recording)
        edited = {
            name: column.edited(rows, values[name]) if name in values else column
            for name, column in self.columns.items()
        }
        return replace(self, version=version, columns=edited)

    def spoken_in(self, languages: Mapping[str, str], version: Version) -> "SegmentTable":
        """These, with other languages for the segments of some recordings, by id."""
        column = self.columns["language"]
        for recording, language in languages.items():
            column = column.edited(self.columns["recording"].equal(recording), language)
        return replace(self, version=version, columns={**self.columns, "language": column})

    def spoken_by(self, speakers: Mapping[int, str], version: Version) -> "SegmentTable":
        """These, with other speakers in some segments, by id."""
        column = self.columns["speaker"]
        for name in dict.fromkeys(speakers.values()):
            ids = [number for number, speaker in speakers.items() if speaker == name]
            column = column.edited(np.isin(self.ids, ids), name)
        return replace(self, version=version, columns={**self.columns, "speaker": column})


@dataclass(frozen=True, eq=False)
class Categorical:
    """One column of a table, as numbers of the names in it."""

    names: tuple[str, ...]  # each once; some may be of segments that were removed
    codes: np.ndarray  # int32 (n,)

    def appended(self, later: "Categorical") -> "Categorical":
        """These, and those of later segments."""
        names = tuple(dict.fromkeys(self.names + later.names))
        numbers = {name: number for number, name in enumerate(names)}
        renumbered = np.array([numbers[name] for name in later.names], np.int32)
        codes = renumbered[later.codes] if len(later.codes) else later.codes
        return Categorical(names, np.concatenate([self.codes, codes]))

    def equal(self, name: str) -> np.ndarray:
        """Of which segments this is the name, bool (n,)."""
        return self.codes == (self.names.index(name) if name in self.names else -1)

    def edited(self, rows: np.ndarray, name: str) -> "Categorical":
        """These, but with another name in the `rows`, bool (n,)."""
        names = self.names if name in self.names else (*self.names, name)
        return Categorical(names, np.where(rows, np.int32(names.index(name)), self.codes))

    def present(self) -> list[str]:
        """The names that a segment has, sorted, without ''."""
        used = np.bincount(self.codes, minlength=len(self.names)).tolist()
        return sorted(name for name, count in zip(self.names, used, strict=True) if name and count)


class CategoricalBuilder:
    """Gathers a column block by block."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes = [np.empty(0, np.int32)]

    def add(self, names: Sequence[str]) -> None:
        """Those of some more segments."""
        for name in dict.fromkeys(names):
            self._numbers.setdefault(name, len(self._numbers))
        self._codes.append(np.fromiter(map(self._numbers.__getitem__, names), np.int32, len(names)))

    def build(self) -> Categorical:
        """All of them."""
        return Categorical(tuple(self._numbers), np.concatenate(self._codes))


class VectorBuffer:
    """Unit vectors, float16 (n, dim), which never change: `vectors[rows]` and `vectors[rows, half]` are arrays, copied.

    What comes later, or in the place of others, is written behind these, in the same memory. What is no longer used of
    that stays in it, until it is much or all is moved to larger memory.
    """

    def __init__(self, dim: int, expected: int = 0) -> None:
        """None yet; `expected`, and some more, can be appended without copying."""
        self._use(_Memory(np.empty((int(SPARE * expected), dim), np.float16)), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, *numbers = key if isinstance(key, tuple) else (key,)
        return self._memory.array[(self._places[rows], *numbers)]

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self._memory.array.shape[1]

    def half(self, half: slice) -> "VectorBuffer":
        """A half of each, without copying."""
        return self._with(_Memory(self._memory.array[:, half], self._memory.filled), self._places)

    def appended(self, later: np.ndarray) -> "VectorBuffer":
        """These, and (m, dim) later ones. Only one thread at a time may append."""
        if self._memory.filled + len(later) > len(self._memory.array):
            return self._moved(len(later)).appended(later)
        start, stop = self._memory.filled, self._memory.filled + len(later)
        self._memory.array[start:stop] = later
        self._memory.filled = stop
        return self._with(self._memory, np.concatenate([self._places, np.arange(start, stop)]))

    def selected(self, rows: np.ndarray) -> "VectorBuffer":
        """Those of them in some rows, bool (n,)."""
        fewer = self._with(self._memory, self._places[rows])
        return fewer if SPARE * len(fewer) >= self._memory.filled else fewer._moved(0)

    def replaced(self, rows: np.ndarray, others: np.ndarray) -> "VectorBuffer":
        """These, with (m, dim) others in some rows, int64 (m,). Only one thread at a time may replace."""
        both, count = self.appended(others), len(self)
        places = both._places[:count].copy()
        places[rows] = both._places[count:]
        return self._with(both._memory, places)

    def _moved(self, more: int) -> "VectorBuffer":
        """The same in memory of their own, with room for so many more."""
        moved = VectorBuffer(self.dim, len(self) + more)
        np.take(self._memory.array, self._places, axis=0, out=moved._memory.array[: len(self)], mode="clip")
        moved._memory.filled = len(self)
        return self._with(moved._memory, np.arange(len(self)))

    @staticmethod
    def _with(memory: "_Memory", places: np.ndarray) -> "VectorBuffer":
        return VectorBuffer.__new__(VectorBuffer)._use(memory, places)

    def _use(self, memory: "_Memory", places: np.ndarray) -> "VectorBuffer":
        self._memory, self._places = memory, places  # where each stands, int64 (n,)
        return self


@dataclass(eq=False)
class _Memory:
    """Room for vectors, float16 (m, dim), and how much of it is filled."""

    array: np.ndarray
    filled: int = 0
