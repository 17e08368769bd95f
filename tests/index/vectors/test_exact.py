"""Comparing everything, against a full sort."""

import numpy as np
import pytest

from index.vectors.exact import BLOCK, exact_search


def naive(matrix: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray) -> list[int]:
    rows = [row for row in range(len(matrix)) if allowed[row]]
    return sorted(rows, key=lambda row: (-float(matrix[row] @ query), row))[:k]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9, 1.0])
@pytest.mark.parametrize("k", [1, 10, 1_000])
def test_exact_search_is_a_full_sort(share, k):
    random = np.random.default_rng(0)
    matrix = np.repeat(np.eye(16), 40, axis=0)[random.permutation(640)]  # there are ties, and cosines are exact
    query, allowed = np.round(8 * random.standard_normal(16)), random.random(640) < share
    assert exact_search(matrix, query, k, allowed).tolist() == naive(matrix, query, k, allowed)
    if share == 1.0:
        assert exact_search(matrix, query, k).tolist() == naive(matrix, query, k, allowed)


def test_lengths_do_not_count_and_zeros_are_like_nothing(units):
    matrix, query = units(2 * BLOCK + 5, 8).astype(np.float16), units(1, 8, seed=1)[0]
    lengths = np.random.default_rng(2).uniform(0.2, 1, (len(matrix), 1)).astype(np.float16)
    expected = exact_search(matrix, query, 20)
    found = exact_search(matrix * lengths, query, 20)
    assert len({*found.tolist()} & {*expected.tolist()}) >= 19  # halves round
    assert exact_search(np.array([[0, 0], [1, 1], [-1, 1]], np.float16), np.array([1, 0.5]), 3).tolist() == [1, 0, 2]


def test_exact_search_of_nothing(units):
    assert exact_search(np.empty((0, 8), np.float32), units(1, 8)[0], 5).tolist() == []
    assert exact_search(units(3, 8), units(1, 8)[0], 5, np.zeros(3, bool)).tolist() == []
