"""One process; or several, each with a GPU of its own, that work on the same training.

    python -m clasp train --config published.toml                                           # one
    accelerate launch --multi_gpu --num_processes 4 -m clasp train --config published.toml   # four

All of them run the same program and hold the same weights. They share what can be divided (features to compute, parts
of a batch), and what cannot, one of them does and tells the others. `accelerate` is needed for several alone.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

from clasp.errors import ClaspError

PATIENCE = timedelta(days=1)  # that one process may be ahead of another

Made = TypeVar("Made")


class Processes:
    """This process alone.

    Attributes:
        rank, count: which of how many it is.
        device: where it computes.
    """

    rank, count = 0, 1

    def __init__(self) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, the same to the last bit in each."""
        return value

    def told(self, make: Callable[[], Made]) -> Made:
        """What the first process makes; the others wait for it."""
        return make()

    def wait(self) -> None:
        """Until all have come so far."""


class Together(Processes):
    """One of the processes that `accelerate launch` or `torchrun` started."""

    def __init__(self) -> None:
        try:
            from accelerate import PartialState
        except ImportError as error:
            raise ClaspError("Several processes need accelerate: pip install accelerate, or start one.") from error
        self._state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
        self.rank, self.count = self._state.process_index, self._state.num_processes
        self.device = self._state.device

    def sum(self, value: Tensor) -> Tensor:
        from accelerate.utils import reduce

        return reduce(value, "sum")

    def told(self, make: Callable[[], Made]) -> Made:
        from accelerate.utils import broadcast_object_list

        message: list[Any] = [make() if self.rank == 0 else None]
        return broadcast_object_list(message)[0]

    def wait(self) -> None:
        self._state.wait_for_everyone()


def processes() -> Processes:
    """This process, with the others that were started with it."""
    return Together() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Processes()
