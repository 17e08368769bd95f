"""Transcribing on the command line: the end of `add`, and `library transcribe`."""

from typing import TYPE_CHECKING

from clasp.errors import ModelError
from clasp.settings import current
from clasp.speech.transcriber import Transcriber
from index.cli.progress import minutes, show

if TYPE_CHECKING:
    from index.ingest.pipeline import Ingestor
    from index.progress import TranscribeProgress


def transcribe(ingestor: "Ingestor", *, redo: bool = False) -> bool:
    """Transcribe what lacks a transcript, show how it goes, sum up, and find what is said again in other recordings.
    Returns whether Ctrl-C came before the end.

    Where there is no transcriber, that is said, and the transcripts that there are are taken up all the same.
    """
    try:
        transcriber = Transcriber.load(device=current().device)
    except ModelError as error:
        print(f"Nothing is transcribed: {error}")
        transcriber = None
    progress, stopped = show(ingestor.transcribe(transcriber, redo=redo), "transcribed")
    if stopped:
        print("Stopped: what was transcribed stays. To go on: python -m clasp library transcribe")
    elif progress is not None and (text := summary(progress)):
        print(text)
    if not stopped:
        for _ in ingestor.library.recurrences.find(ingestor.model):
            pass
    return stopped


def summary(progress: "TranscribeProgress") -> str:
    """What became of it; '' where there was nothing to do."""
    lines = []
    if progress.total:
        speed = f" of speech, {progress.speed:.0f} times as fast as it lasts" if progress.seconds else ""
        sound = f"{minutes(progress.seconds)}{speed}"
        lines += [f"{progress.transcribed:,} of {progress.total:,} utterances transcribed ({sound})."]
    lines += [f"  not transcribed: {title}: {reason}" for title, reason in progress.failed]
    return "\n".join(lines)
