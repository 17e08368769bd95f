"""Transcribing: the second half of adding, and a job of its own."""

import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from clasp.errors import ClaspError, ModelError
from clasp.settings import current
from clasp.speech.transcriber import Transcriber
from index.ingest.pipeline import Ingestor
from index.new_hits import find_new, summary
from index.progress import TranscribeProgress
from ui import labels
from ui.jobs import Progress, Report, Work

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library

CONTINUE = "Start it again to continue from here."


def transcribing(library: "Library", model: "Clasp") -> Work:
    """A job that transcribes what has no transcript yet."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        report = yield from completed(Ingestor(library, model), model, stopping)
        yield report if report.sentences else Report(("There is nothing to transcribe: everything has a transcript.",))

    return work


def completed(
    ingestor: Ingestor, model: "Clasp", stopping: threading.Event, before: str = ""
) -> Generator[Progress, None, Report]:
    """What follows once recordings are added: they are transcribed, what is said again is found, and saved searches are
    run on what is new. `before` says what the job has done until now.

    Returns the outcome, without a sentence if there was nothing to do.
    """
    report = yield from transcripts(ingestor, stopping, before)
    try:
        yield from recurrences(ingestor, stopping, before)
        found = summary(find_new(ingestor.library, model))
    except ClaspError as error:
        return replace(report, sentences=(*report.sentences, str(error)), wrong=True)
    return replace(report, sentences=(*report.sentences, found)) if found else report


def transcripts(ingestor: Ingestor, stopping: threading.Event, before: str = "") -> Generator[Progress, None, Report]:
    """Transcribe what has no transcript yet; `before` says what the job has done until now.

    Returns the outcome, without a sentence if there was nothing to do.
    """
    missing = sum(map(len, ingestor.library.transcripts.missing().values()))
    transcriber, reason = None, ""
    if missing:
        yield Progress("Preparing to transcribe…", before=before)
        try:
            transcriber = Transcriber.load(device=current().device)
        except ModelError as error:
            reason = str(error)
    try:
        with closing(ingestor.transcribe(transcriber)) as states:
            for state in states:
                yield _progress(state, before)
                if stopping.is_set() and not state.finished:
                    return Report((f"{_summary(state)} Stopped: these transcripts are kept. {CONTINUE}",))
    except ClaspError as error:
        return Report((f"{error} What was transcribed before is kept.",), wrong=True)
    if reason:
        return Report((f"Nothing was transcribed. {reason}",))
    details = tuple(f"{title}: {reason}" for title, reason in state.failed)
    return Report((_summary(state),) if state.total else (), details, wrong=bool(state.failed))


def recurrences(ingestor: Ingestor, stopping: threading.Event, before: str = "") -> Iterator[Progress]:
    """Find what is said again in other recordings, at the end of a job; stopped, it goes on with the next one."""
    found, total = ingestor.library.recurrences, ingestor.library.recurrences.missing()
    if total and not stopping.is_set():
        yield Progress("Looking for what is said again…", before=before)
        with closing(found.find(ingestor.model)) as counts:
            for done in counts:
                yield Progress("Looking for what is said again…", done / total, before=before)
                if stopping.is_set():
                    return


def _progress(state: TranscribeProgress, before: str) -> Progress:
    if not state.current:
        return Progress("Adding the transcripts to the index…", before=before)
    facts = [f"{state.done:,} of {labels.count(state.total, 'utterance')}"]
    if state.seconds:
        facts += [f"{state.speed:.0f}× real time"]
    if state.left is not None and state.done < state.total:
        facts.append(f"about {labels.duration(state.left)} left")
    return Progress(f"Transcribing: {state.current}", state.share, tuple(facts), before)


def _summary(state: TranscribeProgress) -> str:
    missing = labels.count(state.total, "utterance")
    return f"Transcribed {state.transcribed:,} of the {missing} that had no transcript."
