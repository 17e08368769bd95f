"""Transcribing: the second half of adding, and a job of its own."""

import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from clasp.errors import ClaspError, ModelError
from clasp.settings import current
from clasp.speech.transcriber import Transcriber
from index.ingest.transcribe import State, transcribe
from ui import labels
from ui.jobs import Progress, Report, Work

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library

CONTINUE = "Start it again to continue from here."


def transcribing(library: "Library", model: "Clasp") -> Work:
    """A job that transcribes what has no transcript yet."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        report = yield from transcripts(library, model, stopping)
        yield report if report.sentences else Report(("There is nothing to transcribe: everything has a transcript.",))

    return work


def transcripts(
    library: "Library", model: "Clasp", stopping: threading.Event, before: str = ""
) -> Generator[Progress, None, Report]:
    """Transcribe what has no transcript yet; `before` says what the job has done until now.

    Returns the outcome, without a sentence if there was nothing to do.
    """
    missing = sum(map(len, library.transcripts.missing().values()))
    transcriber, reason = None, ""
    if missing:
        yield Progress("Preparing to transcribe…", before=before)
        try:
            transcriber = Transcriber.load(device=current().device)
        except ModelError as error:
            reason = str(error)
    states, state = transcribe(library, model, transcriber), State(0)
    try:
        for state in states:
            yield _progress(state, before)
            if stopping.is_set() and not state.finished:
                return Report((f"{_summary(state)} Stopped: these transcripts are kept. {CONTINUE}",))
    except ClaspError as error:
        return Report((f"{error} What was transcribed before is kept.",), wrong=True)
    finally:
        states.close()
    if reason:
        return Report((f"Nothing was transcribed. {reason}",))
    details = tuple(f"{title}: {reason}" for title, reason in state.failed)
    return Report((_summary(state),) if state.segments else (), details, wrong=bool(state.failed))


def _progress(state: State, before: str) -> Progress:
    if not state.title:
        return Progress("Adding the transcripts to the index…", before=before)
    facts = [f"{state.done:,} of {labels.count(state.segments, 'utterance')}"]
    if state.seconds:
        facts += [f"{state.speed:.0f}× real time"]
    if state.left is not None and state.done < state.segments:
        facts.append(f"about {labels.duration(state.left)} left")
    return Progress(f"Transcribing: {state.title}", state.done / max(1, state.segments), tuple(facts), before)


def _summary(state: State) -> str:
    return f"{state.written:,} of {labels.count(state.segments, 'utterance')} transcribed."
