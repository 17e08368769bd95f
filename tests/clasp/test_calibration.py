"""The fitted probability is honest on queries it has not seen, and the cut-off keeps its promise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import DIRECTIONS, Calibration, Logistic
from clasp.errors import ModelError
from clasp.evaluation.calibrate import FALSE_MATCH_RATE, Pairs, calibration_error, fit, join, pairs


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


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


def test_pairs_are_the_nearest_wrong_neighbours_of_the_full_matrix() -> None:
    queries, pool, labels = world(0, count=50)
    queries = queries[0][:40], queries[1][:40]  # the last ten candidates answer nothing
    labels[7] = labels[31]  # equal texts are never wrong neighbours of one another
    found = pairs(queries, pool, labels, weight=0.3)
    for i in range(40):
        scores = {j: 0.3 * queries[0][i] @ pool[0][j] + 0.7 * queries[1][i] @ pool[1][j]
                  for j in range(50) if labels[j] != labels[i]}  # fmt: skip
        best = sorted(scores, key=lambda j: -scores[j])[:10]
        assert found.wrong_meaning[i] == pytest.approx([queries[0][i] @ pool[0][j] for j in best], abs=1e-5)
        assert found.wrong_sound[i] == pytest.approx([queries[1][i] @ pool[1][j] for j in best], abs=1e-5)
        assert found.first[i] == (
            0.3 * found.right_meaning[i] + 0.7 * found.right_sound[i] > max(scores.values())
        )
        assert found.right_meaning[i] == pytest.approx(queries[0][i] @ pool[0][i], abs=1e-5)
        assert found.right_sound[i] == pytest.approx(queries[1][i] @ pool[1][i], abs=1e-5)


@pytest.mark.parametrize("noise", [0.6, 1.2])  # a good model, and one that finds few answers
def test_probability_and_cutoff_hold_on_queries_never_seen(noise: float) -> None:
    model = fit(pairs(*world(1, noise=noise), weight=0.5))
    fresh = pairs(*world(2, noise=noise), weight=0.5)
    right = model.probability(fresh.right_meaning, fresh.right_sound)
    wrong = model.probability(fresh.wrong_meaning, fresh.wrong_sound)

    top_hits = np.concatenate([np.where(fresh.first, right, wrong[:, 0]), wrong[:, 0]])
    assert calibration_error(top_hits, np.concatenate([fresh.first, np.zeros(800)])) < 0.05
    assert np.mean(wrong.max(axis=1) >= model.cutoff) == pytest.approx(FALSE_MATCH_RATE, abs=0.025)
    assert model.sound > model.meaning > 0  # the half with less noise counts for more
    assert model.measured["queries"] == 800
    assert model.measured["right_top_hits"] + model.measured["wrong_top_hits"] == 1600
    assert model.measured["right_top_hits"] == pytest.approx(fresh.first.sum(), abs=80)
    assert model.measured["answers_above_cutoff"] == pytest.approx(np.mean(right >= model.cutoff), abs=0.05)
    assert (model.measured["answers_above_cutoff"] > 0.5) == (noise < 1)


def test_a_half_that_says_nothing_gets_no_weight_and_sound_can_be_left_out() -> None:
    queries, pool, labels = world(3, noise=0.6)
    silent = np.random.default_rng(4).permutation(pool[0])
    model = fit(pairs(queries, (silent, pool[1]), labels, weight=0.5))
    assert 0 <= model.meaning < model.sound / 10
    assert fit(pairs(queries, pool, labels, weight=1.0), use_sound=False).sound == 0


def test_calibration_error_of_known_cases() -> None:
    assert calibration_error(np.array([0.25] * 4), np.array([1.0, 0, 0, 0])) == pytest.approx(0)
    assert calibration_error(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0])) == pytest.approx(1 / 3)


def test_join_keeps_every_query_in_order() -> None:
    one, two = pairs(*world(5, count=20), weight=0.5), pairs(*world(6, count=30), weight=0.5)
    both = join([one, two])
    assert isinstance(both, Pairs)
    assert both.wrong_sound.shape == (50, 10)
    assert both.right_meaning[20:] == pytest.approx(two.right_meaning)


@pytest.fixture
def calibration() -> Calibration:
    return Calibration({name: Logistic(-3.0, 4.0, 5.0, 0.6, {"brier": 0.1}) for name in DIRECTIONS}, 0.05)


def test_probability_is_the_logistic_function(calibration: Calibration) -> None:
    found = calibration.probability(
        "text", np.array([0.1, 1.0], np.float32), np.array([0.2, 0.9], np.float32)
    )
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
