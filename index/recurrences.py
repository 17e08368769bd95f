"""The same said again: passages of a recording that recur in others as quotations, reruns, retellings or translations.

    for count in library.recurrences.find(model):       # what is new only; it may be stopped, and goes on
        print(count)
    for passage in library.recurrences.passages("interview"):
        print(passage.start, "also in", passage.recording, "at", passage.other_start)

Two segments say the same if they are a strong match and alike in meaning. That they match says little among so many
pairs, of which hardly one does: like meanings, each language's mean taken out, part retellings from what is only of the
same topic. Neighbouring segments that recur together are one passage.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clasp.phones.alignment import unpack
from index import languages
from index.indexed_database import IndexedDatabase
from index.map.umap import nearest
from index.meanings import meanings, without_languages
from index.model import SpeechEncoder
from index.records import Segment

if TYPE_CHECKING:
    from clasp.calibration import Direction

ALIKE = 0.5  # cosine of meanings, each language's mean taken out; of the demo's strong pairs above it, .89 are right
NEIGHBOURS = 30  # of a segment that are looked at: most of them may be in its own recording
LEAST_SECONDS = 1.5  # of a segment: "Yes, thank you." is said everywhere
BLOCK = 2_000  # segments that are compared with all others in one go
PAUSE = 8.0  # seconds between two segments of one passage, in each of both recordings


@dataclass(frozen=True)
class Passage:
    """A stretch of a recording, and the one of another recording that says the same; times in seconds."""

    start: float
    end: float
    recording: str  # id of the other one
    other_start: float
    other_end: float
    probability: float  # of its likeliest pair of segments


class LibraryRecurrences:
    """What recurs in one library."""

    def __init__(self, indexed: IndexedDatabase, meaning_dim: int) -> None:
        self._indexed = indexed
        self._database = indexed.database
        self._meaning_dim = meaning_dim

    def missing(self) -> int:
        """How many segments have not been compared with the other recordings yet."""
        return len(self._database.uncompared())

    def find(self, model: SpeechEncoder) -> Generator[int, None, None]:
        """Compare what is new with all the rest; yields how many segments it has been, after each transaction.

        Raises:
            LibraryError: if the library is for searching only.
        """
        self._indexed.must_be_writable()
        done, ids = 0, self._database.uncompared()
        while block := ids[done : done + BLOCK]:
            self._indexed.refresh(wait=True)
            pairs = self._alike(block)
            judged = self._judged(model, pairs) if pairs else []
            generation = self._indexed.index.segments.version.generation
            with self._indexed.writing() as database:
                database.store_recurrences(block, judged, generation)
            done += len(block)
            yield done

    def passages(self, recording: str) -> list[Passage]:
        """What of a recording recurs in others, in the order of time."""
        pairs = self._database.recurrences(recording)
        segments = self._database.segments({number for own, other, _ in pairs for number in (own, other)})
        joined: list[Passage] = []
        for own, other, probability in pairs:
            here, there = segments[own], segments[other]
            for place in range(len(joined) - 1, -1, -1):
                one = joined[place]
                if one.recording == there.recording and _goes_on(one, here, there):
                    ends = max(one.end, here.end), one.recording, one.other_start, max(one.other_end, there.end)
                    joined[place] = Passage(one.start, *ends, max(one.probability, probability))
                    break
            else:
                joined.append(Passage(here.start, here.end, there.recording, there.start, there.end, probability))
        return joined

    def pairs(self) -> np.ndarray:
        """Ids of all segments that say the same in two recordings, int64 (n, 2)."""
        return np.array(self._database.recurring(), np.int64).reshape(-1, 2)

    def _alike(self, ids: Sequence[int]) -> list[tuple[int, int]]:
        """Of segments with these ids, those in other recordings that are alike in meaning, ids of both."""
        table = self._indexed.index.segments
        vectors = meanings(table.vectors[:], self._meaning_dim)
        spoken = table.columns["language"]
        vectors = without_languages(vectors, [spoken.names[code] for code in spoken.codes.tolist()])
        recording = table.columns["recording"].codes
        own = np.flatnonzero(np.isin(table.ids, ids))
        rows, cosines = nearest(vectors[own], vectors, NEIGHBOURS)  # (m, ≤ NEIGHBOURS)
        found = (cosines >= ALIKE) & (recording[rows] != recording[own, None])
        first, which = np.nonzero(found)
        return list(zip(table.ids[own[first]].tolist(), table.ids[rows[first, which]].tolist(), strict=True))

    def _judged(self, model: SpeechEncoder, pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int, float]]:
        """Those of pairs of segments that are strong matches, with their probabilities, ranked as a search ranks them:
        where both have transcripts, the first is taken for a typed query."""
        table = self._indexed.index.segments
        numbers = sorted({number for pair in pairs for number in pair})
        segments, packed = self._database.segments(numbers), self._database.phones(numbers)
        rows = np.searchsorted(table.ids, numbers).clip(max=len(table) - 1)
        halves = [half.astype(np.float32) for half in model.halves(table.vectors[rows].astype(np.float32))]
        place = {number: row for row, number in enumerate(numbers)}
        judged = []
        for one, other in pairs:
            if one not in segments or other not in segments or not _long(segments[one], segments[other]):
                continue
            meaning, sound = (float(half[place[one]] @ half[place[other]]) for half in halves)
            alignment = 0.0
            if model.aligner is not None and one in packed and other in packed:
                phones = unpack(packed[one])
                alignment = float(model.aligner.score(phones, [packed[other]], query_from_speech=True)[0])
            direction, transcribed = _direction(segments[one], segments[other])
            fit = model.calibration.of(direction, transcribed=transcribed)
            probability = float(fit.probability(*(np.array([value]) for value in (meaning, sound, alignment)))[0])
            if probability >= fit.threshold:
                judged.append((one, other, probability))
        return judged


def _direction(one: Segment, other: Segment) -> "tuple[Direction, bool]":
    """What a likeness is calibrated as, and whether both have transcripts."""
    if not one.transcript or not other.transcript:
        return "speech", False
    first, second = (segment.language or segment.detected for segment in (one, other))
    return "translation" if first and second and not languages.same(first, second) else "text", True


def _long(*segments: Segment) -> bool:
    return all(one.end - one.start >= LEAST_SECONDS for one in segments)


def _goes_on(passage: Passage, here: Segment, there: Segment) -> bool:
    """Whether two segments follow a passage, or belong to its end, in both recordings."""
    return (
        passage.start <= here.start <= passage.end + PAUSE
        and passage.other_start <= there.start <= passage.other_end + PAUSE
    )
