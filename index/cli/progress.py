"""A line on the terminal that tells how far long work has come."""

import sys
from collections.abc import Generator
from typing import TypeVar

from index.progress import Progress

SomeProgress = TypeVar("SomeProgress", bound=Progress)


def show(work: Generator[SomeProgress, None, None], unit: str) -> tuple[SomeProgress | None, bool]:
    """Do the work, and show on stderr how many files or utterances (`unit`) are done.

    Returns the last progress, if there was one, and whether Ctrl-C came before the end.
    """
    from rich import progress as bars
    from rich.console import Console
    from rich.markup import escape

    columns = (
        bars.TextColumn("{task.fields[done]}"),
        bars.BarColumn(bar_width=24),
        bars.TextColumn("{task.fields[sound]}"),
        bars.TimeElapsedColumn(),
        bars.TextColumn("{task.fields[left]}"),
        bars.TextColumn("{task.fields[current]}"),
    )
    console = Console(file=sys.stderr)
    last: SomeProgress | None = None
    with bars.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as line:
        task = line.add_task("", total=1.0, done="", sound="", left="", current="looking …")
        try:
            for last in work:
                line.update(
                    task, completed=last.share, done=f"{last.done}/{last.total} {unit}",
                    sound=f"{minutes(last.seconds)} of sound, {last.speed:.0f}×" if last.seconds else "",
                    left="" if last.left is None else f"{minutes(last.left)} left", current=escape(last.current),
                )  # fmt: skip
        except KeyboardInterrupt:
            return last, True
        finally:
            work.close()
    return last, False


def minutes(seconds: float) -> str:
    """So many seconds in minutes: "1.5 min"."""
    return f"{seconds / 60:.1f} min"
