"""Moments of a long recording: held-out utterances of many speakers one after another, found again by what is said.

`moments` asks an hour for the words of utterances; `conversation` asks half an hour, in which the speakers follow each
other as in a conversation, for their words and for what they mean.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.evaluation.cases import CASES, TEXT_TO_SPEECH
from clasp.evaluation.query_sets import QuerySet
from clasp.evaluation.retrieval import Result
from clasp.evaluation.test_sets import Utterance, waveforms

if TYPE_CHECKING:
    from clasp.evaluation.evaluate import Evaluation

CASE = replace(next(case for case in CASES if case.name == "real-english"), directions=(TEXT_TO_SPEECH,))
ASKED = 100  # sentences
FLOOR = 0.70  # share whose moment is the first hit, of those whose utterance is the first
PAUSES = (0.5, 2.0)  # seconds between two utterances, at least and at most
TURNS = (0.2, 0.8)  # the same in a conversation
HALF_AN_HOUR = 1800.0  # seconds
OVERLAP = 0.5  # of the moment and the utterance: what they share, of what they take together
HITS = 10  # a moment that is not among them has the rank after the last

Span = tuple[float, float]  # start and end, seconds


def moments(evaluation: "Evaluation") -> Result:
    """Ranks of the right moments for ASKED sentences, of those that the test CASE finds first utterance by utterance.

    What asks there makes up the recording here.
    """
    chosen = evaluation.sets[CASE.set]
    utterances = chosen.utterances[: chosen.queries]
    (alone,) = evaluation.run(CASE)
    places = np.unique(np.linspace(0, len(utterances) - 1, ASKED).astype(int))
    asked = places[alone.ranks[places] == 1].tolist()
    with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
        file = Path(folder, "recording.flac")
        spans = record(file, utterances, evaluation.cache)
        questions = [(utterances[number].text, spans[number]) for number in asked]
        ranks, segments = ask(evaluation, file, questions)
        minutes = soundfile.info(file).duration / 60
    about = tuple(utterances[number] for number in asked)
    title = f"moments of a recording of {minutes:.0f} min, {CASE.title}"
    return Result("moments", title, TEXT_TO_SPEECH, segments, ranks, {}, about, FLOOR)


def conversation(evaluation: "Evaluation", sets: Sequence[QuerySet], seconds: float = HALF_AN_HOUR) -> list[Result]:
    """Ranks of the right moments of a recording in which people take turns; one result for each set of queries.

    Args:
        sets: of typed queries and the same pool each; recordings that any of them asks for take turns until the
            recording has its length, those asked for by the most sets first.
        seconds: length of the recording.
    """
    pool = sets[0].pool
    wanted = [place for asked in sets for query in asked.queries for place in query.answers]
    places = sorted(set(wanted), key=lambda place: (-wanted.count(place), place))
    with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
        file = Path(folder, "conversation.flac")
        found = record(file, [pool[place] for place in places], evaluation.cache, TURNS, seconds)
        spans = {place: span for place, span in zip(places, found, strict=True) if span[1] > 0}
        heard = [
            [(query.asked.text, place) for query in asked.queries for place in query.answers if place in spans]
            for asked in sets
        ]
        ranks, segments = ask(evaluation, file, [(text, spans[place]) for each in heard for text, place in each])
    results = []
    parts = np.split(ranks, np.cumsum([len(each) for each in heard])[:-1])
    for asked, each, found in zip(sets, heard, parts, strict=True):
        name = asked.name.replace("real-", "conversation-", 1)
        title = f"moments of a conversation of {seconds / 60:.0f} min, {asked.title}"
        about = tuple(pool[place] for _, place in each)
        results.append(Result(name, title, TEXT_TO_SPEECH, segments, found, {}, about))
    return results


def ask(evaluation: "Evaluation", file: Path, questions: Sequence[tuple[str, Span]]) -> tuple[np.ndarray, int]:
    """Add a recording to an empty library and ask for its moments.

    Args:
        questions: texts, and when what they ask for is said.

    Returns:
        The rank, from 1, of the right moment of each, int64 (n,), and how many segments the library has.
    """
    from index.ingest.pipeline import ingest
    from index.library import Library
    from index.search import encode, search

    with (
        tempfile.TemporaryDirectory(prefix="clasp-") as folder,
        Library.create(Path(folder, "library"), evaluation.model) as library,
    ):
        for _ in ingest(library, evaluation.model, [file]):
            pass
        found = []
        for text, span in questions:
            query = encode(evaluation.model, text=text)
            hits = [hit.segment for hit in search(library, evaluation.model, query, k=HITS).hits]
            right = [overlap((hit.start, hit.end), span) >= OVERLAP for hit in hits]
            found.append(1 + (right.index(True) if True in right else HITS))
        return np.array(found), len(library)


def record(
    path: Path, utterances: Sequence[Utterance], cache: Path, pauses: Span = PAUSES, seconds: float = float("inf")
) -> list[Span]:
    """Write utterances one after another, in any order, with pauses between.

    Args:
        seconds: about how long the recording may be; the first utterances are taken.

    Returns:
        Start and end of each, seconds; (0, 0) of those that have no place.
    """
    draw = np.random.default_rng(0)
    spans = [(0.0, 0.0)] * len(utterances)
    order = draw.permutation(_kept(utterances, cache, pauses, seconds)).tolist()
    position = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for number, waveform in zip(order, waveforms([utterances[one] for one in order], cache), strict=True):
            pause = np.zeros(round(SAMPLE_RATE * draw.uniform(*pauses)), np.float32)
            file.write(np.concatenate([pause, waveform.samples]))
            start = position + len(pause)
            position = start + len(waveform.samples)
            spans[number] = (start / SAMPLE_RATE, position / SAMPLE_RATE)
    return spans


def _kept(utterances: Sequence[Utterance], cache: Path, pauses: Span, seconds: float) -> int:
    """How many utterances, and pauses of middling length, take so long."""
    if seconds == float("inf"):
        return len(utterances)
    total = 0.0
    for number, waveform in enumerate(waveforms(utterances, cache), 1):
        total += waveform.duration + sum(pauses) / 2
        if total >= seconds:
            return number
    return len(utterances)


def overlap(one: Span, other: Span) -> float:
    """What two stretches share, of what they take together."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))
