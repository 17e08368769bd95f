"""Vectors in memory: appended to without being copied, and never changed once they are there."""

import numpy as np

ROOM = 1.5  # memory is reserved for so many times the rows; the system gives it when it is used


class Rows:
    """Unit vectors as `array`, float16 (n, dim), read-only."""

    def __init__(self, dim: int, expected: int = 0) -> None:
        """None yet; `expected`, and some more, can be appended without copying."""
        self._take(_Room(dim, expected), 0)

    def joined(self, later: np.ndarray) -> "Rows":
        """These, and (m, dim) later ones, in memory shared with these. Only one thread at a time may join."""
        count, dim = self.array.shape
        room = self._room
        if room.filled != count or count + len(later) > len(room.array):
            room = _Room(dim, count + len(later))
            room.array[:count] = self.array
        room.array[count : count + len(later)] = later
        return Rows.__new__(Rows)._take(room, count + len(later))

    def only(self, kept: np.ndarray) -> "Rows":
        """Those of them that are `kept`, bool (n,)."""
        count = int(kept.sum())
        room = _Room(self.array.shape[1], count)
        np.compress(kept, self.array, axis=0, out=room.array[:count])
        return Rows.__new__(Rows)._take(room, count)

    def _take(self, room: "_Room", count: int) -> "Rows":
        room.filled = count
        self._room, self.array = room, room.array[:count]
        self.array.flags.writeable = False
        return self


class _Room:
    """Memory, and how much of it holds vectors."""

    def __init__(self, dim: int, expected: int) -> None:
        self.array = np.empty((int(ROOM * expected), dim), np.float16)
        self.filled = 0
