"""The losses between speech and text: contrast within a batch or against a bank of stored vectors, and distance."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LOSSES = ("both", "contrastive", "huber")
NEGATIVES, DELTA = 4_096, 0.6
PUBLISHED = 0.07  # by which the published CLASP multiplies similarities


class Temperature(nn.Module):
    """A learned inverse temperature, from 1 / 0.07, clamped to [1, 100] (as CLIP does); or a `constant` (the published
    CLASP multiplied by 0.07, which leaves the softmax nearly uniform)."""

    def __init__(self, constant: float | None = None) -> None:
        super().__init__()
        self.constant = constant
        self.logarithm = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self) -> Tensor:
        if self.constant is not None:
            return self.logarithm.new_tensor(self.constant)
        return self.logarithm.exp().clamp(1, 100)


def symmetric(first: Tensor, second: Tensor, scale: Tensor, groups: Tensor) -> Tensor:
    """Cross-entropy both ways between unit rows (batch, dim) that belong together.

    Rows of one group (equal texts, (batch,)) are all right answers.
    """
    logits = scale * first @ second.T  # (batch, batch)
    targets = (groups[:, None] == groups).float()
    targets = targets / targets.sum(1, keepdim=True)
    return (functional.cross_entropy(logits, targets) + functional.cross_entropy(logits.T, targets)) / 2


def against_bank(vectors: Tensor, bank: Tensor, places: Tensor, scale: Tensor) -> Tensor:
    """Cross-entropy of unit rows (batch, dim) against stored unit vectors (bank, dim); `places` are the answers."""
    return functional.cross_entropy(scale * vectors @ bank.T, places)


def huber(vectors: Tensor, targets: Tensor) -> Tensor:
    """The Huber distance (delta 0.6) by which the published LASP was trained, of (batch, dim) to the text vectors.

    Summed over the dimensions: between unit rows, it is 1 - cosine as long as no coordinate differs by more than 0.6.
    """
    return functional.huber_loss(vectors, targets, reduction="none", delta=DELTA).sum(-1).mean()


def meaning_loss(
    vectors: Tensor, bank: Tensor, answers: np.ndarray, scale: Tensor, draw: np.random.Generator, kind: str = "both"
) -> Tensor:
    """Contrast of (batch, dim) with the answers and random rows of the bank, distance to the answer, or both."""
    vectors = functional.normalize(vectors, dim=-1)
    candidates, places = np.unique(
        np.concatenate([answers, draw.integers(len(bank), size=NEGATIVES)]), return_inverse=True
    )
    places = torch.from_numpy(places[: len(answers)])
    nearby = bank[torch.from_numpy(candidates)]
    contrast = against_bank(vectors, nearby, places, scale) if kind != "huber" else 0
    distance = huber(vectors, nearby[places]) if kind != "contrastive" else 0
    return contrast + 2 * distance
