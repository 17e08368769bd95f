"""The hits of a search by recording.

    for group in by_recording(library, answer.hits):
        for moment in group.moments:
            print(group.recording.title, moment.hit.segment.start, len(moment.duplicates))

Near-duplicates in one recording are folded under the best of them, and the moments of one recording stand together. The
same said in another recording is a moment of that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from index.hit import Hit
from index.records import Recording, Segment

if TYPE_CHECKING:
    from index.library import Library

DUPLICATE = 0.9  # cosine from which two segments are nearly the same; a recording compressed hard stays below
OVERLAP = 0.5  # share of the shorter of two segments that overlap


@dataclass
class Moment:
    """A hit, and those that are nearly the same: they overlap it, or say its words elsewhere."""

    hit: Hit
    duplicates: list[Hit] = field(default_factory=list)

    @property
    def strong(self) -> bool:
        """Whether one of them is a strong match."""
        return any(hit.strong for hit in (self.hit, *self.duplicates))

    @property
    def possible(self) -> bool:
        """Whether one of them is at least a possible match."""
        return any(hit.possible for hit in (self.hit, *self.duplicates))


@dataclass(frozen=True)
class RecordingHits:
    """The moments of one recording."""

    recording: Recording
    moments: list[Moment]


def by_recording(library: "Library", hits: Sequence[Hit], *, by_time: bool = False) -> list[RecordingHits]:
    """Group hits, given best first, by recording.

    Args:
        by_time: recordings by date and title, their moments in the order of time; otherwise both best first.

    Raises:
        LibraryError: if one of them was removed meanwhile.
    """
    groups: dict[str, RecordingHits] = {}
    for moment in _folded(library, hits):
        recording = moment.hit.recording
        groups.setdefault(recording.id, RecordingHits(recording, [])).moments.append(moment)
    found = list(groups.values())
    if by_time:
        for group in found:
            group.moments.sort(key=lambda moment: moment.hit.segment.start)
        found.sort(key=lambda group: (group.recording.date, group.recording.title))
    return found


def _folded(library: "Library", hits: Sequence[Hit]) -> list[Moment]:
    """Moments, best first."""
    moments: list[Moment] = []
    vectors: list[np.ndarray] = []
    for hit in hits:
        vector = library.vector(hit.segment.id)
        for moment, other in zip(moments, vectors, strict=True):
            one = moment.hit.segment
            if one.recording == hit.segment.recording and (vector @ other >= DUPLICATE or _overlap(hit.segment, one)):
                moment.duplicates.append(hit)
                break
        else:
            moments.append(Moment(hit))
            vectors.append(vector)
    return moments


def _overlap(one: Segment, other: Segment) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    shorter = min(one.end - one.start, other.end - other.start)
    return shared > OVERLAP * shorter
