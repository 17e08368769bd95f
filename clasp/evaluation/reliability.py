"""How far a model's probabilities can be believed, on held-out sets: the reliability diagram."""

from collections.abc import Sequence

import numpy as np

from clasp.evaluation.retrieval import Retrieval

BINS = 10


def reliability(asked: Sequence[tuple[Retrieval, np.ndarray]]) -> list[list[float]]:
    """[mean predicted probability, share that is right, count] of the top hits in each tenth that holds any.

    Every query is asked twice: with its answers in the pool, and without. A tie goes to the wrong candidate.

    Args:
        asked: retrievals, and the log odds (n, m) of each.
    """
    hits = [_top_hits(retrieval, odds) for retrieval, odds in asked]
    predicted, right = (np.concatenate(parts) for parts in zip(*hits, strict=True))
    which = np.minimum((predicted * BINS).astype(int), BINS - 1)
    return [
        [float(predicted[which == number].mean()), float(right[which == number].mean()), int((which == number).sum())]
        for number in np.unique(which)
    ]


def _top_hits(retrieval: Retrieval, odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability and truth, (2n,) each, of the most probable candidates."""
    probability = 0.5 * (1 + np.tanh(odds / 2))
    labels = np.array(retrieval.labels)
    correct = labels[retrieval.answers, None] == labels
    best = np.where(correct, probability, 0).max(axis=1)
    wrong = np.where(correct, 0, probability).max(axis=1)
    truth = best > wrong
    return np.concatenate([np.maximum(best, wrong), wrong]), np.concatenate([truth, np.zeros_like(truth)])
