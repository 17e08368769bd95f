"""Recordings in, 16 kHz mono out: decoding, resampling and the limits that keep a hostile file harmless.

    decode("question.m4a")                     # a file: wav, flac, ogg, mp3, and what ffmpeg knows
    decode(upload)                             # its bytes
    from_samples(microphone, rate=44_100)      # samples already in memory

wav, aiff, flac, ogg (vorbis, opus) and mp3 are read by libsndfile, everything else by an ffmpeg process.
Whatever cannot be searched with raises AudioError: one sentence that can be shown as it is.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from .errors import AudioError

SAMPLE_RATE = 16_000
MIN_SECONDS = 0.2
MAX_SECONDS = 600.0
MAX_BYTES = 256 * 2**20  # decoded float32, before resampling: what a small file may unfold to
RATES = range(4_000, 768_001)  # Hz; below 4 kHz nothing is left of speech
SILENCE = 1e-4  # peak amplitude, -80 dB of full scale

BLOCK_SAMPLES = 2**18  # decoded at once, all channels together
MP3_FRAME = 1_152  # samples; a header may state the length of an mp3 in whole frames
UNKNOWN_LENGTH = 2**31 - 2**16  # lengths from here on stand in headers of recordings that were piped

SOUNDFILE_FORMATS = {"WAV", "WAVEX", "AIFF", "FLAC", "OGG", "MP3"}
FFMPEG_SECONDS = 60
# Demuxers whose files hold the media themselves: no playlists, which name other files.
FFMPEG_FORMATS = (
    "3g2,3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,caf,dts,eac3,flac,flv,gsm,m4a,matroska,mj2,"
    "mov,mp3,mp4,mpeg,mpegts,ogg,tta,voc,w64,wav,webm,wv"
)
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


def decode(source: str | Path | bytes, *, max_seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES) -> Waveform:
    """Decode a recording (a path, or a file's bytes) of any rate and number of channels.

    Raises AudioError where it is missing, not audio, cut off, empty, silent, shorter than 0.2 s, longer than
    `max_seconds`, more than `max_bytes` once decoded, or has samples that are not numbers. Both limits are
    enforced on what is decoded, whatever the file's header says.
    """
    with _as_file(source) as (path, name):
        samples = _decode_soundfile(path, name, max_seconds, max_bytes)
        if samples is None:
            samples = _decode_ffmpeg(path, name, max_seconds, max_bytes)
    return _checked(samples, name)


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
    return _checked(_mono_16k([block], rate, name, MAX_SECONDS, MAX_BYTES), name)


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


def _decode_soundfile(path: Path, name: str, max_seconds: float, max_bytes: int) -> np.ndarray | None:
    """Samples as float32 (n,) at 16 kHz, or None where libsndfile does not know the format."""
    with path.open("rb") as raw:
        try:  # by its descriptor: a name would let its extension decide
            file = soundfile.SoundFile(raw.fileno(), closefd=False)
        except soundfile.SoundFileError:
            return None
        with file:
            if file.format not in SOUNDFILE_FORMATS or file.frames >= UNKNOWN_LENGTH:
                return None
            if file.format == "MP3" and not _mp3_states_length(path):
                return None  # libsndfile would guess it from the first frames, and stop there
            if file.subtype == "PCM_U8" and re.search(r"Bit Width +: [1-7]$", file.extra_info, re.MULTILINE):
                raise AudioError(f"{name} has fewer than 8 bits per sample: export it with 16.")
            if _wav_is_cut(file.extra_info) or (file.format == "OGG" and _ogg_is_cut(path)):
                raise AudioError(_cut_message(name))
            try:
                samples = _mono_16k(_blocks(file), file.samplerate, name, max_seconds, max_bytes)
            except soundfile.SoundFileError as error:
                raise AudioError(_cut_message(name)) from error
            heard = len(samples) * file.samplerate / SAMPLE_RATE
            if heard + 2 * MP3_FRAME < file.frames:
                raise AudioError(_cut_message(name))
            return samples


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


def _decode_ffmpeg(path: Path, name: str, max_seconds: float, max_bytes: int) -> np.ndarray:
    """The first audio stream as float32 (n,) at 16 kHz."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise AudioError(
            f"{name} can only be read by ffmpeg, which is not installed: install it (Debian, Ubuntu: "
            "apt install ffmpeg; macOS: brew install ffmpeg) or convert the file to wav, flac or ogg."
        )
    limit = min(max_bytes, int((max_seconds + 1) * SAMPLE_RATE * 4)) + 4  # bytes; one sample over is an error
    guards = f"-protocol_whitelist file,pipe -format_whitelist {FFMPEG_FORMATS} -max_alloc {2**28} -vn"
    output = f"-map 0:a:0 -ac 1 -ar {SAMPLE_RATE} -fs {limit} -f f32le pipe:1"
    command = [ffmpeg, "-nostdin", "-v", "error", *guards.split(), "-i", f"file:{path}", *output.split()]
    with tempfile.TemporaryFile() as log:
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, timeout=FFMPEG_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise AudioError(f"{name} took longer than {FFMPEG_SECONDS} s to decode: give a shorter one.") from error
        log.seek(0)
        complaints = log.read(2**16).decode("utf-8", "replace")
    if FFMPEG_CUT.search(complaints):
        raise AudioError(_cut_message(name))
    if done.returncode != 0:
        raise AudioError(f"{name} is not a recording that can be read: give a sound file, or a video with sound.")
    samples = np.frombuffer(done.stdout[: len(done.stdout) // 4 * 4], dtype="<f4")
    return _mono_16k([samples[:, None]], SAMPLE_RATE, name, max_seconds, max_bytes)


def _mono_16k(blocks: Iterable[np.ndarray], rate: int, name: str, max_seconds: float, max_bytes: int) -> np.ndarray:
    """Mix blocks of float32 (n, channels) to one channel and resample them, as they come, to float32 (n,)."""
    if rate not in RATES:
        raise AudioError(f"{name} has a sample rate of {rate} Hz: expected {RATES.start} to {RATES.stop - 1} Hz.")
    resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
    parts: list[np.ndarray] = []
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
        parts.append(mono if rate == SAMPLE_RATE else resampler.resample_chunk(mono))
    if rate != SAMPLE_RATE:
        parts.append(resampler.resample_chunk(np.empty(0, np.float32), last=True))
    return np.concatenate(parts) if parts else np.empty(0, np.float32)


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
