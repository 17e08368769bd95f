"""The speech route of CLASP: speech backbone and spectrogram backbone, fused into one meaning vector.

One configuration describes it, so the small bundled model and the large published one share this code ("residual": the
fusion corrects a speech vector that is already in the space of meanings):

    {"dim": 384, "speech": {"phones": true, "backbone": {"model_type": "parakeet_encoder", ...}, "words": {...},
     "readings": 8}, "spectrogram": {"size": [80, 160], "backbone": {"model_type": "resnet", ...}}, "fusion": "concat",
     "residual": true}
    {"dim": 768, "speech": {"phones": false, "backbone": {"model_type": "hubert", ...}},
     "spectrogram": {"size": [600, 600], "backbone": {"model_type": "efficientnet", ...}}, "fusion": "concat"}
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel

from . import fusion, phones
from .mel import FRAME_RATE, log_mel, mel_filters
from .phone_encoder import pad as pad_phones
from .recogniser import Recogniser, pad
from .word_encoder import WordEncoder

PIECE = 20 * FRAME_RATE  # spectrogram frames: longer speech is recognised in pieces of 20 s


@dataclass(frozen=True)
class Heard:
    """What the speech route makes of a batch: meaning (batch, dim), unit rows, and for every utterance its
    recognised phones as distributions (phones, inventory), or None where the backbone recognises none."""

    meaning: Tensor
    phones: list[Tensor] | None


class SpeechEncoder(nn.Module):
    """Waveforms to meaning vectors (and phones). `config` as in the module's docstring."""

    def __init__(self, config: dict[str, Any]):
        super().__init__()
        self.config = config
        speech = config["speech"]
        self.words: WordEncoder | None = None
        if speech["phones"]:
            self.speech: nn.Module = Recogniser(speech["backbone"])
            self.words = WordEncoder(**speech["words"], dim=config["dim"])
            speech_dim = config["dim"]
        else:
            self.speech = _backbone(speech["backbone"])
            speech_dim = self.speech.config.hidden_size
        self.spectrogram, self.fusion = None, None
        if config.get("spectrogram"):
            self.spectrogram = SpectrogramBackbone(**config["spectrogram"])
            self.fusion = fusion.build(config["fusion"], speech_dim, self.spectrogram.dim, config["dim"])
        self.register_buffer("filters", mel_filters(), persistent=False)

    def forward(self, samples: list[Tensor]) -> Heard:
        """16 kHz mono float32 (n,) each; they may differ in length, and do not influence each other."""
        mels = [log_mel(wave, self.filters) for wave in samples]
        heard = self.recognise(mels) if self.words is not None else None
        pooled = self.pool_words(heard) if heard is not None else self.pool_states(samples)
        return Heard(self.fuse(pooled, mels), heard)

    def fuse(self, pooled: Tensor, mels: list[Tensor]) -> Tensor:
        """Speech vectors (batch, speech_dim) and spectrograms (time, BINS) as meaning (batch, dim), unit rows."""
        if self.spectrogram is not None:
            fused = self.fusion(pooled, self.spectrogram(mels))  # (batch, dim)
            pooled = pooled + fused if self.config.get("residual") else fused
        return functional.normalize(pooled, dim=-1)

    def recognise(self, mels: list[Tensor]) -> list[Tensor]:
        """Recognised phones of spectrograms (time, BINS), as distributions (phones, inventory)."""
        pieces = [mel.split(PIECE) for mel in mels]
        posteriors = []
        for batch in _chunks([piece for parts in pieces for piece in parts], 32):
            _, logits, frames = self.speech(*pad(batch))  # logits (batch, time / 4, inventory)
            posteriors += [row[: 2 * count] for row, count in zip(logits.softmax(-1), frames, strict=True)]
        taken, heard = iter(posteriors), []
        for parts in pieces:
            whole = torch.cat([next(taken) for _ in parts]).cpu().numpy()
            heard.append(torch.from_numpy(phones.segments(whole)).to(mels[0].device))
        return heard

    def pool_words(self, heard: list[Tensor]) -> Tensor:
        """Meaning of recognised phones before fusion, (batch, dim)."""
        count = self.config["speech"].get("readings", 1)
        read = [torch.from_numpy(phones.readings(one.cpu().numpy(), count)) for one in heard]  # (readings, time)
        batch, lengths = pad_phones([one.T for one in read])  # (batch, time, readings)
        device = heard[0].device
        return self.words(batch.transpose(1, 2).to(device), lengths.to(device))

    def pool_states(self, samples: list[Tensor]) -> Tensor:
        """Mean hidden state over time of a backbone that takes waveforms, (batch, hidden).

        Group-normalised backbones are not invariant to padding, so waveforms go through one at a time.
        """
        means = []
        for wave in samples:
            normal = (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)
            means.append(self.speech(normal[None]).last_hidden_state[0].mean(0))
        return torch.stack(means)


class SpectrogramBackbone(nn.Module):
    """An image backbone over the spectrogram drawn at a fixed size, whatever the duration (as the paper does).

    Args:
        size: height (mel bins) and width (time) of the image in pixels.
        backbone: a transformers configuration with its `model_type`.
    """

    def __init__(self, size: tuple[int, int], backbone: dict[str, Any]):
        super().__init__()
        self.size = tuple(size)
        self.backbone = _backbone(backbone)
        self.channels = self.backbone.config.num_channels
        with torch.no_grad():
            self.dim = self.eval().features(torch.zeros(1, *self.size)).shape[-1]

    def forward(self, mels: list[Tensor]) -> Tensor:
        """Spectrograms (time, BINS) -> pooled features (batch, features)."""
        return self.features(torch.stack([draw(mel, self.size) for mel in mels]))  # (batch, height, width)

    def features(self, images: Tensor) -> Tensor:
        """Images (batch, height, width) in [0, 1] -> pooled features (batch, features)."""
        images = (2 * images - 1)[:, None].expand(-1, self.channels, -1, -1)
        return self.backbone(images).pooler_output.flatten(1)


def draw(mel: Tensor, size: tuple[int, int]) -> Tensor:
    """A spectrogram (time, BINS) as an image (height, width): bins upwards, time squeezed or stretched to fit."""
    picture = mel.T.flip(0)[None, None]  # (1, 1, BINS, time)
    return functional.interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)[0, 0]


def _backbone(settings: dict[str, Any]) -> nn.Module:
    settings = dict(settings)
    return AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))


def _chunks(items: list[Tensor], size: int) -> list[list[Tensor]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def as_tensor(samples: np.ndarray, device: torch.device) -> Tensor:
    """Samples as the encoder takes them."""
    return torch.from_numpy(np.ascontiguousarray(samples, np.float32)).to(device)
