"""Add recordings to your library: sound files, the sound of videos, and folders of them.

    python -m clasp add interviews/ talk.mp4
    python -m clasp add voice-memos/ --copy --language de
    python -m clasp add podcasts/ --library /media/archive
    python -m clasp add lectures/ --no-transcripts
    python -m clasp add interpreted.mkv --track 2
    python -m clasp add /archive --ray auto
    python -m clasp add s3://archive/interviews

They stay where they are unless --copy puts them into the library. A transcript beside a recording (of the same name:
.srt, .vtt, .txt, .docx, .json of Whisper and others) and facts about it (same name, .csv or .xlsx, or metadata.csv in
the folder, with any of the columns file, title, speaker, category, language, date, tags) are taken up, also when they
come later and it is run again. What has no transcript is transcribed once all is added, for it can be searched before;
CLASP_TRANSCRIBER says by what. After an interruption it goes on where it was.

What is in object storage (s3://bucket/folder, gs://bucket/talk.mp3) is fetched into the folder of the library, where it
stays, so that it can be played. Credentials are those of the environment.

With --ray, the machines of a Ray cluster encode; this one stores what they have made, and transcribes in the end. The
paths must lead to the recordings on all of them, or be addresses of object storage.

Exit codes: 0 all was added or known; 1 something could not be read, or not to its end, or something in transcripts and
tables was not understood; 2 an error (one line on stderr).
"""

import argparse
from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING

from clasp.filenames import readable, suffix
from index.cli.progress import minutes, show
from index.ingest.walk import path_or_address
from index.paths import library_folder, open_or_create

if TYPE_CHECKING:
    from index.progress import AddProgress

STOPPED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp add`."""
    parser.add_argument(
        "paths", nargs="+", type=path_or_address, metavar="PATH",
        help="a sound file, a video or a folder, also in object storage (s3://, gs://)",
    )  # fmt: skip
    add_shared_arguments(parser)
    parser.add_argument(
        "--track", type=int, default=0, metavar="NUMBER",
        help="the sound track of the files, from 1 (default: the default one, or the first that is not silent)",
    )  # fmt: skip
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="encode on a Ray cluster: local, auto, ray://host:10001 or host:6379"
    )


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `watch` as well."""
    parser.add_argument("--library", metavar="NAME|FOLDER", help="where to (default: $CLASP_LIBRARY, or your own)")
    parser.add_argument("--copy", action="store_true", help="put the files into the library")
    parser.add_argument(
        "--language", default="", metavar="NAME|TAG", help="what is spoken, where no metadata says otherwise"
    )
    parser.add_argument(
        "--no-transcripts", action="store_true", help="do not transcribe; `library transcribe` does it later"
    )


def run(args: argparse.Namespace) -> int:
    """Add, show how it goes, and sum up."""
    from index.cli.saved import report_new
    from index.cli.transcribing import transcribe
    from index.ingest.cluster import connected
    from index.ingest.pipeline import Ingestor
    from index.ingest.walk import find_files
    from index.metadata import checked

    find_files(args.paths)  # before the model: errors come at once
    checked({"language": args.language})

    import torch

    import clasp

    torch.set_num_threads(1)  # more gain little, and wait for each other while something else is running
    model = clasp.load()
    with open_or_create(model, args.library) as library:
        with connected(args.ray, model) if args.ray else nullcontext() as cluster:
            ingestor = Ingestor(
                library, model, copy=args.copy, language=args.language, track=args.track, cluster=cluster
            )  # fmt: skip
            progress, stopped = show(ingestor.add(args.paths), "files")
        if progress is not None:
            print(summary(progress))
        if stopped:
            print("Stopped: what was finished stays; run it again to go on.")
        elif not args.no_transcripts:
            stopped = transcribe(ingestor)
        report_new(library, model)
        print(f"{len(library):,} utterances in {library_folder(args.library)}")
    flawed = progress is not None and (progress.failed or progress.partial or progress.remarks)
    return STOPPED if stopped else 1 if flawed else 0


def summary(progress: "AddProgress", unit: str = "files") -> str:
    """What became of the files, or of what else they are (`unit`): a line of counts, and one per file that was not
    added."""
    counts = [f"{progress.added} added ({progress.segments} utterances, {minutes(progress.seconds)} of sound"]
    counts[0] += f", {progress.speed:.0f} times as fast as it lasts)" if progress.seconds else ")"
    updated = f" ({progress.updated} with another transcript or other facts)" if progress.updated else ""
    counts += [f"{progress.existing} known before{updated}"] if progress.existing else []
    counts += [f"{len(progress.silent)} without speech"] if progress.silent else []
    counts += [f"{len(progress.partial)} not whole"] if progress.partial else []
    counts += [f"{len(progress.failed)} not readable"] if progress.failed else []
    lines = [f"{progress.done} of {progress.total} {unit}: {', '.join(counts)}."]
    lines += [f"  without speech: {readable(str(file))}" for file in progress.silent]
    lines += [f"  added up to a break: {readable(str(file))}: {readable(reason)}" for file, reason in progress.partial]
    lines += [f"  not added: {readable(str(file))}: {readable(reason)}" for file, reason in progress.failed]
    lines += [f"  {readable(remark)}" for remark in progress.remarks]
    if progress.skipped:
        kinds = Counter(
            readable(file.name) if file.name.startswith(".") else suffix(file.name) or readable(file.name)
            for file in progress.skipped
        )
        named = ", ".join(f"{count} {readable(kind)}" for kind, count in sorted(kinds.items()))
        lines.append(f"  passed over, hidden or no recordings by their names: {named}")
    return "\n".join(lines)
