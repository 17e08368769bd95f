"""The fitted probability is honest on queries it has not seen, and the cut-off keeps its promise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import DIRECTIONS, Calibration, Logistic
from clasp.errors import ModelError
from clasp.evaluation import calibrate
from clasp.evaluation.calibrate import FALSE_MATCH_RATE, Cosines, calibration_error, fit, top_hits


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def cosines(queries: tuple, pool: tuple, labels: list[str]) -> Cosines:
    return calibrate.cosines(queries, pool, labels, np.arange(len(queries[0])))


def world(seed: int, count: int = 800, noise: float = 1.0) -> tuple[tuple, tuple, list[str]]:
    """Queries and answers as noisy copies of the same sentences, meaning noisier than sound."""
    random = np.random.default_rng(seed)
    halves = [unit(random.normal(size=(count, 24))) for _ in range(2)]
    noisy = [
        tuple(unit(half + level * noise / np.sqrt(24) * random.normal(size=half.shape)) for half, level in
              zip(halves, (1.5, 1.0), strict=True))
        for _ in range(2)
    ]  # fmt: skip
    return noisy[0], noisy[1], [f"sentence {i}" for i in range(count)]


def test_top_hits_are_those_of_the_naive_search() -> None:
    queries, pool, labels = world(0, count=50)
    queries = queries[0][:40], queries[1][:40]  # the last ten candidates answer nothing
    labels[7] = labels[31]  # equal texts are never wrong
    meaning, sound, truth = top_hits(cosines(queries, pool, labels), Logistic(-1.0, 3.0, 7.0, 0.5))
    for i in range(40):
        found = [(queries[0][i] @ pool[0][j], queries[1][i] @ pool[1][j]) for j in range(50)]
        scores = [3 * cosine + 7 * other for cosine, other in found]
        wrong = max((j for j in range(50) if labels[j] != labels[i]), key=lambda j: scores[j])
        first = i if scores[i] > scores[wrong] else wrong
        assert truth[:, i].tolist() == [first == i, 0]
        assert (meaning[0, i], sound[0, i]) == pytest.approx(found[first], abs=1e-5)
        assert (meaning[1, i], sound[1, i]) == pytest.approx(found[wrong], abs=1e-5)
    assert 0 < truth[0].sum() < 40


@pytest.mark.parametrize("noise", [0.6, 1.2])  # a good model, and one that finds few answers
def test_probability_and_cutoff_hold_on_queries_never_seen(noise: float) -> None:
    model = fit(cosines(*world(1, noise=noise)))
    fresh = cosines(*world(2, noise=noise))
    meaning, sound, truth = top_hits(fresh, model)
    assert calibration_error(model.probability(meaning, sound).ravel(), truth.ravel()) < 0.05
    assert model.measured["right_top_hits"] == pytest.approx(truth.sum(), abs=80)
    assert model.measured["right_top_hits"] + model.measured["wrong_top_hits"] == 1600

    probability = model.probability(fresh.meaning, fresh.sound)
    accepted = (probability >= model.cutoff) & ~np.eye(800, dtype=bool)
    assert accepted.any(axis=1).mean() == pytest.approx(FALSE_MATCH_RATE, abs=0.035)
    right = np.diagonal(probability) >= model.cutoff
    assert model.measured["answers_above_cutoff"] == pytest.approx(right.mean(), abs=0.05)
    assert (right.mean() > 0.5) == (noise < 1)
    assert model.sound > model.meaning > 0  # the half with less noise counts for more


def test_a_half_that_says_nothing_gets_no_weight_and_sound_can_be_left_out() -> None:
    queries, pool, labels = world(3, noise=0.6)
    silent = np.random.default_rng(4).permutation(pool[0])
    model = fit(cosines(queries, (silent, pool[1]), labels))
    assert 0 <= model.meaning < model.sound / 5
    assert fit(cosines(queries, pool, labels), use_sound=False).sound == 0


def test_several_queries_may_have_one_answer() -> None:
    queries, pool, labels = world(5, count=60, noise=0.3)
    rows = np.array([7, 7, 3])
    found = calibrate.cosines((queries[0][rows], queries[1][rows]), pool, labels, rows)
    _, _, truth = top_hits(found, Logistic(0.0, 1.0, 1.0, 0.5))
    assert truth.tolist() == [[1, 1, 1], [0, 0, 0]]
    astray = calibrate.cosines((queries[0][rows], queries[1][rows]), pool, labels, np.array([7, 8, 3]))
    assert top_hits(astray, Logistic(0.0, 1.0, 1.0, 0.5))[2].tolist() == [[1, 0, 1], [0, 0, 0]]


def test_calibration_error_of_known_cases() -> None:
    assert calibration_error(np.array([0.25] * 4), np.array([1.0, 0, 0, 0])) == pytest.approx(0)
    assert calibration_error(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0])) == pytest.approx(1 / 3)


@pytest.fixture
def calibration() -> Calibration:
    return Calibration({name: Logistic(-3.0, 4.0, 5.0, 0.6, {"brier": 0.1}) for name in DIRECTIONS}, 0.05)


def test_probability_is_the_logistic_function(calibration: Calibration) -> None:
    found = calibration.probability("text", np.array([0.1, 1.0], np.float32), np.array([0.2, 0.9], np.float32))
    assert found == pytest.approx([1 / (1 + np.exp(1.6)), 1 / (1 + np.exp(-5.5))])
    assert calibration.cutoff("speech") == 0.6
    steep = replace(calibration.directions["text"], meaning=1e6)
    assert steep.probability(np.array([-1.0, 1.0]), np.zeros(2)).tolist() == [0, 1]
    with pytest.raises(ValueError, match="Unknown direction 'song'"):
        calibration.cutoff("song")


def test_saved_and_loaded_alike(calibration: Calibration, tmp_path: Path) -> None:
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"directions": {}, "false_match_rate": 0.05}'])
def test_a_damaged_file_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=r"calibration\.json is not a calibration of CLASP"):
        Calibration.load(path)
    with pytest.raises(ModelError, match="no calibration"):
        Calibration.load(tmp_path / "missing.json")


def test_a_file_with_an_unknown_field_is_refused(calibration: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    calibration.save(path)
    stored = json.loads(path.read_text())
    stored["directions"]["text"]["slope"] = 1.0
    path.write_text(json.dumps(stored))
    with pytest.raises(ModelError, match="slope"):
        Calibration.load(path)
