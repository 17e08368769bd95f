"""How far probabilities can be believed: what was predicted beside what came true."""

from collections.abc import Iterable, Sequence

import numpy as np

BINS = 10


def top_hits(log_odds: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Probability and truth (1 or 0) of the most probable candidate of each query, float64 (2, 2n).

    Every query is asked twice: with its answers in the pool, and without. A tie goes to the wrong candidate.

    Args:
        log_odds: float (n, m) that a candidate says the same as a query.
        correct: bool (n, m), whether it does.
    """
    probability = 0.5 * (1 + np.tanh(log_odds / 2))
    best = np.where(correct, probability, 0).max(axis=1)
    wrong = np.where(correct, 0, probability).max(axis=1)
    truth = best > wrong
    return np.stack([[*np.maximum(best, wrong), *wrong], [*truth, *np.zeros_like(truth)]]).astype(float)


def reliability_bins(probability: np.ndarray, truth: np.ndarray) -> list[list[float]]:
    """[mean predicted probability, share that came true, count] of each tenth of the probabilities that holds any.

    Args:
        probability: (n,), 0 to 1.
        truth: (n,), 1 or 0.
    """
    which = np.minimum((probability * BINS).astype(int), BINS - 1)
    return [
        [float(probability[which == number].mean()), float(truth[which == number].mean()), int((which == number).sum())]
        for number in np.unique(which)
    ]


def calibration_error(bins: Iterable[Sequence[float]]) -> float:
    """Expected calibration error of `reliability_bins`: the mean gap of what was predicted and what came true."""
    bins = list(bins)
    total = sum(count for _, _, count in bins)
    return sum(count * abs(predicted - right) for predicted, right, count in bins) / total if total else 0.0
