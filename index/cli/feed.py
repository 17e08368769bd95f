"""Follow podcast feeds: add their episodes to your library as they come out.

    python -m clasp feed add https://example.org/feed.xml
    python -m clasp feed update                                  # fetch what is new in all of them
    python -m clasp feed list
    python -m clasp feed remove https://example.org/feed.xml     # its recordings stay

RSS and Atom are understood. `add` looks at the feed, and `update` fetches its episodes, the newest first, into the
library's folder, with their titles, dates, categories, languages and transcripts. It may be stopped with Ctrl-C, and
goes on the next time. Whatever cannot be had is named and tried again; nothing is fetched twice.

Exit codes: 0 all is well; 1 a feed or an episode could not be had or read; 2 an error (one line on stderr).
"""

import argparse
from typing import TYPE_CHECKING

from clasp.filenames import readable
from index.cli.add import STOPPED, summary
from index.cli.stored import open_stored
from index.paths import library_folder, open_or_create

if TYPE_CHECKING:
    from index.library import Library
    from index.records import Feed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp feed`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary_of, count in (
        ("add", "follow feeds", "+"),
        ("list", "the feeds that are followed", ""),
        ("remove", "follow feeds no longer; their recordings stay", "+"),
        ("update", "add what is new in feeds", "*"),
    ):
        action = actions.add_parser(name, help=summary_of, description=summary_of)
        if count:
            action.add_argument(
                "addresses", nargs=count, metavar="ADDRESS", help="such as https://example.org/feed.xml"
            )
        action.add_argument("--library", metavar="NAME|FOLDER", help="(default: $CLASP_LIBRARY, or your own)")
        if name == "update":
            later = "do not transcribe; `library transcribe` does it later"
            action.add_argument("--no-transcripts", action="store_true", help=later)


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    if args.action == "update":
        return _update(args)
    with _opened(args) as library:
        if args.action == "add":
            from index.ingest.feeds import follow

            for address in args.addresses:
                feed = follow(library, address)
                print(f"{readable(feed.title)}: {feed.episodes} episodes; `feed update` adds them.")
        elif args.action == "remove":
            for address in args.addresses:
                library.feeds.remove(address)
        else:
            print("\n".join(_line(feed) for feed in library.feeds.all()) or "No feed is followed.")
    return 0


def _update(args: argparse.Namespace) -> int:
    """Add what is new, show how it goes, and sum up."""
    import torch

    import clasp
    from index.cli.progress import show
    from index.cli.saved import report_new
    from index.cli.transcribing import transcribe
    from index.ingest.feeds import update
    from index.ingest.pipeline import Ingestor

    torch.set_num_threads(1)  # as for `add`
    model = clasp.load()
    with open_or_create(model, args.library) as library:
        if not library.feeds.all():
            print("No feed is followed: name one with `feed add`.")
            return 0
        progress, stopped = show(update(library, model, args.addresses), "episodes")
        if progress is not None:
            print(summary(progress, "episodes"))
        if stopped:
            print("Stopped: what was finished stays; run it again to go on.")
        elif not args.no_transcripts:
            stopped = transcribe(Ingestor(library, model))
        report_new(library, model)
    flawed = progress is not None and (progress.failed or progress.partial or progress.remarks)
    return STOPPED if stopped else 1 if flawed else 0


def _opened(args: argparse.Namespace) -> "Library":
    """The library; made if it is not there and a feed is to be added."""
    from index.library import Library

    folder = library_folder(args.library)
    if args.action == "add" and Library.is_free(folder):
        import clasp

        return open_or_create(clasp.load(), args.library)
    return open_stored(folder)


def _line(feed: "Feed") -> str:
    counts = f"{feed.episodes} episodes" + (f", {feed.waiting} still to be added" if feed.waiting else "")
    checked = f", looked at {feed.checked[:16].replace('T', ' ')} UTC" if feed.checked else ""
    lines = [f"{readable(feed.title or feed.address)}: {counts}{checked}", f"  {feed.address}"]
    return "\n".join([*lines, f"  {feed.problem}"] if feed.problem else lines)
