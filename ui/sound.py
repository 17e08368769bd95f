"""How a recording is heard: as a WAV that is decoded as it is asked for, whatever the format of the file.

Browsers play few formats, and not all of those at the right time: of the second that a header, an index or the average
bit rate leads them to, they make their own guess. Here, a second is the one at which the recording was cut up.
"""

import math
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from clasp.audio.decode import stream

if TYPE_CHECKING:
    from index.library import Recording

RATE = 24_000  # Hz
HEADER, SAMPLE = 44, 2  # bytes
LONGEST = 60.0  # seconds that are given at once
CONTEXT = 0.4  # seconds before and after a moment that are played with it


def address(key: str, recording: str) -> str:
    """Of a recording, relative to the page; `key` stands for its library (see Service.key)."""
    return f"audio/{quote(key, safe='')}/{quote(recording, safe='')}"


def moment(key: str, recording: "Recording", start: float, end: float) -> tuple[str, float, float]:
    """Address of the sound that holds a moment, and its start and end there in seconds, with a little around it."""
    first, last = max(0.0, start - CONTEXT), min(end + CONTEXT, max(end, recording.duration))
    return address(key, recording.id), first, last


def size(recording: "Recording") -> int:
    """Bytes of the WAV of a recording."""
    return HEADER + SAMPLE * round(recording.duration * RATE)


def wav(recording: "Recording", first: int, last: int) -> Iterator[bytes]:
    """The WAV from one of its bytes to another, both included, bit by bit; its samples are 16 bits, mono.

    Raises:
        AudioError: if the file cannot be read.
    """
    if first < HEADER:
        yield _header(size(recording) - HEADER)[first : last + 1]
    begin, end = max(0, first - HEADER), last + 1 - HEADER  # of the samples' bytes
    if begin >= end:
        return
    start = max(0, math.floor(begin / SAMPLE / RATE) - 1)  # a whole second before: nothing is heard of the seam
    place = SAMPLE * RATE * start
    sound = stream(recording.path, track=recording.track, start=start, rate=RATE)
    for block in sound:
        content = (block.clip(-1, 1) * (2**15 - 1)).round().astype("<i2").tobytes()
        if place + len(content) > begin:
            yield content[max(0, begin - place) : end - place]
        place += len(content)
        if place >= end:
            break
    sound.close()
    while place < end:  # the file is shorter than it was
        missing = min(end - max(place, begin), 2**20)
        yield bytes(missing)
        place = max(place, begin) + missing


def _header(samples: int) -> bytes:
    """Of so many bytes of samples."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, SAMPLE * RATE, SAMPLE, 8 * SAMPLE)
    riff, data = struct.pack("<I", HEADER - 8 + samples), struct.pack("<I", samples)
    return b"RIFF" + riff + b"WAVEfmt " + form + b"data" + data
