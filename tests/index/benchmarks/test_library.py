"""The benchmark of large libraries, with small ones; its figures belong to a machine and are no test."""

from pathlib import Path

import numpy as np
import pytest

from index.benchmarks import library as benchmark
from index.filters import Filter
from index.library import Library


class Identity:
    checksum, dim, meaning_dim = "a" * 64, 32, 16


def draw(seed: int, count: int) -> np.ndarray:
    return benchmark.unit_halves(np.random.default_rng(seed).standard_normal((count, 32)), 16)


def test_a_filter_passes_the_share_that_its_row_says(tmp_path: Path) -> None:
    with Library.create(tmp_path / "library", Identity) as library:
        benchmark._add(library, draw, 0, 20_000)
        segments = library._indexed.index.segments
        for name, share in benchmark.SHARES.items():
            assert Filter(categories=(name,)).allowed(segments).mean() == pytest.approx(share, abs=0.0015)
        assert Filter(until="1989").allowed(segments).mean() == pytest.approx(benchmark.EARLY)
        assert np.allclose(np.linalg.norm(library.vectors()[1], axis=1), 1, atol=1e-3)


def test_recall_counts_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    built, queries = benchmark.indexed(draw(0, 1_000), 16), draw(2, 30).astype(np.float32)
    share, seconds = benchmark.recall(built, queries)
    assert share > 0.95 and seconds.shape == (30,) and (seconds > 0).all()
    assert benchmark.recall(benchmark.indexed(draw(0, 4), 16), queries)[0] == 1  # fewer than k there are
    changed = benchmark._changed(built, draw)
    assert len(changed.segments) == 1_000 and len(changed.vector_index) == 1_100
    assert benchmark.recall(changed, queries)[0] > 0.95
    kind = type(changed.vector_index)
    search = kind.search
    monkeypatch.setattr(kind, "search", lambda self, half, query, k, names: search(self, half, -query, k))
    assert benchmark.recall(changed, queries)[0] < 0.2
