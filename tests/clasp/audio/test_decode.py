"""Decoding: every format says the same thing, and nothing that is no recording gets through."""

import io
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode, from_samples, length, stream
from clasp.errors import AudioError
from tests.malformed import write_malformed
from tests.threads import at_once

SECONDS = 3.0


def sweep(rate: int, seconds: float = SECONDS) -> np.ndarray:
    """A sound that is nowhere the same: 200 to 1,200 Hz, float32 (n,)."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 * time + 500 * time**2 / seconds))).astype(np.float32)


REFERENCE = sweep(SAMPLE_RATE)


def match_probability(waveform: Waveform) -> float:
    """Highest correlation with the sweep within 100 ms, which encoders may shift it by."""
    products = scipy.signal.correlate(waveform.samples, REFERENCE, "full", "fft")  # at every shift
    near = products[len(REFERENCE) - 1 - 1_600 : len(REFERENCE) + 1_600]
    return near.max() / (np.linalg.norm(waveform.samples) * np.linalg.norm(REFERENCE))


def encode(rate: int, kind: str, subtype: str, samples: np.ndarray | None = None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sweep(rate) if samples is None else samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def convert(path: Path, *options: str) -> Path:
    """The sweep in the format that the extension names, made by ffmpeg."""
    source = io.BytesIO(encode(44_100, "WAV", "PCM_16"))
    command = ["ffmpeg", "-v", "error", "-y", "-i", "pipe:0", *options, str(path)]
    subprocess.run(command, input=source.read(), check=True)
    return path


@pytest.mark.parametrize(
    ("rate", "kind", "subtype"),
    [
        (8_000, "WAV", "PCM_16"),
        (16_000, "WAV", "PCM_U8"),
        (22_050, "WAV", "PCM_24"),
        (44_100, "WAV", "FLOAT"),
        (96_000, "WAV", "DOUBLE"),
        (384_000, "WAV", "PCM_16"),
        (48_000, "AIFF", "PCM_16"),
        (44_100, "FLAC", "PCM_16"),
        (44_100, "OGG", "VORBIS"),
        (48_000, "OGG", "OPUS"),
        (44_100, "MP3", "MPEG_LAYER_III"),
    ],
)
def test_decodes_what_libsndfile_writes(rate: int, kind: str, subtype: str):
    waveform = decode(encode(rate, kind, subtype))
    assert waveform.rate == SAMPLE_RATE
    assert waveform.samples.dtype == np.float32
    assert waveform.duration == pytest.approx(SECONDS, abs=0.01)
    assert match_probability(waveform) > 0.99


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sweep.m4a", []),
        ("sweep.aac", []),
        ("sweep.webm", ["-c:a", "libopus"]),
        ("sweep.mka", ["-c:a", "pcm_s16le"]),
        ("sweep.wma", []),
        ("sweep.caf", []),
        (
            "headerless.mp3",
            ["-write_xing", "0", "-q:a", "9"],
        ),  # of varying bit rate: its length is not stated
    ],
)
def test_decodes_what_ffmpeg_writes(tmp_path: Path, name: str, options: list[str]):
    waveform = decode(convert(tmp_path / name, *options))
    assert waveform.duration == pytest.approx(SECONDS, abs=0.1)
    assert match_probability(waveform) > 0.98


def test_decodes_the_sound_of_a_video(tmp_path: Path):
    picture = ["-f", "lavfi", "-i", f"testsrc=duration={SECONDS}:size=64x64:rate=10", "-c:v", "mpeg4"]
    assert match_probability(decode(convert(tmp_path / "clip.mp4", *picture, "-shortest"))) > 0.98


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_decodes_a_piped_recording_whose_header_states_no_length(kind: str):
    command = ["ffmpeg", "-v", "error", "-i", "pipe:0", "-f", kind, "pipe:1"]
    piped = subprocess.run(command, input=encode(44_100, "WAV", "PCM_16"), stdout=subprocess.PIPE, check=True)
    assert decode(piped.stdout).duration == pytest.approx(SECONDS, abs=0.01)


def test_bytes_and_paths_give_the_same(tmp_path: Path):
    for path in (convert(tmp_path / "sweep.ogg"), convert(tmp_path / "sweep.m4a")):
        np.testing.assert_array_equal(decode(path).samples, decode(path.read_bytes()).samples)


def test_the_content_decides_and_not_the_extension(tmp_path: Path):
    for name in ("flac.raw", "flac.mp3", "flac", "-flac.txt", "concat:flac.wav"):
        path = tmp_path / name
        path.write_bytes(encode(44_100, "FLAC", "PCM_16"))
        assert match_probability(decode(path)) > 0.99
    moved = convert(tmp_path / "sweep.m4a").rename(tmp_path / "subfile,,:sweep.wav")
    assert match_probability(decode(str(moved))) > 0.98


def test_channels_are_averaged():
    left, silent = sweep(16_000), np.zeros_like(REFERENCE)
    stereo = decode(encode(16_000, "WAV", "FLOAT", np.stack([left, silent], axis=1)))
    np.testing.assert_allclose(stereo.samples, left / 2, atol=1e-6)
    eight = decode(encode(16_000, "WAV", "FLOAT", np.stack([left] * 8, axis=1)))
    np.testing.assert_allclose(eight.samples, left, atol=1e-6)


def test_resampling_keeps_what_fits_and_folds_nothing_back():
    time = np.arange(48_000 * 2) / 48_000
    low, high = np.sin(2 * np.pi * 1_000 * time), np.sin(2 * np.pi * 15_000 * time)
    heard = from_samples(0.4 * low + 0.4 * high, 48_000).samples[1_600:-1_600]  # without the edges
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    peak = spectrum.argmax() * SAMPLE_RATE / len(heard)
    assert peak == pytest.approx(1_000, abs=2)
    aliased = spectrum[round(len(heard) * 1_500 / SAMPLE_RATE) :].max()
    assert aliased < spectrum.max() * 1e-3


def test_blocks_leave_no_seams():
    samples = np.stack([sweep(44_100, 20.0)] * 2, axis=1)  # several blocks
    at_once = from_samples(samples, 44_100)
    in_blocks = decode(encode(44_100, "WAV", "FLOAT", samples))
    np.testing.assert_allclose(in_blocks.samples, at_once.samples, atol=1e-5)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8", "int8", "float32", "float64"])
def test_samples_of_any_type(dtype: str):
    scale = {"int16": 2**15, "int32": 2**31, "uint8": 2**7, "int8": 2**7}.get(dtype, 1)
    samples = (REFERENCE.astype(np.float64) * scale + (128 if dtype == "uint8" else 0)).astype(dtype)
    waveform = from_samples(samples, SAMPLE_RATE)
    np.testing.assert_allclose(waveform.samples, REFERENCE, atol=1.5 / min(scale, 2**15) if scale > 1 else 1e-6)


def test_a_recording_beyond_full_scale_is_brought_back():
    waveform = decode(encode(16_000, "WAV", "FLOAT", REFERENCE * 20_000))
    assert np.abs(waveform.samples).max() == 1
    assert match_probability(waveform) > 0.999


def test_a_quiet_recording_is_left_as_it_is():
    np.testing.assert_allclose(from_samples(REFERENCE * 1e-3, SAMPLE_RATE).samples, REFERENCE * 1e-3)


def test_thirty_malformed_files(tmp_path: Path):
    cases = write_malformed(tmp_path)
    assert len(cases) == 30
    for case in cases:
        with pytest.raises(AudioError) as caught:
            decode(case.path)
        message = str(caught.value)
        assert message.startswith(case.path.name) and case.error in message
        assert "\n" not in message and str(tmp_path) not in message


@pytest.mark.parametrize(
    ("samples", "rate", "error"),
    [
        (np.zeros(0), 16_000, "holds no sound"),
        (np.zeros((0, 2), np.int16), 48_000, "holds no sound"),
        (np.zeros(16_000), 16_000, "is silent"),
        (np.full(16_000, 128, np.uint8), 16_000, "is silent"),
        (REFERENCE[:3_000], 16_000, "lasts 0.19 s"),
        (np.full(16_000, np.nan), 16_000, "not numbers"),
        (np.full(16_000, -np.inf), 16_000, "not numbers"),
        (REFERENCE, 0, "sample rate"),
        (REFERENCE, -16_000, "sample rate"),
        (REFERENCE, 3_999, "sample rate"),
        (np.ones((2, 2, 2)), 16_000, "of shape"),
        (np.array(0.5), 16_000, "of shape"),
        (np.array(["a", "b"]), 16_000, "of shape"),
        (np.ones(601 * 4_000, np.int8), 4_000, "longer than 600 s"),
    ],
)
def test_samples_that_are_no_recording(samples: np.ndarray, rate: int, error: str):
    with pytest.raises(AudioError, match=error):
        from_samples(samples, rate)


@pytest.mark.parametrize("name", ["sweep.wav", "sweep.m4a"])
def test_limits_hold_while_decoding(tmp_path: Path, name: str):
    path = convert(tmp_path / name, "-ac", "1", "-ar", "16000")
    length = decode(path).duration
    assert decode(path, max_seconds=length, max_bytes=int(length * SAMPLE_RATE * 4)).duration == length
    with pytest.raises(AudioError, match="longer than"):
        decode(path, max_seconds=length - 0.001)
    with pytest.raises(AudioError, match="unfolds"):
        decode(path, max_bytes=int(length * SAMPLE_RATE * 4) - 4)


@pytest.mark.parametrize("path", ["nowhere.wav", ".", "\0.wav", "", b""])
def test_what_is_no_file(path: str | bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AudioError):
        decode(path)


def test_a_device_is_not_read():
    with pytest.raises(AudioError, match="not a file"):
        decode("/dev/zero")


def test_a_playlist_opens_no_other_file(tmp_path: Path):
    convert(tmp_path / "other.wav")
    for name, text in {
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nother.wav\n#EXT-X-ENDLIST\n",
        "list.ffconcat": "ffconcat version 1.0\nfile other.wav\n",
        "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="x"></MPD>',
    }.items():
        (tmp_path / name).write_text(text)
        for read in (decode, lambda path: list(stream(path))):
            with pytest.raises(AudioError, match="not a recording"):
                read(tmp_path / name)
        assert length(tmp_path / name) is None


@pytest.mark.parametrize("name", ["sweep.wav", "sweep.flac", "sweep.ogg", "sweep.mp3", "sweep.m4a", "sweep.webm"])
def test_streamed_as_decoded(tmp_path: Path, name: str):
    path = convert(tmp_path / name)
    np.testing.assert_array_equal(np.concatenate(list(stream(path))), decode(path).samples)
    assert length(path) == pytest.approx(SECONDS, abs=0.1)


def test_streaming_has_limits_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = convert(tmp_path / "sweep.m4a")
    for name, value, error in (
        ("CLASP_RECORDING_HOURS", "0.0005", "longer than 1.8 s"),
        ("CLASP_FILE_MIB", "0.01", "larger than 0.01 MiB"),
        ("CLASP_STALL_SECONDS", "0.0001", "took longer than 0.0001 s"),
    ):
        with monkeypatch.context() as patch, pytest.raises(AudioError, match=error):
            patch.setenv(name, value)
            list(stream(path))
    with pytest.raises(AudioError, match="unfolds"):
        list(stream(path, max_bytes=100_000))


@pytest.mark.slow
def test_a_long_recording_takes_no_memory(tmp_path: Path):
    """Six hours of silence in a file of a few kilobytes: a flac that unfolds to 1.4 GB."""
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        hour = np.zeros(3_600 * SAMPLE_RATE, np.int16)
        for _ in range(6):
            file.write(hour)
    assert path.stat().st_size < 2**22
    tracemalloc.start()
    assert sum(len(block) for block in stream(path)) == 6 * 3_600 * SAMPLE_RATE
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    with pytest.raises(AudioError, match="longer than 7200 s"):
        list(stream(path, max_seconds=7_200))


def test_a_stream_can_be_left(tmp_path: Path):
    path = tmp_path / "long.m4a"
    convert(path, "-af", "apad=whole_dur=300")
    blocks = stream(path)
    assert len(next(blocks)) > 0
    blocks.close()
    assert sum(len(block) for block in stream(path)) == pytest.approx(300 * SAMPLE_RATE, abs=5_000)


def test_no_program_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = convert(tmp_path / "sweep.m4a")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert match_probability(decode(path)) > 0.98


def test_decoding_in_threads_gives_the_same():
    content = encode(44_100, "OGG", "VORBIS")
    expected = decode(content).samples
    for samples in at_once(*[lambda: decode(content).samples] * 8):
        np.testing.assert_array_equal(samples, expected)


def test_a_waveform_is_16_khz_mono():
    for samples, rate in ((REFERENCE, 44_100), (REFERENCE[None], 16_000), (REFERENCE.astype(float), 16_000)):
        with pytest.raises(AudioError, match="from_samples"):
            Waveform(samples, rate)
