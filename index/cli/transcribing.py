"""Transcribing on the command line: with a bar that tells how far it is, and a sum at the end."""

import sys
from typing import TYPE_CHECKING

from clasp.errors import ModelError
from clasp.settings import current
from clasp.speech.transcriber import Transcriber
from index.ingest.transcribe import State, transcribe

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library


def transcribed(library: "Library", model: "Clasp", *, redo: bool = False) -> bool:
    """Transcribe what lacks a transcript, and show how it goes. Returns whether Ctrl-C came before the end.

    Where there is no transcriber, that is said, and the transcripts that there are are taken up all the same.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    try:
        transcriber = Transcriber.load(device=current().device)
    except ModelError as error:
        print(f"Nothing is transcribed: {error}")
        transcriber = None
    columns = [
        TextColumn("{task.fields[count]}"), BarColumn(bar_width=24), TextColumn("{task.fields[sound]}"),
        TimeElapsedColumn(), TextColumn("{task.fields[title]}"),
    ]  # fmt: skip
    console, state = Console(file=sys.stderr), State(0)
    states = transcribe(library, model, transcriber, redo=redo)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1, count="", sound="", title="")
        try:
            for state in states:
                progress.update(
                    task, total=max(1, state.segments), completed=state.done,
                    count=f"{state.done}/{state.segments} transcribed",
                    sound=f"{state.seconds / 60:.1f} min of speech, {state.speed:.0f}×", title=escape(state.title),
                )  # fmt: skip
        except KeyboardInterrupt:
            print("Stopped: what was transcribed stays. To go on: python -m clasp library transcribe")
            return True
        finally:
            states.close()
    if summed := summary(state):
        print(summed)
    return False


def summary(state: State) -> str:
    """What became of it; '' where there was nothing to do."""
    lines = []
    if state.segments:
        speed = f" of speech, {state.speed:.0f} times as fast as it lasts" if state.seconds else ""
        sound = f"{state.seconds / 60:.1f} min{speed}"
        lines += [f"{state.written:,} of {state.segments:,} utterances transcribed ({sound})."]
    lines += [f"  not transcribed: {title}: {reason}" for title, reason in state.failed]
    return "\n".join(lines)
