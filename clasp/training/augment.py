"""Augmentation of log-mel spectrograms in batches: rate, vocal tract, room, noise and babble, channel.

Everything happens on the spectrogram, where it costs milliseconds for minutes of speech.
"""

import torch
from torch import Tensor
from torch.nn import functional

from clasp.speech.whisper_encoder import BINS, RANGE


def augment(mel: Tensor, lengths: Tensor, labels: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A random rendering of the same speech.

    Args:
        mel: float32 (batch, time, BINS) in [0, 1], as `whisper_encoder.log_mel` gives it, padded with zeros.
        lengths: (batch,), even; labels: (batch, ceil(time / 4)), phone ids.

    Returns:
        the same three, with other lengths where the rate has changed.
    """
    mel, lengths, labels = _warp(mel, lengths, labels, draw)
    return degrade(mel, lengths, draw), lengths, labels


def degrade(mel: Tensor, lengths: Tensor, draw: torch.Generator) -> Tensor:
    """The same speech, by the same speaker at the same rate, in a random room, with noise and by another channel.

    Args:
        mel, lengths: as `augment` takes them.

    Returns:
        float32 (batch, time, BINS), as `mel`.
    """
    mask = (torch.arange(mel.shape[1]) < lengths[:, None])[..., None]  # (batch, time, 1)
    mel = _room(mel, draw)
    mel = _noise(mel, draw)
    mel = mel + _channel(len(mel), draw)
    mel = mel.masked_fill(~mask, -torch.inf)
    mel = (1 + mel - mel.amax((1, 2), keepdim=True)).clamp(min=0)
    return mel * mask


def _uniform(size: tuple[int, ...], low: float, high: float, draw: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(size, generator=draw)


def _warp(mel: Tensor, lengths: Tensor, labels: Tensor, draw: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Speaking rate 0.8 to 1.25 and vocal tract length 0.84 to 1.18, by interpolation."""
    batch, time, _ = mel.shape
    rates = _uniform((batch,), 0.8, 1.25, draw)
    warped = 2 * (lengths / rates / 2).long().clamp(min=8)
    longest = int(warped.max())
    places = torch.arange(longest)[None] * rates[:, None]  # (batch, longest) in source frames
    tract = _uniform((batch, 1), 0.84, 1.18, draw)
    bins = (torch.arange(BINS)[None] * tract).clamp(max=BINS - 1)  # (batch, BINS)
    vertical = (2 * places / max(time - 1, 1) - 1)[:, :, None].expand(-1, -1, BINS)
    horizontal = (2 * bins / (BINS - 1) - 1)[:, None].expand(-1, longest, -1)
    grid = torch.stack([horizontal, vertical], -1)  # (batch, longest, BINS, 2)
    moved = functional.grid_sample(mel[:, None], grid, align_corners=True, padding_mode="zeros")[:, 0]
    label_count = -(-longest // 4)
    label_places = ((torch.arange(label_count)[None] + 0.5) * rates[:, None]).long().clamp(max=labels.shape[1] - 1)
    return moved, warped, labels.gather(1, label_places)


def _room(mel: Tensor, draw: torch.Generator) -> Tensor:
    """Late reverberation for a third of the utterances: a tail that decays by 60 dB in 0.2 to 1 s, 4 to 20 dB below
    the direct sound."""
    batch = len(mel)
    seconds = _uniform((batch, 1), 0.2, 1.0, draw)
    level = _uniform((batch, 1), -20, -4, draw) + torch.where(torch.rand(batch, 1, generator=draw) < 0.33, 0.0, -80.0)
    delays = torch.arange(1, 51)[None] / 100  # seconds
    tail = torch.exp(-13.8 * delays / seconds)  # (batch, 50)
    tail = tail / tail.sum(1, keepdim=True) * 10 ** (level / 10)
    power = torch.exp(RANGE * (mel - 1)).transpose(1, 2)  # (batch, BINS, time)
    late = functional.conv1d(
        functional.pad(power.transpose(0, 1), (50, 0))[..., :-1], tail.flip(1)[:, None], groups=batch
    )  # (BINS, batch, time)
    return 1 + torch.log((power + late.transpose(0, 1)).clamp(min=1e-8)).transpose(1, 2) / RANGE


def _noise(mel: Tensor, draw: torch.Generator) -> Tensor:
    """Coloured noise at 5 to 45 dB below the loudest bin for most utterances, babble for some."""
    batch, time, _ = mel.shape
    power = torch.exp(RANGE * (mel - 1))
    slope = _uniform((batch, 1, 1), -3.5, 1.0, draw) * torch.linspace(0, 1, BINS)
    ripple = 0.7 * torch.randn(batch, 1, BINS, generator=draw)
    level = _uniform((batch, 1, 1), -10.4, -2.8, draw)  # natural log of power
    grain = -torch.log(torch.rand(batch, time, BINS, generator=draw).clamp(min=1e-6))
    present = (torch.rand(batch, 1, 1, generator=draw) < 0.7).float()
    power = power + present * torch.exp(level + slope + ripple) * grain
    babble = torch.exp(RANGE * (mel[torch.randperm(batch, generator=draw)] - 1))
    babble_level = torch.exp(_uniform((batch, 1, 1), -6.5, -2.3, draw))
    power = power + (torch.rand(batch, 1, 1, generator=draw) < 0.2).float() * babble_level * babble
    return 1 + torch.log(power.clamp(min=1e-8)) / RANGE


def _channel(batch: int, draw: torch.Generator) -> Tensor:
    """A smooth random frequency response, (batch, 1, BINS); one in eight is limited to the telephone band, one in eight
    has nothing above 3.4 to 7 kHz, as after a codec."""
    phase = torch.linspace(0, torch.pi, BINS)
    waves = torch.stack([torch.cos(order * phase) for order in (1, 2, 3, 4)])  # (4, BINS)
    response = (0.66 / RANGE * torch.randn(batch, 4, generator=draw)) @ waves  # (batch, BINS)
    band = (torch.arange(BINS) >= 8) & (torch.arange(BINS) <= 58)  # about 300 to 3,400 Hz
    telephone = torch.rand(batch, 1, generator=draw) < 0.125
    cut = torch.arange(BINS) > torch.randint(58, BINS, (batch, 1), generator=draw)
    codec = torch.rand(batch, 1, generator=draw) < 0.125
    return (response - 6.6 / RANGE * (telephone & ~band | codec & cut)).unsqueeze(1)
