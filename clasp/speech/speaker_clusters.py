"""Utterances of one recording by speaker: agglomerative clustering of their embeddings."""

import numpy as np

from clasp.speech.speaker import unit

SHORT = 1.0  # seconds: who says less than that can hardly be told
LEAST = 3.0  # seconds that somebody speaks in all; with less, it is somebody else after all
MOST = 2_000  # utterances that are compared with one another; more join the speaker they are nearest to


def clusters(embeddings: np.ndarray, durations: np.ndarray, least: float) -> np.ndarray:
    """Which utterances are of one speaker.

    Average linkage of cosines joins the longer ones; the short ones, and whoever hardly speaks, join the nearest.

    Args:
        embeddings: float32 (n, dim), unit rows, in the order of time; n ≥ 1.
        durations: (n,), seconds.
        least: mean cosine from which two groups are of one speaker.

    Returns:
        The number of each one's speaker, int64 (n,), from 0 in the order in which they first speak.
    """
    from scipy.cluster.hierarchy import fcluster, linkage  # takes a tenth of a second

    telling = np.flatnonzero(durations >= min(SHORT, durations.max()))
    telling = telling[np.linspace(0, len(telling) - 1, min(len(telling), MOST)).astype(int)]
    if len(telling) == 1:
        return np.zeros(len(embeddings), np.int64)
    joined = fcluster(linkage(embeddings[telling], "average", "cosine"), 1 - least, "distance")
    groups = [telling[joined == number] for number in np.unique(joined)]
    seconds = np.array([durations[group].sum() for group in groups])
    heavy = seconds >= min(LEAST, seconds.max())
    groups = [group for group, enough in zip(groups, heavy, strict=True) if enough]
    centres = unit(np.array([embeddings[group].mean(0) for group in groups]))  # (speakers, dim)
    labels = (embeddings @ centres.T).argmax(1)
    for number, group in enumerate(groups):
        labels[group] = number
    order = list(dict.fromkeys(labels.tolist()))
    return np.array([order.index(label) for label in labels.tolist()], np.int64)
