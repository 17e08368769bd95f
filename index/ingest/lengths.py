"""How long recordings are that are to be added, as their headers say."""

import threading
from collections.abc import Sequence
from pathlib import Path

from clasp.audio.decode import length


class Lengths:
    """Seconds of files, read in the background in their order. A context manager, which leaves the rest unread."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._seconds: dict[Path, float] = {}
        self._unknown: set[Path] = set()
        self._passed: set[Path] = set()
        self._total = 0.0
        self._over = False
        self._thread = threading.Thread(target=self._read, name="lengths", daemon=True)

    def __enter__(self) -> "Lengths":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()

    def of(self, file: Path) -> float:
        """Seconds of a file; 0 where they are not known, or not yet."""
        return self._seconds.get(file, 0.0)

    def passed(self, file: Path) -> float:
        """The same of a file that is done with: from now on nothing depends on how long it is."""
        self._passed.add(file)
        return self.of(file)

    @property
    def total(self) -> float | None:
        """Seconds of all files; None where those of one that is not done with are not known, or not yet."""
        read = len(self._seconds) + len(self._unknown) == len(self._files)
        return self._total if read and self._unknown <= self._passed else None

    def _read(self) -> None:
        for file in self._files:
            if self._over:
                return
            seconds = length(file)
            if seconds is None:
                self._unknown.add(file)
            else:
                self._total += seconds
                self._seconds[file] = seconds
