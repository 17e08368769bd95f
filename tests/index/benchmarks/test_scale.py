"""The benchmark of large libraries, with a small one; its figures belong to a machine and are no test."""

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest

from clasp import load
from clasp.errors import ClaspError
from clasp.phones.alignment import unpack
from index.benchmarks import recall as of_recall
from index.benchmarks import scale
from index.benchmarks import sentences as real
from index.benchmarks.recall import cosines, recall
from index.benchmarks.scale import SHARES, add
from index.benchmarks.sentences import Sentences
from index.filters import Filter
from index.library import Library
from tests.index.conftest import Identity, random_units


@pytest.fixture
def known() -> Sentences:
    vectors = random_units(300, 32)
    return Sentences(
        [f"sentence {n}" for n in range(300)], [np.zeros((5, 4, 2), np.uint8)] * 300, vectors, vectors[:40]
    )


def test_utterances_are_like_the_sentences(known: Sentences) -> None:
    vectors = known.drawn(0, 5_000, 16)
    assert np.allclose(vectors[:300], known.drawn(0, 300, 16)) and not np.allclose(vectors[300:600], vectors[:300])
    for half in (vectors[:, :16], vectors[:, 16:]):
        assert np.allclose(np.linalg.norm(half, axis=1), 0.5**0.5)
    alike = np.einsum("nd,nd->n", known.drawn(0, 300, 16), vectors[300:600])
    assert 0.6 < alike.mean() < 0.95  # the more noise, the less: cos(atan(.7)) is .82


def test_a_filter_passes_the_share_that_its_row_says(known: Sentences, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(scale, "PER_RECORDING", 2)
    with Library.create(tmp_path / "library", Identity()) as library:
        add(library, known, 0, 2_000)
        segments = library.search_index.segments
        for name, part in SHARES.items():
            assert Filter(categories=(name,)).allowed(segments).mean() == pytest.approx(part, abs=0.0015)
        assert library.segments([301])[0].text == "sentence 0"


def test_recall_counts_what_is_missing(known: Sentences, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(of_recall, "SHORTLIST", 15)
    with Library.create(tmp_path / "library", Identity()) as library:
        add(library, known, 0, 1_000)
        index = library.search_index
        scores, rows = cosines(index, known.queries), np.arange(1_000)
        found = [index.nearest(query, 15, None) for query in known.queries]
    assert np.allclose(scores[1, 3, 700], 2 * known.queries[3, 16:] @ index.segments.vectors[700, 16:], atol=0.5)
    assert recall(scores, found, rows) == 1
    assert recall(scores, [few[len(few) // 2 :] for few in found], rows) < 0.8
    assert recall(scores, [few[:0] for few in found], rows) == 0
    assert recall(scores, [np.intersect1d(few, rows[::2]) for few in found], rows[::2]) > 0.4


def test_everything_is_measured(known: Sentences, monkeypatch) -> None:
    monkeypatch.setattr(scale, "PER_RECORDING", 5)
    monkeypatch.setattr(scale, "SECONDS", 0.2)
    monkeypatch.setattr("index.benchmarks.benchmark.RUNS", 5)
    tables = scale.measure(Identity(), known, 1_000, "")
    assert len(tables.split("\n\n")) == 3 and "1,000 utterances" in tables
    shares = re.findall(r" ms \([\d.]+\); (1\.00|\.\d{3}) ", tables)
    assert len(shares) == 10 and all(float(one) > 0.95 for one in shares)
    assert re.search(r"10 % added while 4 search \| [\d,]+ utterances a second", tables)
    assert re.search(r"one caller, with full text \| [\d.]+, [\d.]+ ms \| [\d.]+, [\d.]+ ms \|", tables)


def test_a_small_library_is_refused() -> None:
    with pytest.raises(ClaspError, match=r"A library of -5 utterances is not large: give 1,000 or more\."):
        scale.scale(Identity(), -5, "")


def test_sentences_are_encoded_once(tiny_folder: Path, tmp_path: Path, monkeypatch) -> None:
    for number, source in enumerate(real.SOURCES):
        lines = "".join(f"a ship {number} {n}\tein Schiff {number} {n}\n" for n in range(10)).encode()
        with tarfile.open(tmp_path / f"{source}.tar.xz", "w:xz") as archive:
            member = tarfile.TarInfo(f"{source}/de.tsv")
            member.size = len(lines)
            archive.addfile(member, io.BytesIO(lines))
    monkeypatch.setattr(real, "SENTENCES", 8)
    monkeypatch.setattr(real, "QUERIES", 3)
    tiny = load(tiny_folder)
    first = real.sentences(tiny, tmp_path, tmp_path / "cache")
    (tmp_path / f"{real.SOURCES[0]}.tar.xz").unlink()
    again = real.sentences(tiny, tmp_path, tmp_path / "cache")
    assert again.texts == first.texts and [text.split()[0] for text in first.texts] == ["a", "ein"] * 4
    np.testing.assert_array_equal(again.vectors, tiny.encode_text(first.texts, ["en", "de"] * 4))
    translated = [text.replace("a ship", "ein Schiff") if number % 2 == 0 else text.replace("ein Schiff", "a ship")
                  for number, text in enumerate(first.texts[:3])]  # fmt: skip
    np.testing.assert_allclose(again.queries, tiny.encode_text(translated, ["de", "en", "de"]), atol=1e-5)
    assert all(len(one) and unpack(one).max() == 1 for one in again.phones)
