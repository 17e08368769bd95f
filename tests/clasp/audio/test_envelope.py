"""Loudness of a recording, whatever the blocks that it comes in."""

import numpy as np
import pytest

from clasp.audio.decode import SAMPLE_RATE
from clasp.audio.envelope import STEP, Meter, envelope


def brute(samples: np.ndarray) -> list[int]:
    size = round(STEP * SAMPLE_RATE)
    peaks = [min(1.0, max(abs(x) for x in samples[at : at + size].tolist())) for at in range(0, len(samples), size)]
    return [round(255 * peak**0.5) for peak in peaks]


def test_every_tenth_of_a_second():
    random = np.random.default_rng(0)
    samples = (random.normal(size=20_123) * np.linspace(0, 0.6, 20_123)).astype(np.float32)
    for size in (1, 700, 1_600, 5_000, 30_000):
        blocks = [samples[start : start + size] for start in range(0, len(samples), size)]
        assert envelope(blocks).tolist() == brute(samples)


@pytest.mark.parametrize(("amplitude", "expected"), [(0.0, 0), (0.01, 26), (0.25, 128), (1.0, 255), (40.0, 255)])
def test_its_scale(amplitude: float, expected: int):
    assert envelope([np.full(3_200, -amplitude, np.float32)]).tolist() == [expected] * 2


def test_nothing_heard():
    loudness = Meter().loudness()
    assert loudness.dtype == np.uint8 and loudness.shape == (0,)
