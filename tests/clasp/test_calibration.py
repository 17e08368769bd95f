"""Probabilities by their formula, and the file that keeps their parameters."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import DIRECTIONS, WITNESSES, Calibration, MatchProbability
from clasp.errors import ModelError


def sigma(value: float) -> float:
    return 1 / (1 + np.exp(-value))


@pytest.fixture
def calibration() -> Calibration:
    match_probability = MatchProbability(-3.0, 4.0, -2.0, 1.0, 5.0, 1.5, 0.6, measured={"brier": 0.1})
    return Calibration(
        dict.fromkeys(DIRECTIONS, match_probability), 0.05, {"text": replace(match_probability, threshold=0.8)}
    )


def test_either_reason_is_enough(calibration: Calibration) -> None:
    meaning, sound, alignment_score = np.array([[0.1, 1.0, -1.0], [0.2, 0.9, 1.0], [-1.0, 2.0, 3.0]], np.float32)
    by_meaning, by_sound = sigma(-3 + 4 * meaning), sigma(-2 + meaning + 5 * sound + 1.5 * alignment_score)
    found = calibration.of("text").probability(meaning, sound, alignment_score)
    assert found == pytest.approx(1 - (1 - by_meaning) * (1 - by_sound))
    assert sigma(calibration.of("text").log_odds(meaning, sound, alignment_score)) == pytest.approx(found)
    assert calibration.of("speech").threshold == calibration.of("speech", transcribed=False).threshold == 0.6
    assert (calibration.of("text").threshold, calibration.of("text", transcribed=False).threshold) == (0.6, 0.8)
    steep = replace(calibration.directions["text"], meaning_slope=1e6, sound_bias=-1e6)
    assert steep.probability(np.array([-1.0, 1.0]), np.zeros(2), np.zeros(2)).tolist() == [0, 1]
    with pytest.raises(ValueError, match="Unknown direction 'song'"):
        calibration.of("song")


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


def test_the_witness_is_the_one_that_speaks_most_for_a_hit() -> None:
    fit = MatchProbability(-3.0, 6.0, -3.0, 0.0, 6.0, 0.0, threshold=0.5, word_bias=-3.0, word_slope=6.0)
    meaning, sound, coverage = np.eye(3)
    assert [WITNESSES[number] for number in fit.witness(meaning, sound, np.zeros(3), coverage)] == list(WITNESSES)
    assert WITNESSES[fit.witness(np.array(0.1), np.array(0.0), np.array(0.0))] == "meaning"  # no word is covered
