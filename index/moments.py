"""Matches as moments of recordings: those of one recording together, near-duplicates under the best of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.library import Library, Recording, Segment
    from index.search import Match

SAME = 0.9  # cosine from which two segments are nearly the same; a recording compressed hard keeps this to itself
SHARED = 0.5  # share of the shorter of two segments that overlap


@dataclass
class Moment:
    """A match, and those that are nearly the same: what overlaps it, or says its words elsewhere."""

    match: "Match"
    folded: "list[Match]" = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    """Moments of one recording."""

    recording: "Recording"
    moments: list[Moment]


def grouped(library: "Library", matches: "Sequence[Match]", *, by_time: bool = False) -> list[Group]:
    """Group matches, given best first, by recording.

    Args:
        by_time: recordings by date and title, their moments in the order of time; otherwise both best first.

    Raises:
        LibraryError: if one of them was removed meanwhile.
    """
    groups: dict[str, Group] = {}
    for moment in _folded(library, matches):
        name = moment.match.segment.recording
        if name not in groups:
            groups[name] = Group(library.recording(name), [])
        groups[name].moments.append(moment)
    found = list(groups.values())
    if by_time:
        for group in found:
            group.moments.sort(key=lambda moment: moment.match.segment.start)
        found.sort(key=lambda group: (group.recording.date, group.recording.title))
    return found


def _folded(library: "Library", matches: "Sequence[Match]") -> list[Moment]:
    """Moments, best first."""
    moments: list[Moment] = []
    vectors = []
    for match in matches:
        vector = library.vector(match.segment.id)
        for moment, other in zip(moments, vectors, strict=True):
            if vector @ other >= SAME or _overlap(match.segment, moment.match.segment):
                moment.folded.append(match)
                break
        else:
            moments.append(Moment(match))
            vectors.append(vector)
    return moments


def _overlap(one: "Segment", other: "Segment") -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    shorter = min(one.end - one.start, other.end - other.start)
    return one.recording == other.recording and shared > SHARED * shorter
