"""Rows of numbers that are computed once and kept on disk, a shard at a time.

A shard is a file `<checksum>.npy` of at most SHARD rows. The checksum is of what its rows were made of, in their order,
so a shard is never taken for another, whatever is added, left out or changed. A shard is there whole or not at all:
work goes on where it was interrupted, and a damaged shard is made again. Shards are read as memory maps.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from clasp.training.data.corpora import batched
from clasp.training.published.processes import Processes

SHARD = 512  # rows
ABANDONED = 3_600  # seconds after which an unfinished file is nobody's

Thing = TypeVar("Thing")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Kept:
    """Rows in shards; a row number counts through all of them."""

    shards: list[np.ndarray]  # (rows, width) each, memory maps
    checksum: str  # of what the rows were made of, and how

    def __len__(self) -> int:
        return sum(len(shard) for shard in self.shards)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """float32 (rows, width)."""
        ends = np.cumsum([len(shard) for shard in self.shards])
        numbers = np.searchsorted(ends, rows, side="right")
        found = np.empty((len(rows), self.shards[0].shape[1]), np.float32)
        for number in np.unique(numbers):
            here = numbers == number
            found[here] = self.shards[number][rows[here] - ends[number] + len(self.shards[number])]
        return found


def keep(
    folder: Path,
    things: Sequence[Sequence[Thing]],
    checksum: Callable[[Thing], str],
    load: Callable[[Thing], Loaded],
    compute: Callable[[list[Loaded]], np.ndarray],
    processes: Processes,
    name: str,
) -> Kept:
    """The row of every thing, computed where `folder` does not have it.

    Args:
        folder: belongs to one way of computing.
        things: in groups; no shard has rows of two, so that a group more costs the others nothing.
        checksum: of a thing's content, in hexadecimal.
        load: what `compute` takes of a thing; done in threads, for the next shard while one is computed.
        compute: (rows, width) of a shard's things.
        name: of the rows, for what is printed.
    """
    shards = [shard for group in things for shard in batched(list(group), SHARD)]

    def plan() -> tuple[list[str], list[int]]:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.part"):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink(missing_ok=True)
        with ThreadPoolExecutor() as pool:
            names = [_name(pool.map(checksum, shard)) for shard in shards]
        whole = {key: _read(folder / key, len(shard)) is not None for key, shard in zip(names, shards, strict=True)}
        return names, [names.index(key) for key, there in whole.items() if not there]

    names, missing = processes.told(plan)
    own = missing[processes.rank :: processes.count]
    for number, loaded in zip(own, _ahead([shards[number] for number in own], load), strict=True):
        _write(folder / names[number], compute(loaded))
        if processes.rank == 0:
            done = len(names) - len(missing) + min((own.index(number) + 1) * processes.count, len(missing))
            print(f"{name}: {done} of {len(names)} shards of {SHARD}", flush=True)
    processes.wait()
    found = [_read(folder / key, len(shard)) for key, shard in zip(names, shards, strict=True)]
    return Kept(found, hashlib.sha256(" ".join([folder.name, *names]).encode()).hexdigest())


def _name(checksums: Iterable[str]) -> str:
    return f"{hashlib.sha256(' '.join(checksums).encode()).hexdigest()[:32]}.npy"


def _ahead(shards: list[list[Thing]], load: Callable[[Thing], Loaded]) -> Iterator[list[Loaded]]:
    """What is loaded of every shard, one shard ahead."""
    with ThreadPoolExecutor() as pool:
        coming: list[Any] | None = None
        for shard in [*shards, []]:
            now, coming = coming, [pool.submit(load, thing) for thing in shard]
            if now is not None:
                yield [one.result() for one in now]


def _read(path: Path, rows: int) -> np.ndarray | None:
    """The shard, or None where it is not there or not whole."""
    try:
        shard = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return shard if shard.ndim == 2 and len(shard) == rows else None


def _write(path: Path, rows: np.ndarray) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            np.save(file, rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
