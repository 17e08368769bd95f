"""From a query to its hits: encode it, take the candidates near it, and rank them by how likely they say the same.

    >>> import clasp
    >>> from index.paths import open_library
    >>> model = clasp.load()
    >>> library = open_library(model, "demo")
    >>> query = encode(model, text="The ship was lost in the storm.")
    >>> answer = search(library, model, query, k=3)
    >>> answer.hits[0].segment.transcript
    'The ship was lost in the storm, three days out of Lisbon.'
    >>> [(hit.recording.language, hit.strong) for hit in answer.hits]
    [('en', True), ('fr', True), ('es', True)]
    >>> german = search(library, model, query, meaning=1.0, filters=Filter(languages=("de",)))
    >>> {hit.recording.language for hit in german.hits}
    {'de'}

A query is encoded once; searching it again with another weight or other filters takes milliseconds. Its vector finds
the candidates; their phones, aligned with those of the query, decide which of them says the same.
"""

import logging
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import category

import numpy as np

from clasp.calibration import WITNESSES, by_length
from clasp.errors import ClaspError, LibraryError
from clasp.phones.alignment import SHORTLIST, unpack
from clasp.text.words import telling, words
from index import languages
from index.filters import Filter, passes
from index.hit import Hit
from index.store.full_text import pairs

if TYPE_CHECKING:
    from clasp import Clasp, Waveform
    from clasp.calibration import Calibration, Direction
    from index.library import Library, Segment

EVERYTHING = Filter()
LONGEST_QUERY = 1_000  # characters
CLEAR = 3.0  # alignment score of the same words clearly spoken

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Query:
    """An encoded query; `text` and `language` (BCP-47) are None for a spoken one."""

    vector: np.ndarray  # float32 (dim,), unit length
    encode_seconds: float
    phones: np.ndarray  # float32 (n, inventory), distributions
    text: str | None = None
    language: str | None = None
    segment: int | None = None  # the one whose like is looked for

    @property
    def words(self) -> list[str]:
        """The words of a typed query, as the full text has them."""
        return words(self.text or "")

    @property
    def kind(self) -> Literal["text", "speech", "like"]:
        """Whether it was typed or spoken, or is for what is like a segment."""
        return "like" if self.segment is not None else "speech" if self.text is None else "text"

    @cached_property
    def direction(self) -> "Direction":
        """What its hits are calibrated as; those of a typed one in another language are translations."""
        return "speech" if self.language is None else by_length(self.text or "")


@dataclass(frozen=True)
class Answer:
    """The hits of a query, best first."""

    query: Query
    hits: list[Hit]
    search_seconds: float
    device: str
    telling: frozenset[str] = frozenset()  # the words of the query that say most in this library
    note: str = ""  # why it took longer than usual, a sentence

    @property
    def strong(self) -> bool:
        """Whether any hit is a strong match."""
        return any(hit.strong for hit in self.hits)

    @property
    def possible(self) -> bool:
        """Whether any hit is at least a possible match."""
        return any(hit.possible for hit in self.hits)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "query": self.query.text,
            "language": self.query.language,
            "strong": self.strong,
            "possible": self.possible,
            "hits": [hit.as_dict() for hit in self.hits],
            "timings": {
                "encode_ms": round(1000 * self.query.encode_seconds, 1),
                "search_ms": round(1000 * self.search_seconds, 1),
            },
            "device": self.device,
        }


def encode(model: "Clasp", *, text: str | None = None, waveform: "Waveform | None" = None, language: str = "") -> Query:
    """Encode a typed or a spoken query.

    Args:
        language: what a typed one is written in, as a tag or a name; "" stands for what it seems to be.

    Raises:
        ClaspError: if the text has no words or more characters than are set, or the language is unknown.
        ValueError: unless exactly one of `text` and `waveform` is given.
    """
    if (text is None) == (waveform is None):
        raise ValueError("A query is either text or a waveform.")
    started = time.perf_counter()
    if waveform is not None:
        encoded = model.encode_speech([waveform], return_phones=True)
        return _logged(Query(encoded.vectors[0], time.perf_counter() - started, encoded.phones[0]))
    text = " ".join("".join(" " if category(letter) in ("Cc", "Cs") else letter for letter in text or "").split())
    if not any(letter.isalnum() for letter in text):
        raise ClaspError("The query has no words: type what to look for, or record it.")
    if len(text) > LONGEST_QUERY:
        raise ClaspError(f"The query has {len(text)} characters: one sentence has {LONGEST_QUERY} at most.")
    language = languages.tag(language) or model.language_of(text)
    encoded = model.encode_text([text], [language], return_phones=True)
    return _logged(Query(encoded.vectors[0], time.perf_counter() - started, encoded.phones[0], text, language))


def like(library: "Library", segment: int) -> Query:
    """The query for what is like the segment with this id; it will not find that itself.

    Raises:
        LibraryError: if there is no such segment.
    """
    (packed,) = library.phones([library.segment(segment)])
    return Query(library.vector(segment), 0.0, unpack(packed), segment=segment)


