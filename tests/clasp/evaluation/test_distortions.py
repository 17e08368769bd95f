"""Distorted recordings: levels, the telephone's band, and the same sound in every run."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.evaluation.distortions import Babble, Distorted, SecondVoice, Telephone, WhiteNoise, mixed, power, voices
from clasp.training.data.corpora import Clip


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, ...]:
    """Ten recordings, by eight speakers: tones of 440 Hz, 540 Hz, …, of different lengths and levels."""
    folder = tmp_path_factory.mktemp("tones")
    found = []
    for number in range(10):
        path = folder / f"{number}.wav"
        time = np.arange(SAMPLE_RATE + 800 * number) / SAMPLE_RATE
        soundfile.write(path, (0.05 + number / 50) * np.sin(2 * np.pi * (440 + 100 * number) * time), SAMPLE_RATE)
        split = "test" if number == 0 else "train"
        found.append(Clip(f"{number}", "a tone", "en", "", split, "", "tones", f"{number % 8}", path))
    return tuple(found)


def test_what_is_mixed_has_the_level_asked_for() -> None:
    draw = np.random.default_rng(0)
    speech, other = (scale * draw.standard_normal(16_000).astype(np.float32) for scale in (0.05, 3.0))
    for decibels in (10, 0, -5):
        added = mixed(speech, other, decibels) - speech
        assert 10 * np.log10(power(speech) / power(added)) == pytest.approx(decibels, abs=0.01)
    loud = mixed(np.full(100, 0.9, np.float32), np.full(100, 0.9, np.float32), 0)
    assert np.abs(loud).max() == pytest.approx(1) and loud.dtype == np.float32


@pytest.mark.parametrize("kind", ["noise", "babble", "second", "telephone"])
def test_a_recording_is_distorted_the_same_way_every_time(clips: tuple[Clip, ...], kind: str) -> None:
    others = voices(clips, 7)
    distortion = {
        "noise": WhiteNoise(10),
        "babble": Babble(0, others),
        "second": SecondVoice(5, others),
        "telephone": Telephone(),
    }[kind]
    clean = decode(clips[0].audio())
    heard = Distorted(clips[0], distortion).waveform()
    assert len(heard.samples) == len(clean.samples)
    assert np.array_equal(heard.samples, Distorted(clips[0], distortion).waveform().samples)
    assert not np.allclose(heard.samples, clean.samples, atol=1e-3)
    assert not np.array_equal(heard.samples, Distorted(clips[1], distortion).waveform().samples[: len(heard.samples)])
    spectrum = np.abs(np.fft.rfft(heard.samples))
    assert np.fft.rfftfreq(len(heard.samples), 1 / SAMPLE_RATE)[spectrum.argmax()] == pytest.approx(440, abs=100 * 8)


def test_babble_is_many_voices_and_another_voice_is_one(clips: tuple[Clip, ...]) -> None:
    others = voices(clips, 7)
    for distortion, expected in ((Babble(0, others), 6), (SecondVoice(0, others), 1)):
        heard = Distorted(clips[0], distortion).waveform().samples
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) / len(heard)
        frequencies = np.fft.rfftfreq(len(heard), 1 / SAMPLE_RATE)
        tones = [spectrum[np.abs(frequencies - 440 - 100 * number) < 20].max() for number in range(1, 10)]
        assert sum(tone > 0.2 * max(tones) for tone in tones) == expected


def test_the_telephone_has_a_narrow_band() -> None:
    draw = np.random.default_rng(0)
    noise = 0.1 * draw.standard_normal(5 * SAMPLE_RATE).astype(np.float32)
    heard = Telephone()(noise, draw)
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    frequencies = np.fft.rfftfreq(len(heard), 1 / SAMPLE_RATE)

    def level(low: float, high: float) -> float:
        return 10 * np.log10(spectrum[(frequencies >= low) & (frequencies < high)].mean())

    assert level(500, 3_000) - level(50, 150) > 20
    assert level(500, 3_000) - level(5_000, 8_000) > 35
    assert level(500, 1_500) - level(2_000, 3_000) == pytest.approx(0, abs=2)


def test_voices_are_of_the_training_split_and_of_as_many_speakers_as_there_are(clips: tuple[Clip, ...]) -> None:
    assert {one.split for one in voices(clips, 5)} == {"train"}
    assert len({one.speaker for one in voices(clips, 8)}) == len(voices(clips, 8)) == 8
    assert voices(clips, 5) == voices(clips, 8)[:5]
    assert Path(voices(clips, 1)[0].path).is_file()
