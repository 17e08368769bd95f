"""Moments of a long recording: held-out utterances of many speakers one after another, found again by what is said.

`moments` asks an hour for the words of utterances; `conversation` asks half an hour, in which the speakers follow each
other as in a conversation, for their words and for what they mean, without transcripts and with them.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.evaluation import metrics, real_sets
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.measure import scores
from clasp.evaluation.query_sets import QuerySet
from clasp.evaluation.systems import DirectSearch
from clasp.evaluation.utterances import Utterance, waveforms
from clasp.model import load
from clasp.speech.transcriber import Transcriber
from clasp.training.data.corpora import data_folder
from index.benchmarks.benchmark import Figure

ASKED = 100  # sentences
FLOOR = 0.70  # share whose moment is the first hit, of those whose utterance is the first
PAUSES = (0.5, 2.0)  # seconds between two utterances, at least and at most
TURNS = (0.2, 0.8)  # the same in a conversation
HALF_AN_HOUR = 1800.0  # seconds
OVERLAP = 0.5  # of the moment and the utterance: what they share, of what they take together
HITS = 10  # a moment that is not among them has the rank after the last

Span = tuple[float, float]  # start and end, seconds


def measure(model: str) -> list[Figure]:
    """Shares of right moments; needs the training data, whose held-out recordings are asked for.

    Raises:
        DataError: if it is not there.
    """
    encodings, data = Encodings(load(model)), data_folder()
    own_words = next(asked for asked in real_sets.own_words(data) if asked.name == "real-own-words-en")
    ranks, minutes = moments(encodings, own_words)
    share = (ranks == 1).mean()
    rows = [Figure(f"moments of {minutes:.0f} min, own words, of {len(ranks)} found sentence by sentence",
                _shares(ranks), f"HITS@1 ≥ {FLOOR:.2f}", bool(share >= FLOOR))]  # fmt: skip
    sets = [own_words, *real_sets.paraphrases(data)]
    for how, transcriber in (("without", None), ("with", Transcriber.load())):
        for asked, found in zip(sets, conversation(encodings, sets, transcriber=transcriber), strict=True):
            what = f"moments of a conversation of {HALF_AN_HOUR / 60:.0f} min {how} transcripts, {asked.title}"
            rows.append(Figure(f"{what} ({len(found)} queries)", _shares(found)))
    return rows


def _shares(ranks: np.ndarray) -> str:
    found = metrics.summary(ranks)
    return f"HITS@1 {found['hits@1']:.3f}, R@{HITS} {(ranks <= HITS).mean():.3f}"


def moments(encodings: Encodings, own_words: QuerySet) -> tuple[np.ndarray, float]:
    """Ranks of the right moments for ASKED queries, of those whose answer is found first utterance by utterance; and
    minutes of the recording, which is made up of the utterances that are asked for."""
    alone = metrics.placed(*scores(own_words, DirectSearch(encodings)))
    places = np.unique(np.linspace(0, len(alone) - 1, ASKED).astype(int))
    utterances = [own_words.pool[min(query.answers)] for query in own_words.queries]
    with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
        file = Path(folder, "recording.flac")
        spans = record(file, utterances, encodings.cache)
        questions = [(own_words.queries[place].asked.text, spans[place]) for place in places[alone[places] == 1]]
        return ask(encodings, file, questions), soundfile.info(file).duration / 60


def conversation(
    encodings: Encodings,
    sets: Sequence[QuerySet],
    seconds: float = HALF_AN_HOUR,
    transcriber: Transcriber | None = None,
) -> list[np.ndarray]:
    """Ranks of the right moments of a recording in which people take turns, for each set of queries.

    Args:
        sets: of typed queries and the same pool each; recordings that any of them asks for take turns until the
            recording has its length, those asked for by the most sets first.
        seconds: length of the recording.
        transcriber: None asks a library without transcripts.
    """
    pool = sets[0].pool
    wanted = [place for asked in sets for query in asked.queries for place in query.answers]
    places = sorted(set(wanted), key=lambda place: (-wanted.count(place), place))
    with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
        file = Path(folder, "conversation.flac")
        made = record(file, [pool[place] for place in places], encodings.cache, TURNS, seconds)
        spans = {place: span for place, span in zip(places, made, strict=True) if span[1] > 0}
        questions = [
            [(query.asked.text, spans[place]) for query in asked.queries for place in query.answers if place in spans]
            for asked in sets
        ]
        ranks = ask(encodings, file, [one for each in questions for one in each], transcriber)
    return np.split(ranks, np.cumsum([len(each) for each in questions])[:-1])


def ask(
    encodings: Encodings, file: Path, questions: Sequence[tuple[str, Span]], transcriber: Transcriber | None = None
) -> np.ndarray:
    """Add a recording to an empty library, transcribe it if there is a transcriber, and ask for its moments.

    Args:
        questions: texts, and when what they ask for is said.

    Returns:
        The rank, from 1, of the right moment of each, int64 (n,).
    """
    from index.ingest.pipeline import Ingestor
    from index.library import Library
    from index.search import encode, search

    model, found = encodings.model, []
    with (
        tempfile.TemporaryDirectory(prefix="clasp-") as folder,
        Library.create(Path(folder, "library"), model, server="") as library,
    ):
        ingestor = Ingestor(library, model)
        for _ in (*ingestor.add([file]), *ingestor.transcribe(transcriber)):
            pass
        for text, span in questions:
            query = encode(model, text=text)
            hits = [hit.segment for hit in search(library, model, query, k=HITS).hits]
            right = [overlap((hit.start, hit.end), span) >= OVERLAP for hit in hits]
            found.append(1 + (right.index(True) if True in right else HITS))
    return np.array(found)


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
    order = draw.permutation(_fitting(utterances, cache, pauses, seconds)).tolist()
    position = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for number, waveform in zip(order, waveforms([utterances[one] for one in order], cache), strict=True):
            pause = np.zeros(round(SAMPLE_RATE * draw.uniform(*pauses)), np.float32)
            file.write(np.concatenate([pause, waveform.samples]))
            start = position + len(pause)
            position = start + len(waveform.samples)
            spans[number] = (start / SAMPLE_RATE, position / SAMPLE_RATE)
    return spans


def _fitting(utterances: Sequence[Utterance], cache: Path, pauses: Span, seconds: float) -> int:
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
