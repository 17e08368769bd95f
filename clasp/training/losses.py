"""The losses between speech and text: contrast within a batch or against a bank of stored vectors, and distance."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

LOSSES = ("both", "contrastive", "huber")
DELTA = 0.6
SOFTNESS, DIRECTION = 0.05, 5.0  # temperature of a softmax over neighbours; weight of the direction beside it
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


def soft_contrast(vectors: Tensor, bank: Tensor, answers: np.ndarray, others: np.ndarray) -> Tensor:
    """How far (batch, dim) are from their answers in a bank of unit rows, by neighbourhood and by direction.

    The neighbourhood is a softmax over the answers and other rows; the answers' own is the label, so that paraphrases
    among the others count as the matches that they are.

    Args:
        bank: (n, dim), any floating point; answers: rows of it, one for each vector; others: rows of negatives.
    """
    vectors = functional.normalize(vectors, dim=-1)
    candidates, places = np.unique(np.concatenate([answers, others]), return_inverse=True)
    nearby = bank[torch.from_numpy(candidates)].float()  # (candidates, dim)
    targets = nearby[torch.from_numpy(places[: len(answers)])]  # (batch, dim)
    label = (targets @ nearby.T / SOFTNESS).softmax(1)
    contrast = functional.cross_entropy(vectors @ nearby.T / SOFTNESS, label)
    return contrast + DIRECTION * (1 - (vectors * targets).sum(1)).mean()


def huber(vectors: Tensor, targets: Tensor) -> Tensor:
    """The Huber distance (delta 0.6) by which the published LASP was trained, of (batch, dim) to the text vectors.

    Summed over the dimensions: between unit rows, it is 1 - cosine as long as no coordinate differs by more than 0.6.
    """
    return functional.huber_loss(vectors, targets, reduction="none", delta=DELTA).sum(-1).mean()
