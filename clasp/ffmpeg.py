"""What libsndfile cannot read, by an ffmpeg process that may open this one file, and is stopped when it stalls."""

import re
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .errors import AudioError
from .settings import current

BLOCK_SECONDS = 30  # of sound read at once
# Demuxers whose files hold the media themselves: no playlists, which name other files.
FORMATS = (
    "3g2,3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,asf_o,au,avi,caf,dts,eac3,flac,flv,gsm,m4a,matroska,mj2,"
    "mov,mp3,mp4,mpeg,mpegts,ogg,tta,voc,w64,wav,webm,wv"
)
GUARDS = f"-protocol_whitelist file,pipe -format_whitelist {FORMATS} -max_alloc {2**28}".split()  # before the file
AU = struct.Struct(
    ">4sIIIII"
)  # header of what ffmpeg writes: magic, where the samples begin, size, kind, rate, channels
CUT = re.compile(r"ended prematurely|partial file|moov atom not found|truncated")


@contextmanager
def opened(
    path: Path, name: str, most_bytes: int, first: int, seconds: float
) -> Iterator[tuple[int, Iterator[np.ndarray]]]:
    """The sample rate of the first audio stream, and the stream mixed to one channel, in blocks of float32 (n, 1).

    It begins `first` seconds after the start, and goes on for no more than so many seconds and, about, bytes.

    Raises:
        AudioError: if ffmpeg is not installed, cannot read the file, finds it cut off, or takes too long.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise AudioError(
            f"{name} can only be read by ffmpeg, which is not installed: install it (Debian, Ubuntu: "
            "apt install ffmpeg; macOS: brew install ffmpeg) or convert the file to wav, flac or ogg."
        )
    skipped = ["-ss", str(first)] if first else []
    output = f"-map 0:a:0 -map_metadata -1 -ac 1 -t {seconds} -fs {most_bytes} -c pcm_f32be -f au pipe:1"
    command = [ffmpeg, "-nostdin", "-v", "error", *GUARDS, "-vn", *skipped, "-i", f"file:{path}", *output.split()]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process:

        def blocks() -> Iterator[np.ndarray]:
            while content := _read(process, BLOCK_SECONDS * min(rate, 48_000) * 4, name):
                yield np.frombuffer(content[: len(content) // 4 * 4], ">f4").astype(np.float32)[:, None]
            failed = process.wait() != 0
            log.seek(0)
            complaints = log.read(2**16).decode("utf-8", "replace")
            if CUT.search(complaints):
                raise AudioError(cut_off(name))
            if failed:
                raise AudioError(
                    f"{name} is not a recording that can be read: give a sound file, or a video with sound."
                )

        try:
            rate, header = 0, _read(process, AU.size, name)
            if len(header) == AU.size:
                _, start, _, _, rate, _ = AU.unpack(header)
                _read(process, start - AU.size, name)
            else:
                next(blocks())  # says why
            yield rate, blocks()
        finally:
            process.kill()


def _read(process: subprocess.Popen, size: int, name: str) -> bytes:
    """The next bytes that a process writes, fewer at the end; it is killed if they do not come."""
    wait = current().stall_seconds
    stalled = threading.Event()

    def stop() -> None:
        stalled.set()
        process.kill()

    watch = threading.Timer(wait, stop)
    watch.start()
    content = process.stdout.read(size)
    watch.cancel()
    if stalled.is_set():
        raise AudioError(f"{name} took longer than {wait:g} s to decode: convert it to wav or flac.")
    return content


def length(path: Path) -> float:
    """Seconds that the file claims to last.

    Raises:
        OSError, ValueError, subprocess.SubprocessError: if it claims nothing, or there is no ffprobe.
    """
    ffprobe = shutil.which("ffprobe") or ""
    command = [ffprobe, "-v", "quiet", *GUARDS, "-show_entries", "format=duration", "-of", "csv=p=0", f"file:{path}"]
    return float(subprocess.run(command, capture_output=True, timeout=current().stall_seconds, check=True).stdout)


def cut_off(name: str) -> str:
    """What is said of a file whose end is missing."""
    return f"{name} is cut off or damaged: its end is missing. Copy or record it again."
