"""The second stage of a search by sound: two sequences of phones laid side by side.

One vector for a whole utterance finds the candidates; aligning their phones tells which of them have the same words.

    aligner = Aligner(confusions, frequencies)
    scores = aligner.score(query_phones, [pack(phones) for phones in candidates])
"""

from collections.abc import Sequence

import numpy as np

from clasp.phones.inventory import INVENTORY

SHORTLIST = 50  # nearest by meaning, and as many by sound, are aligned
RAREST_PAIRS = 8  # of neighbouring phones of a query: what has most of them is aligned, too; more find hardly more
TOP_PHONES = 4  # likeliest phones of each place that are stored of recognized phones
GAP_OPEN = -2.0  # log odds of a phone that has no partner
GAP_EXTEND = -0.3  # and of each further one after it in a candidate, which may say more than was asked for
UNLIKELY = 1e-3  # least ratio of two phones' joint probability to chance


def pack(phones: np.ndarray) -> np.ndarray:
    """Recognized phones in the form that is stored: the likeliest of each place and their probabilities.

    Args:
        phones: float (n, len(INVENTORY)), distributions as `inventory.collapse_posteriors` gives them.

    Returns:
        uint8 (n, TOP_PHONES, 2): phone ids, likeliest first, and probabilities in 1/255, renormalised.
    """
    ids = np.argsort(-phones, axis=1, kind="stable")[:, :TOP_PHONES]  # (n, TOP_PHONES)
    top = np.take_along_axis(phones, ids, axis=1).astype(np.float32)
    shares = top / top.sum(axis=1, keepdims=True).clip(1e-6)
    return np.stack([ids, np.rint(255 * shares)], axis=-1).astype(np.uint8)


def unpack(packed: np.ndarray) -> np.ndarray:
    """Distributions over phones, float32 (n, len(INVENTORY)), of what `pack` made, uint8 (n, TOP_PHONES, 2)."""
    phones = np.zeros((len(packed), len(INVENTORY)), np.float32)
    np.put_along_axis(phones, packed[..., 0].astype(np.int64), packed[..., 1] / np.float32(255), axis=1)
    return phones


class Aligner:
    """Compares phones of a query with those of candidates.

    Args:
        confusions: float (inventory, inventory), how often each phone of a text (row) is recognized as another; row
            and column 0 (silence) do not count.
        frequencies: float (inventory,), how often each phone occurs in texts.
    """

    def __init__(self, confusions: np.ndarray, frequencies: np.ndarray):
        written = np.array(frequencies, np.float64)
        written[0] = 0
        written /= written.sum()
        confused = np.array(confusions, np.float64)
        confused[0], confused[:, 0] = 0, 0
        confused[1:] /= confused[1:].sum(1, keepdims=True).clip(1e-9)
        confused[1:] = 0.98 * confused[1:] + 0.02 * (written @ confused)
        recognized = (written @ confused).clip(1e-5)  # (inventory,)
        one = (confused / recognized).astype(np.float32)  # joint probability, written and recognized, over chance
        both = ((confused.T * written) @ confused / (recognized[:, None] * recognized)).astype(np.float32)
        self._tables = {(False, True): one, (True, False): one.T, (True, True): both}

    def score(
        self,
        query: np.ndarray,
        candidates: Sequence[np.ndarray],
        *,
        query_from_speech: bool = False,
        candidates_from_speech: bool = True,
    ) -> np.ndarray:
        """How well a query's phones agree with those of each candidate.

        All of the query counts. A candidate may say something more between for little, and before and after for
        nothing: who quotes, quotes a part.

        Args:
            query: float (n, inventory), distributions over phones, one-hot for a typed query.
            candidates: what `pack` made of each.
            query_from_speech: whether the query's phones were recognized in speech; otherwise they are of a text.
            candidates_from_speech: the same of the candidates; it is true of one of both.

        Returns:
            float32 (len(candidates),), log odds against chance per phone of the query: about 3 for the same words
            clearly spoken, below 0 for others; GAP_OPEN where there is nothing to compare.
        """
        lengths = np.array([len(candidate) for candidate in candidates], np.int64)
        if not len(query) or not len(lengths) or not lengths.max():
            return np.full(len(candidates), GAP_OPEN, np.float32)
        ratios = query.astype(np.float32) @ self._tables[query_from_speech, candidates_from_speech]  # (n, inventory)
        odds = np.zeros((len(query), lengths.max(), len(candidates)), np.float32)
        likely = np.maximum(unpack(np.concatenate(candidates)) @ ratios.T, UNLIKELY)  # (places of all, n)
        candidate = np.repeat(np.arange(len(candidates)), lengths)
        place = np.arange(len(likely)) - np.repeat(lengths.cumsum() - lengths, lengths)
        odds[:, place, candidate] = np.log(likely).T
        beside = GAP_EXTEND * np.arange(1 + lengths.max(), dtype=np.float32)[:, None]  # of a candidate up to each place
        skipped = beside[1:] + GAP_OPEN - GAP_EXTEND
        best = np.zeros((len(beside), len(candidates)), np.float32)
        for one in odds:  # of a phone of the query
            paired = np.maximum(best[1:] + GAP_OPEN, best[:-1] + one)
            best = np.concatenate([best[:1] + GAP_OPEN, paired])
            before = np.maximum.accumulate(best - beside)[:-1]  # the best place to have left off at
            best[1:] = np.maximum(best[1:], before + skipped)
        beyond = np.arange(len(best))[:, None] > lengths  # (places + 1, candidates)
        scores = np.where(beyond, -np.inf, best).max(0) / len(query)
        return np.where(lengths > 0, scores, GAP_OPEN).astype(np.float32)
