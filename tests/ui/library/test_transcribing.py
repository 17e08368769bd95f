"""Transcribing as part of a job: the second progress of adding, stopped, without a transcriber, and by itself."""

import threading
from pathlib import Path

import pytest

from clasp.errors import ModelError
from index.library import Library
from tests.index.ear import Ear
from tests.index.hand import Hand
from tests.index.ingest.test_transcribe import make
from ui.jobs import Progress, Report
from ui.library.adding import adding
from ui.library.transcribing import CONTINUE, transcribing


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make(tmp_path, {"first": 7, "second": 3})


@pytest.fixture(autouse=True)
def hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.library.transcribing.Transcriber.load", lambda **_: Hand())


def done(work, stop_after: int | None = None) -> tuple[list[Progress], Report]:
    """All that a job tells, and what became of it; stopped after so many utterances."""
    stopping, told = threading.Event(), []
    for state in work(stopping):
        told.append(state)
        if stop_after is not None and isinstance(state, Progress) and f"{stop_after} of" in " ".join(state.facts):
            stopping.set()
    *progress, report = told
    assert isinstance(report, Report) and all(isinstance(one, Progress) for one in progress)
    return progress, report


def test_after_adding_comes_the_second_progress(library, tmp_path):
    progress, report = done(
        adding(library, Ear(), [tmp_path / "first.wav"], copy=False, language="", address="?library=own")
    )
    second = [one for one in progress if one.before]
    assert all("No recording was added. " in one.before and one.search == "?library=own" for one in second)
    assert not any(one.search for one in progress[: -len(second)])
    shares = [one.share for one in second if one.share is not None]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert any(one.now == "Transcribing: second" and "of 10 utterances" in one.facts[0] for one in second)
    assert report.sentences[-1] == "Transcribed 10 of the 10 utterances that had no transcript." and not report.wrong


def test_stopped_it_says_how_to_go_on(library):
    _, report = done(transcribing(library, Ear()), stop_after=4)
    assert report.sentences == (
        f"Transcribed 4 of the 10 utterances that had no transcript. Stopped: these transcripts are kept. {CONTINUE}",
    )
    _, report = done(transcribing(library, Ear()))
    assert report.sentences == ("Transcribed 6 of the 6 utterances that had no transcript.",)
    _, report = done(transcribing(library, Ear()))
    assert "nothing to transcribe" in report.sentences[0]


def test_without_a_transcriber_it_says_why(library, monkeypatch):
    def missing(**_: str) -> None:
        raise ModelError("Whisper is not here: get it.")

    monkeypatch.setattr("ui.library.transcribing.Transcriber.load", missing)
    _, report = done(transcribing(library, Ear()))
    assert report.sentences == ("Nothing was transcribed. Whisper is not here: get it.",)
    assert not any(one.transcript for one in library.segments())


def test_a_recording_that_is_gone_is_named(library, tmp_path):
    (tmp_path / "first.wav").unlink()
    _, report = done(transcribing(library, Ear()))
    assert report.wrong and report.sentences == ("Transcribed 3 of the 10 utterances that had no transcript.",)
    assert (
        len(report.details) == 1 and report.details[0].startswith("first: ") and "no longer there" in report.details[0]
    )
