"""What happens to speech before it is heard: noise, babble, a telephone line, a room, somebody else who speaks.

    Distorted(clip, WhiteNoise(10)).waveform()

A distortion draws what it adds from a generator seeded by the clip, so that a recording is distorted the same way on
every machine and in every run. Levels are those of the whole recording: its mean power, pauses included.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import soxr

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode
from clasp.training.data.corpora import Clip

TELEPHONE_RATE = 8_000
TELEPHONE_BAND = (300, 3_400)  # Hz
MU = 255  # of mu-law, the companding of telephone lines in America and Japan
LOUD = 0.7  # peak amplitude at which a line is driven
BABBLE_VOICES = 6
QUIET = 1e-12  # mean power below which there is nothing to set a level by


class Distortion(Protocol):
    """Changes a recording; two that are equal change it in the same way."""

    def __call__(self, samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """The samples, float32 (n,) at 16 kHz, as they arrive; the same shape and type."""


@dataclass(frozen=True)
class WhiteNoise:
    """White noise, so many decibels below the speech."""

    decibels: float

    def __call__(self, samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        return mixed(samples, draw.standard_normal(len(samples)).astype(np.float32), self.decibels)


@dataclass(frozen=True)
class Babble:
    """Several people at once, equally loud, together so many decibels below the speech."""

    decibels: float
    voices: tuple[Clip, ...]  # BABBLE_VOICES of them speak

    def __call__(self, samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        chosen = draw.choice(len(self.voices), BABBLE_VOICES, replace=False)
        people = [_repeated(_samples(self.voices[place]), len(samples), draw) for place in chosen]
        babble = sum(person / np.sqrt(power(person) + QUIET) for person in people)
        return mixed(samples, babble.astype(np.float32), self.decibels)


@dataclass(frozen=True)
class SecondVoice:
    """One other person, so many decibels below the speech."""

    decibels: float
    voices: tuple[Clip, ...]  # one of them speaks

    def __call__(self, samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        other = _samples(self.voices[draw.integers(len(self.voices))])
        return mixed(samples, _repeated(other, len(samples), draw), self.decibels)


@dataclass(frozen=True)
class Telephone:
    """A telephone line: 300 to 3,400 Hz, 8 kHz, eight bits by mu-law."""

    def __call__(self, samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        from scipy.signal import butter, sosfiltfilt  # takes half a second

        low = soxr.resample(samples.astype(np.float64), SAMPLE_RATE, TELEPHONE_RATE)
        low = sosfiltfilt(butter(4, TELEPHONE_BAND, "bandpass", fs=TELEPHONE_RATE, output="sos"), low)
        low = low * (LOUD / max(np.abs(low).max(), 1e-4))
        squeezed = np.sign(low) * np.log1p(MU * np.abs(low)) / np.log1p(MU)
        squeezed = np.round(squeezed * 127) / 127
        expanded = np.sign(squeezed) * np.expm1(np.abs(squeezed) * np.log1p(MU)) / MU
        wide = soxr.resample(expanded, TELEPHONE_RATE, SAMPLE_RATE)
        wide = np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]
        return np.clip(wide, -1, 1).astype(np.float32)


@dataclass(frozen=True)
class Room:
    """A room of some size with hard walls: its sound decays by 60 dB in 0.3 to 0.9 s, and is from 8 dB below to 3 dB
    above that which comes directly."""

    def __call__(self, samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        from scipy.signal import fftconvolve  # takes half a second

        length = int(SAMPLE_RATE * draw.uniform(0.3, 0.9))
        response = draw.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        response *= 10 ** (draw.uniform(-8, 3) / 20) / np.sqrt(np.square(response).sum())
        response[0] += 1
        both = fftconvolve(samples, response)[: len(samples)].astype(np.float32)
        return both / max(1.0, np.abs(both).max())


@dataclass(frozen=True)
class Distorted:
    """A recording, distorted."""

    clip: Clip
    distortion: Distortion

    def waveform(self) -> Waveform:
        """The sound, as long as the recording."""
        draw = np.random.default_rng(zlib.crc32(f"{self.clip.corpus}/{self.clip.id}".encode()))
        return Waveform(self.distortion(_samples(self.clip), draw))


def mixed(speech: np.ndarray, other: np.ndarray, decibels: float) -> np.ndarray:
    """Both at once, float32 (n,), `other` so many decibels below `speech`; quieter if it would clip otherwise."""
    scale = np.sqrt(power(speech) / (power(other) + QUIET) / 10 ** (decibels / 10))
    both = speech + np.float32(scale) * other
    return both / max(1.0, np.abs(both).max())


def power(samples: np.ndarray) -> float:
    """Mean square of samples (n,)."""
    return float(np.mean(np.square(samples, dtype=np.float64)))


def voices(clips: Sequence[Clip], count: int) -> tuple[Clip, ...]:
    """`count` recordings of the training split to be heard beside others, of as many speakers as there are."""
    draw = np.random.default_rng(0)
    of_speaker: dict[tuple[str, str], Clip] = {}
    training = [clip for clip in clips if clip.split == "train"]
    for place in draw.permutation(len(training)):
        of_speaker.setdefault((training[place].corpus, training[place].speaker), training[place])
    return tuple(list(of_speaker.values())[:count])


@lru_cache(64)
def _samples(clip: Clip) -> np.ndarray:
    return decode(clip.audio()).samples


def _repeated(samples: np.ndarray, length: int, draw: np.random.Generator) -> np.ndarray:
    """As many samples, from a random place on, over again where they end."""
    return np.resize(np.roll(samples, -int(draw.integers(len(samples)))), length)
