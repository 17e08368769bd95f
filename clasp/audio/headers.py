"""Headers of recorders that were stopped before they could write how much there is: what to read in their place.

Where more follows than a WAV, AIFF, AU or W64 file says, and that is no chunk of the format, all of it is sound.
"""

import os
import struct
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import BinaryIO, Literal

Order = Literal["little", "big"]

UNKNOWN = 0xFFFFFFFF
CHUNKED = (b"RIFF", b"RF64", b"BW64", b"RIFX")
AU_CODECS = {(1, 16): 3, (1, 24): 4, (1, 32): 5, (3, 32): 6, (3, 64): 7}  # by the format and bits that RIFX states
WINDOW = 2**20  # bytes that are searched at once
MARKS = 200_000  # most that are looked for
CHUNKS = 10_000  # most that are looked at: no file of a recorder has as many
NAMED = (b"data", b"fmt ", b"LIST", b"fact", b"bext", b"iXML", b"cue ", b"smpl", b"id3 ", b"junk", b"JUNK", b"PAD ")
PIPED = 0x7FFF0000  # bytes: sizes from here on stand in headers of recordings that were piped


class Content:
    """The bytes of a file, read where they are looked at."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice) -> bytes:
        """Those from one place to another, as far as there are any."""
        start = min(place.start or 0, self._size)
        self._file.seek(start)
        return self._file.read(max(0, min(place.stop, self._size) - start))

    def places(self, mark: bytes) -> Iterator[int]:
        """Where a mark of several bytes is, in order: the first MARKS of them."""
        return islice(self._places(mark), MARKS)

    def _places(self, mark: bytes) -> Iterator[int]:
        start = 0
        while block := self[start : start + WINDOW + len(mark) - 1]:
            found = block.find(mark)
            while found >= 0:
                yield start + found
                found = block.find(mark, found + 1)
            start += WINDOW


def wav_data(content: Content, first: int = 0) -> tuple[int, int] | None:
    """Where the samples of the WAV that begins at `first` begin, and how many bytes of them its header claims."""
    return next(((place + 8, size) for kind, place, size in _chunks(content, first) if kind == b"data"), None)


def wav_parts(content: Content, first: int, end: int) -> list[tuple[int, int, bytes]]:
    """Where the samples of a WAV begin and end, and the header that each of these stretches needs before it, where it
    has them in several chunks, in a list of such, or behind an odd chunk that is not padded; mostly nothing."""
    chunks = list(_chunks(content, first)) if content[first : first + 4] == b"RIFF" else []
    data = [(place + 8, size) for kind, place, size in chunks if kind == b"data" and size]
    form = [content[place : place + 8 + size] for kind, place, size in chunks if kind == b"fmt "]
    follows = [after - place - 8 - size for (_, place, size), (_, after, _) in pairwise(chunks)]
    are_apart = all(left == size % 2 for left, (_, _, size) in zip(follows, chunks, strict=False))
    if not form or not data or (len(data) == 1 and are_apart):
        return []
    found = []
    for begin, size in data:
        head = b"WAVE" + form[0] + bytes(len(form[0]) % 2) + b"data" + struct.pack("<I", size)
        length = struct.pack("<I", min(UNKNOWN, len(head) + size))
        found.append((begin, min(end, begin + size), b"RIFF" + length + head))
    return found


def _chunks(content: Content, first: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of the chunks of the WAV that begins at `first`, up to what is none."""
    if content[first : first + 4] not in CHUNKED or content[first + 8 : first + 12] != b"WAVE":
        return
    order: Order = "big" if content[first : first + 4] == b"RIFX" else "little"
    position, large = first + 12, 0
    for _ in range(CHUNKS):
        kind, size = content[position : position + 4], _number(content, position + 4, 4, order)
        if position + 8 > len(content) or kind in CHUNKED:
            return
        if kind == b"ds64":
            large = _number(content, position + 16, 8, "little")
        size = large if kind == b"data" and size == UNKNOWN and large else size
        yield kind, position, size
        is_list = kind == b"LIST" and content[position + 8 : position + 12] == b"wavl"
        position += 12 if is_list else 8 + size
        if size % 2 and not is_list:
            unpadded, padded = (content[place : place + 4] in NAMED for place in (position, position + 1))
            position += padded or not unpadded


def tag_size(content: Content | bytes, place: int = 0) -> int:
    """Bytes of the ID3 tag at a place; 0 where there is none."""
    head = content[place : place + 10]
    is_tag = head[:3] == b"ID3" and len(head) == 10
    return 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)) if is_tag else 0


