"""Fit the calibration of a model on validation sentences: `python -m clasp calibrate --model FOLDER`.

Once of hits that have a transcript, and once of hits that have none; with --asr none only of those.

A probability answers the question a person has: does this top hit say the same? Every query is asked twice of
a pool of about 1,000: once with its answer there (the top hit is right or wrong), once without (it is wrong).
As many queries say the sentence in other words (English sentences that share a translation), and typed ones also in
words of which none sounds alike (the translations themselves); some are four to eight words of a recording that says
more. Queries of one word, and of two or three, are such words of validation recordings as are said in few of them; of
two or three, as many name a recording's topic instead.
Hits are ranked as a search ranks them: a shortlist by the vectors, then by the probability itself, so ranking and fit
take turns.
The threshold is the probability that some wrong candidate of the pool reaches for 10 % of the queries; a hit is
possible from the one that some reaches for half of them.
"""

import argparse
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from clasp.calibration import Calibration, Direction, MatchProbability
from clasp.evaluation import real_sets, recognizers, synthetic_sets, utterances
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import Text
from clasp.evaluation.reliability import calibration_error, reliability_bins
from clasp.evaluation.rerank import Phones, alignment_scores, coverages, shortlists
from clasp.evaluation.systems import DirectSearch, systems
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance, distinct, label
from clasp.phones.alignment import GAP_OPEN, pack
from clasp.text.words import words
from clasp.training.data import corpora
from clasp.training.data.corpora import data_folder
from clasp.training.data.synthesis import TRAINING_VOICES, Voice, espeak_voice

if TYPE_CHECKING:
    from clasp.model import Clasp
    from clasp.phones.alignment import Aligner

BROWN = 760  # validation sentences said by training voices; with the real recordings about 1,200
REAL = ("en-commonvoice13", "en-speechocean", "en-ljspeech", "fr-commonvoice17", "de-kerstin", "nl-nathalie")
LETTERS, RARE = 4, 5  # of the first and last word of a phrase at least; recordings that say it at most
PARTS = (4, 6, 8)  # words of a query that is a part of what is said
TRANSLATED = 400  # English sentences kept out of training with their translations, said by training voices
FALSE_MATCH_RATE = 0.10
POSSIBLE_RATE = 0.5
EVERY_TEXT = 10**9
ROUNDS = 3  # of ranking and fitting
FOLDS = 5
BIASES = ("meaning_bias", "sound_bias", "word_bias")
BY_MEANING = ("meaning_bias", "meaning_slope")
BY_WORDS = ("word_bias", "word_slope")
BY_SOUND = ("sound_bias", "sound_meaning_slope", "sound_slope", "alignment_slope")
RIDGE = 1e-4  # keeps the slopes finite where right and wrong do not overlap
NO_SOUND = -50.0  # log odds of "said" where sound does not count

