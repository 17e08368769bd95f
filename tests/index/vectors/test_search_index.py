"""What a library is searched by, against comparing everything."""

import numpy as np
import pytest

from index.vectors import search_index
from index.vectors.hnsw import HnswIndex
from index.vectors.protocol import halves_of
from index.vectors.search_index import SearchIndex
from index.vectors.segment_table import SegmentTable
from tests.index.vectors.tables import VERSION, nearest, replaced, table
from tests.threads import at_once

MEANING = slice(0, 24)


def searched(segments: SegmentTable, index: HnswIndex | None = None) -> SearchIndex:
    halves = halves_of(segments.dim, segments.dim // 2)
    empty = SearchIndex(segments, halves, HnswIndex(halves))
    return empty.extended() if index is None else SearchIndex(segments, halves, index)


def recall(index: SearchIndex, queries: np.ndarray, k: int = 10, allowed: np.ndarray | None = None) -> float:
    """Share that is found of the `k` nearest by meaning and the `k` nearest by sound."""
    shares = []
    for query in queries:
        rows = index.nearest(query, k, allowed)
        assert k <= len(rows) <= 2 * k and len({*rows.tolist()}) == len(rows)
        assert allowed is None or allowed[rows].all()
        for half in index.halves:
            expected = nearest(index.segments.vectors[:, half], query[half], k, allowed)
            shares.append(len({*rows.tolist()} & {*expected}) / k)
    return float(np.mean(shares))


@pytest.fixture(scope="module")
def large() -> SearchIndex:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((5_000, 48), np.float32)
    return searched(table((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)))


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.9, 0.999])
def test_filters_of_every_selectivity(large, units, share, monkeypatch):
    monkeypatch.setattr(search_index, "EXACT_BELOW", 50)
    allowed = np.random.default_rng(3).random(5_000) < share
    assert recall(large, units(15, 48, seed=1), min(10, allowed.sum()), allowed) >= 0.97


@pytest.mark.parametrize("far", [0.3, 0.45])
def test_filters_that_leave_what_is_far(large, units, far, monkeypatch):
    """More than a few pass, but hardly any of the nearest by meaning."""
    monkeypatch.setattr(search_index, "EXACT_BELOW", 50)
    query = units(1, 48, seed=1)
    scores = large.segments.vectors[:, MEANING].astype(np.float32) @ query[0, MEANING]
    allowed = scores < np.quantile(scores, 1 - far)
    assert recall(large, query, allowed=allowed) >= 0.95
    few_near = allowed | (np.random.default_rng(4).random(5_000) < 0.01)
    assert recall(large, query, allowed=few_near) >= 0.95


def test_removing_and_adding_a_tenth_leaves_recall_where_it_was(large, units):
    queries = units(30, 48, seed=1)
    at_first = recall(large, queries)
    removed = np.random.default_rng(2).choice(large.segments.ids, 500, replace=False)
    kept, added = large.segments.without(removed, VERSION), units(500, 48, seed=3).astype(np.float16)
    changed = kept.appended(table(added, np.arange(5_001, 5_501)))
    for index in (large.updated(changed), large.updated(changed).extended()):  # compared one by one, and in the graphs
        assert recall(index, queries) >= at_first - 0.01 >= 0.97
        for row in (4_499, 4_500, 4_999):
            assert index.nearest(changed.vectors[row].astype(np.float32), 1, None).tolist() == [row]


def test_what_was_replaced_is_found_at_once(large, units):
    rows = np.arange(100, 400)
    vectors = units(300, 48, seed=5).astype(np.float16)
    index = large.updated(replaced(large.segments, rows, vectors))
    assert index.lacking.sum() == 300 and recall(index, vectors[:20].astype(np.float32)) >= 0.97
    assert index.extended().lacking.sum() == 0


def test_many_threads_find_what_one_finds(large, units):
    queries, allowed = units(40, 48, seed=1), np.arange(5_000) % 2 == 0

    def search() -> list[list[list[int]]]:
        return [[large.nearest(query, 10, which).tolist() for which in (None, allowed)] for query in queries]

    expected = search()
    assert at_once(*[search] * 16) == [expected] * 16
