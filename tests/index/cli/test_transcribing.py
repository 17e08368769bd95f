"""Transcribing on the command line: what is printed, and what is done without a transcriber."""

from pathlib import Path

import pytest

from index.cli.main import main
from index.cli.transcribing import transcribe
from index.ingest.pipeline import Ingestor
from index.library import Library
from tests.index.ear import Ear
from tests.index.hand import Hand
from tests.index.ingest.test_transcribe import make


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    monkeypatch.setattr("index.cli.transcribing.Transcriber.load", lambda **_: Hand())
    return make(tmp_path, {"first": 3, "second": 2})


def test_it_sums_up(library, capsys):
    assert transcribe(Ingestor(library, Ear())) is False
    assert capsys.readouterr().out.startswith("5 of 5 utterances transcribed (0.2 min of speech, ")
    assert transcribe(Ingestor(library, Ear())) is False
    assert capsys.readouterr().out == ""


def test_what_cannot_be_heard_is_named(library, tmp_path, capsys):
    (tmp_path / "first.wav").unlink()
    transcribe(Ingestor(library, Ear()))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("2 of 5 utterances transcribed (")
    assert second.startswith("  not transcribed: first: ") and second.endswith("first.wav is no longer there.")


def test_without_a_transcriber_it_says_why(library, capsys, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("CLASP_TRANSCRIBER", "gigantic")
    assert transcribe(Ingestor(library, Ear())) is False
    assert "Nothing is transcribed: There is no transcriber 'gigantic'" in capsys.readouterr().out
    monkeypatch.setenv("CLASP_TRANSCRIBER", "none")
    assert transcribe(Ingestor(library, Ear())) is False
    assert capsys.readouterr().out == "" and not any(one.transcript for one in library.segments())


def test_stopped_by_the_keyboard_it_says_how_to_go_on(library, capsys, monkeypatch):
    hand = Hand(most=2)
    hear, heard = hand.transcribe, []

    def interrupted(*arguments):
        if heard:
            raise KeyboardInterrupt
        heard.append(True)
        return hear(*arguments)

    hand.transcribe = interrupted
    monkeypatch.setattr("index.cli.transcribing.Transcriber.load", lambda **_: hand)
    assert transcribe(Ingestor(library, Ear())) is True
    assert "To go on: python -m clasp library transcribe" in capsys.readouterr().out
    assert sum(bool(one.transcript) for one in library.segments()) == 2


def test_the_command(library, capsys, monkeypatch):
    library.close()
    monkeypatch.setattr("clasp.load", lambda *_: Ear())
    here = ["library", "transcribe", "--library", str(library.folder)]
    assert main(here) == 0 and capsys.readouterr().out.startswith("5 of 5 utterances transcribed")
    assert main([*here, "--redo"]) == 0 and capsys.readouterr().out.startswith("5 of 5 utterances transcribed")
    assert main([*here[:-1], str(library.folder / "nowhere")]) == 2
