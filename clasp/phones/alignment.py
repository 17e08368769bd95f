"""The second stage of a search by sound: two sequences of phones laid side by side.

One vector for a whole utterance finds the candidates; aligning their phones tells which of them says the same.

    aligner = Aligner(confusions, frequencies)
    agreement = aligner.score(written, [pack(heard) for heard in candidates])
"""

from collections.abc import Sequence

import numpy as np

from clasp.phones.inventory import INVENTORY

SHORTLIST = 50  # nearest by each weight of the meaning below are aligned
WEIGHTS = (1.0, 0.2)
KEPT = 4  # likeliest phones of each place that are kept of what was heard
GAP_OPEN = -2.0  # log odds of a phone that has no partner
GAP_EXTEND = -0.3  # and of each further one after it in a candidate, which may say more than was asked for
UNLIKELY = 1e-3  # least ratio of two phones' joint probability to chance


def pack(heard: np.ndarray) -> np.ndarray:
    """Heard phones in the form that is stored: the likeliest of each place and their probabilities.

    Args:
        heard: float (n, len(INVENTORY)), distributions as `phones.segments` gives them.

    Returns:
        uint8 (n, KEPT, 2): phone ids, likeliest first, and probabilities in 1/255, renormalised.
    """
    ids = np.argsort(-heard, axis=1, kind="stable")[:, :KEPT]  # (n, KEPT)
    kept = np.take_along_axis(heard, ids, axis=1).astype(np.float32)
    shares = kept / kept.sum(axis=1, keepdims=True).clip(1e-6)
    return np.stack([ids, np.rint(255 * shares)], axis=-1).astype(np.uint8)


def unpack(packed: np.ndarray) -> np.ndarray:
    """Distributions over phones, float32 (n, len(INVENTORY)), of what `pack` made, uint8 (n, KEPT, 2)."""
    heard = np.zeros((len(packed), len(INVENTORY)), np.float32)
    np.put_along_axis(heard, packed[..., 0].astype(np.int64), packed[..., 1] / np.float32(255), axis=1)
    return heard


class Aligner:
    """Compares phones of a query with those heard in candidates.

    Args:
        confusions: float (inventory, inventory), how often each written phone (row) is heard as another; row and
            column 0 (silence) do not count.
        frequencies: float (inventory,), how often each phone is written.
    """

    def __init__(self, confusions: np.ndarray, frequencies: np.ndarray):
        written = np.array(frequencies, np.float64)
        written[0] = 0
        written /= written.sum()
        hearing = np.array(confusions, np.float64)
        hearing[0], hearing[:, 0] = 0, 0
        hearing[1:] /= hearing[1:].sum(1, keepdims=True).clip(1e-9)
        hearing[1:] = 0.98 * hearing[1:] + 0.02 * (written @ hearing)
        heard = (written @ hearing).clip(1e-5)  # (inventory,)
        one_heard = (hearing / heard).astype(np.float32)  # joint probability, written and heard, over chance
        both_heard = ((hearing.T * written) @ hearing / (heard[:, None] * heard)).astype(np.float32)
        self._tables = {(False, True): one_heard, (True, False): one_heard.T, (True, True): both_heard}

    def score(
        self,
        query: np.ndarray,
        candidates: Sequence[np.ndarray],
        *,
        query_heard: bool = False,
        candidates_heard: bool = True,
        within: bool = False,
    ) -> np.ndarray:
        """How well a query's phones agree with those of each candidate.

        All of the query counts; a candidate may say something more before, after or between for little.

        Args:
            query: float (n, inventory), distributions over phones, one-hot for a written query.
            candidates: what `pack` made of each.
            query_heard: whether the query was heard; otherwise it was written.
            candidates_heard: the same of the candidates; one of both was heard.
            within: whether the query is a few words out of what a candidate says: what comes before and after them
                costs nothing then.

        Returns:
            float32 (len(candidates),), log odds against chance per phone (by the geometric mean of both lengths; by
            that of the query if it is looked for `within`): about 3 for the same words clearly spoken, below 0 for
            others; GAP_OPEN where there is nothing to compare.
        """
        lengths = np.array([len(candidate) for candidate in candidates], np.int64)
        alignment_score = np.full(len(candidates), GAP_OPEN, np.float32)
        if not len(query) or not len(lengths) or not lengths.max():
            return alignment_score
        ids = np.zeros((len(candidates), lengths.max(), KEPT), np.int64)
        shares = np.zeros(ids.shape, np.float32)
        for row, candidate in enumerate(candidates):
            ids[row, : len(candidate)] = candidate[..., 0]
            shares[row, : len(candidate)] = candidate[..., 1] / np.float32(255)
        ratios = query.astype(np.float32) @ self._tables[query_heard, candidates_heard]  # (n, inventory)
        beside = GAP_EXTEND * np.arange(ids.shape[1] + 1, dtype=np.float32)  # of the candidate, up to each place
        opened = GAP_OPEN - GAP_EXTEND
        best = np.tile(beside + opened, (len(candidates), 1))  # (candidates, places + 1)
        best[:, 0] = 0
        if within:
            best[:] = 0
        for ratio in ratios:
            odds = np.log(np.maximum((ratio[ids] * shares).sum(-1), UNLIKELY))  # (candidates, places)
            paired = np.maximum(best[:, 1:] + GAP_OPEN, best[:, :-1] + odds)
            best = np.concatenate([best[:, :1] + GAP_OPEN, paired], axis=1)
            before = np.maximum.accumulate(best - beside, axis=1)[:, :-1]  # the best place to have left off at
            best[:, 1:] = np.maximum(best[:, 1:], before + beside[1:] + opened)
        if within:
            beyond = np.arange(best.shape[1]) > lengths[:, None]  # (candidates, places + 1)
            scores = np.where(beyond, -np.inf, best).max(1) / len(query)
        else:
            scores = best[np.arange(len(candidates)), lengths] / np.sqrt(len(query) * lengths.clip(1))
        return np.where(lengths > 0, scores, GAP_OPEN).astype(np.float32)
