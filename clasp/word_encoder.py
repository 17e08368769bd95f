"""What lies above the phones: from heard phones to what was meant.

Words are known by their sound: every frequent run of two to six phones has a vector of its own, so vocabulary is
looked up rather than computed, a misheard phone costs only the runs that contain it (read in several ways, not even
those), and the encoder can be trained on written text (its phones with simulated confusions) long before any audio.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

ORDERS = (2, 3, 4, 5, 6)  # phones in a run
_BITS = 7  # per phone in the key of a run; the inventory is smaller than 127


class WordEncoder(nn.Module):
    """The runs that end at each phone, summed; then attention over the phones, several heads wide.

    Args:
        runs: how many runs of phones have a vector.
        embedding: width of those vectors; heads, width: of the attention; dim: of the result.
    """

    def __init__(self, runs: int, dim: int = 384, *, embedding: int = 128, heads: int = 8, width: int = 64):
        super().__init__()
        self.register_buffer("keys", torch.zeros(runs, dtype=torch.int64))  # sorted
        self.embedding = nn.Embedding(runs + 1, embedding, padding_idx=runs)  # the last one: a run not known
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.attend = nn.Linear(embedding, heads)
        self.value = nn.Linear(embedding, heads * width)
        self.project = nn.Linear(heads * width, dim)

    def forward(self, phones: Tensor, lengths: Tensor) -> Tensor:
        """Vectors of phone sequences, each in one or several readings.

        Args:
            phones: int64 (batch, readings, time), phone ids, 0 beyond the length.
            lengths: int64 (batch,).

        Returns:
            float32 (batch, dim), not normalised.
        """
        mask = (torch.arange(phones.shape[2], device=phones.device) < lengths[:, None])[..., None]
        runs = self.lookup(phones.flatten(0, 1)).unflatten(0, phones.shape[:2])  # (batch, readings, time, orders)
        runs = runs.transpose(1, 2).flatten(2)  # (batch, time, readings * orders)
        bags = functional.embedding_bag(runs.flatten(0, 1), self.embedding.weight, mode="sum")
        x = bags.unflatten(0, runs.shape[:2]) / phones.shape[1]  # (batch, time, embedding)
        weights = self.attend(x).masked_fill(~mask, -1e4).softmax(1)  # (batch, time, heads)
        values = self.value(x).unflatten(-1, (weights.shape[-1], -1))  # (batch, time, heads, width)
        pooled = (weights[..., None] * values).sum(1).flatten(1)  # (batch, heads * width)
        return self.project(pooled) * (lengths > 0)[:, None]

    def lookup(self, phones: Tensor) -> Tensor:
        """Row of the table for the run of every order that ends at each phone, int64 (batch, time, orders)."""
        keys = run_keys(phones)
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[places] == keys, places, len(self.keys))


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
