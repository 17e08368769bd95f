"""The figures of a test by category, kind of voice and duration of the utterance that is looked for."""

from collections.abc import Iterator

import numpy as np

from clasp.evaluation import metrics
from clasp.evaluation.distortions import Distorted
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import QuerySet
from clasp.evaluation.results import Result, Row
from clasp.evaluation.utterances import Utterance
from clasp.training.data.clips import Clip

DURATIONS = ((2.0, "<2 s"), (5.0, "2-5 s"), (10.0, "5-10 s"), (float("inf"), ">10 s"))  # upper bounds


def groups(result: Result, asked: QuerySet, encodings: Encodings) -> Iterator[Row]:
    """Rows of --json of every way to divide the queries of a set that leaves at least two parts."""
    about = [asked.pool[min(query.answers)] for query in asked.queries]
    durations = [one.duration for one in encodings.utterances(about)]
    ways = {
        "category": [one.category for one in about],
        "voice": [kind(one) for one in about],
        "duration": [next(name for bound, name in DURATIONS if seconds < bound) for seconds in durations],
    }
    names = [name for _, name in DURATIONS]
    for by, values in ways.items():
        present = sorted(set(values), key=names.index if by == "duration" else None)
        for value in present if len(present) > 1 else ():
            ranks = result.ranks[np.array(values) == value]
            figures = metrics.summary(ranks)
            yield {
                "test": result.name, "system": result.system, "by": by, "value": value, "queries": len(ranks),
                **{name: figures[name] for name in ("hits@1", "recall@10", "mrr")},
            }  # fmt: skip


def kind(utterance: Utterance) -> str:
    """The synthesizer, or the corpus of a recording."""
    source = utterance.source.clip if isinstance(utterance.source, Distorted) else utterance.source
    return source.corpus if isinstance(source, Clip) else source.engine
