"""Sounds in which nobody says anything: silence, noise, music, laughter, snippets and the like."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.signal import butter, sosfilt

from clasp.audio.decode import SAMPLE_RATE

Rng = np.random.Generator


def sounds() -> Iterator[tuple[str, np.ndarray]]:
    """Names, and float32 (n,) at 16 kHz within [-1, 1]; the same every time."""
    for kind, (make, count) in KINDS.items():
        for number in range(count):
            rng = np.random.default_rng([number, *kind.encode()])
            samples = make(rng)
            peak = np.abs(samples).max(initial=0)
            loud = 10 ** rng.uniform(-1.5, -0.1)
            yield f"{kind} {number}", (samples / peak * loud if peak > 1 else samples).astype(np.float32)


def _time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _noise(rng: Rng, seconds: float, tilt: float = 0.0) -> np.ndarray:
    """Noise whose power falls with frequency to the power of `tilt`."""
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * SAMPLE_RATE)))
    spectrum *= np.maximum(np.arange(len(spectrum)), 1.0) ** (-tilt / 2)
    samples = np.fft.irfft(spectrum, round(seconds * SAMPLE_RATE))
    return 3 * samples / samples.std()


def _band(samples: np.ndarray, low: float, high: float) -> np.ndarray:
    return sosfilt(butter(2, (low, high), "bandpass", fs=SAMPLE_RATE, output="sos"), samples)


def _silence(rng: Rng) -> np.ndarray:
    return rng.standard_normal(round(rng.uniform(1, 20) * SAMPLE_RATE)) * 10 ** rng.uniform(-6, -3.5)


def _white(rng: Rng) -> np.ndarray:
    return _noise(rng, rng.uniform(2, 15), rng.choice([0.0, 1.0, 2.0]))


def _wind(rng: Rng) -> np.ndarray:
    """Noise that swells."""
    seconds = rng.uniform(4, 15)
    swell = 1 + np.sin(2 * np.pi * rng.uniform(0.1, 0.7) * _time(seconds))
    return swell * _band(_noise(rng, seconds), 150, rng.uniform(600, 2_500))


def _hum(rng: Rng) -> np.ndarray:
    time = _time(rng.uniform(2, 12))
    return sum(np.sin(2 * np.pi * harmonic * rng.choice([50, 60]) * time) / harmonic for harmonic in range(1, 9))


def _tone(rng: Rng) -> np.ndarray:
    time = _time(rng.uniform(1, 8))
    sweep = rng.uniform(-200, 200) * time**2 / time[-1]
    return 2 * np.sin(2 * np.pi * (rng.uniform(150, 2_000) * time + sweep))


def _note(rng: Rng, pitch: float, seconds: float) -> np.ndarray:
    time = _time(seconds)
    ring = np.exp(-time * rng.uniform(2, 6))
    return ring * sum(np.sin(2 * np.pi * pitch * part * time) / part**1.5 for part in range(1, 7))


def _music(rng: Rng) -> np.ndarray:
    """A melody over chords and a drum."""
    beat = rng.uniform(0.25, 0.6)
    scale = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    bars = []
    for number in range(int(rng.integers(16, 32))):
        parts = [_note(rng, rng.choice(scale) * 2, beat)]
        parts += [_note(rng, scale[(number // 4 * 3 + step) % 7] / 2, beat) for step in (0, 2, 4)]
        if number % 2 == 0:
            parts.append(_band(rng.standard_normal(len(parts[0])), 60, 4_000) * np.exp(-30 * _time(beat)))
        bars.append(sum(parts))
    return np.concatenate(bars)


def _drums(rng: Rng) -> np.ndarray:
    beat = rng.uniform(0.15, 0.4)
    return np.concatenate([
        rng.choice([0.2, 1.0]) * rng.standard_normal(round(beat * SAMPLE_RATE)) * np.exp(-25 * _time(beat))
        for _ in range(24)
    ])  # fmt: skip


def _laughter(rng: Rng) -> np.ndarray:
    """Bursts of a voice with breath between them, four to six a second, falling."""
    pitch, parts = rng.uniform(180, 420), []
    for number in range(int(rng.integers(6, 16))):
        time = _time(rng.uniform(0.08, 0.13))
        fall = pitch * 0.97**number * (1 - 0.8 * time)
        glottis = sum(np.sin(2 * np.pi * part * np.cumsum(fall) / SAMPLE_RATE) / part for part in range(1, 20))
        burst = sum(weight * _band(glottis, centre * 0.8, centre * 1.2) for centre, weight in ((750, 1), (1_250, 0.6)))
        breath = 0.05 * _band(rng.standard_normal(round(rng.uniform(0.06, 0.12) * SAMPLE_RATE)), 800, 4_000)
        parts += [burst * np.hanning(len(burst)), breath]
    return 3 * np.concatenate(parts)


def _clicks(rng: Rng) -> np.ndarray:
    samples = 1e-4 * rng.standard_normal(round(rng.uniform(2, 8) * SAMPLE_RATE))
    for place in rng.integers(0, len(samples) - 200, int(rng.integers(3, 30))):
        samples[place : place + 160] += rng.standard_normal(160) * np.exp(-np.arange(160) / 20)
    return 2 * samples


def _ringing(rng: Rng) -> np.ndarray:
    time = _time(8)
    ring = np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time)
    return ring * (time % 3 < rng.uniform(0.8, 1.6))


def _breath(rng: Rng) -> np.ndarray:
    seconds = rng.uniform(4, 10)
    rhythm = np.maximum(0, np.sin(2 * np.pi * rng.uniform(0.25, 0.5) * _time(seconds))) ** 2
    return rhythm * _band(_noise(rng, seconds), 400, 3_000)


def _snippet(rng: Rng) -> np.ndarray:
    """A fifth of a second of a vowel."""
    time = _time(0.2)
    glottis = sum(np.sin(2 * np.pi * part * rng.uniform(100, 250) * time) / part for part in range(1, 20))
    return 2 * sum(_band(glottis, centre * 0.85, centre * 1.15) for centre in rng.uniform(300, 2_500, 3))


KINDS: dict[str, tuple[Callable[[Rng], np.ndarray], int]] = {
    "silence": (_silence, 6), "noise": (_white, 6), "wind": (_wind, 5), "hum": (_hum, 4), "tone": (_tone, 5),
    "music": (_music, 8), "drums": (_drums, 4), "laughter": (_laughter, 8), "clicks": (_clicks, 4),
    "ringing": (_ringing, 3), "breath": (_breath, 4), "snippet": (_snippet, 6),
}  # fmt: skip
