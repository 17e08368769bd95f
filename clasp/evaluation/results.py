"""Figures of one system in one test, and of a family of tests: from ranks to what --json writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from clasp.evaluation import metrics
from clasp.evaluation.query_sets import Floor

Row = dict[str, Any]

NO_FLOOR: Floor = (None, None)


@dataclass(frozen=True)
class Result:
    """What a system found in one test."""

    name: str
    title: str
    system: str
    pool: int
    ranks: np.ndarray  # int64 (queries,), from 1, of the best right answer
    floor: Floor = NO_FLOOR
    more: Row = field(default_factory=dict)  # further fields of the row

    def row(self) -> Row:
        """The form that --json writes."""
        samples = metrics.bootstrap(self.ranks)
        return {
            "name": self.name,
            "title": self.title,
            "system": self.system,
            "pool": self.pool,
            "queries": len(self.ranks),
            **metrics.summary(self.ranks),
            "intervals": {name: metrics.interval(one) for name, one in samples.items()},
            "floor": self.floor[0],
            "recall_floor": self.floor[1],
            **self.more,
        }


class Family(NamedTuple):
    """Tests that differ in their language alone; the floor is that of the median HITS@1."""

    title: str
    floor: float | None = None


FAMILIES = {  # "spoken-de", "spoken-fr" and so on are measured each, and shown as one
    "spoken": Family("synthetic speech in each language and its text", 0.95),
    "text": Family("text in another language → English speech"),
    "translation": Family("sentence encoder alone: translations", 0.93),
}

ASKED = ("search", "other→English", "English→other")  # systems of which the floor of a family is asked


def language_of(name: str) -> str | None:
    """The language of a test of a family; None for the median and any other test."""
    family, _, rest = name.partition("-")
    return rest if family in FAMILIES and rest not in ("median", "en") else None


def medians(results: Iterable[Result]) -> list[Row]:
    """A row for every family and system: the median over the languages of every figure, and its interval."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if language_of(result.name) is not None:
            found.setdefault((result.name.split("-")[0], result.system), []).append(result)
    return [_median(name, members) for (name, _), members in found.items()]


def _median(family: str, members: Sequence[Result]) -> Row:
    figures = [metrics.summary(one.ranks) for one in members]
    samples = [metrics.bootstrap(one.ranks) for one in members]
    return {
        "name": f"{family}-median",
        "title": f"{FAMILIES[family].title}, median of {len(members)}",
        "system": members[0].system,
        "pool": int(np.median([one.pool for one in members])),
        "queries": sum(len(one.ranks) for one in members),
        **{name: float(np.median([one[name] for one in figures])) for name in figures[0]},
        "intervals": {name: metrics.interval(np.median([one[name] for one in samples], axis=0)) for name in samples[0]},
        "floor": FAMILIES[family].floor if members[0].system in ASKED else None,
        "recall_floor": None,
    }


def reached(row: Row) -> bool | None:
    """Whether a row reaches what is asked for; None where nothing is."""
    asked = [("hits@1", row.get("floor")), ("recall@10", row.get("recall_floor"))]
    verdicts = [row[figure] >= floor for figure, floor in asked if floor is not None]
    return all(verdicts) if verdicts else None
