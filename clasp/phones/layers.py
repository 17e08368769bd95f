"""The layer that the heads over speech share."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvolutionalAttention(nn.Module):
    """Attention, a convolution over time in each channel, and two linear layers, each added to what comes in.

    Attention tells what the whole makes likely, the convolution what the neighbours say and in which order.
    """

    def __init__(self, width: int, heads: int, kernel: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.time_norm, self.norm = (nn.LayerNorm(width) for _ in range(3))
        self.qkv, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.time = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.mixed = nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(batch, time, width) and where it is valid, (batch, time, 1) -> (batch, time, width)."""
        query, key, value = self.qkv(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # by hand: for sequences this short, four times as fast as scaled_dot_product_attention in bfloat16 on a CPU
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])  # (batch, heads, time, time)
        weights = scores.masked_fill(~mask[:, None, None, :, 0], -1e4).softmax(-1).to(value.dtype)
        x = x + self.attended((weights @ value).transpose(1, 2).flatten(2))
        moved = self.time((self.time_norm(x) * mask).transpose(1, 2)).transpose(1, 2)
        x = x + self.mixed(functional.silu(moved))
        return x + self.narrow(functional.gelu(self.wide(self.norm(x))))


def valid(x: Tensor, lengths: Tensor) -> Tensor:
    """Where (batch, time, …) is not padding, bool (batch, time, 1)."""
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
