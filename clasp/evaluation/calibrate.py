"""Fit the calibration of a model on validation sentences: `python -m clasp calibrate --model FOLDER`.

A probability answers the question a person has: does this top hit say the same? Every query is asked twice of
a pool of about 1,000: once with its answer there (the top hit is right or wrong), once without (it is wrong).
Half of the typed and spoken queries say the sentence in other words (English sentences that share a translation).
Hits are ranked as a search ranks them, by the probability itself, so ranking and fit take turns.
The cut-off is the probability that some wrong candidate of the pool reaches for 10 % of the queries.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from ..calibration import Calibration, Logistic
from ..training.corpora import data_folder
from ..training.synthesis import TRAINING_VOICES, espeak_voice
from . import testsets
from .evaluate import embed_speech
from .testsets import Utterance, label

if TYPE_CHECKING:
    from ..model import Clasp

BROWN = 760  # validation sentences said by training voices; with the real recordings about 1,200
REAL = ("en-commonvoice13", "en-speechocean", "en-ljspeech", "fr-commonvoice17", "de-kerstin", "nl-nathalie")
TRANSLATED = 400  # English sentences kept out of training with their translations, said by training voices
FALSE_MATCH_RATE = 0.10
ROUNDS = 3  # of ranking and fitting
FOLDS = 5
RIDGE = 1e-4  # keeps the slopes finite where right and wrong do not overlap

Halves = tuple[np.ndarray, np.ndarray]  # meaning and sound, unit rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp calibrate`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")
    parser.add_argument("--data", help="the folder of training data (default: $CLASP_DATA or ./data)")


def run(args: argparse.Namespace) -> int:
    """Fit, write calibration.json into the model folder, print what was fitted."""
    from ..model import BUNDLED, load

    calibration = calibrate(load(args.model), data_folder(args.data))
    folder = BUNDLED if args.model == "bundled" else Path(args.model)
    calibration.save(folder / "calibration.json")
    Console(width=120).print(table(calibration))
    return 0


def calibrate(model: "Clasp", data: Path, cache: Path = testsets.CACHE) -> Calibration:
    """Fit all directions on validation sentences; no sentence of an evaluation is among them."""
    brown = testsets.brown(data, "validation", BROWN, TRAINING_VOICES).utterances
    real = testsets.real(data, "validation", dict.fromkeys(REAL, 1000)).utterances
    said = brown + real
    again = [Utterance(one.text, one.language, espeak_voice(one.language, one.text)) for one in said]
    translated, translations, reworded = held_out_pairs(data)
    reworded_said = [Utterance(text, "en", espeak_voice("en", text)) for _, text in reworded]
    testsets.prepare([*said, *again, *translated, *reworded_said], cache)

    # candidates: what is said, then English sentences that have translations and other wordings
    speech = np.concatenate([embed_speech(model, said, cache), embed_speech(model, translated, cache)])
    labels = [label(one.text) for one in [*said, *translated]]
    pool = model.halves(speech)

    # half of the queries are the sentence itself, half say it in other words
    share = np.resize(np.arange(len(reworded)), len(said))
    answers = np.concatenate([np.arange(len(said)), len(said) + np.array([place for place, _ in reworded])[share]])
    texts = model.encode_text([one.text for one in said], [one.language for one in said])
    other_texts = model.encode_text([text for _, text in reworded], ["en"] * len(reworded))[share]
    by_text = cosines(model.halves(np.concatenate([texts, other_texts])), pool, labels, answers)
    voices = np.concatenate([embed_speech(model, again, cache), embed_speech(model, reworded_said, cache)[share]])
    by_speech = cosines(model.halves(voices), pool, labels, answers)

    queries = model.encode_text([text for _, _, text in translations], [language for _, language, _ in translations])
    answers = len(said) + np.array([answer for answer, _, _ in translations])
    by_translation = cosines(model.halves(queries), pool, labels, answers)

    directions = {
        "text": fit(by_text),
        "speech": fit(by_speech),
        "translation": fit(by_translation, use_sound=False),
    }
    return Calibration(directions, FALSE_MATCH_RATE)


Pairs = tuple[tuple[Utterance, ...], list[tuple[int, str, str]], list[tuple[int, str]]]


def held_out_pairs(data: Path) -> Pairs:
    """English utterances of the text encoder's development pairs; (index, language, text) of their translations;
    and (index, text) of their paraphrases: other English sentences with one of the same translations."""
    from ..training.distil import texts_of

    train, development, _ = texts_of(data)
    eligible = [pair for pair in development if len(pair.english.split()) in testsets.WORDS]
    utterances = testsets.spoken([pair.english for pair in eligible], TRANSLATED, TRAINING_VOICES)
    place = {one.text: index for index, one in enumerate(utterances)}
    said = [pair for pair in eligible if pair.english in place]
    translations = [(place[pair.english], pair.language, pair.other) for pair in said]
    by_translation: dict[tuple[str, str], set[str]] = {}
    for pair in [*train, *development]:
        by_translation.setdefault((pair.language, pair.other), set()).add(pair.english)
    reworded = {
        (place[pair.english], other)
        for pair in said
        for other in by_translation[pair.language, pair.other]
        if label(other) != label(pair.english)
    }
    return utterances, translations, sorted(reworded)


def table(calibration: Calibration) -> Table:
    """The fit for reading."""
    shown = Table(title=f"Calibration; cut-off at a false-match rate of {calibration.false_match_rate:.0%}")
    measures = ("queries", "right_top_hits", "brier", "ece", "answers_above_cutoff")
    for heading in ("direction", "bias", "meaning", "sound", "cut-off", *measures):
        shown.add_column(heading.replace("_", " "), justify="left" if heading == "direction" else "right")
    for direction, logistic in calibration.directions.items():
        figures = (logistic.bias, logistic.meaning, logistic.sound, logistic.cutoff)
        rest = (f"{logistic.measured[name]:.4g}" for name in measures)
        shown.add_row(direction, *(f"{figure:.3f}" for figure in figures), *rest)
    return shown


@dataclass(frozen=True)
class Cosines:
    """Cosines of n queries with m candidates."""

    meaning: np.ndarray  # (n, m)
    sound: np.ndarray  # (n, m)
    answer: np.ndarray  # (n,): the candidate that says the same
    equal: np.ndarray  # bool (n, m): candidates with the answer's text, neither wrong nor asked for


def cosines(queries: Halves, pool: Halves, labels: Sequence[str], answer: np.ndarray) -> Cosines:
    """Cosines of n queries with a pool of m candidates.

    Args:
        queries: meaning (n, meaning_dim) and sound (n, sound_dim) halves, unit rows.
        pool: the same for the m candidates.
        labels: m normalised texts of the candidates.
        answer: (n,) the candidate that answers each query.
    """
    names = np.array(labels)
    return Cosines(queries[0] @ pool[0].T, queries[1] @ pool[1].T, answer, names[answer, None] == names)


def fit(found: Cosines, *, use_sound: bool = True) -> Logistic:
    """The logistic function of one direction, its cut-off, and its errors on queries left out of the fit."""
    model = Logistic(bias=0.0, meaning=1.0, sound=float(use_sound), cutoff=0.5)
    for _ in range(ROUNDS):
        meaning, sound, truth = top_hits(found, model)  # (2, n) each
        model = _logistic(meaning, sound, truth, use_sound)

    meaning, sound, truth = top_hits(found, model)
    count = len(found.answer)
    fold = np.random.default_rng(0).permutation(count) % FOLDS
    unseen = np.empty((2, count))
    for number in range(FOLDS):
        rest, left_out = fold != number, fold == number
        partial = _logistic(meaning[:, rest], sound[:, rest], truth[:, rest], use_sound)
        unseen[:, left_out] = partial.probability(meaning[:, left_out], sound[:, left_out])

    probability = model.probability(found.meaning, found.sound)  # (n, m)
    best_wrong = np.where(found.equal, 0, probability).max(axis=1)
    cutoff = float(np.quantile(best_wrong, 1 - FALSE_MATCH_RATE, method="higher"))
    measured = {
        "queries": count,
        "candidates": found.meaning.shape[1],
        "right_top_hits": int(truth.sum()),
        "wrong_top_hits": int((1 - truth).sum()),
        "brier": float(((unseen - truth) ** 2).mean()),
        "ece": calibration_error(unseen.ravel(), truth.ravel()),
        "answers_above_cutoff": float((probability[np.arange(count), found.answer] >= cutoff).mean()),
    }
    return replace(model, cutoff=cutoff, measured=measured)


def top_hits(found: Cosines, model: Logistic) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Meaning cosine, sound cosine and truth (1 or 0) of the hits that `model` ranks first.

    Each is (2, n): with the answer in the pool, and without. A tie goes to the wrong candidate.
    """
    scores = model.meaning * found.meaning + model.sound * found.sound  # (n, m)
    rows = np.arange(len(scores))
    wrong = np.where(found.equal, -np.inf, scores)
    nearest = wrong.argmax(axis=1)
    right = scores[rows, found.answer] > wrong[rows, nearest]
    first = np.stack([np.where(right, found.answer, nearest), nearest])  # (2, n) candidates
    truth = np.stack([right, np.zeros_like(right)]).astype(float)
    return found.meaning[rows, first], found.sound[rows, first], truth


def calibration_error(probabilities: np.ndarray, truth: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: mean gap of probability and share of right ones over equal-width bins."""
    which = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = [abs((probabilities - truth)[which == number].sum()) for number in range(bins)]
    return float(sum(gaps) / len(truth))


def _logistic(meaning: np.ndarray, sound: np.ndarray, truth: np.ndarray, use_sound: bool) -> Logistic:
    """Logistic regression with slopes ≥ 0, on arrays of one shape; the cut-off is left at one half."""
    from scipy.optimize import minimize

    inputs = np.stack([np.ones(meaning.size), meaning.ravel(), sound.ravel() * use_sound], axis=1)  # (examples, 3)
    target = truth.ravel()

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = inputs @ weights
        value = (np.logaddexp(0, logits) - target * logits).mean() + RIDGE / 2 * (weights[1:] ** 2).sum()
        slope = inputs.T @ (0.5 * (1 + np.tanh(logits / 2)) - target) / len(target)
        return value, slope + RIDGE * np.array([0, *weights[1:]])

    best = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B", bounds=[(None, None), (0, None), (0, None)])
    bias, meaning_slope, sound_slope = map(float, best.x)
    return Logistic(bias, meaning_slope, sound_slope, cutoff=0.5)
