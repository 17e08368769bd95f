"""The speech route of the paper: speech backbone and spectrogram backbone, fused into one meaning vector.

    {"dim": 768, "speech": {"backbone": {"model_type": "hubert", ...}, "features": {...}},
     "spectrogram": {"size": [600, 600], "backbone": {"model_type": "efficientnet", ...}}, "fusion": "concat"}

The authors' own checkpoints see another picture (clasp/published/specshow.py), give the classes that EfficientNet
finds in it, and take both inputs of the fusion at unit length:

    {..., "spectrogram": {"figure": true, "backbone": {...}}, "unit_inputs": true}
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.audio.decode import SAMPLE_RATE
from clasp.audio.mel import log_mel
from clasp.published import efficientnet, specshow
from clasp.speech import backbones, fusion
from clasp.speech.encoder import SpeechEncoder, SpeechOutput


class FusedSpeechEncoder(SpeechEncoder):
    """Waveforms to meaning vectors.

    Args:
        config: as in the module's docstring.
        speech, image: trained backbones, where they are not to be built with random weights.
    """

    def __init__(
        self, config: dict[str, Any], speech: backbones.Backbone | None = None, image: backbones.Backbone | None = None
    ):
        super().__init__(config)
        self.speech: Any = backbones.build(config["speech"]["backbone"]) if speech is None else speech
        self.speech_dim = backbones.width(self.speech)
        self.spectrogram: SpectrogramBackbone | None = None
        self.fusion: Any = None
        if config.get("spectrogram"):
            self.spectrogram = SpectrogramBackbone(**config["spectrogram"], trained=image)
            self.fusion = fusion.build(config["fusion"], self.speech_dim, self.spectrogram.dim, config["dim"])

    def forward(self, samples: list[Tensor]) -> SpeechOutput:
        """As any speech encoder."""
        return SpeechOutput(self.fuse(self.pool_states(samples), self.spectrograms(samples)), None)

    def spectrograms(self, samples: list[Tensor]) -> list[Tensor]:
        """What the backbones see of each: log-mel spectrograms (time, BINS), or the published model's figures."""
        if self.spectrogram is None:
            return []
        if not self.spectrogram.figure:
            return [torch.from_numpy(log_mel(wave.cpu().numpy())).to(wave.device) for wave in samples]
        return [specshow.draw(wave.cpu().numpy(), SAMPLE_RATE).to(wave.device) for wave in samples]

    def fuse(self, pooled: Tensor, spectrograms: list[Tensor]) -> Tensor:
        """Speech vectors (batch, speech_dim) and what `spectrograms` gave as meaning (batch, dim), unit rows."""
        if self.spectrogram is not None:
            image = self.spectrogram(spectrograms)
            if self.config.get("unit_inputs"):
                pooled, image = (functional.normalize(part.float(), dim=-1) for part in (pooled, image))
            pooled = self.fusion(pooled, image)  # (batch, dim)
        return functional.normalize(pooled.float(), dim=-1)

    def pool_states(self, samples: list[Tensor]) -> Tensor:
        """Mean hidden state over time of a transformers backbone, (batch, hidden), each as if it were alone."""
        return backbones.hidden_means(self.speech, samples, self.config["speech"].get("features") or {})


class SpectrogramBackbone(nn.Module):
    """An image backbone over the spectrogram drawn at a fixed size, whatever the duration (as the paper does).

    Args:
        backbone: a transformers configuration with its `model_type`.
        size: height (mel bins) and width (time) of the image in pixels.
        figure: whether it is given the published model's figure instead, in bytes, and gives classes; its strided
            convolutions are padded as torchvision does.
        trained: the backbone, where it is not to be built with random weights.
    """

    def __init__(
        self,
        backbone: dict[str, Any],
        size: tuple[int, int] = (0, 0),
        figure: bool = False,
        trained: backbones.Backbone | None = None,
    ):
        super().__init__()
        self.size, self.figure = (size[0], size[1]), figure
        self.backbone: Any = backbones.build(backbone, classify=figure) if trained is None else trained
        if figure:
            self.dim: int = efficientnet.symmetric(self.backbone).config.num_labels
            return
        self.channels: int = self.backbone.config.num_channels
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
        output = self.backbone(images)
        pooled = output.pooler_output
        return (output.last_hidden_state.mean(1) if pooled is None else pooled).flatten(1)


def draw(mel: Tensor, size: tuple[int, int]) -> Tensor:
    """A spectrogram (time, BINS) as an image (height, width): bins upwards, time squeezed or stretched to fit."""
    picture = mel.T.flip(0)[None, None]  # (1, 1, BINS, time)
    return functional.interpolate(picture, size, mode="bilinear", antialias=True, align_corners=False)[0, 0]
