"""Rooms: speech stays as long and as loud as it was, and sounds as it would there."""

import numpy as np
import pytest

from clasp.training.data.rooms import ROOMS, TELEPHONE_BAND, in_room

RATE = 24_000


@pytest.fixture(scope="module")
def bursts() -> np.ndarray:
    """Noise that comes and goes, float32 (4 s,)."""
    noise = np.random.default_rng(0).standard_normal(4 * RATE)
    return (0.1 * noise * (np.arange(4 * RATE) // RATE % 2 == 0)).astype(np.float32)


@pytest.mark.parametrize("room", ROOMS)
def test_it_is_the_same_each_time_as_long_and_about_as_loud(bursts: np.ndarray, room: str) -> None:
    there = in_room(bursts, RATE, room, np.random.default_rng(1))
    assert there.shape == bursts.shape and there.dtype == np.float32
    np.testing.assert_array_equal(there, in_room(bursts, RATE, room, np.random.default_rng(1)))
    assert 0.3 < np.std(there) / np.std(bursts) < 2


def test_a_telephone_lets_only_its_band_through(bursts: np.ndarray) -> None:
    power = np.abs(np.fft.rfft(in_room(bursts, RATE, "telephone", np.random.default_rng(1)))) ** 2
    hertz = np.fft.rfftfreq(len(bursts), 1 / RATE)
    within = (hertz > TELEPHONE_BAND[0]) & (hertz < TELEPHONE_BAND[1])
    assert power[within].mean() > 30 * power[~within].mean()


def test_a_hall_echoes_and_a_cafe_is_never_silent(bursts: np.ndarray) -> None:
    hall, cafe = (in_room(bursts, RATE, room, np.random.default_rng(1)) for room in ("hall", "café"))
    first, later = (hall[RATE + round(second * RATE) :][: RATE // 10] for second in (0.02, 0.85))
    assert np.std(first) > 3 * np.std(later) > 0  # it dies away
    assert np.std(cafe[round(1.8 * RATE) : 2 * RATE]) > 0.02 * np.std(cafe)
