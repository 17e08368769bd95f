"""Features that frozen networks make of inputs, computed once and kept on disk, a shard at a time.

    FOLDER/<checksum of networks and settings>/<checksum of inputs>.npy

Other networks, or the same after a change, have other folders; in each, about.json says whose it is. A shard has at
most SHARD rows. Its checksum is of what its rows were made of, in their order, so a shard is never taken for another,
whatever is added, left out or changed. A shard is there whole or not at all: work goes on where it was interrupted, and
a damaged shard is made again.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import nn

from clasp.errors import DataError
from clasp.files import whole_file
from clasp.training.data.corpora import batched

SHARD = 512  # rows

Input = TypeVar("Input")
Loaded = TypeVar("Loaded")


@dataclass(frozen=True, eq=False)
class CachedFeatures:
    """Features of all inputs, (inputs, width), and a checksum of what they were made of, and how."""

    rows: np.ndarray
    checksum: str


def cache_folder(folder: Path, about: dict[str, Any], settings: Any, networks: Sequence[nn.Module], size: int) -> Path:
    """The folder in `folder` for what some networks make in one way.

    Args:
        about: what about.json says.
        settings: whatever decides, beside the weights, what the networks make.
        size: what all features would take, in bytes.

    Raises:
        DataError: if the disk has no room for them.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for network in networks:
        for name, value in network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    home = folder / digest.hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    (home / "about.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    missing = size - sum(path.stat().st_size for path in home.glob("*.npy"))
    if shutil.disk_usage(home).free < missing:
        raise DataError(
            f"The disk of {home.resolve()} has no {missing / 1e6:.0f} MB left: make room, or give another folder."
        )
    return home


def cached_features(
    folder: Path,
    groups: Sequence[Sequence[Input]],
    checksum: Callable[[Input], str],
    load: Callable[[Input], Loaded],
    compute: Callable[[list[Loaded]], np.ndarray],
    name: str,
) -> CachedFeatures:
    """The features of every input, computed where `folder` does not have them.

    Args:
        folder: belongs to one way of computing; such as `cache_folder` gives.
        groups: of inputs; no shard has rows of two, so that a group more costs the others nothing.
        checksum: of an input's content, in hexadecimal.
        load: what `compute` takes of an input; done in threads, for the next shard while one is computed.
        compute: (rows, width) of a shard's inputs.
        name: of the features, for what is printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = [shard for group in groups for shard in batched(list(group), SHARD)]
    with ThreadPoolExecutor() as pool:
        names = [_shard_name(pool.map(checksum, shard)) for shard in shards]
    missing = [number for number, key in enumerate(names) if _read(folder / key, len(shards[number])) is None]
    missing = [number for number in missing if names.index(names[number]) == number]  # equal shards are made once
    loaded = _prefetched([shards[number] for number in missing], load)
    for done, (number, inputs) in enumerate(zip(missing, loaded, strict=True), 1):
        with whole_file(folder / names[number]) as path, path.open("wb") as file:
            np.save(file, compute(inputs))
        print(f"{name}: {len(names) - len(missing) + done} of {len(names)} shards of {SHARD}", flush=True)
    rows = np.concatenate([_read(folder / key, len(shard)) for key, shard in zip(names, shards, strict=True)])
    return CachedFeatures(rows, hashlib.sha256(" ".join([folder.name, *names]).encode()).hexdigest())


def _shard_name(checksums: Iterable[str]) -> str:
    return f"{hashlib.sha256(' '.join(checksums).encode()).hexdigest()[:32]}.npy"


def _prefetched(shards: list[list[Input]], load: Callable[[Input], Loaded]) -> Iterator[list[Loaded]]:
    """What is loaded of every shard, one shard ahead."""
    with ThreadPoolExecutor() as pool:
        coming: list[Future[Loaded]] = []
        for shard in [*shards, []]:
            now, coming = coming, [pool.submit(load, one) for one in shard]
            if now:
                yield [one.result() for one in now]


def _read(path: Path, rows: int) -> np.ndarray | None:
    """The shard, or None where it is not there or not whole."""
    try:
        shard = np.load(path)
    except (OSError, ValueError, EOFError):
        return None
    return shard if shard.ndim == 2 and len(shard) == rows else None