def mended(content: Content, first: int, end: int) -> dict[int, bytes]:
    """Bytes to be read instead of those at some places, for the recording from `first` to `end`; mostly none."""
    if (found := wav_data(content, first)) is not None:
        return _of_wav(content, first, end, *found)
    if content[first : first + 4] == b".snd":
        begin, size = first + _number(content, first + 4, 4, "big"), _number(content, first + 8, 4, "big")
        return {first + 8: UNKNOWN.to_bytes(4, "big")} if begin + size < end or size >= PIPED else {}
    if content[first : first + 4] == b"FORM" and content[first + 8 : first + 11] == b"AIF":
        return _of_aiff(content, first, end)
    if content[first : first + 4] == b"riff":
        return _of_w64(content, first, end)
    return {}


def _of_wav(content: Content, first: int, end: int, begin: int, size: int) -> dict[int, bytes]:
    """For samples that begin at `begin`, of which the header claims `size` bytes."""
    if content[first : first + 4] == b"RIFX":
        return _of_rifx(content, first, end, begin, size)
    is_left = _is_left(content, begin + size + size % 2, end, "little")
    if content[first : first + 4] == b"RIFF":
        length = {begin - 4: UNKNOWN.to_bytes(4, "little")} if 0 < size < PIPED and is_left else {}
        return length | _valid_bits(content, first)
    if content[first + 12 : first + 16] != b"ds64":
        return {first: b"RIFF"}
    return {first + 28: (end - begin).to_bytes(8, "little")} if size == UNKNOWN or (size and is_left) else {}


def _valid_bits(content: Content, first: int) -> dict[int, bytes]:
    """The bits of a sample, where fewer of them are said to be valid: the others are zero, and lie below."""
    for kind, place, size in _chunks(content, first):
        if kind == b"fmt ":
            head = content[place + 8 : place + 8 + size]
            is_pcm = len(head) >= 26 and head[:2] == b"\xfe\xff" and head[24:26] == b"\1\0"
            return {place + 26: head[14:16]} if is_pcm and b"\0\0" != head[18:20] != head[14:16] else {}
    return {}


def _of_rifx(content: Content, first: int, end: int, begin: int, size: int) -> dict[int, bytes]:
    """Samples with the high byte first, which WAV is not read with, and AU is: its header, in place of that."""
    head = content[first:begin]
    place = head.find(b"fmt ") + 8
    if place < 8 or len(head) < place + 16:
        return {}
    kind, channels, rate, _, _, bits = struct.unpack_from(">HHIIHH", head, place)
    kind = int.from_bytes(head[place + 26 : place + 28], "big") or kind if kind == 0xFFFE else kind
    if (kind, bits) not in AU_CODECS:
        return {}
    is_open = not size or _is_left(content, begin + size + size % 2, end, "big")
    length = UNKNOWN if is_open else size
    return {first: struct.pack(">4s5I", b".snd", begin - first, length, AU_CODECS[kind, bits], rate, channels)}


def _of_aiff(content: Content, first: int, end: int) -> dict[int, bytes]:
    position = first + 12
    for _ in range(CHUNKS):
        size = _number(content, position + 4, 4, "big")
        if content[position : position + 4] == b"SSND":
            if size and not _is_left(content, position + 8 + size + size % 2, end, "big"):
                break
            places = first + 4, position + 4  # of the sizes of the whole and of the samples
            return {place: min(UNKNOWN, end - place - 4).to_bytes(4, "big") for place in places}
        position += 8 + size + size % 2
    return {}


def _of_w64(content: Content, first: int, end: int) -> dict[int, bytes]:
    position = first + 40
    for _ in range(CHUNKS):
        size = _number(content, position + 16, 8, "little")
        if content[position : position + 4] == b"data":
            return {position + 16: (end - position).to_bytes(8, "little")} if size <= 24 else {}
        position += max(24, size + -size % 8)
    return {}


def _is_left(content: Content, position: int, end: int, order: Order) -> bool:
    """Whether what follows at a place is no chunk, nor zeros: room that a recorder has taken and not used."""
    if position + 8 > end:
        return False
    kind = content[position : position + 4]
    blocks = (content[at : min(end, at + WINDOW)] for at in range(position, end, WINDOW))
    if kind == bytes(4) and not any(block.strip(b"\0") for block in blocks):
        return False
    is_named = all(0x20 <= letter < 0x7F for letter in kind)
    return not is_named or (
        kind not in CHUNKED and position + 8 + _number(content, position + 4, 4, order) > end + 2**20
    )


def _number(content: Content, position: int, size: int, order: Order) -> int:
    return int.from_bytes(content[position : position + size], order)
