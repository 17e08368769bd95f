"""Files encoded by the machines of a Ray cluster, for the one process that writes to the library.

    with connected("auto", model) as cluster:
        for progress in Ingestor(library, model, cluster=cluster).add([Path("/archive/interviews")]):
            print(progress.done, progress.total)

A file is one task: whatever worker is free takes it, with a model that it loads once and holds. So a worker that is
lost costs the file that it had in hand, which another takes; a machine that comes takes part, and one that goes is not
waited for. Twice as many files as there are workers are in hand at most, and what they have become is small (some
kilobytes an utterance): whoever writes slowly slows the workers down, and memory does not grow.

Ray is loaded when a cluster is asked for (`pip install clasp-search[ray]`).
"""

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from clasp.errors import AudioError, ClaspError, ModelError
from clasp.filenames import readable
from clasp.settings import current, variable
from index.ingest.encoded_file import EncodedFile, KnownFiles, encode_file
from index.ingest.objects import StoredObject, fetched

if TYPE_CHECKING:
    from clasp import Clasp

LIMITS = ("offline", "file_mib", "recording_hours", "stall_seconds")  # settings that hold on every machine
RETRIES = 5  # of a file whose workers are lost
PATIENCE = 5  # seconds within which a cluster answers


@dataclass(frozen=True)
class _Setup:
    """What a worker needs besides a file."""

    model: str  # as `clasp.load` takes it
    device: str
    checksum: str  # of the model
    limits: dict[str, str]  # variables of the environment


class Cluster:
    """The workers of a Ray cluster; made by `connected`."""

    def __init__(self, ray: ModuleType, setup: _Setup) -> None:
        """Use `connected`."""
        self._ray, self._setup = ray, setup
        self._resource = "CPU" if setup.device == "cpu" or not ray.cluster_resources().get("GPU") else "GPU"

    def encoded(
        self, files: Iterable[Path], known: KnownFiles, objects: Mapping[Path, StoredObject]
    ) -> Iterator[tuple[Path, Callable[[], EncodedFile]]]:
        """Each file once it is encoded, in any order, with what gives the outcome or raises what went wrong: see
        `encode_file`; an AudioError, too, where the workers that had the file were lost again and again, and a
        ClaspError where they lack CLASP.

        Args:
            objects: the files that workers fetch from object storage, and from where.
        """
        ray = self._ray
        gpus = {"num_gpus": 1, "max_calls": 0} if self._resource == "GPU" else {}  # 0: the worker keeps its model
        encode = ray.remote(num_cpus=1, max_retries=RETRIES, **gpus)(_encode)
        setup, found = ray.put(self._setup), ray.put(known)
        waiting = iter(files)
        running: dict[Any, Path] = {}  # by the reference of what comes back
        while True:
            most = 2 * max(1, int(ray.cluster_resources().get(self._resource, 0)))
            for file in islice(waiting, max(0, most - len(running))):
                running[encode.remote(setup, objects.get(file, file), found)] = file
            if not running:
                return
            (done,), _ = ray.wait(list(running), num_returns=1)
            file = running.pop(done)
            yield file, partial(self._outcome, file, done)

    def _outcome(self, file: Path, done: Any) -> EncodedFile:
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(done)
        except RayTaskError as error:
            if not isinstance(error.cause, RayError):
                raise error.cause from None
            reason = str(error.cause).strip().splitlines()[-1]
            raise ClaspError(f"A worker failed ({reason}): install the same CLASP on every machine.") from error
        except RayError as error:
            reason = f"the workers that had it were lost {RETRIES + 1} times ({type(error).__name__})"
            raise AudioError(f"{readable(file.name)} could not be encoded: {reason}.") from error


@contextmanager
def connected(address: str, model: "Clasp") -> Iterator[Cluster]:
    """A cluster, until the end of the block.

    Args:
        address: "local": one on this machine, for as long as this lasts; "auto": the one that this machine belongs to;
            "ray://host:10001" or "host:6379": that one.
        model: what encodes; its folder must be at the same place on every machine, unless it is the bundled one.

    Raises:
        ClaspError: if Ray is not installed, or there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise ClaspError("Ray is not installed: pip install 'clasp-search[ray]', on every machine.") from error
    settings = current()
    limits = {name: os.environ[name] for name in map(variable, LIMITS) if name in os.environ}
    _must_answer(address)
    here: dict[str, Any] = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == "local" else {}
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **here)
    except (OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ClaspError(f"There is no Ray cluster to be had at {address!r} ({reason}).") from error
    try:
        yield Cluster(ray, _Setup(settings.model, settings.device, model.checksum, limits))
    finally:
        ray.shutdown()


def _must_answer(address: str) -> None:
    """Raise ClaspError where nobody listens at an address; Ray would try for minutes, and then end the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
        except (OSError, OverflowError) as error:
            raise ClaspError(f"There is no Ray cluster at {address}: {error}.") from error


def _encode(setup: _Setup, source: Path | StoredObject, known: KnownFiles) -> EncodedFile:
    """What a worker does of a file, which it fetches first where that is in object storage."""
    os.environ.update(setup.limits)
    model = _model(setup.model, setup.device, setup.checksum)
    with nullcontext(source) if isinstance(source, Path) else fetched(source) as file:
        encoded = encode_file(model, file, known.start)
        return replace(encoded, batches=list(encoded.batches))


@cache
def _model(name: str, device: str, checksum: str) -> "Clasp":
    """The model of a worker, which loads it once.

    Raises:
        ModelError: if it is another one than the library's.
    """
    import torch

    import clasp

    torch.set_num_threads(1)  # each core has a worker of its own
    model = clasp.load(name, device or None)
    if model.checksum != checksum:
        raise ModelError(
            f"The model on {socket.gethostname()} is another one: install the same CLASP on every machine."
        )
    return model
