"""The sound half: one encoder that turns phones into a vector, whether they are of text or of speech."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.phones.inventory import INVENTORY


class PhoneEncoder(nn.Module):
    """Residual convolutions over phones, mean and maximum over time, projection.

    Phones of text and of speech have input tables of their own, `written` and `spoken` (the recognizer's habits differ
    from the rules'); everything above is shared.
    """

    def __init__(self, dim: int = 384, hidden: int = 320, layers: int = 4, kernel: int = 5):
        super().__init__()
        self.written, self.spoken = (nn.Linear(len(INVENTORY), hidden, bias=False) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.convolutions = nn.ModuleList(nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2) for _ in range(layers))
        self.project = nn.Linear(2 * hidden, dim)

    def forward(self, phones: Tensor, lengths: Tensor, *, from_speech: bool) -> Tensor:
        """Vectors of phone sequences.

        Args:
            phones: float32 (batch, time, len(INVENTORY)), distributions (one-hot for those of text).
            lengths: int64 (batch,); a row of length 0 gives a zero vector.
            from_speech: whether the phones come from the recognizer.

        Returns:
            float32 (batch, dim), unit rows.
        """
        mask = (torch.arange(phones.shape[1], device=phones.device) < lengths[:, None])[..., None]
        x = (self.spoken if from_speech else self.written)(phones) * mask  # (batch, time, hidden)
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            update = convolution((norm(x) * mask).transpose(1, 2)).transpose(1, 2)
            x = (x + functional.gelu(update)) * mask
        mean = x.sum(1) / lengths.clamp(min=1)[:, None]
        highest = x.masked_fill(~mask, -torch.inf).amax(1).masked_fill(lengths[:, None] == 0, 0)
        vectors = functional.normalize(self.project(torch.cat([mean, highest], -1)), dim=-1)
        return vectors * (lengths > 0)[:, None]


def pad(sequences: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Sequences (time, phones) as one batch, zero beyond each length (at least 1 long), and the lengths."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    batch = sequences[0].new_zeros(len(sequences), max(int(lengths.max()), 1), sequences[0].shape[1])
    for row, sequence in zip(batch, sequences, strict=True):
        row[: len(sequence)] = sequence
    return batch, lengths


def one_hot(phones: Tensor) -> Tensor:
    """Phone ids (time,) as distributions, float32 (time, len(INVENTORY))."""
    return functional.one_hot(phones, len(INVENTORY)).float()
