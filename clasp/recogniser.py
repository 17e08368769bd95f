"""The speech backbone as a phone recogniser: log-mel spectrogram in, hidden states and phone posteriors out.

The backbone is any transformers encoder over log-mels that shortens time eightfold; each of its frames (80 ms)
tells the phones of its two halves, so posteriors come at 25 per second for the price of 12.5.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from .mel import BINS
from .phones import INVENTORY

SUBSAMPLING = 8  # spectrogram frames per backbone frame
HALVES = 2  # phone posteriors per backbone frame


class Recogniser(nn.Module):
    """Speech backbone and phone head.

    Args:
        backbone: a transformers configuration with its `model_type`, such as "parakeet_encoder".
    """

    def __init__(self, backbone: dict[str, Any]):
        super().__init__()
        settings = dict(backbone)
        config = AutoConfig.for_model(settings.pop("model_type"), **settings)
        self.backbone = AutoModel.from_config(config)
        self.head = nn.Linear(config.hidden_size, HALVES * len(INVENTORY))

    def forward(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Recognise phones.

        Args:
            mel: float32 (batch, time, BINS) as `mel.log_mel` gives it, zero beyond each length.
            lengths: int64 (batch,), frames.

        Returns:
            hidden states (batch, time / 8, hidden), phone logits (batch, time / 4, len(INVENTORY)), and the number
            of valid hidden frames (batch,); the valid logits are twice as many.
        """
        mask = torch.arange(mel.shape[1], device=mel.device) < lengths[:, None]  # (batch, time)
        features = normalise(mel, mask)
        hidden = self.backbone(features, attention_mask=mask).last_hidden_state  # (batch, time / 8, hidden)
        logits = (
            self.head(hidden).unflatten(-1, (HALVES, len(INVENTORY))).flatten(1, 2)
        )  # (batch, time / 4, phones)
        return hidden, logits, -(-lengths // SUBSAMPLING)


def normalise(mel: Tensor, mask: Tensor) -> Tensor:
    """Each bin of each utterance with zero mean over time (what a channel or a room adds), zero where padded."""
    weights = mask[..., None].to(mel.dtype)  # (batch, time, 1)
    mean = (mel * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
    return 5.0 * (mel - mean) * weights


def pad(mels: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Spectrograms (time, BINS) as one batch (batch, longest, BINS) and their lengths (batch,)."""
    lengths = torch.tensor([len(mel) for mel in mels])
    batch = torch.zeros(len(mels), int(lengths.max()), BINS, device=mels[0].device)
    for row, mel in zip(batch, mels, strict=True):
        row[: len(mel)] = mel
    return batch, lengths.to(batch.device)
