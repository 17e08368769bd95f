"""Whisper's encoder (arXiv 2212.04356) over speech of any length up to 30 s: what its layers tell, 50 times a second.

    encoder = WhisperEncoder.pretrained()
    features = encoder([log_mel(samples)])[0]     # (frames, 1024): layers 4 and 6 of Whisper base

Whisper was trained on windows of 30 s; its encoder bears shorter ones, which cost less. Utterances of different lengths
share a batch without influencing each other, and loudness does not count. The lowest layers tell who speaks: only the
moments of their outputs over time are given, see `speech.speaker`.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.audio.decode import SAMPLE_RATE
from clasp.speech.whisper_weights import read_tensors, whisper_folder

BINS, HOP, WINDOW = 80, 160, 400  # mel bins; samples: 10 ms, 25 ms
FRAME_RATE = SAMPLE_RATE // HOP // 2  # features per second
RANGE = 8 * math.log(10)  # natural log units of power below the loudest bin that are kept: 80 dB
LOUDEST = 1.5  # what Whisper is given for the loudest bin, as of speech near full scale
LONGEST = 30  # seconds that it can take in at once
SPEAKER_LAYERS = 2  # who speaks is told by the outputs of the convolutions and of so many layers
TAPS = (4, 6)  # layers whose outputs are the features: sounds lie lower than words
BASE: dict[str, Any] = {"width": 512, "layers": 6, "heads": 8, "taps": TAPS}
TRAILING_SILENCE = 0.3  # seconds after the speech, so that its end is heard as an end


def log_mel(samples: Tensor, bins: int = BINS) -> Tensor:
    """Log-mel spectrogram of speech (n,) at 16 kHz relative to its loudest bin, float32 (2 * frames, bins) in [0, 1].

    0 is RANGE or more below the loudest bin. Up to scale and offset, the numbers of transformers'
    WhisperFeatureExtractor without padding to 30 s.
    """
    padded = functional.pad(samples.float(), (0, round(TRAILING_SILENCE * SAMPLE_RATE)))
    padded = functional.pad(padded, (0, -len(padded) % (2 * HOP)))
    window = torch.hann_window(WINDOW, device=samples.device)
    spectrum = torch.stft(padded, WINDOW, HOP, window=window, return_complex=True)[:, :-1]
    mel = (spectrum.abs().square().T @ _filters(samples.device, bins)).clamp(min=1e-20).log()  # (time, bins)
    return (1 + (mel - mel.max()) / RANGE).clamp(min=0)


@cache
def _filters(device: torch.device, bins: int) -> Tensor:
    """Slaney's mel filters, (WINDOW // 2 + 1, bins)."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(1 + WINDOW // 2, bins, 0.0, 8_000.0, SAMPLE_RATE, norm="slaney", mel_scale="slaney")
    return torch.tensor(filters, dtype=torch.float32, device=device)


