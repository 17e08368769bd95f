"""Thirty files that are no usable recording, for the tests of everything that takes one."""

import io
import struct
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000

CUT = "cut off or damaged"
NOT_AUDIO = "not a recording that can be read"
RATE_OFF = "sample rate of"


@dataclass(frozen=True)
class Malformed:
    """A file, and what its error says."""

    path: Path
    error: str


def write_malformed(folder: Path) -> list[Malformed]:
    """Write the thirty files into `folder`."""
    speechlike = _speechlike(3.0)
    long_silence = np.zeros(1_200 * 8_000)
    wav = _encoded(speechlike, "WAV", "PCM_16")
    noise = np.random.default_rng(0).bytes(50_000)
    contents = {
        "empty.wav": (b"", "is empty"),
        "header-only.wav": (_wav(b"", size=0), "holds no sound"),
        "too-short.wav": (_encoded(speechlike[:800], "WAV", "PCM_16"), "lasts 0.05 s"),
        "silent.wav": (_encoded(np.zeros(3 * RATE), "WAV", "PCM_16"), "is silent"),
        "nearly-silent.flac": (_encoded(speechlike * 1e-4, "FLAC", "PCM_24"), "is silent"),
        "silent-20-minutes.flac": (_encoded(long_silence, "FLAC", "PCM_16", 8_000), "longer than 600 s"),
        "eight-channels-384khz.flac": (_bomb(), "unfolds to more than 256 MiB"),
        "not-a-number.wav": (_encoded(np.full(3 * RATE, np.nan), "WAV", "FLOAT"), "is silent"),
        "head-only.flac": (_encoded(speechlike, "FLAC", "PCM_16")[:20], NOT_AUDIO),
        "truncated.ogg": (_cut(_encoded(speechlike, "OGG", "VORBIS")), CUT),
        "truncated.m4a": (_cut(_by_ffmpeg(wav, folder / "whole.m4a")), CUT),
        "truncated.mov": (_cut(_by_ffmpeg(wav, folder / "whole.mov")), CUT),
        "one-hertz.wav": (_wav(wav[44:], rate=1), RATE_OFF),
        "two-kilohertz.wav": (_wav(wav[44:], rate=2_000), RATE_OFF),
        "four-gigahertz.wav": (_wav(wav[44:], rate=2**32 - 1), NOT_AUDIO),
        "zero-hertz.wav": (_wav(wav[44:], rate=0), NOT_AUDIO),
        "no-channels.wav": (_wav(wav[44:], channels=0), NOT_AUDIO),
        "text.wav": (b"The ship was lost in the storm.\n" * 500, NOT_AUDIO),
        "subtitles.mkv": (b"1\n00:00:00,000 --> 00:00:03,000\nThe ship was lost.\n\n" * 200, NOT_AUDIO),
        "shortcut.mp3": (b"[InternetShortcut]\nURL=file:///etc/passwd\n", NOT_AUDIO),
        "document.m4a": (b"%PDF-1.7\n" + noise, NOT_AUDIO),
        "picture.wav": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + noise, NOT_AUDIO),
        "program.aiff": (b"\x7fELF\x02\x01\x01" + noise, NOT_AUDIO),
        "web-page.ogg": (b"<!doctype html><title>404</title><p>Not found</p>" * 50, NOT_AUDIO),
        "archive.mp3": (_zip(), NOT_AUDIO),
        "noise.flac": (noise, NOT_AUDIO),
        "zeros.wav": (bytes(100_000), NOT_AUDIO),
        "playlist.m3u8": (b"#EXTM3U\n#EXTINF:3,\nwhole.m4a\n#EXT-X-ENDLIST\n", NOT_AUDIO),
        "concatenation.wav": (b"ffconcat version 1.0\nfile whole.m4a\n", NOT_AUDIO),
        "picture-only.mp4": (_video_without_sound(folder / "whole.mp4"), NOT_AUDIO),
    }
    for name, (content, _) in contents.items():
        (folder / name).write_bytes(content)
    return [Malformed(folder / name, error) for name, (_, error) in contents.items()]


def _speechlike(seconds: float) -> np.ndarray:
    """A voiced sound of about four syllables a second: float32 (n,)."""
    time = np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 20))
    return (0.2 * voice * np.sin(2 * np.pi * 2 * time) ** 2).astype(np.float32)


def _encoded(samples: np.ndarray, kind: str, subtype: str, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def _wav(data: bytes, *, rate: int = RATE, channels: int = 1, bits: int = 16, size: int | None = None) -> bytes:
    """A WAV file with any header at all."""
    size = len(data) if size is None else size
    frame = max(1, channels * bits // 8)
    header = struct.pack("<HHIIHH", 1, channels, rate, rate * frame % 2**32, frame, bits)
    riff = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", len(header)) + header
    return riff + b"data" + struct.pack("<I", size) + data


def _cut(content: bytes) -> bytes:
    return content[: len(content) * 6 // 10]


def _bomb() -> bytes:
    """24 s of eight channels at 384 kHz: a few hundred kilobytes that unfold to 281 MiB."""
    file = io.BytesIO()
    second = np.zeros((384_000, 8), np.int16)
    with soundfile.SoundFile(file, "w", 384_000, 8, "PCM_16", format="FLAC") as writer:
        for _ in range(24):
            writer.write(second)
    return file.getvalue()


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "not a sound" * 1_000)
    return file.getvalue()


def _by_ffmpeg(wav: bytes, path: Path, *options: str) -> bytes:
    """The recording in the format that the extension of `path` names."""
    command = ["ffmpeg", "-v", "error", "-y", "-i", "pipe:0", *options, str(path)]
    subprocess.run(command, input=wav, check=True)
    return path.read_bytes()


def _video_without_sound(path: Path) -> bytes:
    picture = ["-f", "lavfi", "-i", "testsrc=duration=1:size=64x64:rate=10", "-c:v", "mpeg4"]
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *picture, str(path)]
    subprocess.run(command, check=True)
    return path.read_bytes()
