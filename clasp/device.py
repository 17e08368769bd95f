"""Where a model runs, how precisely, and how much of its work at once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clasp.errors import ClaspError

LARGE = 100_000_000  # parameters of a network that keeps a CPU busy for a second or so an utterance
TYPICAL = 10.0  # seconds; a batch of size n holds no more than n such utterances when all are as long as its longest


def chosen_device(name: str | torch.device | None = None) -> torch.device:
    """The device with this name; None: the best there is.

    Raises:
        ClaspError: if it is not here.
    """
    if not name:
        return best_device()
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:120]
        raise ClaspError(
            f"There is no device {str(name)!r} here that torch can use ({reason}): leave CLASP_DEVICE empty."
        ) from error
    return device


def best_device() -> torch.device:
    """A GPU if there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def precision(device: torch.device, parameters: int = 0) -> torch.dtype:
    """What a network of so many parameters computes in there: half precision on NVIDIA's GPUs, bfloat16 where they have
    it; so a large one on a CPU that has it, where it is twice as fast."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and parameters >= LARGE and cpu_has_bfloat16():
        return torch.bfloat16
    return torch.float32


def cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies it; one without it emulates it a hundred times slower."""
    return torch.cpu._is_avx512_bf16_supported()


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """In which layers compute in `dtype`, as far as they bear it."""
    if dtype == torch.float32:
        return torch.autocast(device.type, enabled=False)
    return torch.autocast(device.type, dtype)


def usual_size(device: torch.device, parameters: int = 0) -> int:
    """Utterances at once, to begin with, for a network of so many parameters; a large one keeps a CPU busy alone."""
    if device.type == "cuda":
        return 64
    return 8 if parameters < LARGE else 1


def parameters_of(network: nn.Module) -> int:
    """How many parameters a network has."""
    return sum(weight.numel() for weight in network.parameters())


def to_device(samples: np.ndarray, device: torch.device) -> Tensor:
    """Samples as an encoder takes them; on their way to a GPU nobody waits."""
    tensor = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def in_batches(lengths: Sequence[float], size: int, encode: Callable[[list[int]], None]) -> int:
    """Encode utterances, alike in length together, in smaller batches when memory does not suffice.

    Args:
        lengths: seconds of each.
        size: utterances of TYPICAL length at once; of longer ones there are fewer.
        encode: takes the places of those to encode now.

    Returns:
        The size that was small enough.

    Raises:
        ClaspError: if not even one fits, or the GPU fails.
    """
    order = np.argsort(lengths, kind="stable").tolist()
    while order:
        now = order[:size]
        while len(now) > 1 and len(now) * max(lengths[now[-1]], TYPICAL) > size * TYPICAL:
            now.pop()
        try:
            encode(now)
        except torch.OutOfMemoryError as error:
            if len(now) == 1:
                raise ClaspError(
                    f"There is not enough memory on the GPU for an utterance of {lengths[now[0]]:.0f} s: close what "
                    "else uses it, or set CLASP_DEVICE=cpu."
                ) from error
            size = max(1, len(now) // 2)
        except RuntimeError as error:
            if "CUDA" not in str(error):
                raise
            raise ClaspError(f"The GPU failed ({str(error).splitlines()[0][:120]}): start again, or set "
                             "CLASP_DEVICE=cpu.") from error  # fmt: skip
        else:
            del order[: len(now)]
            continue
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return size