Halves = tuple[np.ndarray, np.ndarray]  # meaning and sound, unit rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp calibrate`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")
    parser.add_argument("--data", help="the folder of training data (default: $CLASP_DATA or ./data)")
    parser.add_argument(
        "--asr", metavar="NAME", default="base",
        help="transcribe what is said by this recognizer (default: base); none: without transcripts",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Fit, write calibration.json into the model folder, print what was fitted."""
    from clasp.model import BUNDLED, load

    encodings = Encodings(load(args.model))
    transcripts = None if args.asr == "none" else Transcripts(recognizers.load(args.asr))
    calibration = calibrate(encodings, transcripts, data_folder(args.data))
    folder = BUNDLED if args.model == "bundled" else Path(args.model)
    calibration.save(folder / "calibration.json")
    for title, fits in (("with transcripts", calibration.directions), ("without", calibration.untranscribed)):
        if fits:
            Console(width=120).print(table(title, fits))
    return 0


def calibrate(encodings: Encodings, transcripts: Transcripts | None, data: Path) -> Calibration:
    """Fit all directions on validation sentences; no sentence of an evaluation is among them."""
    candidates, asked = questions(encodings, data)
    fits = [
        fit_directions(encodings.model, system, candidates, asked)
        for system in systems(encodings, transcripts)
        if isinstance(system, DirectSearch)
    ]
    return Calibration(fits[0], FALSE_MATCH_RATE, *fits[1:])


class Alignments:
    """Alignment scores of queries with a pool, each computed when it is first asked for."""

    def __init__(self, aligner: "Aligner", phones: Phones) -> None:
        self._aligner, self._phones = aligner, phones
        shape = len(phones.queries), len(phones.pool)
        self._scores, self._known = np.full(shape, GAP_OPEN, np.float32), np.zeros(shape, bool)

    def of(self, chosen: np.ndarray) -> np.ndarray:
        """The scores of every query and its candidates in `chosen`, float32 (n, m); GAP_OPEN elsewhere."""
        missing = chosen & ~self._known
        found = alignment_scores(self._aligner, self._phones, missing)
        self._scores, self._known = np.where(missing, found, self._scores), self._known | chosen
        return np.where(chosen, self._scores, GAP_OPEN)


@dataclass(frozen=True, eq=False)
class Asked:
    """The queries of one direction: meaning and sound halves; bool (n, m), which candidates say the same; their texts,
    where their words count; how their phones align, where their sound counts; and whether they are a few words, for
    which every candidate is looked at."""

    queries: Halves
    equal: np.ndarray
    texts: list[str] | None = None
    alignments: Alignments | None = None
    short: bool = False


def questions(encodings: Encodings, data: Path) -> tuple[list[Utterance], dict[Direction, Asked]]:
    """Candidates, and what is asked of them."""
    model = encodings.model
    clips = [clip for clip in corpora.clips(data, REAL) if clip.split == "validation"]
    recorded = [Utterance(one.text, one.language, one) for one in distinct(clips, len(clips), lambda clip: clip.text)]
    synthesised = synthetic_sets.brown(data, "validation", BROWN, TRAINING_VOICES)
    spoken = [*synthesised, *recorded]
    again = [_spoken(one.text, one.language) for one in spoken]
    translated, translations, reworded = held_out_pairs(data)
    reworded_again = [_spoken(text, "en") for _, text in reworded]
    # candidates: what is spoken, then English sentences that have translations and other wordings
    candidates = [*spoken, *translated]
    parts = phrases(candidates, PARTS)
    parts_again = [_spoken(text.text, str(text.language)) for text, _ in parts]
    utterances.prepare([*spoken, *again, *translated, *reworded_again, *parts_again], encodings.cache)
    labels = np.array([label(one.text) for one in candidates])
    packed = [pack(phones) for phones in encodings.speech(candidates).phones]

    # as many queries say it in other words as are the sentence itself; some are a part of it
    share = np.resize(np.arange(len(reworded)), len(spoken))
    answers = np.concatenate([np.arange(len(spoken)), len(spoken) + np.array([place for place, _ in reworded])[share]])
    sentences = [
        *(Text(one.text, one.language) for one in spoken),
        *(Text(reworded[place][1], "en") for place in share),
    ]
    in_other_languages = [Text(text, language) for _, language, text in translations]
    translated_answers = len(spoken) + np.array([answer for answer, _, _ in translations])
    translation_equal = labels[translated_answers, None] == labels
    same_language = [*sentences, *(text for text, _ in parts)]
    equal = np.concatenate([labels[answers, None] == labels, _saying(parts, len(candidates))])
    voices = encodings.speech([*again, *(reworded_again[place] for place in share), *parts_again])
    alignments = _alignments(model, Phones(voices.phones, packed, True, True))
    every_text = typed(
        encodings, [*same_language, *in_other_languages], np.concatenate([equal, translation_equal]), packed
    )
    meaning, sound = (half[len(same_language) :] for half in every_text.queries)
    asked: dict[Direction, Asked] = {
        "text": every_text,
        "speech": Asked(model.halves(voices.vectors), equal, alignments=alignments),
        "translation": Asked((meaning, sound), translation_equal, [one.text for one in in_other_languages]),
    }
    few: list[tuple[Text, list[int]]] = phrases(candidates, (2, 3))
    if few:  # as many name what a recording is about
        few += list(itertools.islice(itertools.cycle(topics(data, recorded, len(synthesised))), len(few)))
    in_few_words: dict[Direction, list[tuple[Text, list[int]]]] = {"few": few, "word": phrases(candidates, (1,))}
    for direction, queries in in_few_words.items():
        if queries:
            texts, said = [text for text, _ in queries], _saying(queries, len(candidates))
            asked[direction] = typed(encodings, texts, said, packed, short=True)
    return candidates, asked


def typed(
    encodings: Encodings, texts: Sequence[Text], equal: np.ndarray, packed: list[np.ndarray], *, short: bool = False
) -> Asked:
    """Typed queries; `packed` are the phones of the candidates, `short` is as in Asked."""
    encoded = encodings.texts(texts)
    alignments = _alignments(encodings.model, Phones(encoded.phones, packed, False, True))
    return Asked(encodings.model.halves(encoded.vectors), equal, [one.text for one in texts], alignments, short)


def _alignments(model: "Clasp", phones: Phones) -> Alignments | None:
    return None if model.aligner is None else Alignments(model.aligner, phones)


def _spoken(text: str, language: str) -> Utterance:
    return Utterance(text, language, espeak_voice(language, text))


def _saying(queries: Sequence[tuple[Text, list[int]]], count: int) -> np.ndarray:
    """Which of `count` candidates say the words of each query, bool (n, count)."""
    found = np.zeros((len(queries), count), bool)
    for row, (_, places) in enumerate(queries):
        found[row, places] = True
    return found


def fit_directions(
    model: "Clasp", system: DirectSearch, candidates: Sequence[Utterance], asked: dict[Direction, Asked]
) -> dict[Direction, MatchProbability]:
    """The fits of one state of a library.

    Args:
        system: a search, whose vectors of utterances are those of hits.
    """
    pool = model.halves(system.encode_speech(candidates))
    written = [frozenset(words(text)) for text in system.transcripts(candidates)]
    fits: dict[Direction, MatchProbability] = {}
    for direction, one in asked.items():
        covered = None if one.texts is None else coverages(one.texts, written)
        found = compared(one.queries, pool, one.equal, one.alignments, covered, short=one.short)
        fits[direction] = fit(found, use_sound=direction != "translation")
    return fits


def phrases(candidates: Sequence[Utterance], lengths: Sequence[int]) -> list[tuple[Text, list[int]]]:
    """So many consecutive words of recordings as few others say, and the candidates that say them."""
    spoken = [words(one.text) for one in candidates]
    said_in = Counter(word for one in spoken for word in set(one))
    random, found = np.random.default_rng(0), {}
    for place, (one, text) in enumerate(zip(candidates, spoken, strict=True)):
        length = lengths[place % len(lengths)]
        starts = [
            start for start in range(len(text) - length + 1)
            if all(len(word) >= LETTERS and said_in[word] <= RARE for word in (text[start], text[start + length - 1]))
        ]  # fmt: skip
        if starts and not isinstance(one.source, Voice):
            start = random.choice(starts)
            found[tuple(text[start : start + length])] = one.language
    return [
        (Text(" ".join(run), language), [place for place, text in enumerate(spoken) if _has(text, run)])
        for run, language in found.items()
    ]


def topics(data: Path, recorded: Sequence[Utterance], first: int) -> list[tuple[Text, list[int]]]:
    """Topics of recordings, and where these are among the candidates; the first recording is at `first`."""
    return [
        (query.asked, [first + place for place in query.answers])
        for query in real_sets.validation_topics(data, recorded)
        if isinstance(query.asked, Text)
    ]


def _has(text: Sequence[str], run: Sequence[str]) -> bool:
    return any(tuple(text[start : start + len(run)]) == tuple(run) for start in range(len(text) - len(run) + 1))


Pairs = tuple[tuple[Utterance, ...], list[tuple[int, str, str]], list[tuple[int, str]]]


def held_out_pairs(data: Path) -> Pairs:
    """English utterances of the sentence encoder's development pairs; (index, language, text) of their translations;
    and (index, text) of their paraphrases: other English sentences with one of the same translations."""
    from clasp.training.simulated_asr import texts_of

    texts = texts_of(data, EVERY_TEXT)
    development = texts.development
    eligible = [pair for pair in development if len(pair.english.split()) in synthetic_sets.WORDS]
    chosen = utterances.spoken([pair.english for pair in eligible], TRANSLATED, TRAINING_VOICES)
    place = {one.text: index for index, one in enumerate(chosen)}
    spoken = [pair for pair in eligible if pair.english in place]
    translations = [(place[pair.english], pair.language, pair.other) for pair in spoken]
    by_translation: dict[tuple[str, str], set[str]] = {}
    for pair in development:
        by_translation.setdefault((pair.language, pair.other), set()).add(pair.english)
    for other, language, row in texts.wanted:
        if language != "en":
            by_translation.setdefault((language, other), set()).add(texts.bank[row])
    reworded = {
        place[pair.english]: other
        for pair in spoken
        for other in sorted(by_translation[pair.language, pair.other])
        if label(other) != label(pair.english)
    }
    return chosen, translations, sorted(reworded.items())


def table(hits: str, fits: dict[Direction, MatchProbability]) -> Table:
    """The fits of one kind of hits, for reading."""
    shown = Table(title=f"Hits {hits}; threshold at a false-match rate of {FALSE_MATCH_RATE:.0%}")
    measures = ("queries", "right_top_hits", "brier", "ece", "answers_above_threshold")
    parameters = (*BY_MEANING, *BY_SOUND, *BY_WORDS, "threshold", "possible")
    for heading in ("direction", *parameters, *measures):
        shown.add_column(heading.replace("_", " "), justify="left" if heading == "direction" else "right")
    for direction, match_probability in fits.items():
        figures = (getattr(match_probability, name) for name in parameters)
        rest = (f"{match_probability.measured[name]:.4g}" for name in measures)
        shown.add_row(direction, *(f"{figure:.3f}" for figure in figures), *rest)
    return shown


@dataclass(frozen=True)
class Compared:
    """n queries compared with m candidates."""

    meaning: np.ndarray  # (n, m), cosines
    sound: np.ndarray  # (n, m), cosines
    alignment_score: np.ndarray  # (n, m), of the phones
    shortlisted: np.ndarray  # bool (n, m): by a search
    equal: np.ndarray  # bool (n, m): candidates that say the same
    coverage: np.ndarray  # (n, m), shares of the query's words in the transcripts

    @property
    def evidence(self) -> tuple[np.ndarray, ...]:
        """What a probability is computed of, (n, m) each."""
        return self.meaning, self.sound, self.alignment_score, self.coverage


def compared(
    queries: Halves,
    pool: Halves,
    equal: np.ndarray,
    alignments: Alignments | None = None,
    coverage: np.ndarray | None = None,
    *,
    short: bool = False,
) -> Compared:
    """Compare n queries with a pool of m candidates.

    Args:
        queries: meaning (n, meaning_dim) and sound (n, sound_dim) halves, unit rows.
        pool: the same for the m candidates.
        equal: bool (n, m), which candidates say the same as a query.
        alignments: of both; without them the alignment score is 0, as in a search.
        coverage: (n, m), see `rerank.coverages`; of spoken queries None.
        short: as in Asked.
    """
    meaning, sound = queries[0] @ pool[0].T, queries[1] @ pool[1].T
    coverage = np.zeros(meaning.shape) if coverage is None else coverage
    shortlisted = np.ones(meaning.shape, bool) if short else shortlists(meaning, sound, coverage)
    alignment_score = np.zeros(meaning.shape, np.float32) if alignments is None else alignments.of(shortlisted)
    return Compared(meaning, sound, alignment_score, shortlisted, equal, coverage)


def fit(found: Compared, *, use_sound: bool = True) -> MatchProbability:
    """The probability of one direction, its threshold, and its errors on queries left out of the fit."""
    by_meaning = MatchProbability(0.0, 1.0, NO_SOUND, 0.0, 0.0, 0.0, threshold=0.5)
    model = _fitted(*top_hits(found, by_meaning), by_meaning, BY_MEANING)
    if use_sound:
        by_sound = MatchProbability(NO_SOUND, 0.0, -8.0, 5.0, 5.0, 2.0, threshold=0.5)
        sound = _fitted(*top_hits(found, by_sound), by_sound, BY_SOUND)
        model = replace(sound, meaning_bias=model.meaning_bias, meaning_slope=model.meaning_slope)
    free = [*BY_MEANING, *BY_SOUND] if use_sound else [*BY_MEANING]
    if found.coverage.any():
        by_words = MatchProbability(NO_SOUND, 0.0, NO_SOUND, 0.0, 0.0, 0.0, 0.5, -4.0, 5.0)
        by_words = _fitted(*top_hits(found, by_words), by_words, BY_WORDS)
        model = replace(model, word_bias=by_words.word_bias, word_slope=by_words.word_slope)
        free += BY_WORDS
    for _ in range(ROUNDS):
        model = _fitted(*top_hits(found, model), model, free)

    inputs, truth = top_hits(found, model)
    count = len(found.equal)
    sentence = np.unique(found.equal, axis=0, return_inverse=True)[1]  # queries for one never lie on both sides
    fold = np.random.default_rng(0).permutation(count)[sentence] % FOLDS
    unseen = np.empty((2, count))
    for number in range(FOLDS):
        rest, left_out = fold != number, fold == number
        partial = _fitted(inputs[..., rest], truth[:, rest], model, free)
        unseen[:, left_out] = partial.probability(*inputs[..., left_out])

    probability = np.where(found.shortlisted, model.probability(*found.evidence), 0)  # (n, m)
    best_wrong = np.where(found.equal, 0, probability).max(axis=1)
    rates = [1 - FALSE_MATCH_RATE, 1 - POSSIBLE_RATE]
    threshold, possible = np.quantile(best_wrong, rates, method="higher").tolist()
    measured = {
        "queries": count,
        "candidates": found.meaning.shape[1],
        "right_top_hits": int(truth.sum()),
        "wrong_top_hits": int((1 - truth).sum()),
        "brier": float(((unseen - truth) ** 2).mean()),
        "ece": calibration_error(reliability_bins(unseen.ravel(), truth.ravel())),
        "answers_above_threshold": float((np.where(found.equal, probability, 0).max(axis=1) >= threshold).mean()),
    }
    return replace(model, threshold=threshold, possible=possible, measured=measured)


def top_hits(found: Compared, model: MatchProbability) -> tuple[np.ndarray, np.ndarray]:
    """What is known of the hits that `model` ranks first, with the answer in the pool and without.

    Returns:
        meaning, sound, alignment score and coverage (4, 2, n), and truth (2, n), 1 or 0. A tie goes to the wrong
        candidate.
    """
    scores = np.where(found.shortlisted, model.log_odds(*found.evidence), -1e9)  # (n, m)
    rows = np.arange(len(scores))
    wrong = np.where(found.equal, -np.inf, scores)
    nearest = wrong.argmax(axis=1)
    best = np.where(found.equal, scores, -np.inf).argmax(axis=1)
    right = scores[rows, best] > wrong[rows, nearest]
    first = np.stack([np.where(right, best, nearest), nearest])  # (2, n) candidates
    truth = np.stack([right, np.zeros_like(right)]).astype(float)
    inputs = np.stack([values[rows, first] for values in found.evidence])
    return inputs.astype(float), truth


def _fitted(inputs: np.ndarray, truth: np.ndarray, start: MatchProbability, free: Sequence[str]) -> MatchProbability:
    """The likeliest values of the parameters `free`, slopes ≥ 0, the others as in `start`.

    Args:
        inputs: meaning, sound, alignment score and coverage, (4, ...).
        truth: 1 or 0, of the same shape but for the first axis.
    """
    from scipy.optimize import minimize

    target, columns = truth.ravel(), inputs.reshape(4, -1)
    slopes = np.array([name not in BIASES for name in free])

    def loss(values: np.ndarray) -> float:
        odds = replace(start, **dict(zip(free, values, strict=True))).log_odds(*columns)
        return (np.logaddexp(0, odds) - target * odds).mean() + RIDGE / 2 * (values[slopes] ** 2).sum()

    first = [getattr(start, name) for name in free]
    best = minimize(loss, first, method="L-BFGS-B", bounds=[(0 if slope else None, None) for slope in slopes])
    return replace(start, **dict(zip(free, best.x.tolist(), strict=True)))
