"""Search of large libraries, against comparing everything."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from index.vectors import search_index
from index.vectors.index_file import Version
from index.vectors.pq import PQIndex, exact_scan
from index.vectors.search_index import SearchIndex
from index.vectors.segment_table import SegmentTable, VectorBuffer

VERSION = Version("model", 3, "c0ffee")


def nearest(vectors: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[int]:
    scores = vectors.astype(np.float32) @ query
    if allowed is not None:
        scores[~allowed] = -np.inf
    return np.argsort(-scores)[:k].tolist()


def table(vectors: np.ndarray) -> SegmentTable:
    """Ids are rows + 1."""
    return SegmentTable(VERSION, np.arange(1, len(vectors) + 1), VectorBuffer(vectors.shape[1]).appended(vectors), {})


def recall(index: SearchIndex, queries: np.ndarray, k: int = 10, allowed: np.ndarray | None = None) -> float:
    shares = []
    for query in queries:
        rows = index.nearest(query, k, allowed)
        assert len(rows) == k and (allowed is None or allowed[rows].all())
        shares.append(len({*rows.tolist()} & {*nearest(index.segments.vectors, query, k, allowed)}) / k)
    return float(np.mean(shares))


@pytest.mark.parametrize("dim", [16, 24, 31, 768])
@pytest.mark.parametrize("share", [None, 0.0, 0.003, 0.4, 1.0])
@pytest.mark.parametrize("k", [1, 10, 5_000])
def test_exact_scan_is_a_full_sort(units, dim, share, k):
    matrix, query = units(3_001, dim).astype(np.float16), units(1, dim, seed=1)[0]
    allowed = None if share is None else np.random.default_rng(2).random(3_001) < share
    found = exact_scan(matrix, query, k, allowed)
    expected = nearest(matrix, query, min(k, 3_001 if share is None else int(allowed.sum())), allowed)
    scores = matrix.astype(np.float32) @ query
    assert len(set(found.tolist())) == len(found) == len(expected)
    assert np.allclose(scores[found], scores[expected], atol=1e-6)
    assert allowed is None or allowed[found].all()


def test_exact_scan_of_nothing(units):
    assert exact_scan(np.empty((0, 16), np.float16), units(1, 16)[0], 5).tolist() == []


def test_exact_scan_reads_part_of_an_array(units):
    matrix, query = units(1_000, 16).astype(np.float16), units(1, 16, seed=1)[0]
    assert exact_scan(matrix[100:900:2], query, 10).tolist() == nearest(matrix[100:900:2], query, 10)


def half_weighted(queries: np.ndarray) -> np.ndarray:
    """As a search by the meaning alone asks."""
    half = queries.copy()
    half[:, half.shape[1] // 2 :] = 0
    return half / np.linalg.norm(half, axis=1, keepdims=True)


def test_recall_of_random_directions(units):
    vectors, queries = units(20_000, 768).astype(np.float16), units(20, 768, seed=1)
    all_of_them = table(vectors)
    searched = SearchIndex(all_of_them, PQIndex(768).extended(all_of_them.ids, vectors))
    for asked in (queries, half_weighted(queries)):
        assert recall(searched, asked) >= 0.99
        assert recall(searched, asked, k=100) >= 0.97


def clusters(count: int, dim: int, groups: int, seed: int) -> np.ndarray:
    """Unit vectors around some random directions, all of which share a direction."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((groups, dim)) + 3 * random.standard_normal(dim)
    vectors = centres[random.integers(0, groups, count)] + 0.3 * random.standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def test_recall_of_what_is_unlike_the_vectors_that_the_codes_were_learned_from(units):
    first, later = clusters(12_000, 768, 50, seed=1), clusters(20_000, 768, 50, seed=2)
    vectors = np.concatenate([first, later])
    index = PQIndex(768).extended(np.arange(1, 12_001), first).extended(np.arange(12_001, 32_001), later)
    queries = clusters(400, 768, 50, seed=2)[::20].astype(np.float32)
    assert recall(SearchIndex(table(vectors), index), queries) >= 0.95


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3, 0.9, 0.999])
def test_filters_of_every_selectivity(units, share, monkeypatch):
    monkeypatch.setattr(search_index, "EXACT_BELOW", 10_000)
    vectors, queries = units(40_000, 64).astype(np.float16), units(15, 64, seed=1)
    searched = SearchIndex(table(vectors), PQIndex(64).extended(np.arange(1, 40_001), vectors))
    allowed = np.random.default_rng(3).random(40_000) < share
    assert recall(searched, queries, allowed=allowed) >= 0.97


