"""How well each system finds what is asked of it: figures with intervals, in parts, and what its probabilities are
worth."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.progress import track

from clasp.evaluation import metrics
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.groups import groups
from clasp.evaluation.query_sets import ContrastSet, QuerySet, Text
from clasp.evaluation.reliability import calibration_error, reliability_bins, top_hits
from clasp.evaluation.results import NO_FLOOR, Result, Row
from clasp.evaluation.systems import System, kind
from clasp.evaluation.utterances import Utterance

DIVIDED = ("search", "search-direct")  # the first that is there is also measured in parts
Bins = list[list[float]]


def measure(
    sets: Sequence[QuerySet | ContrastSet], systems: Sequence[System], encodings: Encodings
) -> tuple[list[Result], list[Row], dict[str, Bins]]:
    """Every set asked of every system that understands its languages; progress on stderr.

    Returns:
        The results; those of grouped sets in parts, as rows of --json; and the reliability of the probabilities of each
        direction of the calibration over all sets, where there are transcripts with them.
    """
    results: list[Result] = []
    parts: list[Row] = []
    hits: dict[str, list[np.ndarray]] = defaultdict(list)
    for asked in track(sets, "Measuring", console=Console(stderr=True)):
        languages = {one.language for one in speech_of(asked)}
        knowing = [system for system in systems if system.knows(languages)]
        divided = next((system for name in DIVIDED for system in knowing if system.name == name), None)
        for system in knowing:
            found, correct = scores(asked, system)
            more: Row = {}
            if system.calibrated and isinstance(asked, QuerySet):
                top = top_hits(found, correct)
                more["calibration_error"] = calibration_error(reliability_bins(*top))
                if system is divided:
                    hits[kind(asked.queries[0].asked, asked.pool)].append(top)
            elif isinstance(asked, QuerySet) and asked.own_words:
                more["paper"] = by_paper(asked, system)
            ranks, floor = metrics.placed(found, correct), asked.floors.get(system.name, NO_FLOOR)
            result = Result(asked.name, asked.title, system.name, found.shape[1], ranks, floor, more)
            results.append(result)
            if system is divided and isinstance(asked, QuerySet) and asked.grouped:
                parts += groups(result, asked, encodings)
    return results, parts, {way: reliability_bins(*np.concatenate(one, axis=1)) for way, one in hits.items()}


def scores(asked: QuerySet | ContrastSet, system: System) -> tuple[np.ndarray, np.ndarray]:
    """The scores of all candidates of each query, float (n, m), and which are correct, bool (n, m).

    A contrast has two candidates, its texts, of which the first is correct.
    """
    if isinstance(asked, ContrastSet):
        found = np.stack([system.rank([one.right, one.wrong], [one.utterance])[:, 0] for one in asked.contrasts])
        return found, np.broadcast_to([True, False], found.shape)
    correct = np.zeros((len(asked.queries), len(asked.pool)), bool)
    for row, query in enumerate(asked.queries):
        correct[row, list(query.answers)] = True
    return system.rank([query.asked for query in asked.queries], asked.pool), correct


def by_paper(asked: QuerySet, system: System) -> dict[str, float]:
    """The paper's protocol, which goes from speech to text: the recordings that are asked for, among all texts."""
    answers = np.array([min(query.answers) for query in asked.queries])
    speech = system.encode_speech([asked.pool[answer] for answer in answers])
    texts = system.encode_text([Text(one.text, one.language) for one in asked.pool])
    return metrics.published(speech, texts, answers)


def speech_of(asked: QuerySet | ContrastSet) -> list[Utterance]:
    """All utterances of a set."""
    if isinstance(asked, ContrastSet):
        return [one.utterance for one in asked.contrasts]
    return [*asked.pool, *(query.asked for query in asked.queries if isinstance(query.asked, Utterance))]
