"""The sound of recordings as the page plays it: a WAV that is decoded as it is asked for, whatever the file's format.

Browsers play few formats, and seek in some of them by a guess: to the second that a header, an index or the average bit
rate suggests. Here, a second is the one at which the recording was cut into segments.
"""

import math
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from clasp.audio.decode import stream

if TYPE_CHECKING:
    from index.library import Recording

RATE = 24_000  # Hz
HEADER, SAMPLE = 44, 2  # bytes
LONGEST = 60.0  # seconds sent at once
MARGIN = 0.4  # seconds played before and after a segment


class Clip(NamedTuple):
    """What the page plays."""

    src: str  # URL of the whole recording
    start: float  # seconds
    end: float  # seconds; not later than `start`: to the end of the recording


def path(key: str, recording: str) -> str:
    """Names a recording in URLs."""
    return f"{quote(key, safe='')}/{quote(recording, safe='')}"


def url(key: str, recording: str) -> str:
    """The URL of a recording, relative to the page; `key` stands for its library (see Service.key)."""
    return f"audio/{path(key, recording)}"


def envelope_url(key: str, recording: str) -> str:
    """The URL of a recording's loudness over time, relative to the page."""
    return f"envelope/{path(key, recording)}"


def whole(key: str, recording: "Recording") -> Clip:
    """All of a recording."""
    return Clip(url(key, recording.id), 0.0, 0.0)


def clip(key: str, recording: "Recording", start: float, end: float) -> Clip:
    """A stretch of a recording, start and end in seconds, with a margin around it."""
    return Clip(url(key, recording.id), max(0.0, start - MARGIN), min(end + MARGIN, max(end, recording.duration)))


def wav_size(recording: "Recording") -> int:
    """The size of a recording's WAV in bytes."""
    return HEADER + SAMPLE * round(recording.duration * RATE)


def wav(recording: "Recording", first: int, last: int) -> Iterator[bytes]:
    """The bytes `first` to `last`, both included, of a recording's WAV (16-bit, mono), in parts.

    Raises:
        AudioError: if the file cannot be read.
    """
    if first < HEADER:
        yield _header(wav_size(recording) - HEADER)[first : last + 1]
    begin, end = max(0, first - HEADER), last + 1 - HEADER  # offsets in the sample data
    if begin >= end:
        return
    start = max(0, math.floor(begin / SAMPLE / RATE) - 1)  # a second early, so that no seam is heard
    position = SAMPLE * RATE * start
    blocks = stream(recording.path, track=recording.track, start=start, rate=RATE)
    for block in blocks:
        content = (block.clip(-1, 1) * (2**15 - 1)).round().astype("<i2").tobytes()
        if position + len(content) > begin:
            yield content[max(0, begin - position) : end - position]
        position += len(content)
        if position >= end:
            break
    blocks.close()
    while position < end:  # the file is shorter than it was
        missing = min(end - max(position, begin), 2**20)
        yield bytes(missing)
        position = max(position, begin) + missing


def _header(size: int) -> bytes:
    """The header of a WAV with `size` bytes of samples."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, SAMPLE * RATE, SAMPLE, 8 * SAMPLE)
    riff, data = struct.pack("<I", HEADER - 8 + size), struct.pack("<I", size)
    return b"RIFF" + riff + b"WAVEfmt " + form + b"data" + data
