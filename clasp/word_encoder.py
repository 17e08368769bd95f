"""What lies above the phones: from heard phones to what was meant.

Words are known by their sound: every frequent run of two to six phones has a vector of its own, so vocabulary is
looked up rather than computed, a misheard phone costs only the runs that contain it, and the encoder can be trained
on written text (its phones with simulated confusions) long before any audio.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

ORDERS = (1, 2, 3, 4, 5, 6)  # phones in a run
_BITS = 7  # per phone in the key of a run; the inventory is smaller than 127


class WordEncoder(nn.Module):
    """Sum of run vectors at every phone, residual convolutions over time, attention pooling.

    Args:
        runs: how many runs of phones have a vector.
        embedding: width of those vectors; hidden: of the convolutions; dim: of the result.
    """

    def __init__(
        self,
        runs: int,
        dim: int = 384,
        embedding: int = 128,
        hidden: int = 256,
        layers: int = 3,
        heads: int = 8,
    ):
        super().__init__()
        self.register_buffer("keys", torch.zeros(runs, dtype=torch.int64))  # sorted
        self.embedding = nn.Embedding(runs + 1, embedding, padding_idx=runs)  # the last one: a run not known
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.widen = nn.Linear(embedding, hidden)
        self.blocks = nn.ModuleList(_Block(hidden) for _ in range(layers))
        self.attend = nn.Linear(hidden, heads)
        self.project = nn.Sequential(nn.LayerNorm(heads * hidden // 4), nn.Linear(heads * hidden // 4, dim))
        self.value = nn.Linear(hidden, hidden // 4 * heads)
        self.heads = heads

    def forward(self, phones: Tensor, lengths: Tensor) -> Tensor:
        """int64 (batch, time) phone ids (0 beyond `lengths`, (batch,)) -> float32 (batch, dim), not normalised."""
        mask = (torch.arange(phones.shape[1], device=phones.device) < lengths[:, None])[..., None]
        known = self.lookup(phones)  # (batch, time, orders)
        x = (
            self.widen(functional.embedding(known, self.embedding.weight).sum(2)) * mask
        )  # (batch, time, hidden)
        for block in self.blocks:
            x = block(x, mask)
        weights = self.attend(x).masked_fill(~mask, -1e4).softmax(1)  # (batch, time, heads)
        values = self.value(x).unflatten(-1, (self.heads, -1))  # (batch, time, heads, width)
        pooled = (weights[..., None] * values).sum(1).flatten(1)  # (batch, heads * width)
        return self.project(pooled) * (lengths > 0)[:, None]

    def lookup(self, phones: Tensor) -> Tensor:
        """Row of the table for the run of every order that ends at each phone, int64 (batch, time, orders)."""
        keys = run_keys(phones)
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[places] == keys, places, len(self.keys))


class _Block(nn.Module):
    """Depthwise convolution over time, then two linear layers, residual."""

    def __init__(self, hidden: int, kernel: int = 7):
        super().__init__()
        self.convolution = nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden)
        self.norm = nn.LayerNorm(hidden)
        self.feed = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        mixed = self.convolution(x.transpose(1, 2)).transpose(1, 2)
        return (x + self.feed(self.norm(mixed))) * mask


def run_keys(phones: Tensor) -> Tensor:
    """One number for the run of every order that ends at each phone, int64 (batch, time, orders); -1 where the
    run would begin before the first phone or reaches into the padding."""
    keys, key = [], torch.zeros_like(phones)
    valid = torch.ones_like(phones, dtype=torch.bool)
    for back in range(ORDERS[-1]):
        earlier = functional.pad(phones, (back, 0))[:, : phones.shape[1]]
        valid = valid & (earlier > 0)
        key = key | (earlier << (_BITS * back))
        if back + 1 in ORDERS:
            keys.append(torch.where(valid, key, -1))
    return torch.stack(keys, -1)
