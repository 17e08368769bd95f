"""The benchmark's own arithmetic; its figures belong to a machine and are no test."""

import mmap
import os

import numpy as np
import pytest

from index.benchmarks import benchmark


def test_recall_is_measured_against_exact_search() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(500, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    share, seconds = benchmark.recall(vectors, vectors[:40])
    assert share > 0.99
    assert seconds.shape == (40,)
    assert (seconds > 0).all()
    assert benchmark.recall(vectors[:4], vectors[:4])[0] == 1  # fewer than k there are


def test_a_recall_of_the_wrong_neighbours_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from index.vectors.hnsw import HnswIndex

    search = HnswIndex.search
    monkeypatch.setattr(HnswIndex, "search", lambda self, query, k: search(self, -query, k))
    vectors = np.eye(64, dtype=np.float32)
    vectors = np.concatenate([vectors, -vectors])
    vectors += np.random.default_rng(0).normal(scale=0.05, size=vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert benchmark.recall(vectors, vectors[:20])[0] < 0.2


def test_times_leave_the_warm_up_out() -> None:
    calls: list[int] = []
    seconds = benchmark.timed(calls.append)
    assert seconds.shape == (benchmark.RUNS,)
    assert len(calls) == benchmark.WARM_UP + benchmark.RUNS
    row = benchmark.milliseconds("x", np.array([0.010] * 18 + [0.100] * 2), 25)
    assert row.passed
    assert "p50 10.0 ms, p95 100.0 ms" in row.measured
    assert benchmark.milliseconds("x", np.array([0.030]), 25).passed is False


def test_memory_of_a_process_is_read_where_the_system_tells_it() -> None:
    before = benchmark._resident(os.getpid())
    if before is None:
        pytest.skip("no /proc on this system")
    with mmap.mmap(-1, 50_000_000) as block:  # new pages: what the process has freed may be used again unnoticed
        block.write(b"1" * 50_000_000)
        assert benchmark._resident(os.getpid()) - before == pytest.approx(0.05, abs=0.02)
