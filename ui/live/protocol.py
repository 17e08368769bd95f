"""Frames of the live search, between the page and the server.

The page sends a frame of JSON, {"rate", "library", "token", "categories", "languages"}, then sound: frames of 16-bit
samples of one channel, about 0.1 s each; at the end {"stop": true}. It receives frames of JSON:

    {"status": "Opening the libraries…"}                  it is not ready yet
    {"left": 600.0}                                       now it is; seconds that may be spoken, null: no limit
    {"received_s": 12.3, "voiced": true, "dropped": 0}    after each piece of sound: seconds so far, whether there is
                                                          speech now, guesses dropped
    {"utterance": {"number": 1, "final": false, …}}       what an utterance, or its beginning, finds, and its "place" on
                                                          the map: {"flat": [x, y], "solid": [x, y, z]}, or null

Whoever sends anything else is refused, with a sentence that says why.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clasp.errors import LibraryError
from index.filters import Filter
from ui import audio, labels
from ui.map import wire

if TYPE_CHECKING:
    from index.hit import Hit
    from index.library import Library
    from index.live.session import LiveUtterance
    from index.map.library_map import LibraryMap

RATES = range(8_000, 192_001)  # Hz
LONGEST = 2.0  # seconds of one frame
LONGEST_TEXT = 4_000  # characters of a frame of JSON

WRONG, OVER, ABSENT, SILENT, LARGE, FOREIGN, FAST = 4400, 4403, 4404, 4408, 4413, 4421, 4429  # the page's doing
BUSY, BROKEN = 1013, 1011  # try again later; something failed here


class Refused(Exception):
    """A connection is closed: with a code, and a sentence for a person."""


@dataclass(frozen=True)
class LiveRequest:
    """What the first frame asks for."""

    rate: int  # Hz
    library: str
    token: str
    filters: Filter

    @classmethod
    def read(cls, frame: str | bytes) -> "LiveRequest":
        """Raises `Refused` if it is not what the page sends."""
        given = parsed(frame) if isinstance(frame, str) else None
        if not isinstance(given, dict):
            raise Refused(WRONG, "The first frame must be JSON that says what to search.")
        rate, library, token = given.get("rate"), given.get("library"), given.get("token", "")
        lists = categories, languages = [given.get(name, []) for name in ("categories", "languages")]
        names = [library, token, *(name for one in lists if isinstance(one, list) for name in one)]
        if not all(isinstance(one, list) for one in lists) or not all(isinstance(name, str) for name in names):
            raise Refused(WRONG, "The first frame must name a library, a token, categories and languages.")
        if not isinstance(library, str) or not isinstance(rate, int) or rate not in RATES:
            raise Refused(WRONG, f"The rate must be a whole number from {RATES.start} to {RATES.stop - 1} Hz.")
        return cls(rate, library, token, Filter(tuple(categories), tuple(languages)))


def seconds(frame: bytes, rate: int) -> float:
    """The length of the sound in a frame; raises `Refused` if it is none."""
    length = len(frame) / 2 / rate
    if length > LONGEST:
        raise Refused(LARGE, f"A frame has {length:.1f} s of sound: expected {LONGEST:g} s at most.")
    if not frame or len(frame) % 2:
        raise Refused(WRONG, f"A frame has {len(frame)} bytes: expected samples of two bytes.")
    return length


def parsed(frame: str) -> Any:
    """JSON, or None if it is none."""
    if len(frame) > LONGEST_TEXT:
        raise Refused(LARGE, f"A frame of JSON has {len(frame)} characters: expected {LONGEST_TEXT} at most.")
    try:
        return json.loads(frame)
    except (ValueError, RecursionError):
        return None


def utterance(spoken: "LiveUtterance", library: "Library", key: str, drawn: "LibraryMap | None") -> dict[str, Any]:
    """An utterance for the page: its strong hits, best first, and its place on the library's map, if there is one.
    `key` stands for the library in URLs."""
    hits = [hit for hit in spoken.answer.hits if hit.strong] if spoken.answer is not None else []
    return {
        "number": spoken.number, "start": round(spoken.start, 3), "end": round(spoken.end, 3), "final": spoken.final,
        "delay": round(spoken.delay, 3), "problem": spoken.problem, "hits": [_hit(hit, library, key) for hit in hits],
        "place": _place(spoken, drawn),
    }  # fmt: skip


def _place(spoken: "LiveUtterance", drawn: "LibraryMap | None") -> dict[str, list[float]] | None:
    if spoken.answer is None or drawn is None:
        return None
    try:
        return wire.place(drawn, spoken.answer.query)
    except LibraryError:  # it was emptied or removed meanwhile
        return None


def _hit(hit: "Hit", library: "Library", key: str) -> dict[str, Any]:
    """A hit for the page."""
    segment, categories = hit.segment, library.categories()
    clip = audio.clip(key, hit.recording, segment.start, segment.end)
    return {
        "id": segment.id,
        "text": segment.transcript,
        "language": segment.language or segment.detected,
        "facts": [labels.category(segment.category), labels.language(segment.language)],
        "colour": categories.index(segment.category) if segment.category in categories else 0,
        "percent": round(100 * hit.probability),
        "src": clip.src,
        "start": round(clip.start, 3),
        "end": round(clip.end, 3),
    }
