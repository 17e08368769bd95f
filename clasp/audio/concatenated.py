"""Files that are several recordings laid end to end: where each of them begins.

    for part in parts("radio.ogg"):
        Part("radio.ogg", part)          # reads as a file of its own

Recorders, radio stations and `cat` leave such files. Formats whose frames stand alone (mp3, aac, ac3, mpegts) read on
by themselves; in those below, what follows the first recording would be lost, or be put at the wrong time.
"""

import heapq
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from clasp.audio.headers import CHUNKED, CHUNKS, Content, mended, wav_data

FLAC = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")  # the mark and the head of the block that must follow
MOST = 1_000  # recordings in a file; what follows counts as one
OGG_BEGINS = b"OggS\x00\x02"  # a page that begins a stream


@dataclass(frozen=True)
class Stretch:
    """Where a recording lies in a file."""

    first: int  # byte
    end: int  # the byte after the last one
    mended: dict[int, bytes] = field(default_factory=dict)  # what to read in place of what is there, see headers.py


def parts(path: Path) -> list[Stretch]:
    """The recordings in a file; a single one for most files.

    Raises:
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        content = Content(file)
        starts = sorted({0, *islice(_starts(content), MOST)})
        ends = [*starts[1:], len(content)]
        return [Stretch(first, end, mended(content, first, end)) for first, end in zip(starts, ends, strict=True)]


class Part(io.RawIOBase):
    """A stretch of a file as a file of its own."""

    def __init__(self, path: Path, stretch: Stretch) -> None:
        self._file = path.open("rb")
        self._first, self._size = stretch.first, stretch.end - stretch.first
        self._mended = stretch.mended
        self._file.seek(self._first)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell() - self._first

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._file.seek(self._first + max(0, base + offset))
        return self.tell()

    def read(self, size: int = -1) -> bytes:
        rest = max(0, self._size - self.tell())
        place = self._file.tell()
        content = self._file.read(rest if size < 0 else min(size, rest))
        for where, instead in self._mended.items():
            if place <= where and where + len(instead) <= place + len(content):
                content = content[: where - place] + instead + content[where - place + len(instead) :]
        return content

    def close(self) -> None:
        self._file.close()
        super().close()


def _starts(content: Content) -> Iterator[int]:
    head = content[:12]
    if head[:4] in CHUNKED:
        yield from _of_wav(content)
    elif head[:4] == b"OggS":
        yield from _of_ogg(content)
    elif head[4:8] == b"ftyp":
        yield from _of_mp4(content)
    elif head[:4] == b"wvpk":
        for start in content.places(b"wvpk"):
            if _number(content, start + 16) == 0 and _number(content, start + 24) & 0x800:
                yield start  # a block with the first sample, and the first of such blocks
    elif content[(tag := _tag(content)) : tag + 4] == b"fLaC":
        yield from islice(heapq.merge(*map(content.places, FLAC)), 1, None)  # the first is this one


def _of_wav(content: Content) -> Iterator[int]:
    start = 0
    while (found := wav_data(content, start)) is not None:
        start = sum(found) + found[1] % 2
        if content[start : start + 4] not in CHUNKED or content[start + 8 : start + 12] != b"WAVE":
            return
        yield start


def _of_ogg(content: Content) -> Iterator[int]:
    """Streams that run side by side begin on adjacent pages."""
    after = 0  # of the page that began the last stream
    for start in content.places(OGG_BEGINS):
        if start != after:
            yield start
        count = sum(content[start + 26 : start + 27])  # of segments, whose sizes follow
        after = start + 27 + count + sum(content[start + 27 : start + 27 + count])


def _of_mp4(content: Content) -> Iterator[int]:
    position = 0
    for _ in range(CHUNKS):
        size, kind = int.from_bytes(content[position : position + 4], "big"), content[position + 4 : position + 8]
        if not kind:
            return
        if kind == b"ftyp":
            yield position
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16], "big")
        position += max(8, size) if size else len(content)


def _tag(content: Content) -> int:
    """Bytes of the ID3 tag at the beginning."""
    head = content[:10]
    is_tag = head[:3] == b"ID3" and len(head) == 10
    return 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)) if is_tag else 0


def _number(content: Content, position: int) -> int:
    return int.from_bytes(content[position : position + 4], "little")
