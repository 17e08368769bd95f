"""Reliability by brute force."""

import numpy as np
import pytest

from clasp.evaluation.reliability import calibration_error, reliability_bins, top_hits


def test_top_hits_are_counted_with_and_without_the_answer() -> None:
    random = np.random.default_rng(0)
    odds = random.normal(size=(40, 7))
    correct = np.zeros((40, 7), bool)
    correct[np.arange(40), random.integers(7, size=40)] = True
    correct[:5, 2] = True  # some have several
    odds[3] = 0.0  # a tie goes to the wrong one
    found = top_hits(odds, correct)
    assert found.shape == (2, 80)
    for row in range(40):
        probability = 1 / (1 + np.exp(-odds[row]))
        best, wrong = probability[correct[row]].max(), probability[~correct[row]].max()
        assert found[:, row] == pytest.approx([max(best, wrong), float(best > wrong)])
        assert found[:, 40 + row] == pytest.approx([wrong, 0])


def test_bins_are_tenths_that_hold_any() -> None:
    predicted = np.array([0.0, 0.04, 0.55, 0.59, 1.0])
    truth = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
    assert reliability_bins(predicted, truth) == [
        pytest.approx([0.02, 0.5, 2]), pytest.approx([0.57, 0.5, 2]), pytest.approx([1.0, 1.0, 1]),
    ]  # fmt: skip


def test_the_calibration_error_is_the_mean_gap_of_all_hits() -> None:
    assert calibration_error([[0.2, 0.5, 1], [0.9, 0.8, 3]]) == pytest.approx((0.3 + 3 * 0.1) / 4)
    assert calibration_error([]) == 0
    sure = reliability_bins(np.array([1.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    assert calibration_error(sure) == pytest.approx(1 / 3)
    assert calibration_error(reliability_bins(np.array([0.25] * 4), np.array([1.0, 0, 0, 0]))) == pytest.approx(0)
