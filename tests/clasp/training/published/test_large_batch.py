"""Gradients of large batches: part by part they are those of the whole batch at once, batch norms and dropout too."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.speech import fusion
from clasp.training.losses import Temperature, symmetric
from clasp.training.published.large_batch import backward
from clasp.training.published.processes import Processes

SPEECH, IMAGE, DIM, BATCH = 20, 12, 24, 37


class Remembered(nn.Module):
    """Dropout by masks that were drawn before."""

    def __init__(self, mask: Tensor):
        super().__init__()
        self.mask = mask

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask.to(x.dtype)


def drawn(head: nn.Module, parts: list[np.ndarray], seeds: list[int], dtype: torch.dtype) -> dict[str, Tensor]:
    """The masks, (batch, width), of every dropout of `head`, as they are drawn part by part."""
    widths = {name: layer.num_features for name, layer in head.named_modules() if isinstance(layer, nn.BatchNorm1d)}
    dropouts = {name: layer for name, layer in head.named_modules() if isinstance(layer, nn.Dropout)}
    masks: dict[str, list[Tensor]] = {name: [] for name in dropouts}
    for part, seed in zip(parts, seeds, strict=True):
        torch.manual_seed(seed)
        for name, layer in dropouts.items():
            branch, _, place = name.rpartition(".")
            masks[name].append(layer(torch.ones(len(part), widths[f"{branch}.{int(place) - 2}"], dtype=dtype)))
    return {name: torch.cat(rows) for name, rows in masks.items()}


def case(kind: str, dtype: torch.dtype) -> tuple[nn.Module, list[Tensor], Callable[[nn.Module, Tensor], Tensor]]:
    draw = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    head = fusion.build(kind, SPEECH, IMAGE, DIM).to(dtype).train()
    inputs = [3 + torch.randn(BATCH, width, generator=draw).to(dtype) for width in (SPEECH, IMAGE)]
    texts = functional.normalize(torch.randn(BATCH, DIM, generator=draw), dim=1).to(dtype)
    groups = torch.arange(BATCH) // 2

    def loss(scale: nn.Module, vectors: Tensor) -> Tensor:
        return symmetric(functional.normalize(vectors, dim=1), texts, scale(), groups)

    return head, inputs, loss


def cut(size: int) -> tuple[list[np.ndarray], list[int]]:
    """The batch in parts, and the seed of each."""
    parts = np.split(np.arange(BATCH), range(size, BATCH, size))
    return parts, [100 + number for number in range(len(parts))]


@pytest.mark.parametrize("kind", fusion.FUSIONS)
@pytest.mark.parametrize(
    ("size", "dtype", "near"),
    [*((size, torch.float64, 1e-12) for size in (1, 5, 16, BATCH)), *((size, torch.float32, 1e-6) for size in (5, 16))],
)
def test_gradients_are_those_of_the_whole_batch(kind: str, size: int, dtype: torch.dtype, near: float) -> None:
    head, inputs, loss = case(kind, dtype)
    parts, seeds = cut(size)
    whole, scales = copy.deepcopy(head), [Temperature().to(dtype) for _ in range(2)]
    for name, mask in drawn(head, parts, seeds, dtype).items():
        parent, _, last = name.rpartition(".")
        setattr(whole.get_submodule(parent), last, Remembered(mask))
    expected = loss(scales[0], whole(*inputs))
    expected.backward()
    found = backward(
        head, parts, lambda rows: head(*(one[rows] for one in inputs)), partial(loss, scales[1]), seeds, Processes()
    )
    assert found.item() == pytest.approx(expected.item(), abs=near)
    assert scales[1].logarithm.grad.item() == pytest.approx(scales[0].logarithm.grad.item(), abs=near)
    gradients = [torch.cat([weight.grad.flatten() for weight in one.parameters()]) for one in (head, whole)]
    assert gradients[1].norm() > 0.1
    assert (gradients[0] - gradients[1]).norm() < near * gradients[1].norm()
    averages = [torch.cat([kept.flatten() for name, kept in one.named_buffers() if not name.endswith("mask")])
                for one in (head, whole)]  # fmt: skip
    torch.testing.assert_close(averages[0], averages[1], rtol=near, atol=near)
    assert all(layer.training and not layer._forward_hooks for layer in head.modules())


@pytest.mark.slow  # two more times torch is loaded
def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    from tests.clasp.training.published.large_batch_process import gradients

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m",
               "tests.clasp.training.published.large_batch_process", str(tmp_path / "found")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120)
    first, second = (torch.load(tmp_path / f"found.{rank}") for rank in range(2))
    assert first["count"] == second["count"] == 2
    assert first["told"] == second["told"] == 0
    for name, found in first["found"].items():
        kind, size = name.split()
        alone = gradients(kind, int(size), Processes())
        assert found.keys() == alone.keys()
        for key, value in found.items():
            assert torch.equal(value, second["found"][name][key]), f"{name} {key}"
            torch.testing.assert_close(value, alone[key], rtol=1e-9, atol=1e-12)
