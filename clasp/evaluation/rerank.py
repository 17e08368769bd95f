"""Ranking as a search does it: candidates by their vectors, then by the probability that they say the same."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clasp.phones.alignment import GAP_OPEN, SHORTLIST, WEIGHTS, Aligner

if TYPE_CHECKING:
    from clasp.calibration import Direction
    from clasp.model import Clasp


@dataclass(frozen=True, eq=False)
class Phones:
    """Phones of n queries, float32 (phones, inventory), and of m candidates, as `alignment.pack` makes them."""

    queries: list[np.ndarray]
    pool: list[np.ndarray]
    queries_heard: bool
    pool_heard: bool


def shortlists(meaning: np.ndarray, sound: np.ndarray) -> np.ndarray:
    """Which candidates a search would look at twice, bool (n, m), by their cosines (n, m)."""
    chosen = np.zeros(meaning.shape, bool)
    count = min(SHORTLIST, meaning.shape[1])
    for weight in WEIGHTS:
        scores = weight * meaning + (1 - weight) * sound
        np.put_along_axis(chosen, np.argpartition(-scores, count - 1, axis=1)[:, :count], True, axis=1)
    return chosen


def alignment_scores(aligner: Aligner, phones: Phones, chosen: np.ndarray) -> np.ndarray:
    """Agreement of the phones of every query with its candidates in `chosen`, float32 (n, m); GAP_OPEN elsewhere."""
    found = np.full(chosen.shape, GAP_OPEN, np.float32)
    for row, query in enumerate(phones.queries):
        places = np.flatnonzero(chosen[row])
        found[row, places] = aligner.score(
            query,
            [phones.pool[place] for place in places],
            query_from_speech=phones.queries_heard,
            candidates_from_speech=phones.pool_heard,
        )
    return found


def log_odds(
    model: "Clasp", direction: "Direction", queries: np.ndarray, pool: np.ndarray, phones: Phones | None
) -> np.ndarray:
    """Log odds that a candidate says the same as a query, float64 (n, m); -inf for those not on its shortlist.

    Args:
        queries: float32 (n, dim), unit rows.
        pool: float32 (m, dim), unit rows.
    """
    halves, others = model.halves(queries), model.halves(pool)
    meaning, sound = (mine @ theirs.T for mine, theirs in zip(halves, others, strict=True))  # (n, m) each
    chosen = shortlists(meaning, sound)
    alignment_score = np.zeros(meaning.shape, np.float32)
    if phones is not None and model.aligner is not None and direction != "translation":  # there it does not count
        alignment_score = alignment_scores(model.aligner, phones, chosen)
    return np.where(chosen, model.calibration.log_odds(direction, meaning, sound, alignment_score), -np.inf)
