"""The fast spectrogram is matplotlib's, pixel by pixel; what the original fails on has an image too."""

import time

import numpy as np
import pytest
import torch
from transformers import EfficientNetConfig, EfficientNetForImageClassification

from clasp.audio.decode import Waveform
from clasp.published import specshow
from tests.clasp.networks import awake
from tests.clasp.published.rendered_figure import render


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
    expected, drawn = render(clip, specshow.RATE), specshow.draw(clip, specshow.RATE).numpy()
    assert drawn.shape == (specshow.HEIGHT, specshow.WIDTH, 3)
    assert drawn.dtype == np.uint8
    apart = difference(drawn, expected)
    assert apart.max() <= 16  # where the frame's lines cross
    assert (apart > 0).mean() < 1e-4


def test_real_voices_look_and_embed_the_same(utterances: list[Waveform]) -> None:
    drawn = [specshow.draw(one.samples, one.rate).numpy() for one in utterances[:3]]
    expected = [render(one.samples, one.rate) for one in utterances[:3]]
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
    drawn, expected = specshow.draw(clip, specshow.RATE).numpy(), render(clip, specshow.RATE)
    assert difference(drawn, expected).mean() < 1e-3
    darkest = drawn[100:400, 60:580].sum(2).min()
    assert (darkest < 30) == (channel == "magma")  # the middle of coolwarm is grey, its ends are not black


def test_silence_and_any_rate_have_an_image() -> None:
    silent = specshow.draw(np.zeros(22_050, np.float32), specshow.RATE).numpy()
    assert difference(silent, render(np.zeros(22_050, np.float32), specshow.RATE)).max() <= 16
    assert specshow.draw(speechlike(1.5)[:10], specshow.RATE).shape == (specshow.HEIGHT, specshow.WIDTH, 3)
    for rate in (8_000, 44_100):
        clip = speechlike(1.5, rate)
        assert difference(specshow.draw(clip, rate).numpy(), render(clip, rate)).mean() < 1e-3, rate


def test_it_is_twenty_times_faster() -> None:
    clips = [speechlike(seconds) for seconds in (2.0, 4.0, 6.0)]
    seconds = {}
    for name, drawing in (("figure", render), ("fast", specshow.draw)):
        tries = []
        for _ in range(4):
            started = time.perf_counter()
            for clip in clips:
                drawing(clip, specshow.RATE)
            tries.append(time.perf_counter() - started)
        seconds[name] = min(tries)
    assert seconds["figure"] > 20 * seconds["fast"], seconds
