"""The fitted probability is honest on queries it has not seen, and the threshold keeps its promise."""

from pathlib import Path

import numpy as np
import pytest

from clasp.calibration import Calibration, MatchProbability
from clasp.evaluation import calibrate, synthetic_sets, utterances
from clasp.evaluation.calibrate import FALSE_MATCH_RATE, Compared, fit, top_hits
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.reliability import calibration_error, reliability_bins
from clasp.evaluation.utterances import Utterance, label
from clasp.model import Clasp
from clasp.training.data.corpora import clips
from clasp.training.data.synthesis import TRAINING_VOICES

LIKENESS = MatchProbability(-4.0, 3.0, -3.0, 0.0, 7.0, 0.0, threshold=0.5)


def sigma(value: float) -> float:
    return 1 / (1 + np.exp(-value))


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def compared(queries: tuple, pool: tuple, labels: list[str], answers: np.ndarray | None = None) -> Compared:
    answers, names = np.arange(len(queries[0])) if answers is None else answers, np.array(labels)
    return calibrate.compared(queries, pool, names[answers, None] == names)


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
    (meaning, sound, _, _), truth = top_hits(compared(queries, pool, labels), LIKENESS)
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
    assert calibration_error(reliability_bins(model.probability(*inputs).ravel(), truth.ravel())) < 0.05
    assert model.measured["right_top_hits"] == pytest.approx(truth.sum(), abs=80)
    assert model.measured["right_top_hits"] + model.measured["wrong_top_hits"] == 1600

    probability = np.where(fresh.shortlisted, model.probability(*fresh.evidence), 0)
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
    found = compared((queries[0][rows], queries[1][rows]), pool, labels, rows)
    _, truth = top_hits(found, LIKENESS)
    assert truth.tolist() == [[1, 1, 1], [0, 0, 0]]
    astray = compared((queries[0][rows], queries[1][rows]), pool, labels, np.array([7, 8, 3]))
    assert top_hits(astray, LIKENESS)[1].tolist() == [[1, 0, 1], [0, 0, 0]]


def test_a_model_is_calibrated_on_validation_sentences_only(
    miniature: Path, tiny: Clasp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = [voice for voice in TRAINING_VOICES if voice.engine == "espeak"]
    monkeypatch.setattr(calibrate, "TRAINING_VOICES", voices)
    spoken: set[str] = set()
    prepare = utterances.prepare

    def noted(asked: list[Utterance], cache: Path) -> None:
        spoken.update(one.text for one in asked)
        prepare(asked, cache)

    monkeypatch.setattr(utterances, "prepare", noted)
    encodings = Encodings(tiny, tmp_path / "cache")
    calibration = calibrate.calibrate(encodings, None, miniature)
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration

    validation = synthetic_sets.brown(miniature, "validation", 1000, voices)
    recordings = {label(clip.text): clip for clip in clips(miniature) if clip.split == "validation"}.values()
    translated, translations, reworded = calibrate.held_out_pairs(miniature)
    other_words = {text for _, text in reworded}
    assert spoken == {one.text for one in (*validation, *recordings, *translated)} | other_words
    assert 0 < len(translated) < 30
    assert {(translated[index].text, language) for index, language, _ in translations} == {
        (one.text, language)
        for one in translated
        for language in (("de",) if one.text.startswith("in other words") else ("de", "fr"))
    }
    for index, text in reworded:
        assert {text, translated[index].text} == {
            text.removeprefix("in other words "),
            "in other words " + text.removeprefix("in other words "),
        }
    queries = {name: logistic.measured["queries"] for name, logistic in calibration.directions.items()}
    said = len(validation) + len(recordings)
    assert 0 < queries.pop("word") <= len(recordings) and queries.pop("few", 1) > 0
    assert queries == {"text": 2 * said + len(translations), "speech": 2 * said, "translation": len(translations)}
    assert calibration.directions["translation"].sound_slope == 0
