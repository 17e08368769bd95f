"""A hit: a segment that a query found, and how well.

    >>> import clasp
    >>> from index.paths import open_library
    >>> from index.search import encode, search
    >>> model = clasp.load()
    >>> query = encode(model, text="The ship was lost in the storm.")
    >>> hit = search(open_library(model, "demo"), model, query).hits[0]
    >>> hit.segment.transcript
    'The ship was lost in the storm, three days out of Lisbon.'
    >>> hit.recording.id, hit.strong, hit.probability > 0.9
    ('adventure-01', True, True)

The page, the API, the command line and the exports share it.
"""

from dataclasses import dataclass
from typing import Any

from clasp.calibration import Witness
from index.metadata import tags
from index.records import Recording, Segment


@dataclass(frozen=True)
class Hit:
    """A segment that a query found."""

    segment: Segment
    recording: Recording  # of the segment; its path is absolute
    score: float  # what ranks it, see `index.search.search`
    probability: float  # that it says the same as the query, calibrated
    meaning: float  # cosine of the meaning halves
    sound: float  # cosine of the sound halves; 0 for a model without one
    alignment_score: float  # of the phones, see `clasp.phones.alignment`
    coverage: float  # share of the query's words in the transcript; one hit a recording is found by names alone
    strong: bool  # whether the probability reaches the threshold
    possible: bool = True  # whether it reaches at least the lower one; always if it is strong
    witness: Witness = "meaning"  # what speaks most for it

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; where the segment can be heard is for the caller to add."""
        return segment_as_dict(self.segment, self.recording) | {
            "score": round(self.score, 4),
            "probability": round(self.probability, 4),
            "meaning": round(self.meaning, 4),
            "sound": round(self.sound, 4),
            "alignment_score": round(self.alignment_score, 4),
            "coverage": round(self.coverage, 4),
            "strong": self.strong,
            "possible": self.possible,
            "witness": self.witness,
        }


def segment_as_dict(segment: Segment, recording: Recording) -> dict[str, Any]:
    """A segment of a recording, as JSON and tables have it; times in seconds of the recording."""
    return {
        "id": segment.id,
        "transcript": segment.transcript,
        "transcript_source": segment.transcript_source,
        "confidence": None if segment.confidence is None else round(segment.confidence, 3),
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "language": segment.language,
        "language_recognized": segment.language_recognized,
        "speaker": segment.speaker,
        "speaker_guessed": segment.speaker_guessed,
        "category": segment.category,
        "recording": recording.id,
        "title": recording.title,
        "date": recording.date,
        "tags": list(tags(recording.tags)),
    }
