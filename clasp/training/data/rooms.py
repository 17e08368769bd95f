"""Recordings that sound as if they came from a telephone, a hall or a café.

samples = in_room(samples, 24_000, "hall", np.random.default_rng(0))
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

TELEPHONE_BAND = (300.0, 3_400.0)  # Hz


def in_room(samples: np.ndarray, rate: int, room: str, draw: np.random.Generator) -> np.ndarray:
    """The same speech, float32 (n,) at `rate` Hz, in one of ROOMS.

    Raises:
        KeyError: if there is no such room.
    """
    return ROOMS[room](samples, rate, draw).astype(np.float32)


def _telephone(samples: np.ndarray, rate: int, draw: np.random.Generator) -> np.ndarray:
    """What the line lets through, with its crackle."""
    band = butter(6, TELEPHONE_BAND, "bandpass", fs=rate, output="sos")
    speech = sosfilt(band, samples)
    pressed = np.tanh(speech / (3 * _level(speech)))  # a carbon microphone gives way where it is loud
    return pressed * 3 * _level(speech) + sosfilt(band, draw.standard_normal(len(samples))) * _level(speech) / 20


def _hall(samples: np.ndarray, rate: int, draw: np.random.Generator) -> np.ndarray:
    """Walls far away, and a ventilator."""
    far = _echoed(samples, rate, draw, seconds=1.2, share=0.45)
    hum = sosfilt(butter(2, 400, fs=rate, output="sos"), draw.standard_normal(len(samples)))
    return far + hum / _level(hum) * _level(far) / 25


def _cafe(samples: np.ndarray, rate: int, draw: np.random.Generator) -> np.ndarray:
    """A small room, and talk at the other tables: the same voice backwards, several times over."""
    near = _echoed(samples, rate, draw, seconds=0.4, share=0.3)
    talk = np.stack([np.roll(samples[::-1], shift) for shift in draw.integers(len(samples), size=6)]).sum(axis=0)
    talk = _echoed(talk, rate, draw, seconds=0.8, share=0.8)
    return near + talk / _level(talk) * _level(near) / 9


ROOMS: dict[str, Callable[[np.ndarray, int, np.random.Generator], np.ndarray]] = {
    "telephone": _telephone,
    "hall": _hall,
    "café": _cafe,
}


def _echoed(samples: np.ndarray, rate: int, draw: np.random.Generator, seconds: float, share: float) -> np.ndarray:
    """With an echo that takes so long to fall by 60 dB and has `share` of the speech's amplitude."""
    times = np.arange(round(seconds * rate)) / rate
    tail = draw.standard_normal(len(times)) * np.exp(-6.9 * times / seconds) * (times > 0.01)
    echo = fftconvolve(samples, tail)[: len(samples)]
    return samples + echo / _level(echo) * _level(samples) * share


def _level(samples: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(samples**2)))
