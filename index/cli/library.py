"""Look after a library: list its recordings, edit and remove them, check and repair it, move it, change its model.

    python -m clasp library list
    python -m clasp library edit 4f0c5a2e91b7d3aa --title "Harbour, 1962" --speaker Ada --date 1962-05-01
    python -m clasp library remove 4f0c5a2e91b7d3aa      # for thirty days, it can be restored; --for-good: deleted
    python -m clasp library restore 4f0c5a2e91b7d3aa     # `bin` lists what can be
    python -m clasp library rename "Harbour tapes" --library harbour   # and: delete, which asks for its name
    python -m clasp library check            # and: repair
    python -m clasp library export archive.zip
    python -m clasp library import archive.zip --library harbour
    python -m clasp library transcribe       # what has no transcript yet; --redo: what a machine has transcribed, too
    python -m clasp library speakers         # who speaks, and how much; guessed where nobody has said so
    python -m clasp library speakers "Speaker 1" --to Ada    # in all recordings; if there is an Ada, both become one
    python -m clasp library diarize          # tell speakers apart in what was added before that was known
    python -m clasp library recurrences      # find what is said in several recordings: of what is new, and list it
    python -m clasp library reembed          # if another model made it; may be stopped, and goes on, like transcribe

Exit codes: 0 all is well; 1 `check` found something, or `reembed` could not hear all; 2 an error (one line on stderr).
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from index.cli import speakers
from index.cli.add import STOPPED
from index.cli.stored import open_stored
from index.metadata import FACTS
from index.paths import configured_library, library_folder

if TYPE_CHECKING:
    from index.library import Library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp library`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in {
        "list": "recordings with their duration, utterances, date and language",
        "edit": "change what is known of a recording",
        "remove": "move recordings to the bin, from which they can be restored for thirty days",
        "bin": "what is in the bin, and until when",
        "restore": "bring recordings back from the bin",
        "rename": "give the library another name",
        "delete": "delete the library, with the recordings that were copied into it, after asking for its name",
        "check": "say what is damaged or missing",
        "repair": "the same, and put right what can be",
        "export": "write the library, recordings included, to one archive",
        "import": "make a library of such an archive",
        "transcribe": "transcribe what has no transcript yet",
        "speakers": "who speaks; give somebody another name",
        "diarize": "tell speakers apart where nobody has said who speaks",
        "recurrences": "find and list passages that recur in other recordings",
        "reembed": "make the vectors anew, with the model in use instead of the one that made them",
    }.items():
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument("--library", metavar="NAME|FOLDER", help="(default: $CLASP_LIBRARY, or your own)")
        if name == "edit":
            action.add_argument("recording", help="its id, as `list` shows it")
            for fact in FACTS:
                action.add_argument(f"--{fact}")
        elif name == "speakers":
            action.add_argument("speaker", nargs="?", help="the name that is to change")
            action.add_argument("--to", metavar="NAME", help="the new one; that of somebody else makes one of two")
        elif name in ("remove", "restore"):
            shown_by = "list" if name == "remove" else "bin"
            action.add_argument("recordings", nargs="+", metavar="RECORDING", help=f"its id, as `{shown_by}` shows it")
            if name == "remove":
                action.add_argument("--for-good", action="store_true", help="delete them at once")
        elif name == "rename":
            action.add_argument("new", metavar="NAME", help="the new name")
        elif name in ("export", "import"):
            action.add_argument("archive", type=Path)
        elif name == "transcribe":
            again = "also what a machine has transcribed before; what came with the recordings stays"
            action.add_argument("--redo", action="store_true", help=again)


def run(args: argparse.Namespace) -> int:
    """Do what is asked."""
    from index.library import Library
    from index.store import archive, repair
    from index.store.database import Database

    folder = library_folder(args.library)
    if args.action == "import":
        archive.unpack(args.archive, folder)
        print(f"{args.archive.name} is now the library in {folder}")
        return 0
    if args.action in ("check", "repair"):
        findings = repair.check(folder, mend=args.action == "repair")
        print("\n".join(findings) or "All is well.")
        return 1 if findings and args.action == "check" else 0
    whole = {
        "reembed": lambda: _reembed(folder),
        "diarize": lambda: speakers.diarize(folder),
        "recurrences": lambda: _recurrences(folder),
        "transcribe": lambda: _transcribe(folder, redo=args.redo),
        "rename": lambda: _rename(args.library, args.new),
        "delete": lambda: _delete(args.library),
    }
    if args.action in whole:
        return whole[args.action]()
    if args.action == "export":
        Library.must_exist(folder)
        Database(folder).close()  # an older one is brought up to date
        archive.pack(folder, args.archive)
        print(f"{args.archive}: {args.archive.stat().st_size / 2**20:.1f} MiB")
        return 0
    with open_stored(folder) as library:
        if args.action == "edit":
            facts = {fact: getattr(args, fact) for fact in FACTS if getattr(args, fact) is not None}
            library.edit(args.recording, **facts)
        elif args.action in ("remove", "restore"):
            removal = library.remove if args.action == "remove" and args.for_good else library.bin.put
            (library.bin.restore if args.action == "restore" else removal)(*args.recordings)
        else:
            print(_listing(library, args))
    return 0


def _rename(library: str | None, new: str) -> int:
    from index.paths import DEMO, VISIT, named_libraries, new_name, rename_library

    name = library or configured_library()[0]
    new = new_name(new, (*named_libraries(), DEMO, VISIT))
    rename_library(name, new)
    print(f"{name} is now {new}.")
    return 0


def _delete(library: str | None) -> int:
    """Delete a library once its name was typed."""
    from index.paths import delete_library

    name = library or configured_library()[0]
    if input(f"Type {name} to delete the library with all that was copied into it: ").strip() != name:
        print("Nothing was deleted.")
        return 1
    delete_library(name)
    print(f"{name} is deleted.")
    return 0


def _reembed(folder: Path) -> int:
    """Embed a library anew, show how it goes, and name what cannot be heard any more."""
    import clasp
    from index.cli.progress import show
    from index.library import Library
    from index.store.reembed import reembed

    Library.must_exist(folder)  # before the model: errors come at once
    model = clasp.load()
    progress, stopped = show(reembed(folder, model), "utterances")
    if stopped or progress is None:
        print("Stopped: run it again to go on.")
        return STOPPED
    for title, reason in progress.failed:
        print(f"{title}: {reason}")
    if progress.failed:
        print("Nothing was changed: put these recordings back or remove them, and run it again; it goes on.")
        return 1
    print(f"{progress.total:,} utterances of the library in {folder} are now of the model in use.")
    return 0


def _transcribe(folder: Path, *, redo: bool) -> int:
    """Transcribe what lacks a transcript."""
    import clasp
    from index.cli.saved import report_new
    from index.cli.transcribing import transcribe
    from index.ingest.pipeline import Ingestor
    from index.library import Library

    Library.must_exist(folder)  # before the model: errors come at once
    model = clasp.load()
    with Library.open(folder, model) as library:
        stopped = transcribe(Ingestor(library, model), redo=redo)
        report_new(library, model)
        return STOPPED if stopped else 0


def _listing(library: "Library", args: argparse.Namespace) -> str:
    """What the action lists."""
    if args.action == "speakers":
        return speakers.renamed(library, args.speaker, args.to)
    return _bin(library) if args.action == "bin" else _table(library)


def _bin(library: "Library") -> str:
    binned = library.bin.contents()
    return "\n".join(f"{one.id}  until {one.until:%Y-%m-%d}  {one.title}" for one in binned) or "The bin is empty."


def _recurrences(folder: Path) -> int:
    """Compare what is new with the other recordings, and list what recurs."""
    import clasp
    from index.exports.clocks import short_clock
    from index.library import Library

    Library.must_exist(folder)  # before the model: errors come at once
    model = clasp.load()
    with Library.open(folder, model) as library:
        for _ in library.recurrences.find(model):
            pass
        titles = {one.id: one.title for one in library.recordings()}
        for name, title in titles.items():
            for passage in library.recurrences.passages(name):
                here, there = (short_clock(round(1_000 * one)) for one in (passage.start, passage.other_start))
                print(f"{title}, {here}: also in {titles[passage.recording]}, {there}")
    return 0


def _table(library: "Library") -> str:
    counts = library.counts()
    rows = []
    for one in library.recordings():
        facts = f"{one.id}  {one.duration / 60:8.1f} min  {counts.get(one.id, 0):6}  {one.date or one.added[:10]:10}"
        facts += f"  {one.language:5}"
        rows.append(f"{facts}  {one.title}" + ("" if one.done else "  (not finished: add it again)"))
    seconds = sum(one.duration for one in library.recordings())
    size = sum(path.stat().st_size for path in library.folder.rglob("*") if path.is_file())
    total = f"{len(rows)} recordings, {seconds / 3600:.1f} h, {len(library):,} utterances, {size / 2**20:.1f} MiB in "
    return "\n".join([*rows, total + str(library.folder)])
