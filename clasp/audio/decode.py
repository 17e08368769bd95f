"""Recordings in, 16 kHz mono out: decoding, resampling and the limits that keep a hostile file harmless.

    decode("question.m4a")                     # a file of any format that FFmpeg reads
    decode(upload)                             # its bytes
    for block in stream("interview.mp4"):      # of any length, in constant memory
    cut("interview.mp4", 61.5, 65.0)           # a stretch of it
    from_samples(microphone, rate=44_100)      # samples already in memory

All of them keep one clock, the container's (media.py), and read what is there: a file that ends too early is read up to
its break. Whatever cannot be used raises AudioError: one sentence that can be shown as it is.
"""

import math
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from clasp.audio.media import RATES, SILENCE, Media, Piece
from clasp.audio.mixing import Mixer
from clasp.errors import AudioError
from clasp.filenames import readable
from clasp.settings import current

__all__ = ["RATES", "SAMPLE_RATE", "SILENCE", "Stream", "Waveform", "cut", "decode", "from_samples", "length", "stream"]

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.2
BLOCK = 5.0  # seconds mixed and resampled at once, in which channels are compared
QUERY_SECONDS, QUERY_BYTES = 600.0, 256 * 2**20  # most of a recording to search with, decoded
RECORDING_BYTES = 64 * 2**30  # most of a recording to add, decoded


