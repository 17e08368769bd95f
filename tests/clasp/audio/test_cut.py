"""A stretch of a recording: the same sound as there in the whole, without decoding that."""

import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from clasp.audio import decode as audio
from clasp.audio.decode import SAMPLE_RATE, cut, decode
from clasp.errors import AudioError

STRETCHES = ((0.0, 2.5), (0.4, 1.0), (3.217, 5.0), (9.99, 11.75))  # seconds


def sweep(rate: int, seconds: float) -> np.ndarray:
    """A sound that is nowhere the same: 200 to 1,200 Hz, float32 (n,)."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 * time + 500 * time**2 / seconds))).astype(np.float32)


def written(source: Path, path: Path, *options: str) -> Path:
    """The recording in the format that the extension names."""
    subprocess.run(["ffmpeg", "-v", "error", "-i", source, *options, path], check=True)
    return path


@pytest.fixture(scope="module")
def long_sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds at 44.1 kHz."""
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, sweep(44_100, 12.0), 44_100)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.opus", "a.aiff"])
def test_cut_as_decoded(tmp_path: Path, long_sweep: Path, name: str):
    path = written(long_sweep, tmp_path / name)
    whole = decode(path).samples
    for start, end in STRETCHES:
        expected = whole[round(start * SAMPLE_RATE) :][: round((end - start) * SAMPLE_RATE)]
        np.testing.assert_allclose(cut(path, start, end).samples, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("a.mp3", 0.01), ("a.m4a", 0.03), ("a.aac", 0.03), ("a.webm", 0.03), ("a.mka", 0.03), ("a.wma", 0.1),
     ("a.caf", 0.03), ("bare.mp3", 0.03)],
)  # fmt: skip
def test_cut_near_where_it_was(tmp_path: Path, long_sweep: Path, name: str, seconds: float):
    """Formats without a seek to the sample."""
    bare = ["-write_xing", "0", "-q:a", "9"] if name == "bare.mp3" else []  # of varying bit rate, no length stated
    path = written(long_sweep, tmp_path / name, *bare)
    whole = decode(path).samples
    for start, end in STRETCHES:
        expected = whole[round(start * SAMPLE_RATE) :][: round((end - start) * SAMPLE_RATE)]
        samples = cut(path, start, end).samples
        assert len(samples) == pytest.approx(len(expected), abs=1_600)
        products = scipy.signal.correlate(samples, expected, "full", "fft")
        assert abs(products.argmax() - (len(expected) - 1)) <= seconds * SAMPLE_RATE
        assert products.max() > 0.9 * np.linalg.norm(samples) * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_cut_as_far_as_there_is_something(tmp_path: Path, long_sweep: Path, name: str):
    path = written(long_sweep, tmp_path / name)
    assert cut(path, 9.5, 99.0).duration == pytest.approx(2.5, abs=0.1)
    assert cut(path, 0.0, float("inf")).duration == pytest.approx(12, abs=0.1)
    for start, end in ((14.0, 15.0), (1e9, 2e9), (1e300, float("inf"))):
        with pytest.raises(AudioError):
            cut(path, start, end)
    for start, end in ((1.0, 1.0), (2.0, 1.0), (-1.0, 2.0), (float("nan"), 2.0), (0.0, float("nan"))):
        with pytest.raises(AudioError, match="end must come after"):
            cut(path, start, end)
    with pytest.raises(AudioError, match="no file"):
        cut(tmp_path / "nowhere.wav", 0.0, 1.0)


def test_what_is_cut_may_be_silent_or_too_loud(tmp_path: Path):
    samples = np.concatenate([np.zeros(3 * SAMPLE_RATE, np.float32), 4 * sweep(SAMPLE_RATE, 3.0)])
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, SAMPLE_RATE, "FLOAT")
    assert not cut(path, 0.5, 1.0).samples.any()
    assert np.abs(cut(path, 3.0, 6.0).samples).max() == 1


def test_cutting_decodes_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Of a long recording, whatever its length; and no more than may be searched with."""
    path = tmp_path / "long.flac"
    minute = np.tile(sweep(8_000, 1.0), 60)
    with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as file:
        for _ in range(60):
            file.write(minute)
    tracemalloc.start()
    assert cut(path, 3_000.5, 3_010.5).duration == 10
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    assert cut(path, 0.5, float("inf")).duration <= 601
    monkeypatch.setattr(audio, "QUERY_BYTES", 100_000)
    with pytest.raises(AudioError, match="unfolds"):
        cut(path, 0.5, 20.0)
