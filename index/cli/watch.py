"""Watch folders, and add recordings to your library as they come in.

    python -m clasp watch interviews/
    python -m clasp watch /mnt/recorder podcasts/ --library harbour --every 60

A file is taken up once nothing has changed it for a while, one that is changed later is taken up again, and so is a
transcript or table that is put beside recordings. What is removed from the folders is named and stays in the library.
It goes on until Ctrl-C.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import DataError
from clasp.filenames import readable
from index.cli.add import STOPPED, add_shared_arguments, summary
from index.paths import library_folder, open_or_create

if TYPE_CHECKING:
    from index.ingest.watch import FolderWatch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp watch`."""
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    add_shared_arguments(parser)
    parser.add_argument(
        "--every", type=_seconds, default=10.0, metavar="SECONDS", help="between two looks (default: 10)"
    )


def run(args: argparse.Namespace) -> int:
    """Watch until Ctrl-C."""
    from index.cli.progress import show
    from index.cli.saved import report_new
    from index.cli.transcribing import transcribe
    from index.ingest.pipeline import Ingestor
    from index.ingest.watch import FolderWatch
    from index.metadata import checked

    checked({"language": args.language})  # before the model: errors come at once
    watch = FolderWatch(args.folders)
    watch.look()

    import torch

    import clasp

    torch.set_num_threads(1)  # as for `add`
    model = clasp.load()
    with suppress(KeyboardInterrupt), open_or_create(model, args.library) as library:
        ingestor = Ingestor(library, model, copy=args.copy, language=args.language)
        print(f"Watching for {library_folder(args.library)}; Ctrl-C ends it.", flush=True)
        for files in _arrivals(watch, args.every):
            progress, stopped = show(ingestor.add(files), "files")
            if progress is not None and (progress.done > progress.existing or progress.updated):
                print(summary(progress), flush=True)
            stopped = stopped or (not args.no_transcripts and transcribe(ingestor))
            report_new(library, model)
            if stopped:
                return STOPPED
    return 0


def _arrivals(watch: "FolderWatch", every: float) -> Iterator[tuple[Path, ...]]:
    """The files of each look that are to be added, forever; names what is gone, and folders that are not there."""
    missing = ""
    while True:
        time.sleep(every)
        try:
            changes = watch.look()
        except DataError as error:  # a disk that is not connected may come back
            if missing != str(error):
                print(error, flush=True)
            missing = str(error)
            continue
        missing = ""
        for file in changes.gone:
            print(f"{readable(str(file))} is gone; what was added of it stays in the library.", flush=True)
        if changes.ready:
            yield changes.ready


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0, not {text!r}")
    return seconds
