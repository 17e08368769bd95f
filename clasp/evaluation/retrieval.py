"""Queries and the pool that they are asked of: from vectors to the figures of a test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from clasp.evaluation import metrics
from clasp.evaluation.rerank import Phones
from clasp.evaluation.test_sets import Utterance


@dataclass(frozen=True)
class Retrieval:
    """n queries and a pool of m candidates; a candidate with the label of the answer is correct."""

    queries: np.ndarray  # float32 (n, dim), unit rows; a zero row finds nothing
    pool: np.ndarray  # float32 (m, dim), unit rows
    labels: list[str]  # m
    answers: np.ndarray  # int (n,), the candidate that was meant
    phones: Phones | None = None  # of both, where there are such

    def ranks(self, scores: np.ndarray | None = None) -> np.ndarray:
        """The rank, from 1, of the best-placed correct candidate of every query, int64 (n,).

        Args:
            scores: float (n, m), by which is ranked instead of the similarity of the vectors; what is -inf there comes
                after the others, by its similarity.
        """
        asked = [self.labels[answer] for answer in self.answers]
        if scores is None:
            return metrics.ranks(self.queries, self.pool, asked, self.labels)
        return metrics.ranks_by_score(filled(scores, self.queries @ self.pool.T), asked, self.labels)


def filled(scores: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """Scores (n, m) of which those that are -inf come after the others, in the order of similarities (n, m)."""
    finite = np.isfinite(scores)
    return np.where(finite, scores, similarities + scores.min(where=finite, initial=0) - 10)


@dataclass(frozen=True)
class Result:
    """Figures of one test in one direction; `asked` are the utterances that its queries are about."""

    name: str
    title: str
    direction: str
    pool: int
    ranks: np.ndarray  # int64 (queries,)
    published: dict[str, float]
    asked: tuple[Utterance, ...] = ()
    floor: float | None = None
    recall_floor: float | None = None

    def row(self) -> dict[str, Any]:
        """The form that --json writes."""
        return {
            "name": self.name,
            "title": self.title,
            "direction": self.direction,
            "pool": self.pool,
            "queries": len(self.ranks),
            **metrics.summary(self.ranks),
            "interval": metrics.interval(metrics.resampled(self.ranks)),
            "floor": self.floor,
            "recall_floor": self.recall_floor,
            "paper": self.published,
        }


def measure(
    retrieval: Retrieval,
    name: str,
    title: str,
    direction: str,
    *,
    asked: Sequence[Utterance] = (),
    floor: float | None = None,
    recall_floor: float | None = None,
    scores: np.ndarray | None = None,
) -> Result:
    """Rank by both protocols, by `scores` (n, m) where they are given; the paper's is always by the vectors."""
    by_paper = metrics.published(retrieval.queries, retrieval.pool, retrieval.answers)
    pool = len(retrieval.pool)
    return Result(name, title, direction, pool, retrieval.ranks(scores), by_paper, tuple(asked), floor, recall_floor)


def median(results: Sequence[Result], name: str, title: str, floor: float | None) -> dict[str, Any]:
    """The row of a family: the median over its languages of every figure; the interval is that of the median."""
    rows = [result.row() for result in results]
    samples = np.median([metrics.resampled(result.ranks) for result in results], axis=0)
    return {
        "name": name,
        "title": f"{title}, median of {len(results)}",
        "direction": results[0].direction,
        "pool": int(np.median([row["pool"] for row in rows])),
        "queries": sum(row["queries"] for row in rows),
        **{key: float(np.median([row[key] for row in rows])) for key in metrics.summary(results[0].ranks)},
        "interval": metrics.interval(samples),
        "floor": floor,
        "recall_floor": None,
        "paper": {key: float(np.median([row["paper"][key] for row in rows])) for key in rows[0]["paper"]},
    }


def reached(row: dict[str, Any]) -> bool | None:
    """Whether a row reaches what is asked for; None where nothing is."""
    asked = [("hits@1", row["floor"]), ("recall@10", row["recall_floor"])]
    verdicts = [row[figure] >= floor for figure, floor in asked if floor is not None]
    return all(verdicts) if verdicts else None
