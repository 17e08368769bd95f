"""What a model finds on held-out sets: `python -m clasp evaluate`.

    python -m clasp evaluate --json figures.json --report figures.html
    python -m clasp evaluate --tests real --asr openai/whisper-base
    python -m clasp evaluate --model runs/mine --tests real-paraphrases real-english spoken --asr none

Real recordings come first: asked for by their words, in other words, in other languages, in noise (`query_sets`), of
every way to search them (`systems`). A query and its answers are texts and utterances of one set; the pool is every
candidate of the set, and equal texts are all correct. Ties count against the model (see `metrics`). Where a recogniser
is there, transcribing first is measured beside it. All tests take about an hour of one core, the first time longer:
sentences are spoken and transcribed then.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from clasp.errors import ModelError
from clasp.evaluation import query_sets, real_speech, tables, test_sets, translation
from clasp.evaluation.asr_baseline import SET, compare
from clasp.evaluation.cases import (
    CASES,
    FAMILIES,
    SPEECH_TO_SPEECH,
    SPEECH_TO_TEXT,
    TEXT_TO_SPEECH,
    TEXT_TO_TEXT,
    Case,
    Half,
)
from clasp.evaluation.encoded import Heard, listen
from clasp.evaluation.groups import group, groups
from clasp.evaluation.reliability import reliability
from clasp.evaluation.rerank import Phones, log_odds
from clasp.evaluation.retrieval import Result, Retrieval, measure, median
from clasp.evaluation.systems import systems
from clasp.evaluation.test_sets import SpeechSet, Utterance, label
from clasp.model import EncoderOutput
from clasp.phones.alignment import pack
from clasp.training.data.corpora import data_folder
from index.benchmarks.moments import CASE, conversation, moments

if TYPE_CHECKING:
    from clasp.calibration import Direction
    from clasp.model import Clasp

REAL = "real"  # every set of real recordings
CONVERSATION = ("real-own-words-en", "real-paraphrases")  # what a conversation is asked for
OTHER_TESTS = ("conversation", "moments", "translation")  # of a long recording; of the sentence encoder alone
NAMES = list(dict.fromkeys([REAL, *query_sets.FAMILIES, *(case.family or case.name for case in CASES), *OTHER_TESTS]))
RELIABILITY: "dict[Direction, tuple[str, ...]]" = {  # direction of the calibration: tests whose queries it is for
    "text": ("training-voices", "real-english", "paraphrases"),
    "speech": ("speech-to-speech",),
    "translation": tuple(case.name for case in CASES if case.family == "text"),
}


class Evaluation:
    """Runs tests on one model; every utterance and every list of texts is embedded once, and aligned once."""

    def __init__(self, model: "Clasp", sets: dict[str, SpeechSet], cache: Path = test_sets.CACHE) -> None:
        self.model = model
        self.sets = sets
        self.cache = cache
        self._heard: dict[Utterance, Heard] = {}
        self._text: dict[tuple[tuple[str, ...], tuple[str, ...]], EncoderOutput] = {}
        self._odds: dict[tuple[str, str, str], np.ndarray] = {}

    def run(self, case: Case, spoken: np.ndarray | None = None) -> list[Result]:
        """Measure a case in each of its directions.

        Args:
            spoken: vectors (n, dim) in the place of those of the set's speech.
        """
        results = []
        for direction in case.directions:
            whole = self.retrieval(case, direction, spoken)
            asked = Retrieval(
                self._half(whole.queries, case.half), self._half(whole.pool, case.half), whole.labels, whole.answers
            )
            scores = None
            if case.half == "search" and whole.phones is not None:
                kind = "speech" if direction == SPEECH_TO_SPEECH else "text"
                scores = self.log_odds(kind, case, direction, whole)
            about = [self.sets[case.set].utterances[answer] for answer in whole.answers]
            results.append(
                measure(asked, case.name, case.title, direction, asked=about, floor=case.floor,
                        recall_floor=case.recall_floor, scores=scores)
            )  # fmt: skip
        return results

    def retrieval(self, case: Case, direction: str, spoken: np.ndarray | None = None) -> Retrieval:
        """Queries and pool of a case in one direction, both halves, and the phones of speech and of what is compared
        with it."""
        chosen = self.sets[case.set]
        utterances = chosen.utterances
        answers = [
            index for index, utterance in enumerate(utterances[: chosen.queries])
            if case.voice in (None, str(utterance.source))
        ]  # fmt: skip
        said = [utterance.text for utterance in utterances], [utterance.language for utterance in utterances]
        texts, languages = map(list, said)  # what stands for each utterance in writing
        if case.translation is not None:
            other = chosen.translations[case.translation]
            texts[: len(other)] = other
            languages[: len(other)] = [case.translation] * len(other)
        asked = [texts[answer] for answer in answers], [languages[answer] for answer in answers]
        labels = [label(text) for text in texts]
        if direction == TEXT_TO_TEXT:
            queries, pool = self.written(*asked).vectors, self.written(*said).vectors
            return Retrieval(queries, pool, labels, np.array(answers))
        heard = EncoderOutput(spoken, []) if spoken is not None else self.spoken(utterances)
        if direction == SPEECH_TO_TEXT:
            queries, pool = _chosen(heard, answers), self.written(texts, languages)
        elif case.asked_by is not None:
            queries, pool = _chosen(self.spoken(self.sets[case.asked_by].utterances), answers), heard
        else:
            queries, pool = self.written(*asked), heard
        phones = None
        if spoken is None and self.model.aligner is not None:
            packed = [pack(one) for one in pool.phones]
            phones = Phones(queries.phones, packed, direction != TEXT_TO_SPEECH, direction != SPEECH_TO_TEXT)
        return Retrieval(queries.vectors, pool.vectors, labels, np.array(answers), phones)

    def log_odds(self, kind: "Direction", case: Case, direction: str, asked: Retrieval) -> np.ndarray:
        """Log odds (n, m) of the retrieval of a case in one direction, by the calibration of `kind`; computed once."""
        key = (kind, case.name, direction)
        if key not in self._odds:
            self._odds[key] = log_odds(self.model, kind, asked.queries, asked.pool, asked.phones)
        return self._odds[key]

    def durations(self, utterances: Iterable[Utterance]) -> list[float]:
        """Seconds of sound of utterances that a test has used."""
        return [self._heard[utterance].duration for utterance in utterances]

    def seconds(self, name: str) -> float:
        """Seconds that the model took to embed the speech of a set, decoding left out."""
        self.spoken(self.sets[name].utterances)
        return sum(self._heard[utterance].seconds for utterance in self.sets[name].utterances)

    def _half(self, vectors: np.ndarray, half: Half) -> np.ndarray:
        if half in ("search", "both"):
            return vectors
        return self.model.halves(vectors)[0 if half == "meaning" else 1]

    def spoken(self, utterances: Sequence[Utterance]) -> EncoderOutput:
        """Vectors and phones of utterances that `test_sets.prepare` has made ready; each is heard once."""
        missing = [utterance for utterance in utterances if utterance not in self._heard]
        self._heard.update(zip(missing, listen(self.model, missing, self.cache), strict=True))
        heard = [self._heard[utterance] for utterance in utterances]
        return EncoderOutput(np.stack([one.vector for one in heard]), [one.phones for one in heard])

    def written(self, texts: list[str], languages: list[str]) -> EncoderOutput:
        """Vectors and phones of texts; each list of them is read once."""
        key = (tuple(texts), tuple(languages))
        if key not in self._text:
            self._text[key] = self.model.encode_text(texts, languages, return_phones=True)
        return self._text[key]


def _chosen(encoded: EncoderOutput, rows: Sequence[int]) -> EncoderOutput:
    return EncoderOutput(encoded.vectors[rows], [encoded.phones[row] for row in rows if encoded.phones])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp evaluate`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")
    parser.add_argument("--data", help="the folder of training data (default: $CLASP_DATA or ./data)")
    parser.add_argument(
        "--tests", nargs="+", metavar="NAME", type=_test,
        help=f"only these tests: {', '.join(NAMES)}; or one of a family, such as real-translations-fr or spoken-de",
    )  # fmt: skip
    parser.add_argument(
        "--asr", metavar="NAME", default="base",
        help="transcribe first with this Whisper or transformers checkpoint (default: base); none skips it",
    )  # fmt: skip
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE",
        help="write the figures as JSON to FILE, or to the standard output (the tables then go to stderr)",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the figures as one HTML page")


def _test(name: str) -> str:
    """The name of a test, of a family or of one of its members."""
    members = [case.name for case in CASES if case.family]
    if name in (*NAMES, *members) or name.startswith(tuple(f"{family}-" for family in query_sets.FAMILIES)):
        return name
    raise argparse.ArgumentTypeError(f"there is no test {name}: give one of {', '.join(NAMES)}")


def run(args: argparse.Namespace) -> int:
    """Measure, print the tables, write JSON and the report. Returns 0; a missed floor is a finding."""
    from clasp import load

    data = data_folder(args.data)
    model = load(args.model)
    figures = evaluate(model, data, args.tests, None if args.asr == "none" else args.asr)
    console = Console(stderr=args.json == "-", width=120)
    for table in tables.tables(figures):
        console.print(table, "")
    if args.json:
        text = json.dumps(figures, indent=1, ensure_ascii=False)
        if args.json == "-":
            sys.stdout.write(text + "\n")
        else:
            Path(args.json).write_text(text + "\n", encoding="utf-8")
    if args.report:
        from clasp.evaluation.report import write

        write(args.report, figures)
    return 0


def evaluate(
    model: "Clasp", data: Path, tests: Sequence[str] | None = None, system: str | None = None,
    cache: Path = test_sets.CACHE,
) -> dict[str, Any]:  # fmt: skip
    """All figures, in the form that --json writes.

    Args:
        tests: names of query sets, of cases, of families and of OTHER_TESTS, or REAL; None is all.
        system: the recogniser that transcribes first, see `asr.transcriber`; None is none.
    """
    began = time.perf_counter()
    asked = query_sets.query_sets(data, None if tests is None or REAL in tests else tests)
    cases = [case for case in CASES if tests is None or case.name in tests or case.family in tests]
    if not model.sound_dim:
        cases = [case for case in cases if case.half != "sound"]
    in_time = tests is None or "moments" in tests
    used = [*cases, CASE] if in_time else cases
    names = dict.fromkeys(name for case in used for name in (case.set, case.asked_by) if name is not None)
    sets = {name: test_sets.speech_set(name, data) for name in names}
    test_sets.prepare((utterance for chosen in sets.values() for utterance in chosen.utterances), cache)

    evaluation = Evaluation(model, sets, cache)
    real = real_speech.measure(asked, systems(evaluation, system)) if asked else []
    results: list[Result] = []
    parts: list[dict[str, Any]] = []
    for case in cases:
        for result in evaluation.run(case):
            results.append(result)
            if case.grouped:
                parts += groups(result, evaluation.durations(result.asked))
    if tests is None or "conversation" in tests:
        results += conversation(evaluation, query_sets.query_sets(data, CONVERSATION))
    if in_time:
        results.append(moments(evaluation))
    if tests is None or "translation" in tests:
        results += translation.translations(model.text, data)
    medians, by_language = families(results)
    figures = {
        "model": model.checksum,
        "data": str(data),
        "real": real,
        "tests": [result.row() for result in results] + medians,
        "pipeline": [],
        "groups": parts + by_language,
        "reliability": reliabilities(evaluation, cases),
    }
    if system is not None and SET in sets:
        figures["pipeline"] = compare(evaluation, [case for case in cases if case.set == SET], system)
    return figures | {"seconds": time.perf_counter() - began}


def families(results: Iterable[Result]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Of every family and direction the median row, and the rows by language."""
    found: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if tables.language_of(result.name) is not None:
            found.setdefault((result.name.split("-")[0], result.direction), []).append(result)
    medians = [
        median(members, f"{name}-median", FAMILIES[name].title, FAMILIES[name].floor)
        for (name, _), members in found.items()
    ]
    by_language = [
        group(result, "language", str(tables.language_of(result.name)), result.ranks)
        for members in found.values()
        for result in members
    ]
    return medians, by_language


def reliabilities(evaluation: Evaluation, cases: Sequence[Case]) -> dict[str, list[list[float]]]:
    """The reliability of each direction of which there are tests; none for a model that is not calibrated."""
    try:
        _ = evaluation.model.calibration
    except ModelError:
        return {}
    found = {}
    for kind, names in RELIABILITY.items():
        ways = [(case, way) for case in cases if case.name in names for way in case.directions if way != SPEECH_TO_TEXT]
        asked = [(case, way, evaluation.retrieval(case, way)) for case, way in ways]
        if asked:
            found[kind] = reliability([(one, evaluation.log_odds(kind, case, way, one)) for case, way, one in asked])
    return found
