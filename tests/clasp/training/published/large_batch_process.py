"""One of several processes that compute the gradient of a batch together; test_large_batch.py starts them.

torchrun --nproc-per-node 2 -m tests.clasp.training.published.large_batch_process OUT.pt
"""

import sys
from functools import partial

import torch

from clasp.training.losses import Temperature
from clasp.training.published.large_batch import backward
from clasp.training.published.processes import Processes, processes
from tests.clasp.training.published.test_large_batch import case, cut


def gradients(kind: str, size: int, group: Processes) -> dict[str, torch.Tensor]:
    """Gradients and averages of the fusion, with the gradient of the temperature."""
    head, inputs, loss = case(kind, torch.float64)
    scale, (parts, seeds) = Temperature().double(), cut(size)
    encode = lambda rows: head(*(one[rows] for one in inputs))  # noqa: E731
    found = {"loss": backward(head, parts, encode, partial(loss, scale), seeds, group)}
    found |= {name: weight.grad for name, weight in head.named_parameters()}
    return found | dict(head.named_buffers()) | {"scale": scale.logarithm.grad}


if __name__ == "__main__":
    group = processes()
    found = {f"{kind} {size}": gradients(kind, size, group) for kind in ("concat", "gating") for size in (5, 16, 37)}
    torch.save({"count": group.count, "told": group.told(lambda: group.rank), "found": found},
               f"{sys.argv[1]}.{group.rank}")  # fmt: skip
    group.wait()
