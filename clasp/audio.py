"""Recordings in, 16 kHz mono out: decoding, resampling and the limits that keep a hostile file harmless.

    decode("question.m4a")                     # a file: wav, flac, ogg, mp3, and what ffmpeg knows
    decode(upload)                             # its bytes
    for block in stream("interview.mp4"):      # of any length, in constant memory
    from_samples(microphone, rate=44_100)      # samples already in memory

wav, aiff, flac, ogg (vorbis, opus) and mp3 are read by libsndfile, everything else by an ffmpeg process.
Whatever cannot be searched with raises AudioError: one sentence that can be shown as it is.
"""

import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from .errors import AudioError
from .settings import current

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.2
RATES = range(4_000, 768_001)  # Hz; below 4 kHz nothing is left of speech
SILENCE = 1e-4  # peak amplitude, -80 dB of full scale

BLOCK_SAMPLES = 2**18  # decoded at once, all channels together
MP3_FRAME = 1_152  # samples; a header may state the length of an mp3 in whole frames
UNKNOWN_LENGTH = 2**31 - 2**16  # lengths from here on stand in headers of recordings that were piped

SOUNDFILE_FORMATS = {"WAV", "WAVEX", "AIFF", "FLAC", "OGG", "MP3"}
FFMPEG_BLOCK = 30 * SAMPLE_RATE * 4  # bytes read from ffmpeg at once
# Demuxers whose files hold the media themselves: no playlists, which name other files.
FFMPEG_FORMATS = (
    "3g2,3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,caf,dts,eac3,flac,flv,gsm,m4a,matroska,mj2,"
    "mov,mp3,mp4,mpeg,mpegts,ogg,tta,voc,w64,wav,webm,wv"
)
FFMPEG_GUARDS = (
    f"-protocol_whitelist file,pipe -format_whitelist {FFMPEG_FORMATS} -max_alloc {2**28}".split()
)  # of options before the file
FFMPEG_CUT = re.compile(r"ended prematurely|partial file|moov atom not found|truncated")


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


def length(path: str | Path) -> float | None:
    """Seconds that a file's header claims, for a progress bar; None where it claims nothing."""
    try:
        with _as_file(path) as (file, _):
            with (
                file.open("rb") as raw,
                suppress(soundfile.SoundFileError),
                soundfile.SoundFile(raw.fileno(), closefd=False) as header,
            ):
                if 0 < header.frames < UNKNOWN_LENGTH:
                    return header.frames / header.samplerate
            ffprobe = shutil.which("ffprobe") or ""
            command = [ffprobe, "-v", "quiet", *FFMPEG_GUARDS, "-show_entries", "format=duration", "-of", "csv=p=0"]
            claimed = subprocess.run(
                [*command, f"file:{file}"], capture_output=True, timeout=current().stall_seconds, check=True
            ).stdout
        return float(claimed)
    except (AudioError, OSError, ValueError, subprocess.SubprocessError):
        return None


def from_samples(samples: np.ndarray, rate: int) -> Waveform:
    """Turn samples, (n,) or (n, channels), integers of full range or floats within [-1, 1], into a Waveform.

    The same checks as in `decode`, and the same AudioError.
    """
    name = "The recording"
    samples = np.asarray(samples)
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise AudioError(f"Samples are numbers of shape (n,) or (n, channels), not {samples.dtype} {samples.shape}.")
    if samples.dtype.kind == "f":
        floats = samples.astype(np.float32, copy=False)
    else:
        scale = 2.0 ** (8 * samples.dtype.itemsize - 1)
        offset = scale if samples.dtype.kind == "u" else 0.0
        floats = ((samples - offset) / scale).astype(np.float32)
    block = floats[:, None] if floats.ndim == 1 else floats  # (n, channels)
    return _checked(_joined(_mono_16k([block], rate, name, *_query_limits(None, None))), name)


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


def _decoded(path: Path, name: str, max_seconds: float, max_bytes: int) -> Iterator[np.ndarray]:
    """Blocks of float32 (n,) at 16 kHz."""
    with path.open("rb") as raw:
        file = _by_libsndfile(raw, path, name)
        if file is None:
            limit = min(max_bytes, int((max_seconds + 1) * SAMPLE_RATE * 4)) + 4  # one sample over is an error
            yield from _mono_16k(_by_ffmpeg(path, name, limit), SAMPLE_RATE, name, max_seconds, max_bytes)
            return
        heard = 0
        with file:
            try:
                for samples in _mono_16k(_blocks(file), file.samplerate, name, max_seconds, max_bytes):
                    heard += len(samples)
                    yield samples
            except soundfile.SoundFileError as error:
                raise AudioError(_cut_message(name)) from error
            if heard * file.samplerate / SAMPLE_RATE + 2 * MP3_FRAME < file.frames:
                raise AudioError(_cut_message(name))


