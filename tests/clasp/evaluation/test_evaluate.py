"""The command `evaluate` with a tiny model on a small copy of the data layout."""

import io
import json
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from clasp.evaluation import evaluate, recognizers, tables, translation
from clasp.evaluation.real_sets import own_words
from clasp.evaluation.results import FAMILIES
from clasp.model import Clasp
from clasp.speech.transcript import Transcript
from clasp.training.data.parallel import LANGUAGES
from index.cli.main import main


def command(miniature: Path, tiny_folder: Path, *options: str) -> list[str]:
    return ["evaluate", "--model", str(tiny_folder), "--data", str(miniature), *options]


def test_tests_are_measured_by_every_system(
    miniature: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / "figures.json", tmp_path / "figures.html"
    asked = command(miniature, tiny_folder, "--asr", "none", "--tests", "real-own-words-de", "translation")
    assert main([*asked, "--json", str(file), "--report", str(page)]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("Held-out tests") and max(map(len, printed.splitlines())) <= 120
    written = json.loads(file.read_text())
    assert set(written) == {"model", "data", "tests", "groups", "reliability", "transcribing", "seconds"}
    (made,) = own_words(miniature)
    german = [row for row in written["tests"] if row["name"] == "real-own-words-de"]
    assert [row["system"] for row in german] == ["search-direct", "direct", "sound", "text"]
    assert {(row["pool"], row["queries"]) for row in german} == {(len(made.pool), len(made.queries))}
    assert german[-1]["hits@1"] == 1 and german[-1]["paper"]["hits@1"] == 1  # what is said, in writing, finds itself
    assert (written["transcribing"], written["reliability"]) == ([], {})  # this model is not calibrated
    medians = [row for row in written["tests"] if row["name"] == "translation-median"]
    assert {row["floor"] for row in medians} == {0.93}
    assert "own words, de" in page.read_text() and "By language" in page.read_text()

    assert main([*asked[:-1], "--json"]) == 0
    streams = capsys.readouterr()
    again = json.loads(streams.out)
    assert again["tests"] == german and again["model"] == written["model"]
    assert "own words, de" in streams.err


def test_with_transcripts_every_system_is_measured_and_the_recognizer_too(
    miniature: Path, tiny: Clasp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Typist:
        name = "typist"

        def transcribe(self, waveforms: list, language: str) -> list[Transcript]:
            return [Transcript("boat boat boat boat boat", language, log_probability=-1.0) for _ in waveforms]

    monkeypatch.setattr(recognizers, "load", lambda name: Typist())
    monkeypatch.setattr(Clasp, "checksum", "0" * 64)
    figures = evaluate.evaluate(tiny, miniature, ["real-own-words-de"], "typist", tmp_path)
    systems = [row["system"] for row in figures["tests"]]
    assert systems == ["search", "fused", "transcript", "search-direct", "direct", "sound", "text"]
    (row,) = figures["transcribing"]
    assert (row["language"], row["recognizer"]) == ("de", "typist")
    assert row["audio_seconds"] == pytest.approx(row["utterances"], abs=0.5)  # a second each
    assert row["word_error_rate"] > 0.8 and row["seconds"] > 0 and row["direct_seconds"] > 0
    console = Console(width=120, file=io.StringIO())
    for table in tables.tables(figures):
        console.print(table.rich())
    assert "typist" in console.file.getvalue() and "…" not in console.file.getvalue()


def test_the_sentence_encoder_alone_is_measured(miniature: Path, tiny: Clasp) -> None:
    results = list(translation.translations(tiny.text, miniature))
    assert {result.name for result in results} == {f"translation-{language}" for language in LANGUAGES}
    assert {result.system for result in results} == {"other→English", "English→other"}
    pools = {result.name: (result.pool, len(result.ranks)) for result in results if result.system == "English→other"}
    assert pools == {name: (29, 29) if name.endswith("-ja") else (30, 30) for name in pools}  # one has no Japanese
    assert np.mean([(result.ranks == 1).mean() for result in results]) > 0.2  # it is the sentence and a tag


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    evaluate.add_arguments(parser)
    args = parser.parse_args(["--tests", "real", "real-short-2", "text-de", "spoken", "translation", "--json"])
    assert (args.tests[1], args.json, args.model) == ("real-short-2", "-", "bundled")
    assert (args.asr, args.report) == ("base", None)
    assert parser.parse_args(["--json", "out.json"]).json == "out.json"
    with pytest.raises(SystemExit):
        parser.parse_args(["--tests", "nonsense"])
    assert "training-voices" in capsys.readouterr().err


def test_what_is_missing_is_named(
    miniature: Path, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--model", str(tiny_folder), "--data", str(tmp_path)]) == 2
    assert "give the folder with --data" in capsys.readouterr().err
    assert main(command(miniature, tiny_folder, "--tests", "real-own-words-xx")) == 2
    assert "no test real-own-words-xx: give one of real-own-words-de" in capsys.readouterr().err


def test_every_family_is_known_by_its_name() -> None:
    assert set(FAMILIES) - {"translation"} <= set(evaluate.FAMILIES)
    assert {family.startswith("real-") for family in list(evaluate.FAMILIES)[:11]} == {True}
