"""The phone recognizer: a small head on a frozen speech backbone that tells the phone of every moment.

Self-attention for what the neighbourhood makes likely, convolutions for transitions. Posteriors come 25 times a second,
half as often as features.
"""

from torch import Tensor, nn
from torch.nn import functional

from clasp.phones.inventory import INVENTORY
from clasp.phones.layers import ConvolutionalAttention, valid


class PhoneRecognizer(nn.Module):
    """Features of a backbone to phone posteriors.

    Args:
        features: width of the features; taps: of how many layers they are, side by side.
        width, layers, heads, kernel: of the head.
    """

    def __init__(
        self, features: int, taps: int = 2, *, width: int = 384, layers: int = 3, heads: int = 6, kernel: int = 15
    ):
        super().__init__()
        self.taps = taps
        self.project = nn.Linear(features, width)
        self.subsample = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(ConvolutionalAttention(width, heads, kernel) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(INVENTORY))

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Recognize phones.

        Args:
            features: (batch, time, features), zero beyond each length; lengths: int64 (batch,).

        Returns:
            phone logits (batch, ceil(time / 2), len(INVENTORY)), and how many of them are valid, (batch,).
        """
        parts = features.unflatten(-1, (self.taps, -1))
        x = self.project(functional.layer_norm(parts, parts.shape[-1:]).flatten(2))  # (batch, time, width)
        x = x * valid(x, lengths)
        x = self.subsample(x.transpose(1, 2)).transpose(1, 2)  # (batch, ceil(time / 2), width)
        lengths = (lengths + 1) // 2
        mask = valid(x, lengths)
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(self.norm(x)), lengths
