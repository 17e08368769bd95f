"""The fitted probability is honest on queries it has not seen, and the threshold keeps its promise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import DIRECTIONS, Calibration, MatchProbability
from clasp.errors import ModelError
from clasp.evaluation import calibrate
from clasp.evaluation.calibrate import FALSE_MATCH_RATE, Compared, calibration_error, fit, top_hits

LIKENESS = MatchProbability(-4.0, 3.0, -3.0, 0.0, 7.0, 0.0, threshold=0.5)


def sigma(value: float) -> float:
    return 1 / (1 + np.exp(-value))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def compared(queries: tuple, pool: tuple, labels: list[str]) -> Compared:
    return calibrate.compared(queries, pool, labels, np.arange(len(queries[0])))


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
    (meaning, sound, _), truth = top_hits(compared(queries, pool, labels), LIKENESS)
    for i in range(40):
        found = [(queries[0][i] @ pool[0][j], queries[1][i] @ pool[1][j]) for j in range(50)]
        scores = [1 - (1 - sigma(3 * cosine - 4)) * (1 - sigma(7 * other - 3)) for cosine, other in found]
        wrong = max((j for j in range(50) if labels[j] != labels[i]), key=lambda j: scores[j])
        first = i if scores[i] > scores[wrong] else wrong
        assert truth[:, i].tolist() == [first == i, 0]
        assert (meaning[0, i], sound[0, i]) == pytest.approx(found[first], abs=1e-5)
        assert (meaning[1, i], sound[1, i]) == pytest.approx(found[wrong], abs=1e-5)
    assert 0 < truth[0].sum() < 40


@pytest.mark.parametrize("noise", [0.6, 1.2])  # a good model, and one that finds few answers
def test_probability_and_cutoff_hold_on_queries_never_seen(noise: float) -> None:
    model = fit(compared(*world(1, noise=noise)))
    fresh = compared(*world(2, noise=noise))
    inputs, truth = top_hits(fresh, model)
    assert calibration_error(model.probability(*inputs).ravel(), truth.ravel()) < 0.05
    assert model.measured["right_top_hits"] == pytest.approx(truth.sum(), abs=80)
    assert model.measured["right_top_hits"] + model.measured["wrong_top_hits"] == 1600

    probability = np.where(fresh.seen, model.probability(fresh.meaning, fresh.sound, fresh.alignment_score), 0)
    accepted = (probability >= model.threshold) & ~np.eye(800, dtype=bool)
    assert accepted.any(axis=1).mean() == pytest.approx(FALSE_MATCH_RATE, abs=0.035)
    right = np.diagonal(probability) >= model.threshold
    assert model.measured["answers_above_threshold"] == pytest.approx(right.mean(), abs=0.05)
    assert (right.mean() > 0.5) == (noise < 1)
    assert model.sound_slope > 0


def test_a_half_that_says_nothing_gets_no_weight_and_sound_can_be_left_out() -> None:
    queries, pool, labels = world(3, noise=0.6)
    silent = np.random.default_rng(4).permutation(pool[0])
    model = fit(compared(queries, (silent, pool[1]), labels))
    assert (
        np.abs(model.meaning_slope * np.array([-0.5, 0.5])).max() < model.sound_slope / 5
        or sigma(model.meaning_bias) < 0.01
    )
    without = fit(compared(queries, pool, labels), use_sound=False)
    assert without.sound_slope == without.alignment_slope == 0 and sigma(without.sound_bias) < 1e-9


def test_another_wording_is_found_however_its_sound_misleads() -> None:
    """Half of the queries say the same words, half mean the same in other words: neither reason hinders the other."""
    queries, pool, labels = world(6, noise=0.5)
    random = np.random.default_rng(7)
    half = len(labels) // 2
    other_words = unit(random.normal(size=queries[1][:half].shape))
    other_meaning = unit(random.normal(size=queries[0][half:].shape))
    meaning = np.concatenate([queries[0][:half], other_meaning])
    sound = np.concatenate([other_words, queries[1][half:]])
    found = compared((meaning, sound), pool, labels)
    _, truth = top_hits(found, fit(found))
    assert truth[0].mean() > 0.8
    equal = found.meaning + found.sound
    assert truth[0].mean() > (equal.argmax(1) == np.arange(len(equal))).mean() + 0.1


def test_several_queries_may_have_one_answer() -> None:
    queries, pool, labels = world(5, count=60, noise=0.3)
    rows = np.array([7, 7, 3])
    found = calibrate.compared((queries[0][rows], queries[1][rows]), pool, labels, rows)
    _, truth = top_hits(found, LIKENESS)
    assert truth.tolist() == [[1, 1, 1], [0, 0, 0]]
    astray = calibrate.compared((queries[0][rows], queries[1][rows]), pool, labels, np.array([7, 8, 3]))
    assert top_hits(astray, LIKENESS)[1].tolist() == [[1, 0, 1], [0, 0, 0]]


def test_calibration_error_of_known_cases() -> None:
    assert calibration_error(np.array([0.25] * 4), np.array([1.0, 0, 0, 0])) == pytest.approx(0)
    assert calibration_error(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0])) == pytest.approx(1 / 3)


@pytest.fixture
def calibration() -> Calibration:
    match_probability = MatchProbability(-3.0, 4.0, -2.0, 1.0, 5.0, 1.5, 0.6, measured={"brier": 0.1})
    return Calibration(dict.fromkeys(DIRECTIONS, match_probability), 0.05)


def test_either_reason_is_enough(calibration: Calibration) -> None:
    meaning, sound, alignment_score = np.array([[0.1, 1.0, -1.0], [0.2, 0.9, 1.0], [-1.0, 2.0, 3.0]], np.float32)
    by_meaning, by_sound = sigma(-3 + 4 * meaning), sigma(-2 + meaning + 5 * sound + 1.5 * alignment_score)
    found = calibration.probability("text", meaning, sound, alignment_score)
    assert found == pytest.approx(1 - (1 - by_meaning) * (1 - by_sound))
    assert sigma(calibration.log_odds("text", meaning, sound, alignment_score)) == pytest.approx(found)
    assert calibration.threshold("speech") == 0.6
    steep = replace(calibration.directions["text"], meaning_slope=1e6, sound_bias=-1e6)
    assert steep.probability(np.array([-1.0, 1.0]), np.zeros(2), np.zeros(2)).tolist() == [0, 1]
    with pytest.raises(ValueError, match="Unknown direction 'song'"):
        calibration.threshold("song")


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
