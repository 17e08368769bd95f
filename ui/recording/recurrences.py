"""What of a recording is said in others, too, as its page lists it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.library import Library, Recording


@dataclass(frozen=True)
class Place:
    """Where in another recording a passage is said again, in seconds, and what is said there, as far as known."""

    recording: "Recording"
    start: float
    text: str


@dataclass(frozen=True)
class Recurrence:
    """A passage, what is said in it, and where it is said again."""

    start: float  # seconds
    text: str
    places: list[Place] = field(default_factory=list)


def recurrences(library: "Library", recording: "Recording") -> list[Recurrence]:
    """Those of a recording, in the order of time."""
    passages = library.recurrences.passages(recording.id)
    if not passages:
        return []
    others = {one.id: one for one in library.recordings({one.recording for one in passages})}
    segments = {name: library.segments_of(name) for name in (recording.id, *others)}

    def text(name: str, start: float, end: float) -> str:
        return " ".join(one.transcript for one in segments[name] if start <= one.start < end and one.transcript)

    found: dict[tuple[float, float], Recurrence] = {}
    for one in passages:
        if one.recording in others:  # it may have been removed meanwhile
            said = text(one.recording, one.other_start, one.other_end)
            here = Recurrence(one.start, text(recording.id, one.start, one.end))
            found.setdefault((one.start, one.end), here).places.append(
                Place(others[one.recording], one.other_start, said)
            )
    return list(found.values())
