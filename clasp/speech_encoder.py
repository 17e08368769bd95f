"""The speech route of CLASP: speech backbone and spectrogram backbone, fused into one meaning vector.

One configuration describes it, so the small bundled model and the large published one share this code ("residual": the
fusion corrects a speech vector that is already in the space of meanings):

    {"dim": 384, "speech": {"phones": true, "backbone": {"model_type": "parakeet_encoder", ...}, "words": {...},
     "readings": 8}, "spectrogram": {"size": [80, 160], "backbone": {"model_type": "resnet", ...}}, "fusion": "concat",
     "residual": true}
    {"dim": 768, "speech": {"phones": false, "backbone": {"model_type": "hubert", ...}, "features": {...}},
     "spectrogram": {"size": [600, 600], "backbone": {"model_type": "efficientnet", ...}}, "fusion": "concat"}

The authors' own checkpoints see another picture (clasp/figure.py), give the classes that EfficientNet finds in it, and
take both inputs of the fusion at unit length: {
    {..., "spectrogram": {"figure": true, "backbone": {...}}, "unit_inputs": true}
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import backbones, efficientnet, figure, fusion, phones
from .accelerator import autocast
from .audio import SAMPLE_RATE
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
    """Waveforms to meaning vectors (and phones).

    Args:
        config: as in the module's docstring.
        speech, image: trained backbones, where they are not to be built with random weights.
    """

    def __init__(self, config: dict[str, Any], speech: nn.Module | None = None, image: nn.Module | None = None):
        super().__init__()
        self.config = config
        settings = config["speech"]
        self.words: WordEncoder | None = None
        if settings["phones"]:
            self.speech: nn.Module = Recogniser(settings["backbone"])
            self.words = WordEncoder(**settings["words"], dim=config["dim"])
            self.speech_dim = config["dim"]
        else:
            self.speech = backbones.build(settings["backbone"]) if speech is None else speech
            self.speech_dim = backbones.width(self.speech)
        self.spectrogram, self.fusion = None, None
        if config.get("spectrogram"):
            self.spectrogram = SpectrogramBackbone(**config["spectrogram"], trained=image)
            self.fusion = fusion.build(config["fusion"], self.speech_dim, self.spectrogram.dim, config["dim"])
        self.register_buffer("filters", mel_filters(), persistent=False)

    def forward(self, samples: list[Tensor]) -> Heard:
        """16 kHz mono float32 (n,) each; they may differ in length, and do not influence each other."""
        spectrograms = self.spectrograms(samples)
        heard = self.recognise(spectrograms) if self.words is not None else None
        pooled = self.pool_words(heard) if heard is not None else self.pool_states(samples)
        return Heard(self.fuse(pooled, spectrograms), heard)

    def spectrograms(self, samples: list[Tensor]) -> list[Tensor]:
        """What the backbones see of each: log-mel spectrograms (time, BINS), or the published model's figures."""
        if self.spectrogram is None or not self.spectrogram.figure:
            with autocast(self.filters.device, torch.float32):  # quiet bins need every digit
                return [log_mel(wave, self.filters) for wave in samples]
        return [figure.draw(wave.cpu().numpy(), SAMPLE_RATE, wave.device) for wave in samples]

    def fuse(self, pooled: Tensor, spectrograms: list[Tensor]) -> Tensor:
        """Speech vectors (batch, speech_dim) and what `spectrograms` gave as meaning (batch, dim), unit rows."""
        if self.spectrogram is not None:
            seen = self.spectrogram(spectrograms)
            if self.config.get("unit_inputs"):
                pooled, seen = (functional.normalize(part.float(), dim=-1) for part in (pooled, seen))
            fused = self.fusion(pooled, seen)  # (batch, dim)
            pooled = pooled + fused if self.config.get("residual") else fused
        return functional.normalize(pooled.float(), dim=-1)

    def recognise(self, mels: list[Tensor]) -> list[Tensor]:
        """Recognised phones of spectrograms (time, BINS), as distributions (phones, inventory)."""
        pieces = [mel.split(PIECE) for mel in mels]
        posteriors = []
        for batch in _chunks([piece for parts in pieces for piece in parts], 32):
            _, logits, frames = self.speech(*pad(batch))  # logits (batch, time / 4, inventory)
            posteriors += [row[: 2 * count] for row, count in zip(logits.float().softmax(-1), frames, strict=True)]
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
        """Mean hidden state over time of a transformers backbone, (batch, hidden), each as if it were alone."""
        return backbones.hidden_means(self.speech, samples, self.config["speech"].get("features") or {})


class SpectrogramBackbone(nn.Module):
    """An image backbone over the spectrogram drawn at a fixed size, whatever the duration (as the paper does).

    Args:
        backbone: a transformers configuration with its `model_type`.
        size: height (mel bins) and width (time) of the image in pixels.
        figure: whether it sees the published model's figure instead, in bytes, and tells its classes; its strided
            convolutions are padded as torchvision does.
        trained: the backbone, where it is not to be built with random weights.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        size: tuple[int, int] = (0, 0),
        figure: bool = False,
        trained: nn.Module | None = None,
    ):
        super().__init__()
        self.size, self.figure = tuple(size), figure
        self.backbone = backbones.build(backbone, classify=figure) if trained is None else trained
        if figure:
            self.dim = efficientnet.symmetric(self.backbone).config.num_labels
            return
        self.channels = self.backbone.config.num_channels
        with torch.no_grad():
            self.dim = self.eval().features(torch.zeros(1, *self.size)).shape[-1]

    def forward(self, spectrograms: list[Tensor]) -> Tensor:
        """Spectrograms (time, BINS), or figures (height, width, 3), -> (batch, features)."""
        if self.figure:
            return self.backbone(torch.stack(spectrograms).permute(0, 3, 1, 2).float()).logits
        return self.features(torch.stack([draw(mel, self.size) for mel in spectrograms]))  # (batch, height, width)

    def features(self, images: Tensor) -> Tensor:
        """Images (batch, height, width) in [0, 1] -> pooled features (batch, features)."""
        images = (2 * images - 1)[:, None].expand(-1, self.channels, -1, -1)
        seen = self.backbone(images)
        pooled = seen.pooler_output
        return (seen.last_hidden_state.mean(1) if pooled is None else pooled).flatten(1)


def draw(mel: Tensor, size: tuple[int, int]) -> Tensor:
    """A spectrogram (time, BINS) as an image (height, width): bins upwards, time squeezed or stretched to fit."""
    picture = mel.T.flip(0)[None, None]  # (1, 1, BINS, time)
    return functional.interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)[0, 0]


def _chunks(items: list[Tensor], size: int) -> list[list[Tensor]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
