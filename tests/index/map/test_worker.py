"""Fitting a map by a process of its own, with the model that ships."""

import time
from pathlib import Path

import numpy as np
import pytest

import clasp
from index.library import Library, Recording, Segment
from index.map.layout import MAP_FILE
from index.map.library_map import LibraryMap
from index.map.worker import FitProcess


@pytest.fixture
def library(bundled: clasp.Clasp, tmp_path: Path) -> Library:
    """Forty utterances, some of them written down."""
    library = Library.create(tmp_path / "library", bundled)
    vectors = np.random.default_rng(0).standard_normal((40, bundled.dim), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    segments = [Segment(0, "talk", 2.0 * n, 2.0 * n + 1, f"Ship number {n}." * (n < 8), "en") for n in range(40)]
    library.add([Recording("talk", tmp_path / "talk.ogg", "Talk", 99.0)], segments, vectors)
    return library


@pytest.mark.slow  # UMAP starts anew in that process
def test_fitted_by_another_process(library: Library):
    process, shares = FitProcess(library.folder), set()
    while not process.wait(0.05):
        shares.add(process.share)
    assert not process.running and process.error == "" and process.share == 1
    assert len(shares) > 2
    shown = LibraryMap.load(library)  # the library was open all the time
    assert shown.stale == 0 and np.isfinite(shown.points().flat[:8]).all()


def test_cancelled(library: Library):
    process = FitProcess(library.folder)
    time.sleep(0.5)
    assert process.running
    process.cancel()
    assert not process.running and process.error == "It was cancelled."
    assert not (library.folder / MAP_FILE).exists()


def test_what_goes_wrong_is_said(tmp_path: Path):
    process = FitProcess(tmp_path)
    assert process.wait(120)
    assert process.error.startswith("There is no library in")
