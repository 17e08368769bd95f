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

from clasp.audio.headers import CHUNKED, CHUNKS, Content, mended, tag_size, wav_data, wav_parts

MARKS = {  # how a recording begins, by its first four bytes, in formats that have a mark as long as this
    b"fLaC": (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22"),  # and the head of the block that must follow
    b"caff": (b"caff\x00\x01\x00\x00desc",),
    b"riff": (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00",),  # W64
    b"TTA1": (b"TTA1\x01\x00",),
    b"Crea": (b"Creative Voice File\x1a",),
    b"FLV\x01": tuple(b"FLV\x01" + bytes([tracks, 0, 0, 0, 9, 0, 0, 0, 0]) for tracks in (1, 4, 5)),
    b"0&\xb2u": (b"0&\xb2u\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c",),  # ASF
    b".RMF": (b".RMF\x00\x00\x00\x12\x00",),
    b"#!AM": (b"#!AMR\n", b"#!AMR-WB\n"),
}
MAC_BINARY = 128  # bytes of the header that the Mac put before what it sent
WINDOW = 2**16  # bytes that are looked at together
TS_MARK, TS_PACKET = b"\x47", 188  # how each packet begins, and its bytes
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
        first = _first(content)
        starts = sorted({first, *islice(_starts(content, first), MOST)})
        ends = [*starts[1:], _end(content)]
        return [one for first, end in zip(starts, ends, strict=True) for one in _stretches(content, first, end)]


def _first(content: Content) -> int:
    """Where the first recording begins: behind a tag, blanks or a header of the Mac that someone put before it."""
    start = content[:WINDOW]
    blanks = len(start) - len(start.lstrip(b"\0\r\n "))
    of_box = max(0, blanks - 3)  # the size of MP4's first box begins with zeros
    for place in (tag_size(content), blanks, of_box, MAC_BINARY):
        head = content[place : place + 8]
        if head[:4] in (*CHUNKED, *MARKS, b"FORM", b"OggS", b"wvpk") or head[4:] == b"ftyp":
            return place
    return 0


def _end(content: Content) -> int:
    """Where the last recording ends: of a transport stream before the zeros with which a recorder filled it up."""
    end = len(content)
    if content[:1] == TS_MARK:
        while end > 0 and not any(block := content[max(0, end - WINDOW) : end]):
            end -= len(block)
        end -= len(block) - len(block.rstrip(b"\0"))
        end += -end % TS_PACKET
    return end if len(content) - end > TS_PACKET else len(content)


def _stretches(content: Content, first: int, end: int) -> list[Stretch]:
    """The stretches of sound of the recording between two places."""
    found = [(begin - len(head), stop, head) for begin, stop, head in wav_parts(content, first, end)]
    return [Stretch(at, stop, {at: head}) for at, stop, head in found] or [
        Stretch(first, end, mended(content, first, end))
    ]


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


def _starts(content: Content, first: int) -> Iterator[int]:
    """Where the recordings begin after that at `first`; perhaps that, too."""
    head = content[first : first + 12]
    if head[:4] in CHUNKED:
        yield from _of_wav(content, first)
    elif head[:4] == b"FORM":
        yield from _of_aiff(content, first)
    elif head[:4] == b"OggS":
        yield from _of_ogg(content)
    elif head[4:8] == b"ftyp":
        yield from _of_mp4(content, first)
    elif head[:4] == b"wvpk":
        for start in content.places(b"wvpk"):
            if _number(content, start + 16) == 0 and _number(content, start + 24) & 0x800:
                yield start  # a block with the first sample, and the first of such blocks
    elif head[:4] in MARKS:
        yield from islice(heapq.merge(*map(content.places, MARKS[head[:4]])), 1, None)  # the first is this one


def _of_aiff(content: Content, start: int) -> Iterator[int]:
    for _ in range(CHUNKS):
        size = int.from_bytes(content[start + 4 : start + 8], "big")
        start += 8 + size + size % 2
        if content[start : start + 4] != b"FORM" or content[start + 8 : start + 11] != b"AIF":
            return
        yield start


def _of_wav(content: Content, start: int) -> Iterator[int]:
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


def _of_mp4(content: Content, position: int) -> Iterator[int]:
    for _ in range(CHUNKS):
        size, kind = int.from_bytes(content[position : position + 4], "big"), content[position + 4 : position + 8]
        if not kind:
            return
        if kind == b"ftyp":
            yield position
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16], "big")
        position += max(8, size) if size else len(content)


def _number(content: Content, position: int) -> int:
    return int.from_bytes(content[position : position + 4], "little")
