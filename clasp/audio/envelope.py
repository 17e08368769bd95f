"""How loud a recording is, every tenth of a second: what a waveform strip draws.

loudness = envelope(stream("interview.mp4"))     # uint8 (n,)
meter = Meter()                                  # the same beside other work on the blocks
meter.feed(block); meter.loudness()
"""

from collections.abc import Iterable

import numpy as np

from clasp.audio.decode import SAMPLE_RATE

STEP = 0.1  # seconds
_SAMPLES = round(STEP * SAMPLE_RATE)


class Meter:
    """Takes sound as it comes; holds one byte for every STEP."""

    def __init__(self) -> None:
        self._peaks: list[np.ndarray] = []
        self._rest = np.empty(0, np.float32)

    def feed(self, samples: np.ndarray) -> None:
        """Take what follows: float32 (n,), 16 kHz."""
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) - len(samples) % _SAMPLES
        self._peaks.append(_loudness(samples[:whole].reshape(-1, _SAMPLES)))
        self._rest = samples[whole:].copy()

    def loudness(self) -> np.ndarray:
        """Of all that was heard, uint8 (n,), a last part shorter than STEP included.

        It is the square root of the peak amplitude, 255 at full scale: speech fills the strip, its pauses stay low.
        """
        rest = [_loudness(self._rest[None])] if len(self._rest) else []
        return np.concatenate([np.empty(0, np.uint8), *self._peaks, *rest])


def envelope(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Loudness of a recording, uint8 (n,), see `Meter.loudness`; blocks are float32 (n,) each, 16 kHz."""
    meter = Meter()
    for block in blocks:
        meter.feed(block)
    return meter.loudness()


def _loudness(parts: np.ndarray) -> np.ndarray:
    """Of each row of float32 (n, samples)."""
    peaks = np.abs(parts).max(axis=1, initial=0).clip(max=1)
    return np.round(255 * np.sqrt(peaks)).astype(np.uint8)
