"""The contrastive losses: symmetric within a batch, and against a bank of stored vectors."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Temperature(nn.Module):
    """A learned inverse temperature, from 1 / 0.07, clamped to [1, 100] (as CLIP does; the published CLASP
    multiplied by 0.07 instead, which leaves the softmax nearly uniform)."""

    def __init__(self) -> None:
        super().__init__()
        self.logarithm = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self) -> Tensor:
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
