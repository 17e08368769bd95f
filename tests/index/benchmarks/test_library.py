"""The benchmark of large libraries, with small ones; its figures belong to a machine and are no test."""

from pathlib import Path

import numpy as np
import pytest

from index.benchmarks import library
from index.filters import Filter
from index.library import Library


class Identity:
    checksum, dim, meaning_dim = "a" * 64, 32, 16


def test_a_filter_passes_the_share_that_its_row_says(tmp_path: Path) -> None:
    with Library.create(tmp_path / "library", Identity) as library:
        library._add(library, 32, 0, 20_000)
        contents = library._now.snapshot.contents
        for name, share in library.SHARES.items():
            assert Filter(categories=(name,)).allowed(contents).mean() == pytest.approx(share, abs=0.0015)
        assert Filter(until="1989").allowed(contents).mean() == pytest.approx(library.EARLY)
        assert np.allclose(np.linalg.norm(library.vectors()[1], axis=1), 1, atol=1e-3)


def test_recall_counts_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    contents, built, _ = library._indexed(12_000, 32)
    assert library._recall(contents, built)[0] > 0.95
    contents, built = library._changed(contents, built)
    assert len(contents.ids) == 12_000 and len(built) == 13_200
    assert library._recall(contents, built)[0] > 0.95
    search = type(built).search
    monkeypatch.setattr(type(built), "search", lambda self, query, k: search(self, -query, k))
    assert library._recall(contents, built)[0] < 0.1
