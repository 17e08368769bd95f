"""Speech encoders: waveforms in, meaning out, and the phones of those that go by them."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, eq=False)
class SpeechOutput:
    """What a speech encoder makes of a batch: meaning (batch, dim), unit rows, and for every utterance its recognized
    phones as distributions (phones, inventory), and moments, float32 (batch, 2 · width), which tell who speaks (see
    `speech.speaker`); or None where the encoder has none of these."""

    meaning: Tensor
    phones: list[Tensor] | None
    moments: Tensor | None = None


class SpeechEncoder(nn.Module):
    """Waveforms to meaning vectors: the base of `PhoneSpeechEncoder` and `FusedSpeechEncoder`."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.config = config

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    @property
    def stored(self) -> nn.Module:
        """The part whose weights the model's folder holds."""
        return self

    def forward(self, samples: list[Tensor]) -> SpeechOutput:
        """16 kHz mono float32 (n,) each; they may differ in length, and do not influence each other."""
        raise NotImplementedError
