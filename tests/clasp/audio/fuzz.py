"""Broken recordings by the thousand, decoded in a process of their own so that a crash of it is seen.

As a program it decodes what it is told to: a line of JSON {"path": file} in, a line about what came of it out.
As a module it makes the files: `seeds` are whole recordings of every format, `mutated` does them harm.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform, cut, decode, length, stream
from clasp.errors import AudioError

ROOT = Path(__file__).parents[3]
BY_SOUNDFILE = {
    "pcm.wav": ("WAV", "PCM_16"), "float.wav": ("WAV", "FLOAT"), "bytes.wav": ("WAV", "PCM_U8"),
    "ima.wav": ("WAV", "IMA_ADPCM"), "ms.wav": ("WAV", "MS_ADPCM"), "gsm.wav": ("WAV", "GSM610"),
    "extensible.wav": ("WAVEX", "PCM_24"), "large.wav": ("RF64", "PCM_16"), "a.w64": ("W64", "PCM_16"),
    "a.aiff": ("AIFF", "PCM_16"), "a.flac": ("FLAC", "PCM_16"), "a.ogg": ("OGG", "VORBIS"), "a.opus": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"), "a.au": ("AU", "ULAW"), "alac.caf": ("CAF", "ALAC_16"),
}  # fmt: skip
PICTURE = ["-f", "lavfi", "-i", "testsrc=duration=1:size=32x32:rate=5", "-c:v", "mpeg4", "-shortest"]
BY_FFMPEG: dict[str, list[str]] = {
    "a.m4a": [], "alac.m4a": ["-c:a", "alac"], "a.aac": [], "a.webm": ["-c:a", "libopus"],
    "vorbis.webm": ["-c:a", "libvorbis"], "flac.mka": ["-c:a", "flac"], "pcm.mka": ["-c:a", "pcm_s16le"],
    "a.mp4": PICTURE, "a.mkv": [*PICTURE, "-c:a", "aac"], "pcm.mov": ["-c:a", "pcm_s16be"], "a.avi": ["-c:a", "mp3"],
    "a.wma": ["-c:a", "wmav2"], "a.caf": [], "a.3gp": ["-c:a", "aac"], "a.ac3": [], "a.wv": [], "a.tta": [],
    "a.ts": ["-c:a", "aac"], "a.flv": ["-c:a", "aac"], "a.gsm": ["-ar", "8000"],
    "bare.mp3": ["-write_xing", "0", "-q:a", "9"],
}  # fmt: skip
NAMES = (*BY_SOUNDFILE, *BY_FFMPEG, "a.amr")
MEMORY = 512 * 2**20  # bytes: most that decoding may ever take
SECONDS = 30.0  # most that a file may take to be read
STALL = "5"  # seconds
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
HEADER = 256  # bytes in which most fields lie


@dataclass(frozen=True)
class Outcome:
    """What came of decoding a file."""

    verdict: str  # ok, refused, or what must not happen
    seconds: float
    memory: int  # bytes, most resident so far in the decoding process; 0 where that is not told


class Decoder:
    """The process that decodes."""

    def __init__(self, most_seconds: float, **settings: str) -> None:
        self._most_seconds = most_seconds
        self._settings = settings
        self._process = self._started()

    def outcome(self, path: Path) -> Outcome:
        """Decode a file; a process that dies or hangs is replaced."""
        began = time.perf_counter()
        watch = threading.Timer(self._most_seconds, self._process.kill)
        watch.start()
        self._process.stdin.write(json.dumps({"path": str(path)}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        watch.cancel()
        if line:
            return Outcome(**json.loads(line))
        code = self._process.wait()
        self._process = self._started()
        return Outcome(f"ended with {code}", time.perf_counter() - began, 0)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)

    def _started(self) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.clasp.audio.fuzz"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
            text=True, env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | self._settings,
        )  # fmt: skip


def seeds(folder: Path) -> list[bytes]:
    """A short recording in every format."""
    seconds = np.arange(int(0.7 * SAMPLE_RATE)) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 130 * harmonic * seconds) / harmonic for harmonic in range(1, 16))
    samples = 0.2 * voice * np.sin(2 * np.pi * 2 * seconds) ** 2
    for name, (kind, subtype) in BY_SOUNDFILE.items():
        soundfile.write(folder / name, samples, SAMPLE_RATE, subtype, format=kind)
    for name, options in BY_FFMPEG.items():
        command = ["ffmpeg", "-v", "error", "-y", "-i", folder / "pcm.wav", *options, folder / name]
        subprocess.run(command, check=True)
    frames = np.random.default_rng(0).integers(0, 256, (35, 32), np.uint8)
    frames[:, 0] = 0x3C  # 12.2 kbit/s
    (folder / "a.amr").write_bytes(b"#!AMR\n" + frames.tobytes())
    return [(folder / name).read_bytes() for name in NAMES]


def mutated(wholes: list[bytes], case: int) -> bytes:
    """A recording with one to three kinds of harm; the same for the same number."""
    random = np.random.default_rng(case)
    content = bytearray(wholes[case % len(wholes)])
    for _ in range(random.integers(1, 4)):
        kind = HARMS[random.integers(len(HARMS))]
        content = kind(content, random, wholes)
    return bytes(content)


def _flipped(content: bytearray, random: np.random.Generator, _: list[bytes]) -> bytearray:
    end = len(content) if random.random() < 0.5 else HEADER
    for _ in range(random.integers(1, 12)):
        content[_place(content, random, end)] ^= 1 << random.integers(8)
    return content


def _cut(content: bytearray, random: np.random.Generator, _: list[bytes]) -> bytearray:
    return content[: _place(content, random) + 1]


def _repeated(content: bytearray, random: np.random.Generator, _: list[bytes]) -> bytearray:
    start = _place(content, random)
    part = content[start : start + random.integers(1, 2_000)] * int(random.integers(1, 8))
    where = _place(content, random)
    return content[:where] + part + content[where:]


def _removed(content: bytearray, random: np.random.Generator, _: list[bytes]) -> bytearray:
    start = _place(content, random)
    return content[:start] + content[start + random.integers(1, 500) :] or bytearray(1)


def _extreme(content: bytearray, random: np.random.Generator, _: list[bytes]) -> bytearray:
    """A field of some bytes is set to an extreme value."""
    size = int(random.choice([1, 2, 4, 8]))
    value = EXTREMES[random.integers(len(EXTREMES))] % 256**size
    start = _place(content, random, HEADER if random.random() < 0.7 else len(content))
    content[start : start + size] = value.to_bytes(size, "little" if random.random() < 0.5 else "big")
    return content


def _spliced(content: bytearray, random: np.random.Generator, wholes: list[bytes]) -> bytearray:
    """The beginning of one format, the end of another."""
    other = wholes[random.integers(len(wholes))]
    return content[: _place(content, random)] + other[random.integers(len(other)) :] or bytearray(1)


def _overwritten(content: bytearray, random: np.random.Generator, _: list[bytes]) -> bytearray:
    start, size = _place(content, random), int(random.integers(1, 400))
    filler = (bytes(size), b"\xff" * size, random.bytes(size))[random.integers(3)]
    content[start : start + size] = filler
    return content


HARMS: tuple[Callable[[bytearray, np.random.Generator, list[bytes]], bytearray], ...] = (
    _flipped, _cut, _repeated, _removed, _extreme, _extreme, _spliced, _overwritten,
)  # fmt: skip


def _place(content: bytearray, random: np.random.Generator, end: int | None = None) -> int:
    return int(random.integers(min(len(content), end or len(content))))


def _verdict(path: Path) -> str:
    """Read a file in one of four ways; "ok" or "refused" is all that may come of it."""
    ways = (decode, lambda file: list(stream(file)), lambda file: cut(file, 0.1, 0.4), length)
    read = ways[path.stat().st_size % len(ways)]
    try:
        got = read(path)
    except AudioError as error:
        whole = "\n" not in str(error) and str(error).startswith(path.name)
        return "refused" if whole else f"a message of another form: {error}"
    except BaseException as error:
        return f"{error!r}"
    if isinstance(got, Waveform) and not (np.isfinite(got.samples).all() and np.abs(got.samples).max() <= 1):
        return "samples beyond full scale"
    if read is length and not (got is None or isinstance(got, float)):
        return f"a length of {got!r}"
    return "ok"


def main() -> None:
    for line in sys.stdin:
        began = time.perf_counter()
        verdict = _verdict(Path(json.loads(line)["path"]))
        outcome = Outcome(verdict, time.perf_counter() - began, _memory())
        print(json.dumps(asdict(outcome)), flush=True)


def _memory() -> int:
    """Of this process; `getrusage` would count what its parent had when it began."""
    status = Path("/proc/self/status")
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) if status.is_file() else 0


if __name__ == "__main__":
    main()
