"""From a query to an answer: encode it, find what lies near, and say how likely each hit says the same.

    query = encode(model, text="The ship was lost in the storm.")
    answer = search(library, model, query)
    print(answer.good, answer.matches[0].segment.text, answer.matches[0].probability)

A query is encoded once; searching it again with another weight or other filters takes milliseconds. Its vector finds
the candidates; their phones, laid beside those of the query, decide which of them says the same.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unicodedata import category

import numpy as np

from clasp.errors import ClaspError, LibraryError
from clasp.phones.alignment import SHORTLIST, WEIGHTS, unpack
from index import languages
from index.filters import Filter, passes

if TYPE_CHECKING:
    from clasp import Clasp, Waveform
    from clasp.calibration import Direction
    from index.library import Hit, Library, Segment

EVERYTHING = Filter()
LONGEST_QUERY = 1_000  # characters
CLEAR = 3.0  # agreement of the same words clearly spoken


@dataclass(frozen=True, eq=False)
class Query:
    """An encoded query; `text` and `language` (BCP-47) are None for a spoken one."""

    vector: np.ndarray  # float32 (dim,), unit length
    encode_seconds: float
    phones: np.ndarray  # float32 (n, inventory), distributions
    text: str | None = None
    language: str | None = None
    segment: int | None = None  # the one whose like is looked for


@dataclass(frozen=True)
class Match:
    """A segment that was found."""

    segment: "Segment"
    score: float  # what ranks it: see `search`
    meaning: float  # cosine of the meaning halves
    sound: float  # cosine of the sound halves
    alignment_score: float  # of the phones, see `clasp.phones.alignment`
    probability: float  # that it says the same, calibrated
    good: bool  # whether the probability reaches the threshold

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; how the segment can be heard is for the caller to add."""
        segment = self.segment
        return {
            "id": segment.id,
            "text": segment.transcript,
            "transcript": segment.transcript,
            "transcript_source": segment.transcript_source,
            "confidence": None if segment.confidence is None else round(segment.confidence, 3),
            "recording": segment.recording,
            "start": segment.start,
            "end": segment.end,
            "language": segment.language,
            "category": segment.category,
            "speaker": segment.speaker,
            "score": round(self.score, 4),
            "meaning": round(self.meaning, 4),
            "sound": round(self.sound, 4),
            "alignment_score": round(self.alignment_score, 4),
            "probability": round(self.probability, 4),
            "good": self.good,
        }


@dataclass(frozen=True)
class Answer:
    """What was found, best first."""

    query: Query
    matches: list[Match]
    search_seconds: float
    device: str

    @property
    def good(self) -> bool:
        """Whether anything found is a good match."""
        return any(match.good for match in self.matches)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "query": self.query.text,
            "language": self.query.language,
            "good_match": self.good,
            "hits": [match.as_dict() for match in self.matches],
            "timings": {
                "encode_ms": round(1000 * self.query.encode_seconds, 1),
                "search_ms": round(1000 * self.search_seconds, 1),
            },
            "device": self.device,
        }


def encode(model: "Clasp", *, text: str | None = None, waveform: "Waveform | None" = None) -> Query:
    """Encode a typed or a spoken query.

    Raises:
        ClaspError: if the text has no words or more characters than are set.
        ValueError: unless exactly one of `text` and `waveform` is given.
    """
    if (text is None) == (waveform is None):
        raise ValueError("A query is either text or a waveform.")
    started = time.perf_counter()
    if waveform is not None:
        spoken = model.encode_speech([waveform], return_phones=True)
        return Query(spoken.vectors[0], time.perf_counter() - started, spoken.phones[0])
    text = " ".join("".join(" " if category(letter) in ("Cc", "Cs") else letter for letter in text).split())
    if not any(letter.isalnum() for letter in text):
        raise ClaspError("The query has no words: type what to look for, or record it.")
    if len(text) > LONGEST_QUERY:
        raise ClaspError(f"The query has {len(text)} characters: one sentence has {LONGEST_QUERY} at most.")
    language = model.language_of(text)
    written = model.encode_text([text], [language], return_phones=True)
    return Query(written.vectors[0], time.perf_counter() - started, written.phones[0], text, language)


