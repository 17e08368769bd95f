"""Save searches, which are run on whatever is new in a library, and see what they have found.

    python -m clasp saved add "Floods" "the river rose and took the bridge"
    python -m clasp saved add "My question" --speech question.wav
    python -m clasp saved list
    python -m clasp saved show "Floods"        # what it has found; that counts as seen then
    python -m clasp saved remove "Floods"

They are run whenever recordings are added or transcribed, on the page, by `add`, `watch`, `feed update` and `library
transcribe`. CLASP_WEBHOOK names an address to which what is new is sent as JSON; with CLASP_NOTIFY=1, the desktop shows
it.

Exit codes: 0 all is well; 2 an error (one line on stderr).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.filenames import readable
from index.cli.stored import open_stored
from index.paths import library_folder, open_or_create

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp saved`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, meaning in {
        "add": "save a search",
        "list": "the saved searches, with how many hits are new",
        "show": "what a saved search has found",
        "remove": "forget a saved search",
    }.items():
        action = actions.add_parser(name, help=meaning, description=meaning)
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name == "add":
            query = action.add_mutually_exclusive_group(required=True)
            query.add_argument("text", nargs="?", help="what to look for, in any of the model's languages")
            query.add_argument("--speech", type=Path, metavar="FILE", help="a recording of what to look for")
        action.add_argument("--library", metavar="NAME|FOLDER", help="(default: $CLASP_LIBRARY, or your own)")


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    if args.action == "add":
        return _add(args)
    with open_stored(library_folder(args.library)) as library:
        if args.action == "remove":
            library.saved_searches.remove(args.name)
        elif args.action == "show":
            print("\n".join(_hits(library, args.name)) or "It has found nothing yet.")
            library.saved_searches.see(args.name)
        else:
            lines = [
                f"{one.name}: {one.found} found, {one.unseen} not seen yet ({one.text or 'spoken'})"
                for one in library.saved_searches.all()
            ]
            print("\n".join(lines) or "No search is saved.")
    return 0


def report_new(library: "Library", model: "Clasp") -> None:
    """Run the saved searches on what is new, and say what they have found."""
    from index.new_hits import find_new, summary

    if text := summary(find_new(library, model)):
        print(text)


def _add(args: argparse.Namespace) -> int:
    from clasp.audio.decode import decode

    waveform = None if args.speech is None else decode(args.speech)  # before the model: errors come at once

    import clasp
    from index.search import encode

    model = clasp.load()
    with open_or_create(model, args.library) as library:
        query = encode(model, text=args.text, waveform=waveform)
        saved = library.saved_searches.add(args.name, query, model.checksum, waveform)
    print(f"{saved.name!r} is saved: it is run on what is added to {library_folder(args.library)} from now on.")
    return 0


def _hits(library: "Library", name: str) -> list[str]:
    """Two lines for each hit."""
    lines = []
    hits = library.saved_searches.hits(name)
    segments = {one.id: one for one in library.segments([hit.segment for hit in hits])}
    for hit in hits:
        segment = segments.get(hit.segment)
        if segment is not None:
            title = readable(library.recording(segment.recording).title)
            new = "" if hit.seen else " (new)"
            lines.append(f"{hit.probability:4.0%}  {segment.transcript or '(not written down)'}{new}")
            lines.append(f"      {title}, {segment.recording} {segment.start:.1f}-{segment.end:.1f} s")
    return lines