@dataclass(frozen=True, eq=False)
class Waveform:
    """Sound for the encoder: float32 (n,) within [-1, 1], 16 kHz, mono. Made by decode and from_samples."""

    samples: np.ndarray
    rate: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        if self.rate != SAMPLE_RATE or self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise AudioError(
                f"A waveform is float32 (n,) at {SAMPLE_RATE} Hz, not {self.samples.dtype} "
                f"{self.samples.shape} at {self.rate} Hz: make it with clasp.audio.decode.from_samples."
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate


def decode(
    source: str | Path | bytes, *, track: int = 0, max_seconds: float = QUERY_SECONDS, max_bytes: int = QUERY_BYTES
) -> Waveform:
    """Decode a recording (a path, or a file's bytes) of any rate and number of channels.

        >>> import clasp
        >>> from clasp.paths import ASSETS
        >>> waveform = clasp.decode(ASSETS / "library" / "audio" / "adventure-01.ogg")
        >>> waveform.samples.dtype, waveform.rate, round(waveform.duration, 2)
        (dtype('float32'), 16000, 4.27)

    Of several sound tracks it is the one with this number, from 1; 0: the default one, or where that is silent the
    first that is not.

    Raises AudioError where it is missing, not audio, empty, silent, shorter than 0.2 s, longer than `max_seconds`, or
    more than `max_bytes` once decoded (float32, before resampling). Both limits, by default those of queries, are
    enforced on what is decoded, whatever the file's header says.
    """
    with _as_file(source) as (path, name):
        pieces = Media(path, name, track).pieces()
        samples = _joined(_resampled(pieces, SAMPLE_RATE, name, max_seconds, max_bytes))
    return _checked(samples, name)


class Stream(Iterator[np.ndarray]):
    """Blocks of a recording, float32 (n,), mono; made by `stream`.

    Attributes:
        track: number of the sound track that is heard, from 1.
        length: seconds that the file's header claims, a hint; None where it claims nothing.
    """

    def __init__(self, media: Media, blocks: Generator[np.ndarray, None, None]) -> None:
        self.track, self.length = media.track, media.length
        self._media, self._blocks = media, blocks

    def __next__(self) -> np.ndarray:
        return next(self._blocks)

    @property
    def flaw(self) -> str:
        """After the last block: one sentence on what of the file could not be read, such as its end; '' if all was."""
        return self._media.flaw

    def close(self) -> None:
        """Stop decoding."""
        self._blocks.close()


def stream(
    path: str | Path,
    *,
    track: int = 0,
    start: float = 0.0,
    rate: int = SAMPLE_RATE,
    max_seconds: float | None = None,
    max_bytes: int = RECORDING_BYTES,
) -> Stream:
    """Decode a file bit by bit, in memory that does not grow with its length.

    It begins at the second `start`, and has `rate` samples a second. The limits, by default those of recordings,
    hold as in `decode`; AudioError may come after any block. Silence is no error here, nor is a file without a single
    sample. What is before the break of a file that ends too early is given, and `Stream.flaw` tells of it.
    """
    limits = current()
    max_seconds = 3_600 * limits.recording_hours if max_seconds is None else max_seconds
    with _as_file(path) as (file, name):
        if file.stat().st_size > limits.file_mib * 2**20:
            raise AudioError(f"{name} is larger than {limits.file_mib:g} MiB: split it, or set CLASP_FILE_MIB.")
        media = Media(file, name, track)
        return Stream(media, _resampled(media.pieces(start), rate, name, max_seconds, max_bytes))


def cut(path: str | Path, start: float, end: float, *, track: int = 0) -> Waveform:
    """The stretch of a file from `start` to `end`, in seconds, as far as there is one; little of what lies before is
    decoded.

    The same samples as in that stretch of what `stream` yields. It may be silent. No more is cut than may be searched
    with.

    Raises:
        AudioError: if nothing is there, or the file cannot be read.
    """
    if not (0 <= start < end and start < math.inf):
        raise AudioError(f"There is no sound from {start:g} to {end:g} s: the end must come after the start.")
    end = min(end, start + QUERY_SECONDS)
    first = max(0, math.floor(start) - 1)  # a whole second: samples of any rate begin there
    wanted, parts = round((end - first) * SAMPLE_RATE), []
    blocks = stream(path, track=track, start=first, max_bytes=QUERY_BYTES)
    for block in blocks:
        parts.append(block)
        wanted -= len(block)
        if wanted <= 0:
            break
    blocks.close()
    samples = _joined(parts)[round((start - first) * SAMPLE_RATE) :][: round((end - start) * SAMPLE_RATE)]
    if len(samples) == 0:
        raise AudioError(f"{readable(Path(path).name)} has no sound from {start:g} to {end:g} s: it ends before.")
    return Waveform(within_full_scale(samples))


def length(path: str | Path) -> float | None:
    """Seconds that a file's header claims; None where it claims nothing, or the file cannot be read."""
    try:
        with _as_file(path) as (file, name):
            return Media(file, name).length
    except (AudioError, OSError):
        return None


def from_samples(samples: np.ndarray, rate: int) -> Waveform:
    """Turn samples, (n,) or (n, channels), integers of full range or floats within [-1, 1], into a Waveform.

    The same checks as in `decode`, and the same AudioError.
    """
    name = "The recording"
    floats = as_floats(samples)
    block = floats[:, None] if floats.ndim == 1 else floats  # (n, channels)
    if not np.isfinite(block).all():
        raise AudioError(f"{name} has samples that are not numbers (NaN or infinite).")
    if rate not in RATES:
        raise AudioError(f"{name} has a sample rate of {rate} Hz: expected {RATES.start} to {RATES.stop - 1} Hz.")
    return _checked(_joined(_resampled([(block, rate)], SAMPLE_RATE, name, QUERY_SECONDS, QUERY_BYTES)), name)


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
    name = readable(path.name) or str(path)
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


def _resampled(
    pieces: Iterable[Piece], rate: int, name: str, max_seconds: float, max_bytes: int
) -> Generator[np.ndarray, None, None]:
    """Pieces mixed to one channel and resampled, as they come, to float32 (n,) of so many samples a second."""
    seconds = size = 0.0
    resampler, resampled_from, mixer = None, rate, Mixer()
    for samples, own in _gathered(pieces):
        seconds += len(samples) / own
        size += samples.nbytes
        if seconds > max_seconds + 1e-6:
            raise AudioError(f"{name} is longer than {max_seconds:g} s: give a shorter recording.")
        if size > max_bytes:
            raise AudioError(
                f"{name} unfolds to more than {max_bytes / 2**20:g} MiB of sound: "
                "give a shorter recording, or one with fewer channels."
            )
        if own != resampled_from:
            if resampler is not None:
                yield resampler.resample_chunk(np.empty(0, np.float32), last=True)
            resampler = None if own == rate else soxr.ResampleStream(own, rate, 1, dtype="float32")
            resampled_from = own
        mono = mixer.mixed(samples, own)
        yield mono if resampler is None else resampler.resample_chunk(mono)
    if resampler is not None:
        yield resampler.resample_chunk(np.empty(0, np.float32), last=True)


def _gathered(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The same samples in larger pieces, BLOCK seconds or what there is of one rate and number of channels."""
    kept: list[np.ndarray] = []
    held, kind = 0.0, (0, 0)
    for samples, rate in pieces:
        if kept and (held >= BLOCK or kind != (rate, samples.shape[1])):
            yield np.concatenate(kept), kind[0]
            kept, held = [], 0.0
        kind = rate, samples.shape[1]
        kept.append(samples)
        held += len(samples) / rate
    if kept:
        yield np.concatenate(kept), kind[0]


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