class WhisperEncoder(nn.Module):
    """The encoder's layers, of which some are tapped.

    Args:
        width, layers, heads: of the transformer.
        taps: numbers of the layers, from 1, whose outputs side by side are the features; the last one's is normalised.
        positions: frames that it can take in.
    """

    positions: Tensor

    def __init__(
        self, width: int, layers: int, heads: int, taps: Sequence[int] = TAPS, positions: int = LONGEST * FRAME_RATE
    ):
        super().__init__()
        self.taps = tuple(taps)
        self.dim = len(self.taps) * width
        self.conv1 = nn.Conv1d(BINS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(positions, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    @classmethod
    def pretrained(cls) -> "WhisperEncoder":
        """Whisper base, its weights checked.

        Raises:
            ModelError: if they are not to be had or damaged.
        """
        with torch.device("meta"):
            encoder = cls(**BASE)
        tensors = read_tensors(whisper_folder() / "model.bin", "encoder/")
        state = {name: torch.from_numpy(array.astype(np.float32)) for name, array in _by_name(tensors).items()}
        encoder.load_state_dict(state, assign=True)
        return encoder.eval().requires_grad_(False)

    def forward(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Features of spectrograms as `log_mel` gives them.

        Args:
            mels: (2 * frames, BINS) each, in [0, 1].

        Returns:
            (frames, taps · width) each.
        """
        return self.encode(mels)[0]

    def encode(self, mels: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Features of spectrograms, as `forward` gives them, and the moments of the lowest layers' outputs over time,
        as `moments` does, in the same pass."""
        outputs, frames = self._outputs(mels, max(self.taps))
        tapped = [self.norm(outputs[tap]) if tap == len(self.layers) else outputs[tap] for tap in self.taps]
        features = torch.cat(tapped, -1)  # (batch, time, taps * width)
        return [row[:count] for row, count in zip(features, frames, strict=True)], _moments(outputs, frames)

    def moments(self, mels: Sequence[Tensor]) -> Tensor:
        """Means and mean squares over time of the outputs of the convolutions and of the first SPEAKER_LAYERS layers,
        float32 (n, 2 · (1 + SPEAKER_LAYERS) · width), means first; no other layer is computed."""
        return _moments(*self._outputs(mels, SPEAKER_LAYERS))

    def _outputs(self, mels: Sequence[Tensor], layers: int) -> tuple[list[Tensor], list[int]]:
        """The outputs of the convolutions and of so many layers, (batch, time, width) each, and how many frames each
        utterance has."""
        frames = [len(mel) // 2 for mel in mels]
        scaled = [2 * (mel - 1) + LOUDEST for mel in mels]  # as Whisper has it
        batch = nn.utils.rnn.pad_sequence(scaled, batch_first=True).transpose(1, 2)  # (batch, BINS, 2 * time)
        x = functional.gelu(self.conv1(batch.to(self.conv1.weight.dtype)))
        x = functional.gelu(self.conv2(x)).transpose(1, 2)  # (batch, time, width)
        outputs = [x]
        x = x + self.positions[: x.shape[1]]
        mask = None
        if len(set(frames)) > 1:  # nobody attends to the padding
            mask = torch.arange(x.shape[1], device=x.device) < torch.tensor(frames, device=x.device)[:, None]
            mask = mask[:, None, None, :]
        for layer in self.layers[:layers]:
            x = layer(x, mask)
            outputs.append(x)
        return outputs, frames


def _moments(outputs: Sequence[Tensor], frames: Sequence[int]) -> Tensor:
    """Means and mean squares of the lowest outputs, (batch, time, width) each, over as many frames as each utterance
    has, float32 (batch, 2 · (1 + SPEAKER_LAYERS) · width)."""
    lowest = torch.cat(list(outputs[: 1 + SPEAKER_LAYERS]), -1)
    rows = [row[:count].float() for row, count in zip(lowest, frames, strict=True)]
    return torch.stack([torch.cat([row.mean(0), row.square().mean(0)]) for row in rows])


class _Layer(nn.Module):
    """Self-attention and two linear layers, each after a norm."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.attended = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(batch, time, width) -> the same."""
        query, key, value = self.qkv(self.attention_norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.attended(attended.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.norm(x))))


_NAMES = {
    "self_attention/layer_norm": "attention_norm", "self_attention/linear_0": "qkv",
    "self_attention/linear_1": "attended", "ffn/layer_norm": "norm", "ffn/linear_0": "wide", "ffn/linear_1": "narrow",
    "layer_norm": "norm", "gamma": "weight", "beta": "bias", "position_encodings/encodings": "positions",
}  # fmt: skip


def _by_name(tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """CTranslate2's tensors under this module's names."""
    named = {}
    for name, array in tensors.items():
        path = name.removeprefix("encoder/")
        if not array.ndim:  # the number of heads
            continue
        prefix = ""
        if path.startswith("layer_") and not path.startswith("layer_norm"):
            layer, _, path = path.partition("/")
            prefix = f"layers.{layer.removeprefix('layer_')}."
        whole = _NAMES.get(path)
        module, _, weight = path.rpartition("/")
        named[prefix + (whole or f"{_NAMES.get(module, module)}.{_NAMES.get(weight, weight)}")] = array
    return named
