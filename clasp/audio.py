"""Recordings in, 16 kHz mono out: decoding, resampling and the limits that keep a hostile file harmless.

    decode("question.m4a")                     # a file: wav, flac, ogg, mp3, and what ffmpeg knows
    decode(upload)                             # its bytes
    for block in stream("interview.mp4"):      # of any length, in constant memory
    cut("interview.mp4", 61.5, 65.0)           # a stretch of it
    from_samples(microphone, rate=44_100)      # samples already in memory

wav, aiff, flac, ogg (vorbis, opus) and mp3 are read by libsndfile (sndfile.py), everything else by an ffmpeg process
(ffmpeg.py).
Whatever cannot be searched with raises AudioError: one sentence that can be shown as it is.
"""

import math
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from . import ffmpeg, sndfile
from .errors import AudioError
from .settings import current

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.2
RATES = range(4_000, 768_001)  # Hz; below 4 kHz nothing is left of speech
SILENCE = 1e-4  # peak amplitude, -80 dB of full scale
MP3_FRAME = 1_152  # samples; a header may state the length of an mp3 in whole frames


@dataclass(frozen=True, eq=False)
class Waveform:
    """Sound for the encoder: float32 (n,) within [-1, 1], 16 kHz, mono. Made by decode and from_samples."""

    samples: np.ndarray
    rate: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        if self.rate != SAMPLE_RATE or self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise AudioError(
                f"A waveform is float32 (n,) at {SAMPLE_RATE} Hz, not {self.samples.dtype} "
                f"{self.samples.shape} at {self.rate} Hz: make it with clasp.audio.from_samples."
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


def decode(source: str | Path | bytes, *, max_seconds: float | None = None, max_bytes: int | None = None) -> Waveform:
    """Decode a recording (a path, or a file's bytes) of any rate and number of channels.

    Raises AudioError where it is missing, not audio, cut off, empty, silent, shorter than 0.2 s, longer than
    `max_seconds`, more than `max_bytes` once decoded (float32, before resampling), or has samples that are not
    numbers. Both limits, by default those set for queries, are enforced on what is decoded, whatever the file's
    header says.
    """
    with _as_file(source) as (path, name):
        samples = _joined(_decoded(path, name, *_query_limits(max_seconds, max_bytes)))
    return _checked(samples, name)


def stream(path: str | Path, *, max_seconds: float | None = None, max_bytes: int | None = None) -> Iterator[np.ndarray]:
    """Decode a file bit by bit: blocks of float32 (n,), 16 kHz, mono, in memory that does not grow with its length.

    The limits, by default those set for recordings, hold as in `decode`. Only at the end is it known whether the file
    is whole: AudioError may come after any block. Silence is no error here, nor is a file without a single sample.
    """
    limits = current()
    max_seconds = 3_600 * limits.recording_hours if max_seconds is None else max_seconds
    max_bytes = int(limits.decoded_gib * 2**30) if max_bytes is None else max_bytes
    with _as_file(path) as (file, name):
        if file.stat().st_size > limits.file_mib * 2**20:
            raise AudioError(f"{name} is larger than {limits.file_mib:g} MiB: split it, or set CLASP_FILE_MIB.")
        yield from _decoded(file, name, max_seconds, max_bytes)


def cut(path: str | Path, start: float, end: float) -> Waveform:
    """The stretch of a file from `start` to `end`, in seconds, as far as there is one; what lies before is not decoded.

    The same samples as in that stretch of what `stream` yields; formats without a seek to the sample may be 30 ms off,
    wma 100 ms. It may be silent. No more is cut than may be searched with.

    Raises:
        AudioError: if nothing is there, or the file cannot be read.
    """
    if not (0 <= start < end and start < math.inf):
        raise AudioError(f"There is no sound from {start:g} to {end:g} s: the end must come after the start.")
    limits = current()
    end = min(end, start + limits.query_seconds)
    first, last = max(0, math.floor(start) - 1), math.ceil(end) + 1  # whole seconds: samples of any rate begin there
    with _as_file(path) as (file, name):
        decoded = _decoded(file, name, last - first + 1, int(limits.query_mib * 2**20), first, last)
        samples = _joined(decoded)[round((start - first) * SAMPLE_RATE) :][: round((end - start) * SAMPLE_RATE)]
        if len(samples) == 0:
            raise AudioError(f"{name} has no sound from {start:g} to {end:g} s: it ends before.")
    return Waveform(within_full_scale(samples))


def length(path: str | Path) -> float | None:
    """Seconds that a file's header claims, for a progress bar; None where it claims nothing."""
    try:
        with _as_file(path) as (file, _):
            return sndfile.length(file) or ffmpeg.length(file)
    except (AudioError, OSError, ValueError, subprocess.SubprocessError):
        return None


def from_samples(samples: np.ndarray, rate: int) -> Waveform:
    """Turn samples, (n,) or (n, channels), integers of full range or floats within [-1, 1], into a Waveform.

    The same checks as in `decode`, and the same AudioError.
    """
    name = "The recording"
    floats = as_floats(samples)
    block = floats[:, None] if floats.ndim == 1 else floats  # (n, channels)
    return _checked(_joined(_mono_16k([block], rate, name, *_query_limits(None, None))), name)


def as_floats(samples: np.ndarray) -> np.ndarray:
    """Samples, (n,) or (n, channels), integers of full range or floats within [-1, 1], as float32 of the same shape.

    Raises AudioError if they are anything else.
    """
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(f"Samples are numbers of shape (n,) or (n, channels), not {samples.dtype} {samples.shape}.")
    if samples.dtype.kind == "f":
        floats = samples.astype(np.float32, copy=False)
    else:
        scale = 2.0 ** (8 * samples.dtype.itemsize - 1)
        offset = scale if samples.dtype.kind == "u" else 0.0
        floats = ((samples - offset) / scale).astype(np.float32)
    return floats


def _query_limits(max_seconds: float | None, max_bytes: int | None) -> tuple[float, int]:
    """Seconds and bytes, as they are set where they are None."""
    limits = current()
    return (
        limits.query_seconds if max_seconds is None else max_seconds,
        int(limits.query_mib * 2**20) if max_bytes is None else max_bytes,
    )


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    """All blocks as one."""
    return np.concatenate([np.empty(0, np.float32), *parts])


@contextmanager
def _as_file(source: str | Path | bytes) -> Iterator[tuple[Path, str]]:
    """A regular file that holds `source`, and what to call it in a message."""
    if isinstance(source, bytes):
        if not source:
            raise AudioError("The recording is empty (0 bytes).")
        with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
            path = Path(folder, "recording")
            path.write_bytes(source)
            yield path, "The recording"
        return
    path = Path(source)
    name = " ".join(path.name.split()) or str(path)
    try:
        if not path.exists():
            raise AudioError(f"There is no file {name}: give the path of a recording.")
        if not path.is_file():
            raise AudioError(f"{name} is not a file: give the path of one recording.")
        path.open("rb").close()
        if path.stat().st_size == 0:
            raise AudioError(f"{name} is empty (0 bytes).")
    except (OSError, ValueError) as error:
        raise AudioError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    yield path.resolve(), name


def _decoded(
    path: Path, name: str, max_seconds: float, max_bytes: int, first: int = 0, last: float = math.inf
) -> Iterator[np.ndarray]:
    """Blocks of float32 (n,) at 16 kHz, from one second to another as far as there are any."""
    with path.open("rb") as raw:
        file = sndfile.opened(raw, path, name)
        if file is None:
            seconds = min(max_seconds + 1, last - first)  # what is over is an error
            with ffmpeg.opened(path, name, max_bytes + 4, first, seconds) as (rate, blocks):
                yield from _mono_16k(blocks, rate, name, max_seconds, max_bytes)
            return
        with file:
            rate, heard = file.samplerate, 0
            wanted = min(file.frames, last * rate) - first * rate
            if first and wanted <= 0:
                return
            try:
                if first:
                    file.seek(first * rate)
                blocks = sndfile.blocks(file, wanted if last < math.inf else math.inf)
                for samples in _mono_16k(blocks, rate, name, max_seconds, max_bytes):
                    heard += len(samples)
                    yield samples
            except soundfile.SoundFileError as error:
                raise AudioError(ffmpeg.cut_off(name)) from error
            if heard * rate / SAMPLE_RATE + 2 * MP3_FRAME < wanted:
                raise AudioError(ffmpeg.cut_off(name))


def _mono_16k(
    blocks: Iterable[np.ndarray], rate: int, name: str, max_seconds: float, max_bytes: int
) -> Iterator[np.ndarray]:
    """Mix blocks of float32 (n, channels) to one channel and resample them, as they come, to float32 (n,)."""
    if rate not in RATES:
        raise AudioError(f"{name} has a sample rate of {rate} Hz: expected {RATES.start} to {RATES.stop - 1} Hz.")
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    frames = decoded = 0
    for block in blocks:
        frames += len(block)
        decoded += block.nbytes
        if frames > max_seconds * rate:
            raise AudioError(f"{name} is longer than {max_seconds:g} s: give a shorter recording.")
        if decoded > max_bytes:
            raise AudioError(
                f"{name} unfolds to more than {max_bytes / 2**20:g} MiB of sound: "
                "give a shorter recording, or one with fewer channels."
            )
        mono = block.mean(axis=1, dtype=np.float64).astype(np.float32)  # (n, channels) -> (n,)
        if not np.isfinite(mono).all():
            raise AudioError(f"{name} has samples that are not numbers (NaN or infinite): export it again.")
        yield mono if rate == SAMPLE_RATE else resampler.resample_chunk(mono)
    if rate != SAMPLE_RATE:
        yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _checked(samples: np.ndarray, name: str) -> Waveform:
    """A Waveform of samples that hold enough sound."""
    if len(samples) == 0:
        raise AudioError(f"{name} holds no sound.")
    if len(samples) < MIN_SECONDS * SAMPLE_RATE:
        seconds = len(samples) / SAMPLE_RATE
        raise AudioError(f"{name} lasts {seconds:.2f} s: at least {MIN_SECONDS} s are needed.")
    if float(np.abs(samples).max()) < SILENCE:
        raise AudioError(f"{name} is silent: check the microphone, or give a recording with speech.")
    return Waveform(within_full_scale(samples))


def within_full_scale(samples: np.ndarray) -> np.ndarray:
    """Samples, float32 (n,), brought back within [-1, 1] where they exceed it."""
    peak = float(np.abs(samples).max(initial=0))
    return samples / np.float32(peak) if peak > 1 else samples
