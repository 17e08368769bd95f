"""The fast spectrogram is matplotlib's, pixel by pixel; what the original fails on has an image too."""

import sys
import time

import numpy as np
import pytest
import torch
from transformers import EfficientNetConfig, EfficientNetForImageClassification

from clasp.audio.decode import Waveform
from clasp.errors import ClaspError
from clasp.published import specshow
from index.benchmarks import notebooks
from tests.clasp.networks import awake


def speechlike(seconds: float, rate: int = specshow.RATE, loudness: float = 0.3) -> np.ndarray:
    """Gliding harmonics, pauses and breath."""
    draw = np.random.default_rng(int(100 * seconds))
    times = np.arange(round(rate * seconds)) / rate
    voice = sum(np.sin(2 * np.pi * part * (140 + 30 * np.sin(3 * times)) * times) / part for part in range(1, 12))
    return (loudness * (voice * (np.sin(9 * times) > -0.3) + draw.normal(0, 0.02, len(times))) / 3).astype(np.float32)


def batch(images: list[np.ndarray]) -> torch.Tensor:
    """Images as an image backbone takes them."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of images that may differ by a column in width, as floating-point noise has it in matplotlib."""
    width = min(first.shape[1], second.shape[1])
    assert abs(first.shape[1] - second.shape[1]) <= 1
    return np.abs(first[:, :width].astype(int) - second[:, :width])


SLOW = [pytest.param(long, marks=pytest.mark.slow) for long in (0.31, 1.6, 8.1, 14.0, 29.9, 61.0)]


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.0, 5.2, *SLOW])
def test_pixels_are_those_of_the_rendered_figure(seconds: float) -> None:
    clip = speechlike(seconds)
    expected, drawn = notebooks.render(clip, specshow.RATE), specshow.draw(clip, specshow.RATE).numpy()
    assert drawn.shape == (specshow.HEIGHT, specshow.WIDTH, 3)
    assert drawn.dtype == np.uint8
    apart = difference(drawn, expected)
    assert apart.max() <= 16  # where the frame's lines cross
    assert (apart > 0).mean() < 1e-4


def test_real_voices_look_and_embed_the_same(utterances: list[Waveform]) -> None:
    drawn = [specshow.draw(one.samples, one.rate).numpy() for one in utterances[:3]]
    expected = [notebooks.render(one.samples, one.rate) for one in utterances[:3]]
    for first, second in zip(drawn, expected, strict=True):
        assert difference(first, second).mean() < 1e-3
    config = EfficientNetConfig(width_coefficient=0.25, depth_coefficient=0.2, hidden_dim=320, num_labels=100)
    network = awake(EfficientNetForImageClassification(config), batch(drawn))
    with torch.inference_mode():
        seen = network(batch(drawn)).logits
        wanted = torch.cat([network(batch([image])).logits for image in expected])
    assert (torch.cosine_similarity(seen, wanted) > 0.9999).all()
    assert torch.cosine_similarity(seen[0], seen[1], dim=0) < 0.99  # the network sees


@pytest.mark.parametrize(("loudness", "channel"), [(1.0, "coolwarm"), (1e-4, "magma")])
def test_colours_follow_the_level(loudness: float, channel: str) -> None:
    clip = speechlike(2.0, loudness=loudness)
    drawn, expected = specshow.draw(clip, specshow.RATE).numpy(), notebooks.render(clip, specshow.RATE)
    assert difference(drawn, expected).mean() < 1e-3
    darkest = drawn[100:400, 60:580].sum(2).min()
    assert (darkest < 30) == (channel == "magma")  # the middle of coolwarm is grey, its ends are not black


def test_levels_at_the_border_of_the_rule_are_told_as_numpy_does() -> None:
    draw = np.random.default_rng(3)
    for number in range(200):
        decibels = draw.normal(0, 1, 60).astype(np.float32)
        decibels += np.float32(-np.percentile(decibels, 98 if number % 2 else 2) + draw.normal(0, 0.1))
        spectrum = torch.from_numpy(10 ** (decibels.reshape(6, 10) / 10))
        low, high = np.percentile(10 * np.log10(spectrum.numpy()), [2, 98])
        assert specshow._diverges(spectrum, float(spectrum.min())) == (low < 0 < high), number


def test_silence_stereo_and_any_rate_have_an_image() -> None:
    silent = specshow.draw(np.zeros(22_050, np.float32), specshow.RATE).numpy()
    assert difference(silent, notebooks.render(np.zeros(22_050, np.float32), specshow.RATE)).max() <= 16
    clip = speechlike(1.5)
    both = specshow.draw(np.stack([clip, clip], 1), specshow.RATE)
    assert torch.equal(both, specshow.draw(clip, specshow.RATE))
    assert specshow.draw(clip[:10], specshow.RATE).shape == (specshow.HEIGHT, specshow.WIDTH, 3)
    for rate in (8_000, 44_100):
        clip = speechlike(1.5, rate)
        assert difference(specshow.draw(clip, rate).numpy(), notebooks.render(clip, rate)).mean() < 1e-3, rate


def test_it_is_twenty_times_faster() -> None:
    clips = [speechlike(seconds) for seconds in (2.0, 4.0, 6.0)]
    seconds = {}
    for name, drawing in (("figure", notebooks.render), ("fast", specshow.draw)):
        tries = []
        for _ in range(4):
            started = time.perf_counter()
            for clip in clips:
                drawing(clip, specshow.RATE)
            tries.append(time.perf_counter() - started)
        seconds[name] = min(tries)
    assert seconds["figure"] > 20 * seconds["fast"], seconds


def test_the_kept_furniture_is_what_matplotlib_draws() -> None:
    drawn = notebooks.furniture()
    kept = specshow._kept()
    assert drawn.keys() == kept.keys()
    for name, value in kept.items():
        np.testing.assert_array_equal(drawn[name], value, err_msg=name)


def test_without_matplotlib_the_oracle_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ClaspError, match=r"matplotlib.*requirements-dev"):
        notebooks.render(speechlike(1.0), specshow.RATE)
