"""What a model finds on held-out sets: `python -m clasp evaluate`.

    python -m clasp evaluate --json figures.json --report figures.html
    python -m clasp evaluate --tests real --asr openai/whisper-small
    python -m clasp evaluate --model runs/mine --tests real-paraphrases training-voices spoken --asr none

A test is a set of queries and the pool of utterances that they are asked of. Real recordings come first: asked for by
their words, in other words, in other languages, in noise (`real_sets`); then synthetic speech (`synthetic_sets`). Every
test is asked of every way to search (`systems`), transcribing first among them. Ties count against the system (see
`metrics`). Sentences are spoken and transcribed the first time, which takes hours for all tests, and kept.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from clasp.errors import DataError
from clasp.evaluation import (
    measure,
    real_sets,
    recognizers,
    results,
    synthetic_sets,
    systems,
    tables,
    translation,
    utterances,
)
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import ContrastSet, QuerySet
from clasp.evaluation.results import Row
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance
from clasp.model import Clasp
from clasp.training.data.corpora import data_folder

FAMILIES: dict[str, Callable[[Path], Sequence[QuerySet | ContrastSet]]] = real_sets.FAMILIES | synthetic_sets.FAMILIES
REAL = "real"  # every test of real recordings
TRANSLATION = "translation"  # of the sentence encoder alone
NAMES = [REAL, *FAMILIES, TRANSLATION]


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
        help="transcribe with this Whisper or transformers checkpoint (default: base); none: without transcripts",
    )  # fmt: skip
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE",
        help="write the figures as JSON to FILE, or to the standard output (the tables then go to stderr)",
    )  # fmt: skip
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the figures as one HTML page")


def _test(name: str) -> str:
    """The name of a test, of a family or of one of its members."""
    if name in NAMES or name.startswith(tuple(f"{family}-" for family in FAMILIES)):
        return name
    raise argparse.ArgumentTypeError(f"there is no test {name}: give one of {', '.join(NAMES)}")


def run(args: argparse.Namespace) -> int:
    """Measure, print the tables, write JSON and the report. Returns 0; a missed floor is a finding."""
    from clasp import load

    figures = evaluate(load(args.model), data_folder(args.data), args.tests, None if args.asr == "none" else args.asr)
    console = Console(stderr=args.json == "-", width=120)
    for table in tables.tables(figures):
        console.print(table.rich(), "")
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
    model: Clasp, data: Path, tests: Sequence[str] | None = None, asr: str | None = None,
    cache: Path = utterances.CACHE,
) -> dict[str, Any]:  # fmt: skip
    """All figures, in the form that --json writes.

    Args:
        tests: names of tests and of families, REAL or TRANSLATION; None is all.
        asr: the recognizer that transcribes, see `recognizers.load`; None is none.

    Raises:
        DataError: if data is missing, or there is no such test.
        ModelError: if there is no such recognizer.
    """
    began = time.perf_counter()
    sets = chosen(data, tests)
    spoken = list(dict.fromkeys(one for asked in sets for one in measure.speech_of(asked)))
    utterances.prepare(spoken, cache)
    encodings = Encodings(model, cache)
    transcripts = None if asr is None or not sets else Transcripts(recognizers.load(asr), cache)
    found, parts, reliability = measure.measure(sets, systems.systems(encodings, transcripts), encodings)
    if tests is None or TRANSLATION in tests:
        found += translation.translations(model.text, data)
    return {
        "model": model.checksum,
        "data": str(data),
        "tests": [result.row() for result in found] + results.medians(found),
        "groups": parts,
        "reliability": reliability,
        "transcribing": [] if transcripts is None else transcribing(spoken, encodings, transcripts),
        "seconds": time.perf_counter() - began,
    }


def chosen(data: Path, names: Iterable[str] | None = None) -> list[QuerySet | ContrastSet]:
    """Tests by name, or all of them; the name of a family stands for all of its tests, REAL for all of real recordings.

    Raises:
        DataError: if data is missing, a text names a clip that is not there or not held out, or a family has no such
            test.
    """
    found: list[QuerySet | ContrastSet] = []
    for family, make in FAMILIES.items():
        wanted = [name for name in names or [family] if f"{name}-".startswith(f"{family}-")]
        if names is not None and REAL in names and family in real_sets.FAMILIES:
            wanted.append(family)
        if not wanted:
            continue
        made = {one.name: one for one in make(data)}
        missing = [name for name in wanted if name != family and name not in made]
        if missing:
            raise DataError(f"There is no test {missing[0]}: give one of {', '.join(made)}.")
        found += [one for name, one in made.items() if family in wanted or name in wanted]
    return found


def transcribing(spoken: Sequence[Utterance], encodings: Encodings, transcripts: Transcripts) -> list[Row]:
    """Word errors and seconds of the recognizer in every language, and the seconds of hearing directly."""
    rows = []
    for language in sorted({one.language for one in spoken}):
        asked = [one for one in spoken if one.language == language]
        if not transcripts.knows([language]):
            continue
        timed, encoded = transcripts.timed(asked), encodings.utterances(asked)
        rows.append({
            "language": language,
            "recognizer": transcripts.recognizer.name,
            "utterances": len(asked),
            "word_error_rate": recognizers.word_error_rate(
                [one.text for one in asked], [one.transcript.text for one in timed]
            ),
            "audio_seconds": sum(one.audio_seconds for one in timed),
            "seconds": sum(one.seconds for one in timed),
            "direct_seconds": sum(one.seconds for one in encoded),
        })  # fmt: skip
    return rows
