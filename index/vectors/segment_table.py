"""What searching needs of every segment, in memory. It never changes; what is added, removed or edited makes a new one,
which shares with the old what it can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from index.vectors.protocol import Version

SPARE = 1.5  # memory is reserved for so many times the vectors; the system gives it when it is used


@dataclass(frozen=True, eq=False)
class SegmentTable:
    """Ids, vectors and what can be filtered of every segment, in the order of ids."""

    version: Version
    ids: np.ndarray  # int64 (n,), ascending
    buffer: "VectorBuffer"
    columns: "dict[str, Categorical]"  # recording, category, language, speaker, date, tags
    replaced: np.ndarray  # int64 (n,), the generation in which each vector was last replaced; 0: never

    def __post_init__(self) -> None:
        for array in (self.ids, self.replaced, *(column.codes for column in self.columns.values())):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def vectors(self) -> np.ndarray:
        """Unit vectors, float16 (n, dim)."""
        return self.buffer.array

    @property
    def dim(self) -> int:
        """Numbers of a vector."""
        return self.buffer.array.shape[1]

    def appended(self, later: "SegmentTable") -> "SegmentTable":
        """These, and what came later."""
        return SegmentTable(
            later.version,
            np.concatenate([self.ids, later.ids]),
            self.buffer.appended(later.vectors),
            {name: column.appended(later.columns[name]) for name, column in self.columns.items()},
            np.concatenate([self.replaced, later.replaced]),
        )

    def without(self, ids: np.ndarray, version: Version) -> "SegmentTable":
        """These without some."""
        stays = ~np.isin(self.ids, ids)
        columns = {name: Categorical(column.names, column.codes[stays]) for name, column in self.columns.items()}
        return SegmentTable(version, self.ids[stays], self.buffer.selected(stays), columns, self.replaced[stays])

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
    """Unit vectors as `array`, float16 (n, dim), read-only."""

    def __init__(self, dim: int, expected: int = 0) -> None:
        """None yet; `expected`, and some more, can be appended without copying."""
        self._use(_Memory(dim, expected), 0)

    def appended(self, later: np.ndarray) -> "VectorBuffer":
        """These, and (m, dim) later ones, in memory shared with these. Only one thread at a time may append."""
        count, dim = self.array.shape
        memory = self._memory
        if memory.filled != count or count + len(later) > len(memory.array):
            memory = _Memory(dim, count + len(later))
            memory.array[:count] = self.array
        memory.array[count : count + len(later)] = later
        return VectorBuffer.__new__(VectorBuffer)._use(memory, count + len(later))

    def selected(self, rows: np.ndarray) -> "VectorBuffer":
        """Those of them in some rows, bool (n,)."""
        count = int(rows.sum())
        memory = _Memory(self.array.shape[1], count)
        np.compress(rows, self.array, axis=0, out=memory.array[:count])
        return VectorBuffer.__new__(VectorBuffer)._use(memory, count)

    def replaced(self, rows: np.ndarray, others: np.ndarray) -> "VectorBuffer":
        """These, with (m, dim) others in some rows, int64 (m,); in memory of its own."""
        count, dim = self.array.shape
        memory = _Memory(dim, count)
        memory.array[:count] = self.array
        memory.array[rows] = others
        return VectorBuffer.__new__(VectorBuffer)._use(memory, count)

    def _use(self, memory: "_Memory", count: int) -> "VectorBuffer":
        memory.filled = count
        self._memory, self.array = memory, memory.array[:count]
        self.array.flags.writeable = False
        return self


class _Memory:
    """Room for vectors, and how much of it is filled."""

    def __init__(self, dim: int, expected: int) -> None:
        self.array = np.empty((int(SPARE * expected), dim), np.float16)
        self.filled = 0