def _by_libsndfile(raw: BinaryIO, path: Path, name: str) -> soundfile.SoundFile | None:
    """The file opened by libsndfile; None where that does not know the format, or does not read all of it."""
    try:  # by its descriptor: a name would let its extension decide
        file = soundfile.SoundFile(raw.fileno(), closefd=False)
    except soundfile.SoundFileError:
        return None
    if file.format not in SOUNDFILE_FORMATS or file.frames >= UNKNOWN_LENGTH:
        return None
    if file.format == "MP3" and not _mp3_states_length(path):
        return None  # libsndfile would guess it from the first frames, and stop there
    if file.subtype == "PCM_U8" and re.search(r"Bit Width +: [1-7]$", file.extra_info, re.MULTILINE):
        raise AudioError(f"{name} has fewer than 8 bits per sample: export it with 16.")
    if _wav_is_cut(file.extra_info) or (file.format == "OGG" and _ogg_is_cut(path)):
        raise AudioError(_cut_message(name))
    return file


def _blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """What the file holds, as float32 (n, channels), a bounded number of samples at a time."""
    while len(block := file.read(BLOCK_SAMPLES // file.channels, dtype="float32", always_2d=True)):
        yield block


def _wav_is_cut(log: str) -> bool:
    """Whether libsndfile's log says that a chunk claims more bytes than there are."""
    sizes = re.findall(r": (\d+) \(should be (\d+)\)", log)
    return any(int(there) < int(claimed) < UNKNOWN_LENGTH for claimed, there in sizes)


def _ogg_is_cut(path: Path) -> bool:
    """Whether the last page of an Ogg file lacks some of its bytes (a page has at most 65,307)."""
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - 65_307))
        tail = raw.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27:
        return True
    segments = page[26]  # their sizes follow
    return len(page) < 27 + segments + sum(page[27 : 27 + segments])


def _mp3_states_length(path: Path) -> bool:
    """Whether the first frame, behind an ID3 tag, is the one that says how many follow."""
    with path.open("rb") as raw:
        head = raw.read(10)
        if head[:3] == b"ID3":
            size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            raw.seek(10 + size)
        frame = raw.read(2_048)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))


def _by_ffmpeg(path: Path, name: str, limit: int) -> Iterator[np.ndarray]:
    """The first audio stream as blocks of float32 (n, 1) at 16 kHz, at most `limit` bytes of them."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise AudioError(
            f"{name} can only be read by ffmpeg, which is not installed: install it (Debian, Ubuntu: "
            "apt install ffmpeg; macOS: brew install ffmpeg) or convert the file to wav, flac or ogg."
        )
    wait = current().stall_seconds
    stalled = threading.Event()
    output = f"-map 0:a:0 -ac 1 -ar {SAMPLE_RATE} -fs {limit} -f f32le pipe:1"
    command = [ffmpeg, "-nostdin", "-v", "error", *FFMPEG_GUARDS, "-vn", "-i", f"file:{path}", *output.split()]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:

        def stop() -> None:
            stalled.set()
            process.kill()

        try:
            while True:
                watch = threading.Timer(wait, stop)
                watch.start()
                content = process.stdout.read(FFMPEG_BLOCK)
                watch.cancel()
                if stalled.is_set():
                    raise AudioError(f"{name} took longer than {wait:g} s to decode: convert it to wav or flac.")
                if not content:
                    break
                yield np.frombuffer(content[: len(content) // 4 * 4], dtype="<f4")[:, None]
            failed = process.wait() != 0
        finally:
            process.kill()
        log.seek(0)
        complaints = log.read(2**16).decode("utf-8", "replace")
    if FFMPEG_CUT.search(complaints):
        raise AudioError(_cut_message(name))
    if failed:
        raise AudioError(f"{name} is not a recording that can be read: give a sound file, or a video with sound.")


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
    """A Waveform of samples that hold enough sound, brought back within [-1, 1] where they exceed it."""
    if len(samples) == 0:
        raise AudioError(f"{name} holds no sound.")
    if len(samples) < MIN_SECONDS * SAMPLE_RATE:
        seconds = len(samples) / SAMPLE_RATE
        raise AudioError(f"{name} lasts {seconds:.2f} s: at least {MIN_SECONDS} s are needed.")
    peak = float(np.abs(samples).max())
    if peak < SILENCE:
        raise AudioError(f"{name} is silent: check the microphone, or give a recording with speech.")
    return Waveform(samples / np.float32(peak) if peak > 1 else samples)


def _cut_message(name: str) -> str:
    return f"{name} is cut off or damaged: its end is missing. Copy or record it again."