def search(
    library: "Library",
    model: "Clasp",
    query: Query,
    *,
    k: int = 10,
    meaning: float | None = None,
    filters: Filter = EVERYTHING,
) -> Answer:
    """Find the `k` best hits of a query among the segments that pass the filters.

    Candidates are what is near by meaning or by sound, and what has words or phones of the query. They are ranked by
    the probability that they say the same. With `meaning`, from 0 (exact words alone) to 1 (meaning alone), the same
    candidates are ranked by both, weighted so.

    Raises:
        ClaspError: if `meaning` is no such weight.
        LibraryError: if the library has no such category, language, speaker, recording or tag.
    """
    started = time.perf_counter()
    if meaning is not None and not 0 <= meaning <= 1:
        raise ClaspError(f"The weight of the meaning is {meaning}: give a number from 0 to 1.")
    _check(library, filters)
    candidates = library.candidates(
        query.vector,
        max(k + 1, SHORTLIST),
        filters=filters,
        words=query.words,
        phones=pairs(query.phones.argmax(1)),
    )
    segments = candidates.segments
    alignment = np.zeros(len(segments))
    if model.aligner is not None:
        phones = library.phones(segments)
        alignment = model.aligner.score(query.phones, phones, query_from_speech=query.text is None)
    cosines = zip(model.halves(candidates.vectors), model.halves(query.vector[None]), strict=True)
    meanings, sounds = (stored @ asked[0] for stored, asked in cosines)  # (n,)
    asked, coverage = telling(candidates.weights), candidates.coverage.copy()
    judged = _judged(model.calibration, query, segments, (meanings, sounds, alignment, coverage))
    if again := _named_again(library, asked, segments, judged):
        coverage[again] = 0.0
        judged = _judged(model.calibration, query, segments, (meanings, sounds, alignment, coverage))
    if meaning is None:
        scores = judged.probability
    elif not model.sound_dim:
        scores = meanings
    else:
        words_alike = sounds if model.aligner is None else np.maximum(alignment / CLEAR, coverage)
        scores = meaning * meanings + (1 - meaning) * words_alike
    best = [row for row in np.argsort(-scores, kind="stable") if segments[row].id != query.segment][:k]
    recordings = {one.id: one for one in library.recordings({segments[row].recording for row in best})}
    hits = [
        Hit(
            segments[row],
            recordings[segments[row].recording],
            score=float(scores[row]),
            probability=float(judged.probability[row]),
            meaning=float(meanings[row]),
            sound=float(sounds[row]),
            alignment_score=float(alignment[row]),
            coverage=float(coverage[row]),
            strong=bool(judged.strong[row]),
            possible=bool(judged.possible[row]),
            witness=WITNESSES[judged.witness[row]],
        )
        for row in best
        if segments[row].recording in recordings  # it may have been removed meanwhile
    ]
    seconds = time.perf_counter() - started
    _log("search", seconds, kind=query.kind, hits=len(hits))
    return Answer(query, hits, seconds, str(model.device), asked, candidates.note)


def _logged(query: Query) -> Query:
    """The same, whose encoding the log tells of."""
    _log("encode", query.encode_seconds, kind=query.kind)
    return query


def _log(stage: str, seconds: float, **facts: str | int) -> None:
    """Tell what a stage of a query took; nothing of what is searched for."""
    log.info("%s took %.3f s", stage, seconds, extra={"facts": {"stage": stage, "seconds": round(seconds, 4), **facts}})


@dataclass(frozen=True, eq=False)
class _Judged:
    """What n segments are worth."""

    probability: np.ndarray  # float64 (n,), calibrated
    strong: np.ndarray  # bool (n,), whether it reaches the threshold
    possible: np.ndarray  # bool (n,), whether it reaches the lower one
    witness: np.ndarray  # int64 (n,), of WITNESSES


def _judged(
    calibration: "Calibration",
    query: Query,
    segments: "list[Segment]",
    evidence: tuple[np.ndarray, ...],
) -> _Judged:
    count = len(segments)
    judged = _Judged(np.zeros(count), np.zeros(count, bool), np.zeros(count, bool), np.zeros(count, np.int64))
    kinds = [(_direction(query, segment), bool(segment.transcript)) for segment in segments]
    for kind in set(kinds):
        rows = np.array([one == kind for one in kinds])
        direction, transcribed = kind
        fit = calibration.of(direction, transcribed=transcribed)
        known = [values[rows] for values in evidence]
        judged.probability[rows] = probability = fit.probability(*known)
        judged.strong[rows] = probability >= fit.threshold
        judged.possible[rows] = probability >= min(fit.possible, fit.threshold)
        judged.witness[rows] = fit.witness(*known)
    return judged


def _named_again(library: "Library", asked: frozenset[str], segments: "list[Segment]", judged: _Judged) -> list[int]:
    """Rows for which only words of the recording's title or the speaker's name speak, but for the likeliest of each
    recording: otherwise all of it would be an answer.

    Args:
        asked: the words of the query that count.
    """
    by_words = np.flatnonzero(judged.witness == WITNESSES.index("words"))
    rows = by_words[np.argsort(-judged.probability[by_words], kind="stable")].tolist()
    recordings = {segments[row].recording for row in rows}
    titles = {one.id: one.title for one in library.recordings(recordings)} if recordings else {}
    named: set[str] = set()  # recordings
    again = []
    for row in rows:
        segment = segments[row]
        names = words(f"{titles.get(segment.recording, '')} {segment.speaker}")
        if asked.isdisjoint(words(segment.transcript)) and not asked.isdisjoint(names):
            if segment.recording in named:
                again.append(row)
            named.add(segment.recording)
    return again


def _direction(query: Query, segment: "Segment") -> "Direction":
    if query.language is None:
        return "speech"
    # where the language is not stated, the phones may well be those of the query
    stated = segment.language if not segment.language_recognized else ""
    other = stated and not languages.same(stated, query.language)
    return "translation" if other else query.direction


def _check(library: "Library", filters: Filter) -> None:
    for what, column, asked, known in (
        ("category", "category", filters.categories, library.categories),
        ("language", "language", filters.languages, library.languages),
        ("speaker", "speaker", filters.speakers, library.speakers),
        ("tag", "tags", filters.tags, library.tags),
    ):
        for name in asked:
            if not any(map(passes(column, [name]), known())):
                raise LibraryError(f"The library has no {what} {name!r}: it has {', '.join(known()) or 'none'}.")
    for name in filters.recordings:
        library.recording(name)
