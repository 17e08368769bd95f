"""Subtitles within the file of a recording, as videos from the web have them; those that are pictures are not read."""

import html
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Discard, Disposition

from clasp.audio.container import opened
from clasp.filenames import suffix
from index import languages
from index.ingest.captions import unstyled
from index.ingest.cues import Cue
from index.ingest.transcripts import SuppliedTranscript, assembled

SUFFIXES = (".mkv", ".mk3d", ".mka", ".webm", ".mp4", ".m4v", ".m4a", ".m4b", ".mov")
TEXTS = ("subrip", "srt", "webvtt", "text", "mov_text", "ass", "ssa")


def subtitles(path: Path) -> list[SuppliedTranscript]:
    """The transcripts in a file, on its own clock, each with its language: the default one first. None where it cannot
    be read, or has none."""
    if suffix(path.name) not in SUFFIXES:
        return []
    try:
        with opened(str(path)) as container:
            return _read(container)
    except (av.error.FFmpegError, OSError, ValueError):
        return []


def _read(container: av.container.InputContainer) -> list[SuppliedTranscript]:
    origin, cues = (container.start_time or 0) / av.time_base, defaultdict(list)
    chosen = [
        one
        for one in container.streams
        if one.type == "subtitle" and one.codec_context and not one.disposition & Disposition.forced
    ]
    chosen = [one for one in chosen if one.codec_context.name in TEXTS]
    for stream in container.streams:
        stream.discard = Discard.default if stream in chosen else Discard.all
    for packet in container.demux(*chosen) if chosen else ():
        if packet.pts is not None and packet.time_base is not None:
            start = float(packet.pts * packet.time_base) - origin
            speaker, words = _words(packet, packet.stream.codec_context.name)
            length = float((packet.duration or 0) * packet.time_base)
            cues[packet.stream_index].append(Cue(start, start + length, words, speaker))
    chosen.sort(key=lambda one: not one.disposition & Disposition.default)
    tags = [languages.known_tag(one.metadata.get("language", "")) for one in chosen]
    found = [assembled(cues[one.index]) for one in chosen]
    return [replace(one, language=tag) for one, tag in zip(found, tags, strict=True) if one.text]


def _words(packet: Packet, kind: str) -> tuple[str, str]:
    """Who speaks, where that is said, and what, with markup."""
    content = bytes(packet)
    if kind == "mov_text":
        content = content[2 : 2 + int.from_bytes(content[:2], "big")]  # behind it are styles
        is_utf16 = content.startswith((b"\xfe\xff", b"\xff\xfe"))
        return "", html.escape(content.decode("utf-16" if is_utf16 else "utf-8", "replace"), quote=False)
    text = content.decode("utf-8", "replace")
    if kind in ("ass", "ssa"):
        _, _, _, speaker, *_, words = text.split(",", 8) if text.count(",") >= 8 else [""] * 9
        return speaker.strip(), unstyled(words)
    return "", text
