"""The figures of a test by language, category, kind of voice and duration of the utterance."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from clasp.evaluation import metrics
from clasp.evaluation.distortions import Distorted
from clasp.evaluation.retrieval import Result
from clasp.evaluation.test_sets import Utterance
from clasp.training.data.corpora import Clip

DURATIONS = ((2.0, "<2 s"), (5.0, "2-5 s"), (10.0, "5-10 s"), (float("inf"), ">10 s"))  # upper bounds


def groups(result: Result, durations: Sequence[float]) -> Iterator[dict[str, Any]]:
    """Rows of --json of every way to divide the queries that leaves at least two parts.

    Args:
        durations: seconds of each utterance of `result.asked`.
    """
    ways = {
        "category": [one.category for one in result.asked],
        "voice": [kind(one) for one in result.asked],
        "duration": [next(name for bound, name in DURATIONS if seconds < bound) for seconds in durations],
    }
    names = [name for _, name in DURATIONS]
    for by, values in ways.items():
        present = sorted(set(values), key=names.index if by == "duration" else None)
        for value in present if len(present) > 1 else ():
            yield group(result, by, value, result.ranks[np.array(values) == value])


def group(result: Result, by: str, value: str, ranks: np.ndarray) -> dict[str, Any]:
    """One row; `ranks` are those of the queries of the group."""
    scores = metrics.summary(ranks)
    figures = {name: scores[name] for name in ("hits@1", "recall@10", "mrr")}
    named = {"test": result.name, "direction": result.direction, "by": by, "value": value}
    return named | {"queries": len(ranks)} | figures


def kind(utterance: Utterance) -> str:
    """The synthesizer, or the corpus of a recording."""
    source = utterance.source.clip if isinstance(utterance.source, Distorted) else utterance.source
    return source.corpus if isinstance(source, Clip) else source.engine