@pytest.mark.parametrize("far", [0.3, 0.45])
def test_filters_that_leave_what_is_far(units, far, monkeypatch):
    """More than a few pass, but hardly any of the nearest: the codes of the nearest cannot tell."""
    monkeypatch.setattr(search_index, "EXACT_BELOW", 10_000)
    vectors, query = units(50_000, 64).astype(np.float16), units(1, 64, seed=1)
    searched = SearchIndex(table(vectors), PQIndex(64).extended(np.arange(1, 50_001), vectors))
    scores = vectors.astype(np.float32) @ query[0]
    allowed = scores < np.quantile(scores, 1 - far)
    assert recall(searched, query, allowed=allowed) >= 0.95
    few_near = allowed | (np.random.default_rng(4).random(50_000) < 0.01)
    assert recall(searched, query, allowed=few_near) >= 0.95


def test_removing_and_adding_a_tenth_leaves_recall_where_it_was(units):
    vectors, queries = units(20_000, 256).astype(np.float16), units(50, 256, seed=1)
    before = table(vectors)
    index = PQIndex(256).extended(before.ids, vectors)
    at_first = recall(SearchIndex(before, index), queries)
    removed = np.random.default_rng(2).choice(before.ids, 2_000, replace=False)
    kept, added = before.without(removed, VERSION), units(2_000, 256, seed=3).astype(np.float16)
    later = np.arange(20_001, 22_001)
    changed = SegmentTable(VERSION, np.concatenate([kept.ids, later]), kept.buffer.appended(added), {})
    for vector_index in (index, index.extended(later, added)):  # compared one by one, and in the index
        searched = SearchIndex(changed, vector_index)
        assert recall(searched, queries) >= at_first - 0.005 >= 0.98
        for row in (17_999, 18_000, 19_999):
            assert searched.nearest(changed.vectors[row].astype(np.float32), 1, None).tolist() == [row]


def test_ids_are_those_given(units):
    vectors = units(2_000, 16)
    index = PQIndex(16).extended(np.arange(1_000) * 7, vectors[:1_000])
    larger = index.extended(np.arange(1_000) * 7 + 3, vectors[1_000:])
    assert (len(index), len(larger), larger.last) == (1_000, 2_000, 999 * 7 + 3)
    assert not (index.search(vectors[1_500], 1_000) % 7).any()
    assert set(larger.search(vectors[0], 2_000)) == set(larger.ids().tolist())
    assert (larger.search(vectors[1_500], 5) == 500 * 7 + 3).any()
    assert PQIndex(16).search(vectors[0], 5).tolist() == []


def test_many_threads_find_what_one_finds(units):
    vectors, queries = units(12_000, 64).astype(np.float16), units(40, 64, seed=1)
    searched = SearchIndex(table(vectors), PQIndex(64).extended(np.arange(1, 12_001), vectors))
    allowed = np.arange(12_000) % 2 == 0
    expected = [[searched.nearest(query, 10, which).tolist() for which in (None, allowed)] for query in queries]
    wrong = []

    def search() -> None:
        for query, rows in zip(queries, expected, strict=True):
            if [searched.nearest(query, 10, which).tolist() for which in (None, allowed)] != rows:
                wrong.append(query)

    threads = [threading.Thread(target=search) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


BESIDE_TORCH = """
import sys
{imports}
import numpy as np
from index.vectors.pq import PQIndex, exact_scan

torch.set_num_threads(2)
vectors = np.random.default_rng(0).standard_normal((3_000, 64)).astype(np.float32)
index = PQIndex(64).extended(np.arange(3_000), vectors)
for query in vectors[:50]:
    torch.ones(200, 200) @ torch.ones(200, 200)
    index.search(query, 300)
    exact_scan(vectors.astype(np.float16), query, 10)
assert torch.get_num_threads() == 2, torch.get_num_threads()
"""


@pytest.mark.parametrize("imports", ["import torch", "import torch, faiss", "import faiss, torch"])
def test_torch_keeps_its_threads(imports):
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_TORCH.format(imports=imports)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_small_libraries_do_not_load_it():
    code = """
import sys
import numpy as np
from index.vectors.index_file import empty_index, exact_search
vectors = np.eye(64, dtype=np.float32)
empty_index(64, 64).extended(np.arange(64), vectors).search(vectors[3], 5)
exact_search(vectors.astype(np.float16), vectors[3], 5)
assert "faiss" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
