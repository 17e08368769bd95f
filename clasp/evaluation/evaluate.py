"""What a model finds on held-out sets: `python -m clasp evaluate`.

    python -m clasp evaluate --json figures.json
    python -m clasp evaluate --model runs/mine --tests real-english training-voices

A query and its answers are texts and utterances of one set; the pool is every candidate of the set, and equal
texts are all correct. Ties count against the model (see `metrics`).
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..training.corpora import batched, data_folder
from ..training.parallel import LANGUAGES
from . import testsets
from .metrics import ranks, summary
from .testsets import SpeechSet, label

if TYPE_CHECKING:
    from ..model import Clasp

SPEECH_TO_TEXT, TEXT_TO_SPEECH = "speech→text", "text→speech"
CLIPS = 64  # decoded and encoded at a time: 64 clips of 10 s are 40 MB

Half = Literal["both", "meaning", "sound"]


@dataclass(frozen=True)
class Case:
    """One row of the table, measured in each of `directions`."""

    name: str
    set: str  # of testsets.SETS
    floor: float | None = None  # HITS@1 asked for
    half: Half = "both"
    translation: str | None = None  # language of the text, where it is not the speech's
    voice: str | None = None  # only queries said by this voice
    directions: tuple[str, ...] = (SPEECH_TO_TEXT, TEXT_TO_SPEECH)


_ONE_WAY = (TEXT_TO_SPEECH,)
CASES = (
    Case("training-voices", "brown", 0.90),
    Case("new-engine", "brown-festival", 0.50),
    Case("new-engine-slt", "brown-festival", voice="festival:slt", directions=(SPEECH_TO_TEXT,)),
    Case("new-engine-kal", "brown-festival", voice="festival:kal", directions=(SPEECH_TO_TEXT,)),
    Case("real-english", "english", 0.30),
    Case("meaning-training-voices", "brown", 0.25, "meaning"),
    Case("sound-training-voices", "brown", None, "sound"),
    Case("meaning-real-english", "english", None, "meaning"),
    Case("sound-real-english", "english", None, "sound"),
    Case("real-french", "french"),
    Case("real-german", "german"),
    Case("real-dutch", "dutch"),
    Case("text-en", "flores", None, "meaning", directions=_ONE_WAY),
    *(
        Case(f"text-{language}", "flores", 0.10 if language in ("de", "fr", "es") else None, "meaning",
             language, directions=_ONE_WAY)
        for language in LANGUAGES
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Result:
    """Figures of one test in one direction; `scores` as metrics.summary gives them."""

    name: str
    direction: str
    pool: int
    queries: int
    scores: dict[str, float]
    floor: float | None

    @property
    def passed(self) -> bool | None:
        """Whether HITS@1 reaches the floor; None without one."""
        return None if self.floor is None else self.scores["hits@1"] >= self.floor

    def row(self) -> dict[str, object]:
        """The form that --json writes."""
        figures = {"name": self.name, "direction": self.direction, "pool": self.pool, "queries": self.queries}
        return figures | self.scores | {"floor": self.floor}


class Evaluation:
    """Runs tests on one model; every set and every list of texts is embedded once."""

    def __init__(self, model: "Clasp", sets: dict[str, SpeechSet], cache: Path = testsets.CACHE) -> None:
        self.model = model
        self.sets = sets
        self.cache = cache
        self._speech: dict[str, np.ndarray] = {}
        self._text: dict[tuple[tuple[str, ...], tuple[str, ...]], np.ndarray] = {}

    def run(self, case: Case) -> list[Result]:
        """Measure a case in each of its directions."""
        chosen = self.sets[case.set]
        spoken = self._half(self._speech_vectors(case.set), case.half)
        languages = [utterance.language for utterance in chosen.utterances]
        texts = [utterance.text for utterance in chosen.utterances]
        if case.translation is not None:
            texts, languages = list(chosen.translations[case.translation]), [case.translation] * len(texts)
        written = self._half(self._text_vectors(texts, languages), case.half)
        labels = [label(text) for text in texts]
        wanted = [case.voice in (None, str(utterance.source)) for utterance in chosen.utterances]

        results = []
        for direction in case.directions:
            queries, pool = (spoken, written) if direction == SPEECH_TO_TEXT else (written, spoken)
            asked = [label for label, is_wanted in zip(labels, wanted, strict=True) if is_wanted]
            found = ranks(queries[wanted], pool, asked, labels)
            results.append(Result(case.name, direction, len(pool), len(found), summary(found), case.floor))
        return results

    def _half(self, vectors: np.ndarray, half: Half) -> np.ndarray:
        if half == "both":
            return vectors
        return self.model.halves(vectors)[0 if half == "meaning" else 1]

    def _speech_vectors(self, name: str) -> np.ndarray:
        if name not in self._speech:
            utterances = self.sets[name].utterances
            self._speech[name] = embed_speech(self.model, utterances, self.cache)
        return self._speech[name]

    def _text_vectors(self, texts: list[str], languages: list[str]) -> np.ndarray:
        key = (tuple(texts), tuple(languages))
        if key not in self._text:
            self._text[key] = self.model.encode_text(texts, languages)
        return self._text[key]


def embed_speech(model: "Clasp", utterances: Sequence[testsets.Utterance], cache: Path = testsets.CACHE) -> np.ndarray:
    """Vectors, float32 (n, dim), of utterances that `testsets.prepare` has made ready; progress on stderr."""
    parts = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Listening", total=len(utterances))
        for batch in batched(utterances, CLIPS):
            parts.append(model.encode_speech(list(testsets.waveforms(batch, cache))))
            progress.advance(task, len(batch))
    return np.concatenate(parts)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp evaluate`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")
    parser.add_argument("--data", help="the folder of training data (default: $CLASP_DATA or ./data)")
    parser.add_argument(
        "--tests", nargs="+", metavar="NAME", choices=[case.name for case in CASES],
        help="only these tests: " + ", ".join(case.name for case in CASES),
    )  # fmt: skip
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE",
        help="write the figures as JSON to FILE, or to the standard output (the table then goes to stderr)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measure, print the table, write JSON. Returns 0; a missed floor is a finding."""
    from .. import load

    data = data_folder(args.data)
    model = load(args.model)
    cases = [case for case in CASES if args.tests is None or case.name in args.tests]
    if not model.sound_dim:
        cases = [case for case in cases if case.half != "sound"]
    sets = {name: testsets.speech_set(name, data) for name in dict.fromkeys(case.set for case in cases)}
    testsets.prepare(utterance for chosen in sets.values() for utterance in chosen.utterances)

    evaluation = Evaluation(model, sets)
    results = [result for case in cases for result in evaluation.run(case)]
    Console(stderr=args.json == "-", width=120).print(table(results))
    if args.json:
        text = json.dumps({"model": model.checksum, "tests": [result.row() for result in results]},
                          indent=1, ensure_ascii=False)  # fmt: skip
        if args.json == "-":
            sys.stdout.write(text + "\n")
        else:
            Path(args.json).write_text(text + "\n", encoding="utf-8")
    return 0


def table(results: Sequence[Result]) -> Table:
    """The results for reading."""
    shown = Table(title="Held-out sets: HITS@1, recall, mean reciprocal rank, mean rank")
    shown.add_column("test")
    shown.add_column("direction")
    for heading in ("pool", "queries", "HITS@1", "R@5", "R@10", "MRR", "mean rank", "floor", ""):
        shown.add_column(heading, justify="right")
    for result in results:
        scores = result.scores
        shares = [f"{scores[name]:.3f}" for name in ("hits@1", "recall@5", "recall@10", "mrr")]
        floor = "" if result.floor is None else f"{result.floor:.2f}"
        verdict = {None: "", True: "[green]pass", False: "[red]below"}[result.passed]
        shown.add_row(
            result.name, result.direction, str(result.pool), str(result.queries), *shares,
            f"{scores['mean_rank']:.1f}", floor, verdict,
        )  # fmt: skip
    return shown
