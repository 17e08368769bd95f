"""Ranking as a search does it: candidates by their vectors, then by the probability that they say the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from clasp.phones.alignment import GAP_OPEN, RAREST_PAIRS, SHORTLIST, Aligner
from clasp.text.words import coverage, rarity, words

if TYPE_CHECKING:
    from clasp.calibration import Direction
    from clasp.model import Clasp

BEHIND = 10  # log odds between the last on a shortlist and what is not on it


@dataclass(frozen=True, eq=False)
class Phones:
    """Phones of n queries, float32 (phones, inventory), and of m candidates, as `alignment.pack` makes them."""

    queries: list[np.ndarray]
    pool: list[np.ndarray]
    queries_from_speech: bool
    pool_from_speech: bool


def shortlists(
    meaning: np.ndarray, sound: np.ndarray, coverage: np.ndarray | None = None, shared: np.ndarray | None = None
) -> np.ndarray:
    """Which candidates a search would look at twice, bool (n, m), by their cosines and by the words and pairs of phones
    that they have, (n, m) each."""
    chosen = np.zeros(meaning.shape, bool)
    count = min(SHORTLIST, meaning.shape[1])
    known = [scores.any(axis=1, keepdims=True) for scores in (meaning, sound)]  # a half without content finds nothing
    witnesses = [(meaning, known[0]), (sound, known[1])]
    witnesses += [(shares, shares > 0) for shares in (coverage, shared) if shares is not None]
    for scores, counts in witnesses:
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        np.put_along_axis(nearest := np.zeros_like(chosen), best, True, axis=1)
        chosen |= nearest & counts
    return chosen


def shared_pairs(phones: Phones) -> np.ndarray:
    """How many of the rarest pairs of the phones of n queries m candidates have, the rarer the more; float64 (n, m)."""
    asked = [dict.fromkeys(pairwise(query.argmax(1).tolist())) for query in phones.queries]
    pool = [frozenset(pairwise(packed[:, 0, 0].tolist())) for packed in phones.pool]
    counts = Counter(pair for found in pool for pair in found)
    shared = np.zeros((len(asked), len(pool)))
    for row, one in enumerate(asked):
        for pair in sorted(filter(counts.get, one), key=counts.__getitem__)[:RAREST_PAIRS]:
            shared[row, [pair in found for found in pool]] += rarity(counts[pair], len(pool))
    return shared


def coverages(queries: Sequence[str], pool: Sequence[frozenset[str]]) -> np.ndarray:
    """The share of the words of n queries that are among the words of each of m candidates, float64 (n, m)."""
    asked = [words(text) for text in queries]
    counts = {word: sum(word in found for found in pool) for word in {word for one in asked for word in one}}
    weights = {word: rarity(count, len(pool)) for word, count in counts.items()}
    return np.array([[coverage(one, found, weights) for found in pool] for one in asked]).reshape(len(asked), len(pool))


def alignment_scores(aligner: Aligner, phones: Phones, chosen: np.ndarray) -> np.ndarray:
    """Alignment scores of every query and its candidates in `chosen`, float32 (n, m); GAP_OPEN elsewhere."""
    found = np.full(chosen.shape, GAP_OPEN, np.float32)
    for row, query in enumerate(phones.queries):
        places = np.flatnonzero(chosen[row])
        found[row, places] = aligner.score(
            query,
            [phones.pool[place] for place in places],
            query_from_speech=phones.queries_from_speech,
            candidates_from_speech=phones.pool_from_speech,
        )
    return found


def log_odds(
    model: "Clasp",
    direction: "Direction",
    queries: np.ndarray,
    pool: np.ndarray,
    phones: Phones | None,
    coverage: np.ndarray | None,
    transcribed: np.ndarray,
) -> np.ndarray:
    """Log odds that a candidate says the same as a query, float64 (n, m).

    Queries of a few words have all candidates on their shortlist: a library finds them by their phones. Those
    that are not on it come after all others, by their similarity.

    Args:
        queries: float32 (n, dim), unit rows.
        pool: float32 (m, dim), unit rows.
        coverage: (n, m), see `coverages`; of spoken queries None.
        transcribed: bool (m,), which candidates have a transcript.
    """
    halves, others = model.halves(queries), model.halves(pool)
    meaning, sound = (mine @ theirs.T for mine, theirs in zip(halves, others, strict=True))  # (n, m) each
    coverage = np.zeros(meaning.shape) if coverage is None else coverage
    short = model.calibration.is_short(direction)
    shared = None if phones is None or short else shared_pairs(phones)
    chosen = np.ones(meaning.shape, bool) if short else shortlists(meaning, sound, coverage, shared)
    alignment_score = np.zeros(meaning.shape, np.float32)
    if phones is not None and model.aligner is not None and direction != "translation":  # there it does not count
        alignment_score = alignment_scores(model.aligner, phones, chosen)
    with_transcript, without = (
        model.calibration.of(direction, transcribed=there).log_odds(meaning, sound, alignment_score, coverage)
        for there in (True, False)
    )
    odds = np.where(transcribed, with_transcript, without)
    return np.where(chosen, odds, queries @ pool.T + odds.min(where=chosen, initial=0) - BEHIND)
