from math import exp, log

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as by_scikit_learn

from index.map import quality
from index.map.quality import alignment, shared, trustworthiness, uniformity
from index.map.umap import interpolate, nearest


def test_nearest_by_brute_force(units, monkeypatch):
    monkeypatch.setattr("index.map.umap.BLOCK", 7)
    queries, vectors, told = units(30, 16, seed=1), units(50, 16, seed=2), []
    rows, scores = nearest(queries, vectors, 6, lambda share, doing: told.append(share))
    products = queries @ vectors.T
    assert np.array_equal(rows, np.argsort(-products, axis=1)[:, :6])
    assert scores == pytest.approx(-np.sort(-products, axis=1)[:, :6])
    assert told == sorted(told) and told[-1] == 1 and len(told) == 5
    assert nearest(queries, vectors[:4], 6)[0].shape == (30, 4)


def test_placed_between_neighbours(units):
    vectors, positions = units(40, 16), np.random.default_rng(0).uniform(-1, 1, (40, 5))
    known = interpolate(vectors[:3], vectors, positions)
    assert known == pytest.approx(positions[:3], abs=0.02)  # what is there already
    assert interpolate(units(2, 16, seed=3), vectors[:1], positions[:1]) == pytest.approx(positions[[0, 0]])


@pytest.mark.parametrize("size", [2, 3])
def test_trustworthiness_is_that_of_scikit_learn(units, size):
    vectors = units(120, 16)
    positions = vectors[:, :size] + 0.1 * units(120, size, seed=1)
    assert trustworthiness(vectors, positions) == by_scikit_learn(vectors, positions, n_neighbors=10)
    by_cosine = by_scikit_learn(vectors, positions, n_neighbors=10, metric="cosine")
    assert trustworthiness(vectors, positions) == pytest.approx(by_cosine, abs=1e-4)
    assert trustworthiness(vectors[:20], positions[:20]) is None


@pytest.mark.parametrize("sample", [2_000, 25])
def test_shared_values_by_brute_force(units, monkeypatch, sample):
    monkeypatch.setattr(quality, "SAMPLE", sample)
    codes = np.random.default_rng(0).integers(0, 3, 90)
    vectors = units(90, 16) + 2 * np.eye(16, dtype=np.float32)[codes]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for points in (vectors, np.ascontiguousarray(vectors[:, :2])):
        same = []
        for row in quality.sample(90).tolist():
            order = np.argsort(np.linalg.norm(points - points[row], axis=1))
            same += (codes[order[order != row][:10]] == codes[row]).tolist()
        share, chance = shared(points, [f"c{code}" for code in codes])
        assert share == pytest.approx(np.mean(same))
        others = [np.delete(codes, row) == codes[row] for row in range(90)]
        assert chance == pytest.approx(np.mean(others)) and chance < 0.5 < share
    assert shared(vectors[:11], ["a", "b"] * 5 + ["a"]) == shared(vectors, ["a"] * 90) == (None, None)


def test_shared_values_of_points_in_one_place():
    share, chance = shared(np.zeros((30, 2), np.float32), ["a", "b"] * 15)
    assert 0 <= share <= 1 and chance == pytest.approx(14 / 29)


def test_alignment_and_uniformity_by_definition(units):
    one, other = units(40, 16), units(40, 16, seed=1)
    distances = [sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for x, y in zip(one, other, strict=True)]
    assert alignment(one, other) == pytest.approx(sum(distances) / 40, rel=1e-5)
    assert alignment(one, one) == 0 and alignment(one[:0], other[:0]) is None
    pairs = [(x, y) for n, x in enumerate(one) for y in one[:n]]
    potential = sum(exp(-2 * sum((a - b) ** 2 for a, b in zip(x, y, strict=True))) for x, y in pairs) / len(pairs)
    assert uniformity(one) == pytest.approx(log(potential), rel=1e-5)
    assert uniformity(np.repeat(one[:1], 9, axis=0)) == pytest.approx(0, abs=1e-5) and uniformity(one[:1]) is None


def test_what_is_said_of_a_map(units):
    speech, text = units(60, 16), units(40, 16, seed=1)
    written = np.arange(0, 60)[20:]
    positions = np.concatenate([speech, text])[:, :3]
    categories = ["news", "", "fiction"] * 20
    languages = ["en", "en", "en", "de", "de", ""] * 10
    measures = quality.measure_map(speech, text, written, categories, languages, positions[:, :2], positions)
    found = {one.name: one for one in measures}
    same = [f"same_{fact}_{where}" for fact in ("category", "language") for where in ("meaning", "map")]
    assert list(found) == [*same, "trustworthiness_flat", "trustworthiness_solid", "alignment", "uniformity"]
    assert found["same_category_map"].value == shared(speech[:, :2], categories)[0]
    assert found["same_language_meaning"].value == shared(speech, languages)[0]
    assert found["alignment"].value == alignment(speech[20:], text)
    assert found["trustworthiness_solid"].value > found["trustworthiness_flat"].value > 0.5
    assert all(one.meaning.endswith(".") for one in found.values())


def test_little_is_said_of_little(units):
    one = units(1, 16)
    assert quality.measure_map(one, one[:0], np.empty(0, int), [""], [""], one[:, :2], one[:, :3]) == []
    three, flat = units(3, 16), np.zeros((6, 2))
    few = quality.measure_map(three, three, np.arange(3), [""] * 3, [""] * 3, flat, np.zeros((6, 3)))
    assert [one.name for one in few] == ["alignment", "uniformity"]
