"""The layer that the heads over speech share."""

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
        seen = mask[:, None, None, :, 0]  # (batch, 1, 1, time)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        x = x + self.attended(attended.transpose(1, 2).flatten(2))
        moved = self.time((self.time_norm(x) * mask).transpose(1, 2)).transpose(1, 2)
        x = x + self.mixed(functional.silu(moved))
        return x + self.narrow(functional.gelu(self.wide(self.norm(x))))


def valid(x: Tensor, lengths: Tensor) -> Tensor:
    """Where (batch, time, …) is not padding, bool (batch, time, 1)."""
    return (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
