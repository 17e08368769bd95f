"""The paper's recipe on a few sentences: what is trained, what is measured, and what is kept."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from clasp.evaluation import metrics, paper
from clasp.evaluation.paper import SIZE, WAYS, Examples, TwoViews, embed, report
from clasp.evaluation.utterances import Utterance
from clasp.model import Clasp
from clasp.training.data.synthesis import TRAINING_VOICES, Voice
from clasp.training.feature_cache import CachedFeatures

FEATURES, DIM = 12, 24


def examples(count: int) -> Examples:
    """Random views, and random texts in three categories."""
    random = np.random.default_rng(0)
    views = random.random((count, FEATURES + SIZE[0] * SIZE[1]), np.float32)
    texts = random.standard_normal((count, DIM), np.float32)
    spoken = [Utterance(str(number), "en", Voice("espeak", "en", "en"), "abc"[number % 3]) for number in range(count)]
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    return Examples(spoken, CachedFeatures(views, "0"), torch.from_numpy(texts))


def test_a_view_that_is_left_blank_does_not_count() -> None:
    every = examples(4)
    speech, pixels = every.parts(np.arange(4))
    assert (speech.shape, pixels.shape) == ((4, FEATURES), (4, *SIZE))
    for name, (kind, hears, sees) in WAYS.items():
        network = TwoViews(kind, every, hears, sees).eval()
        with torch.no_grad():
            vectors = network(speech, pixels)
            assert torch.allclose(network(speech.flip(0), pixels), vectors, atol=1e-6) == (not hears), name
            assert torch.allclose(network(speech, pixels.flip(0)), vectors, atol=1e-6) == (not sees), name
        assert vectors.shape == (4, DIM) and torch.allclose(vectors.norm(dim=1), torch.ones(4))


def test_the_figures_are_those_of_the_papers_protocol_whole_and_by_category(monkeypatch: pytest.MonkeyPatch) -> None:
    every = examples(30)
    monkeypatch.setattr(paper, "AT_ONCE", 7)
    network = TwoViews("gating", every, True, True)
    speech, texts = embed(network, every), every.vectors.numpy()
    figures = report(speech, texts, every)
    assert metrics.published(speech, texts, np.arange(30)).items() <= figures.items()
    place = [1 + (row > row[number] + metrics.TIE).sum() for number, row in enumerate(speech @ texts.T)]
    for number, name in enumerate("abc"):
        found = figures["categories"][name]
        assert (found["queries"], found["mean_rank"]) == (10, pytest.approx(np.mean(place[number::3])))


def test_every_way_is_trained_and_measured_beside_the_model(
    miniature: Path, tiny: Clasp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paper, "TRAINING_VOICES", TRAINING_VOICES[:2])
    monkeypatch.setattr(paper, "EPOCHS", 2)
    monkeypatch.setattr(paper, "BATCH", 8)
    figures = paper.measure(tiny, miniature, 20, cache=tmp_path)
    assert figures["sentences"] == {"train": 20, "validation": 2, "test": 11}
    assert [way["system"] for way in figures["ways"]] == [*WAYS, "CLASP, direct"]
    assert all(way["categories"]["news"]["queries"] == 11 for way in figures["ways"])
    assert capsys.readouterr().out.count("MRR of the validation split") == 2 * len(WAYS)
    console = Console(width=120, file=io.StringIO())
    for table in paper.tables(figures):
        console.print(table.rich())
    printed = console.file.getvalue()
    assert "the paper, all of its 11,411" in printed and "concatenation" in printed and "…" not in printed

    kept = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert kept
    again = paper.measure(tiny, miniature, 20, cache=tmp_path)
    assert again == figures  # to the last bit, and nothing is heard twice
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == kept
