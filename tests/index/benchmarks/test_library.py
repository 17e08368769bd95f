"""The benchmark of large libraries, with small ones; its figures belong to a machine and are no test."""

from pathlib import Path

import numpy as np
import pytest

from index.benchmarks import library as benchmark
from index.filters import Filter
from index.library import Library


class Identity:
    checksum, dim, meaning_dim = "a" * 64, 32, 16


def test_a_filter_passes_the_share_that_its_row_says(tmp_path: Path) -> None:
    with Library.create(tmp_path / "library", Identity) as library:
        benchmark._add(library, 32, 0, 20_000)
        segments = library._indexed.index.segments
        for name, share in benchmark.SHARES.items():
            assert Filter(categories=(name,)).allowed(segments).mean() == pytest.approx(share, abs=0.0015)
        assert Filter(until="1989").allowed(segments).mean() == pytest.approx(benchmark.EARLY)
        assert np.allclose(np.linalg.norm(library.vectors()[1], axis=1), 1, atol=1e-3)


def test_recall_counts_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    built, _ = benchmark._indexed(12_000, 32)
    assert benchmark._recall(built)[0] > 0.95
    changed = benchmark._changed(built)
    assert len(changed.segments) == 12_000 and len(changed.vector_index) == 13_200
    assert benchmark._recall(changed)[0] > 0.95
    kind = type(changed.vector_index)
    search = kind.search
    monkeypatch.setattr(kind, "search", lambda self, query, k: search(self, -query, k))
    assert benchmark._recall(changed)[0] < 0.1