def like(library: "Library", segment: int) -> Query:
    """The query for what is like the segment with this id; it will not find that itself.

    Raises:
        LibraryError: if there is no such segment.
    """
    (heard,) = library.phones([library.segment(segment)])
    return Query(library.vector(segment), 0.0, unpack(heard), segment=segment)


def search(
    library: "Library",
    model: "Clasp",
    query: Query,
    *,
    k: int = 10,
    meaning: float | None = None,
    filters: Filter = EVERYTHING,
) -> Answer:
    """Find the `k` best matches of a query among the segments that pass the filters.

    What is near by meaning, or by sound, is ranked by the probability that it says the same. With `meaning`, from what
    was said (0) to what was meant (1), by meaning and phones weighted so.

    Raises:
        LibraryError: if the library has no such category, language, speaker or recording.
    """
    started = time.perf_counter()
    _check(library, filters)

    def near(weight: float, count: int) -> "list[Hit]":
        vector = model.reweight(query.vector[None], weight)[0]
        return library.search(vector, count, original=query.vector, filters=filters)

    weights = WEIGHTS if meaning is None else (meaning,)
    found = {hit.segment.id: hit for weight in weights for hit in near(weight, max(k + 1, SHORTLIST))}
    found.pop(query.segment, None)
    matches = _matches(model, library, query, list(found.values()), meaning)
    matches = sorted(matches, key=lambda match: -match.score)[:k]
    return Answer(query, matches, time.perf_counter() - started, str(model.device))


def _matches(model: "Clasp", library: "Library", query: Query, hits: "list[Hit]", weight: float | None) -> list[Match]:
    """Each hit with its probability, calibrated for its direction, and the score for a weight of the meaning."""
    segments = [hit.segment for hit in hits]
    meaning, sound, scores = (np.array([getattr(hit, name) for hit in hits]) for name in ("meaning", "sound", "score"))
    alignment_score = np.zeros(len(hits))
    if model.aligner is not None:
        alignment_score = model.aligner.score(
            query.phones, library.phones(segments), query_from_speech=query.text is None
        )
        if weight is not None:
            scores = weight * meaning + (1 - weight) * alignment_score / CLEAR
    probabilities, thresholds = np.zeros(len(hits)), np.zeros(len(hits))
    directions = np.array([_direction(query, segment) for segment in segments])
    for direction in set(directions.tolist()):
        rows = directions == direction
        probabilities[rows] = model.calibration.probability(
            direction, meaning[rows], sound[rows], alignment_score[rows]
        )
        thresholds[rows] = model.calibration.threshold(direction)
    scores = probabilities if weight is None else scores
    columns = zip(segments, scores, meaning, sound, alignment_score, probabilities, strict=True)
    return [
        Match(segment, *map(float, numbers), good=bool(numbers[-1] >= threshold))
        for (segment, *numbers), threshold in zip(columns, thresholds, strict=True)
    ]


def _direction(query: Query, segment: "Segment") -> "Direction":
    if query.language is None:
        return "speech"
    # where the language is not known, the phones may well be those of the query
    other = segment.language and not languages.same(segment.language, query.language)
    return "translation" if other else "text"


def _check(library: "Library", filters: Filter) -> None:
    for what, column, asked, known in (
        ("category", "category", filters.categories, library.categories),
        ("language", "language", filters.languages, library.languages),
        ("speaker", "speaker", filters.speakers, library.speakers),
    ):
        for name in asked:
            if not any(map(passes(column, [name]), known())):
                raise LibraryError(f"The library has no {what} {name!r}: it has {', '.join(known()) or 'none'}.")
    for name in filters.recordings:
        library.recording(name)
