"""Add recordings to your library: sound files, the sound of videos, and folders of them.

    python -m clasp add interviews/ talk.mp4
    python -m clasp add voice-memos/ --copy --language de
    python -m clasp add podcasts/ --library /media/archive
    python -m clasp add lectures/ --no-transcripts
    python -m clasp add interpreted.mkv --track 2

They stay where they are unless --copy puts them into the library. A transcript beside a recording (of the same name:
.srt, .vtt, .txt, .json of Whisper and others) and facts about it (same name, .csv, or metadata.csv in the folder, with
any of the columns file, title, speaker, category, language, date) are taken up, also when they come later and it is run
again. What has no transcript is transcribed once all is added, for it can be searched before; CLASP_TRANSCRIBER says by
what. After an interruption it goes on where it was.

Exit codes: 0 all was added or known; 1 something could not be read, or not to its end, or something in transcripts and
tables was not understood; 2 an error (one line on stderr).
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.filenames import readable
from index.paths import library_folder, open_or_create

if TYPE_CHECKING:
    from index.ingest.pipeline import State

STOPPED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp add`."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a sound file, a video or a folder")
    parser.add_argument("--library", metavar="NAME|FOLDER", help="where to (default: $CLASP_LIBRARY, or your own)")
    parser.add_argument("--copy", action="store_true", help="put the files into the library")
    parser.add_argument(
        "--language", default="", metavar="NAME|TAG", help="what is spoken, where no metadata says otherwise"
    )
    parser.add_argument(
        "--no-transcripts", action="store_true", help="do not transcribe; `library transcribe` does it later"
    )
    parser.add_argument(
        "--track", type=int, default=0, metavar="NUMBER",
        help="the sound track of the files, from 1 (default: the default one, or the first that is not silent)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Add, show how it goes, and sum up."""
    from index.cli.transcribing import transcribed
    from index.ingest.pipeline import ingest
    from index.ingest.walk import find_files
    from index.metadata import checked

    find_files(args.paths)  # before the model: errors come at once
    checked({"language": args.language})

    import torch

    import clasp
    from clasp.settings import current

    torch.set_num_threads(1)  # more gain little, and wait for each other while something else is running
    settings = current()
    model = clasp.load(settings.model, settings.device or None)
    with open_or_create(model, args.library) as library:
        options = {"copy": args.copy, "language": args.language, "track": args.track}
        state, stopped = _shown(ingest(library, model, args.paths, **options))
        if state is not None:
            print(summary(state))
        if stopped:
            print("Stopped: what was finished stays; run it again to go on.")
        elif not args.no_transcripts:
            stopped = transcribed(library, model)
        print(f"{len(library):,} utterances in {library_folder(args.library)}")
    return STOPPED if stopped else 1 if state.failed or state.partial or state.remarks else 0


def summary(state: "State") -> str:
    """What became of the files: a line of counts, and one per file that was not added."""
    counts = [f"{state.added} added ({state.segments} utterances, {_minutes(state.seconds)} of sound"]
    counts[0] += f", {state.speed:.0f} times as fast as it lasts)" if state.seconds else ")"
    updated = f" ({state.updated} with another transcript or other facts)" if state.updated else ""
    counts += [f"{state.known} known before{updated}"] if state.known else []
    counts += [f"{len(state.silent)} without speech"] if state.silent else []
    counts += [f"{len(state.partial)} not whole"] if state.partial else []
    counts += [f"{len(state.failed)} not readable"] if state.failed else []
    lines = [f"{state.done} of {state.files} files: {', '.join(counts)}."]
    lines += [f"  without speech: {readable(str(file))}" for file in state.silent]
    lines += [f"  added up to a break: {readable(str(file))}: {readable(reason)}" for file, reason in state.partial]
    lines += [f"  not added: {readable(str(file))}: {readable(reason)}" for file, reason in state.failed]
    lines += [f"  {readable(remark)}" for remark in state.remarks]
    if state.others:
        kinds = Counter(Path(file.name.strip()).suffix.lower() or readable(file.name) for file in state.others)
        named = ", ".join(f"{count} {readable(kind)}" for kind, count in sorted(kinds.items()))
        lines.append(f"  passed over, no recordings by their names: {named}")
    return "\n".join(lines)


def _shown(states: "Iterator[State]") -> "tuple[State | None, bool]":
    """The last state, and whether Ctrl-C came before the end; meanwhile a line that tells how far it is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    state = None
    columns = (
        TextColumn("{task.fields[files]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[sound]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[file]}"),
    )
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1, files="", sound="", left="", file="looking …")
        try:
            for state in states:
                progress.update(
                    task,
                    total=max(1, state.bytes),
                    completed=state.bytes_done,
                    files=f"{state.done}/{state.files} files",
                    sound=f"{_minutes(state.seconds)} of sound, {state.speed:.0f}×",
                    left="" if state.left is None else f"{_minutes(state.left)} left",
                    file=escape(readable(state.file.name)) if state.file else "",
                )
        except KeyboardInterrupt:
            return state, True
        finally:
            states.close()
    return state, False


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"
