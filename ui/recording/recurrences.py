"""What of a recording is said in others, too, as its page lists it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.recurrences import Passage

if TYPE_CHECKING:
    from index.library import Library, Recording


@dataclass(frozen=True)
class Recurrence:
    """A passage, what is said there in both recordings, as far as that is known, and the other one."""

    passage: Passage
    text: str
    other: "Recording"
    other_text: str


def recurrences(library: "Library", recording: "Recording") -> list[Recurrence]:
    """Those of a recording, in the order of time."""
    passages = library.recurrences.passages(recording.id)
    others = {one.id: one for one in library.recordings({one.recording for one in passages})} if passages else {}
    texts = {name: library.segments_of(name) for name in ({recording.id, *others} if passages else ())}

    def text(name: str, start: float, end: float) -> str:
        return " ".join(one.transcript for one in texts[name] if start <= one.start < end and one.transcript)

    return [
        Recurrence(
            one, text(recording.id, one.start, one.end),
            others[one.recording], text(one.recording, one.other_start, one.other_end),
        )
        for one in passages
        if one.recording in others  # it may have been removed meanwhile
    ]  # fmt: skip
