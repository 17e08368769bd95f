"""What libsndfile reads in this process: wav, aiff, flac, ogg (vorbis, opus) and mp3; and whether a file is whole."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from .errors import AudioError
from .ffmpeg import cut_off

FORMATS = {"WAV", "WAVEX", "AIFF", "FLAC", "OGG", "MP3"}
UNKNOWN_LENGTH = 2**31 - 2**16  # lengths from here on stand in headers of recordings that were piped
BLOCK_SAMPLES = 2**18  # decoded at once, all channels together


def opened(raw: BinaryIO, path: Path, name: str) -> soundfile.SoundFile | None:
    """The file opened by libsndfile; None where that does not know the format, or does not read all of it.

    Raises:
        AudioError: if it is cut off, or has too few bits.
    """
    try:  # by its descriptor: a name would let its extension decide
        file = soundfile.SoundFile(raw.fileno(), closefd=False)
    except soundfile.SoundFileError:
        return None
    if file.format not in FORMATS or file.frames >= UNKNOWN_LENGTH:
        return None
    if file.format == "MP3" and not _mp3_states_length(path):
        return None  # libsndfile would guess it from the first frames, and stop there
    if file.subtype == "PCM_U8" and re.search(r"Bit Width +: [1-7]$", file.extra_info, re.MULTILINE):
        raise AudioError(f"{name} has fewer than 8 bits per sample: export it with 16.")
    if _wav_is_cut(file.extra_info) or (file.format == "OGG" and _ogg_is_cut(path)):
        raise AudioError(cut_off(name))
    return file


def blocks(file: soundfile.SoundFile, frames: float) -> Iterator[np.ndarray]:
    """What follows in the file, no more than so many frames: float32 (n, channels), so much at a time."""
    most = BLOCK_SAMPLES // file.channels
    while len(block := file.read(min(most, frames), dtype="float32", always_2d=True)):
        frames -= len(block)
        yield block


def length(path: Path) -> float | None:
    """Seconds that the header claims; None where it claims nothing, or libsndfile does not know the format."""
    try:
        with path.open("rb") as raw, soundfile.SoundFile(raw.fileno(), closefd=False) as header:
            return header.frames / header.samplerate if 0 < header.frames < UNKNOWN_LENGTH else None
    except soundfile.SoundFileError:
        return None


def _wav_is_cut(log: str) -> bool:
    """Whether libsndfile's log says that a chunk claims more bytes than there are."""
    sizes = re.findall(r": (\d+) \(should be (\d+)\)", log)
    return any(int(there) < int(claimed) < UNKNOWN_LENGTH for claimed, there in sizes)


def _ogg_is_cut(path: Path) -> bool:
    """Whether the last page of an Ogg file lacks some of its bytes (a page has at most 65,307)."""
    with path.open("rb") as raw:
        raw.seek(max(0, path.stat().st_size - 65_307))
        tail = raw.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27:
        return True
    segments = page[26]  # their sizes follow
    return len(page) < 27 + segments + sum(page[27 : 27 + segments])


def _mp3_states_length(path: Path) -> bool:
    """Whether the first frame, behind an ID3 tag, is the one that says how many follow."""
    with path.open("rb") as raw:
        head = raw.read(10)
        if head[:3] == b"ID3":
            size = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
            raw.seek(10 + size)
        frame = raw.read(2_048)
    return any(mark in frame for mark in (b"Xing", b"Info", b"VBRI"))
