"""Files that are several recordings laid end to end: where each of them begins.

    for first, end in parts("radio.ogg"):      # bytes
        Part("radio.ogg", first, end)          # reads as a file of its own

Recorders, radio stations and `cat` leave such files. Formats whose frames stand alone (mp3, aac, ac3, mpegts) read on
by themselves; in those below, what follows the first recording would be lost, or be put at the wrong time.
"""

import io
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

FLAC = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")  # the mark and the head of the block that must follow
OGG_BEGINS = b"OggS\x00\x02"  # a page that begins a stream
CHUNKED = (b"RIFF", b"RF64", b"BW64")
UNKNOWN_SIZE = 0x7FFF0000  # bytes: sizes from here on stand in headers of recordings that were piped


def parts(path: Path) -> list[tuple[int, int]]:
    """First byte of each recording in a file, and the one after its last; a single pair for most files.

    Raises:
        OSError: if the file cannot be read.
    """
    if path.stat().st_size == 0:
        return [(0, 0)]
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        starts = sorted({0, *_starts(content)})
        return list(zip(starts, [*starts[1:], len(content)], strict=True))


class Part(io.RawIOBase):
    """A stretch of a file, from one byte to another, as a file of its own."""

    def __init__(self, path: Path, first: int, end: int) -> None:
        self._file = path.open("rb")
        self._first, self._size = first, end - first
        self._file.seek(first)

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
        return self._file.read(rest if size < 0 else min(size, rest))

    def close(self) -> None:
        self._file.close()
        super().close()


def wav_ends(content: bytes | mmap.mmap, first: int = 0) -> int | None:
    """Where the samples of the WAV that begins at `first` end, as its header says; None where it does not say."""
    if content[first : first + 4] not in CHUNKED or content[first + 8 : first + 12] != b"WAVE":
        return None
    position, large = first + 12, None
    while position + 8 <= len(content):
        kind, size = content[position : position + 4], _number(content, position + 4)
        if kind == b"ds64":
            large = int.from_bytes(content[position + 16 : position + 24], "little")
        if kind == b"data":
            size = large if size == 0xFFFFFFFF and large else size
            return None if size == 0 or (size >= UNKNOWN_SIZE and not large) else position + 8 + size
        position += 8 + size + size % 2
    return None


def _starts(content: mmap.mmap) -> Iterator[int]:
    head = content[:12]
    if head[:4] in CHUNKED:
        yield from _of_wav(content)
    elif head[:4] == b"OggS":
        yield from _of_ogg(content)
    elif head[4:8] == b"ftyp":
        yield from _of_mp4(content)
    elif head[:4] == b"wvpk":
        for start in _found(content, b"wvpk"):
            if _number(content, start + 16) == 0 and _number(content, start + 24) & 0x800:
                yield start  # a block with the first sample, and the first of such blocks
    elif head[:4] == b"fLaC" or head[:3] == b"ID3":
        yield from sorted(start for mark in FLAC for start in _found(content, mark))[1:]  # the first may follow a tag


def _of_wav(content: mmap.mmap) -> Iterator[int]:
    start = 0
    while (end := wav_ends(content, start)) is not None:
        start = end + (end - start) % 2
        if content[start : start + 4] not in CHUNKED or content[start + 8 : start + 12] != b"WAVE":
            return
        yield start


def _of_ogg(content: mmap.mmap) -> Iterator[int]:
    """Streams that run side by side begin on adjacent pages."""
    after = 0  # of the page that began the last stream
    for start in _found(content, OGG_BEGINS):
        if start != after:
            yield start
        segments = content[start + 26] if start + 26 < len(content) else 0
        after = start + 27 + segments + sum(content[start + 27 : start + 27 + segments])


def _of_mp4(content: mmap.mmap) -> Iterator[int]:
    position = 0
    while position + 16 <= len(content):
        size, kind = int.from_bytes(content[position : position + 4], "big"), content[position + 4 : position + 8]
        if kind == b"ftyp":
            yield position
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16], "big")
        position += max(8, size) if size else len(content)


def _found(content: mmap.mmap, mark: bytes) -> Iterator[int]:
    position = content.find(mark)
    while position >= 0:
        yield position
        position = content.find(mark, position + len(mark))


def _number(content: bytes | mmap.mmap, position: int) -> int:
    return int.from_bytes(content[position : position + 4], "little")
