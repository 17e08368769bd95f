"""What the bytes of a file tell of sound that it has lost, which is not seen by decoding what is left."""

import struct

from clasp.audio.headers import CHUNKS, Content, tag_size

ADTS = b"\xff"  # begins each frame of AAC, with the first bits of what follows
TORN = 2**13  # bytes that no format needs
FLV_TAGS = 2_000_000  # most that are looked at
NEAR = 2**12  # bytes that are searched at once for it
ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
REAL_CHUNKS = (b".RMF", b"PROP", b"MDPR", b"CONT", b"DATA", b"INDX", b"RMMD", b"RMJE", b"RJMD")
TAGS = (b"TAG", b"APETAGEX", b"LYRICSBEGIN")  # what programs put between frames, beside ID3 tags


def page_is_cut(tail: bytes) -> bool:
    """Whether the last page of an Ogg file, of which `tail` is the end, lacks some of its bytes."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def segment_is_cut(head: bytes, size: int) -> bool:
    """Whether the segment of a Matroska or WebM file of so many bytes is shorter than its head says."""
    place = head.find(b"\x18\x53\x80\x67") + 4
    if place < 4 or place >= len(head) or not head[place]:
        return False
    count = 9 - head[place].bit_length()  # bytes of the number, whose first bit set ends the count
    length = int.from_bytes(head[place : place + count], "big") - (1 << 7 * count)
    return length != (1 << 7 * count) - 1 and place + count + length > size


def samples_are_cut(head: bytes, size: int) -> bool:
    """Whether a CAF file of so many bytes ends before the samples that its head announces."""
    place = 8
    while place + 12 <= len(head):
        length = int.from_bytes(head[place + 4 : place + 12], "big", signed=True)
        if head[place : place + 4] == b"data":
            return place + 12 + length > size + max(2**12, size // 50)
        place += 12 + max(0, length)
    return False


def bytes_of_mp3(frame: bytes) -> int:
    """How many bytes an MP3 file has, as a header of Xing's kind says in its first frame; 0 where none does."""
    if (place := max(frame.find(b"Xing"), frame.find(b"Info"))) >= 0:
        flags = frame[place + 7 : place + 8]
        number = frame[place + 12 :] if flags and flags[0] & 1 else frame[place + 8 :]  # behind that of the frames
        return int.from_bytes(number[:4], "big") if flags and flags[0] & 2 else 0
    place = frame.find(b"VBRI")
    return int.from_bytes(frame[place + 10 : place + 14], "big") if place >= 0 else 0


def seconds_of_avi(head: bytes, track: int) -> float:
    """How long a sound track of an AVI file lasts, as its header says; 0 where it does not."""
    headers = head.split(b"strh")
    sounds = [one for one in headers[1:] if one[4:8] == b"auds" and len(one) >= 40]
    if len(sounds) < track:
        return 0.0
    scale, rate, _, length = struct.unpack_from("<4I", sounds[track - 1], 24)
    return length * scale / rate if rate else 0.0


def is_torn_avi(content: Content) -> bool:
    """Whether the chunks of an AVI file do not follow each other up to its end."""
    place = 0
    while place + 8 <= len(content):
        kind, size = struct.unpack("<4sI", content[place : place + 8])
        if not kind.isascii() or not kind.strip().isalnum():
            return True
        place += 12 if kind in (b"RIFF", b"LIST") else 8 + size + size % 2
    return place > len(content) + 1


def lacks_bytes(content: Content, kinds: set[str], first: int, end: int) -> bool:
    """Whether bytes lack within the recording of ASF, RealMedia or FLV between two places."""
    if "asf" in kinds:
        return _asf_lacks_bytes(content, first, end)
    return ("rm" in kinds and _is_torn_real(content, first, end)) or (
        "flv" in kinds and _is_torn_flv(content, first, end)
    )


def _asf_lacks_bytes(content: Content, first: int, end: int) -> bool:
    """Whether it is shorter than its header says, which that of a broadcast does not."""
    begin = content[first : first + 2**16].find(ASF_PROPERTIES)
    head = content[first + begin : first + begin + 92] if begin >= 0 else b""
    return len(head) == 92 and not head[88] & 1 and end - first + TORN < int.from_bytes(head[40:48], "little")


def _is_torn_real(content: Content, place: int, end: int) -> bool:
    """Whether its chunks do not follow each other up to its end."""
    for _ in range(CHUNKS):
        kind, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "big")
        if place + 8 >= end or kind == bytes(4):
            break
        if kind not in REAL_CHUNKS:
            return True
        place += max(8, size)
    return place > end + 8


def _is_torn_flv(content: Content, first: int, end: int) -> bool:
    """Whether its tags, each with the size of that before it, do not follow each other up to its end."""
    place, before = first + 9, 0
    for _ in range(FLV_TAGS):
        if place + 15 > end:
            break
        size, kind, length = struct.unpack(">IB3s", content[place : place + 8])
        if kind & 0x1F not in (8, 9, 18) or (size != before and place > first + 9):
            return place + TORN < end
        before = 11 + int.from_bytes(length, "big")
        place += 4 + before
    return False


def junk_in_aac(content: Content) -> int:
    """How many bytes between the frames of an ADTS file are neither frames nor tags."""
    place = junk = passed_over = 0
    is_begun = False
    while place < len(content):
        tag, frame = tag_size(content, place), _adts_frame(content, place)
        if tag or frame:
            junk += passed_over if is_begun else 0
            is_begun, passed_over = is_begun or frame > 0, 0
            place += tag or frame
        else:
            near = content[place + 1 : place + 1 + NEAR].find(ADTS)
            step = near + 1 if near >= 0 else NEAR
            place, passed_over = place + step, passed_over + step
    return junk


def _adts_frame(content: Content, place: int) -> int:
    """Bytes of the frame at a place; 0 where there is none that another one, a tag or the end follows."""
    head = content[place : place + 6]
    if len(head) < 6 or not _is_adts(head):
        return 0
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    after = content[place + size : place + size + 3]
    return size if size > 6 and (len(after) < 3 or _is_adts(after) or after in (b"ID3", b"TAG", b"APE")) else 0


def _is_adts(head: bytes) -> bool:
    return head[0] == 0xFF and head[1] & 0xF6 == 0xF0
