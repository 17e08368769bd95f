"""How well each system finds real recordings: the sets of `query_sets`, the systems of `systems`, with intervals."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from clasp.evaluation import metrics
from clasp.evaluation.query_sets import ContrastSet, Floor, QuerySet, Text
from clasp.evaluation.systems import System

NO_FLOOR: Floor = (None, None)


def measure(sets: Sequence[QuerySet | ContrastSet], systems: Sequence[System]) -> list[dict[str, Any]]:
    """A row of --json for every set and every system that understands its languages; progress on stderr."""
    shown = track(sets, "Asking of real recordings", console=Console(stderr=True))
    return [row for asked in shown for row in rows(asked, systems)]


def rows(asked: QuerySet | ContrastSet, systems: Sequence[System]) -> Iterator[dict[str, Any]]:
    """The rows of one set."""
    languages = spoken_in(asked)
    for system in systems:
        if not system.knows(languages):
            continue
        found = ranks(asked, system)
        floor, recall_floor = asked.floors.get(system.name, NO_FLOOR)
        yield {
            "name": asked.name,
            "title": asked.title,
            "system": system.name,
            "pool": len(asked.pool) if isinstance(asked, QuerySet) else 2,
            "queries": len(found),
            **metrics.summary(found),
            "intervals": metrics.intervals(found),
            "floor": floor,
            "recall_floor": recall_floor,
        }


def ranks(asked: QuerySet | ContrastSet, system: System) -> np.ndarray:
    """The rank, from 1, of the best right answer of every query, int64 (n,); ties count against the system.

    A contrast has two candidates, its texts: 1 where the right one is nearer to the recording, else 2.
    """
    if isinstance(asked, ContrastSet):
        scores = np.stack([system.rank([one.right, one.wrong], [one.utterance])[:, 0] for one in asked.contrasts])
        return metrics.placed(scores, np.broadcast_to([True, False], scores.shape))
    correct = np.zeros((len(asked.queries), len(asked.pool)), bool)
    for row, query in enumerate(asked.queries):
        correct[row, list(query.answers)] = True
    return metrics.placed(system.rank([query.asked for query in asked.queries], asked.pool), correct)


def spoken_in(asked: QuerySet | ContrastSet) -> set[str]:
    """BCP-47 tags of all speech of a set."""
    if isinstance(asked, ContrastSet):
        return {one.utterance.language for one in asked.contrasts}
    spoken = [query.asked.language for query in asked.queries if not isinstance(query.asked, Text)]
    return {*spoken, *(one.language for one in asked.pool)}
