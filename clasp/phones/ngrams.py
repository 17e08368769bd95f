"""What lies above the phones: from recognized phones to meaning.

Words are known by their sound: every frequent run of two to six phones has a vector of its own, so vocabulary is
looked up rather than computed, a misrecognized phone costs only the runs that contain it (read in several ways, not
even those), and the encoder can be trained on written text (its phones with simulated confusions) long before any
audio.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.phones.layers import ConvolutionalAttention, valid

ORDERS = (2, 3, 4, 5, 6)  # phones in a run
_BITS = 7  # per phone in the key of a run; the inventory is smaller than 127


class PhoneNgramEncoder(nn.Module):
    """The runs that end at each phone, summed over a few phones; then layers of attention, which make sentences of
    them; then several weighted means.

    Args:
        runs: how many runs of phones have a vector.
        dim: of the result; embedding: of a run.
        width, layers, heads, kernel: of the layers.
        stride: phones that share a place in them.
        pools: weighted means, each of `width` numbers.
    """

    keys: Tensor

    def __init__(
        self, runs: int, dim: int = 384, *, embedding: int = 128, width: int = 256, layers: int = 2, heads: int = 4,
        kernel: int = 5, stride: int = 3, pools: int = 8,
    ):  # fmt: skip
        super().__init__()
        self.stride = stride
        self.register_buffer("keys", torch.zeros(runs, dtype=torch.int64))  # sorted
        self.embedding = nn.Embedding(runs + 1, embedding, padding_idx=runs)  # the last one: a run not known
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.embedding.weight.data[runs] = 0
        self.widen = nn.Linear(embedding, width)
        self.layers = nn.ModuleList(ConvolutionalAttention(width, heads, kernel) for _ in range(layers))
        self.attend = nn.Linear(width, pools)
        self.value = nn.Linear(width, pools * (width // 4))
        self.project = nn.Linear(pools * (width // 4), dim)

    def forward(self, phones: Tensor, lengths: Tensor) -> Tensor:
        """Vectors of phone sequences, each in one or several readings.

        Args:
            phones: int64 (batch, readings, time), phone ids, 0 beyond the length.
            lengths: int64 (batch,).

        Returns:
            float32 (batch, dim), not normalised; one and the same where there are no phones.
        """
        count, readings, time = phones.shape
        runs = self.lookup(phones.flatten(0, 1)).unflatten(0, (count, readings))  # (batch, readings, time, orders)
        runs = functional.pad(runs, (0, 0, 0, -time % self.stride), value=len(self.keys))
        runs = runs.unflatten(2, (-1, self.stride)).transpose(1, 2)  # (batch, places, readings, stride, orders)
        rows = runs.reshape(count * runs.shape[1], -1)
        bags = functional.embedding_bag(rows, self.embedding.weight, mode="sum", padding_idx=len(self.keys))
        x = self.widen(bags.unflatten(0, runs.shape[:2]) / readings)  # (batch, places, width)
        mask = valid(x, (lengths.clamp(min=1) + self.stride - 1) // self.stride)
        for layer in self.layers:
            x = layer(x, mask)
        weights = self.attend(x).masked_fill(~mask, -1e4).softmax(1)  # (batch, places, pools)
        values = self.value(x).unflatten(-1, (weights.shape[-1], -1))  # (batch, places, pools, width / 4)
        pooled = (weights[..., None] * values).sum(1).flatten(1)
        return self.project(pooled)

    def lookup(self, phones: Tensor) -> Tensor:
        """Row of the table for the run of every order that ends at each phone, int64 (batch, time, orders)."""
        keys = ngram_keys(phones)
        places = torch.searchsorted(self.keys, keys).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[places] == keys, places, len(self.keys))


def ngram_keys(phones: Tensor) -> Tensor:
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
