"""Write what is said in recordings to files that other programs read: subtitles, texts, annotations, edit lists.

    python -m clasp export --format srt --out subtitles/              # every recording of your library
    python -m clasp export 4f0c5a2e91b7d3aa --format eaf              # one, by its id, as `library list` shows it
    python -m clasp export 4f0c5a2e91b7d3aa --format vtt --out talk.vtt
    python -m clasp export --format qdpx --out interviews.qdpx --library interviews

Times and speakers come along, whether a transcript was supplied or made by machine. There is a file for each
recording, named after its title; qdpx, csv and json are one file for all. What has no transcript yet is in csv and json
only. No file is written over.

Exit codes: 0 all was written; 1 something has no transcript; 2 an error (one line on stderr).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import LibraryError
from clasp.filenames import readable
from clasp.files import whole_file
from index.exports.formats import FORMATS, ExportedFile, export

if TYPE_CHECKING:
    from index.library import Library


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp export`."""
    parser.add_argument("recordings", nargs="*", metavar="RECORDING", help="its id (default: every recording)")
    parser.add_argument("--format", required=True, choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="FOLDER|FILE",
        help="where to: a folder or, for a single file, its name (default: this folder)",
    )  # fmt: skip
    parser.add_argument("--library", metavar="NAME|FOLDER", help="(default: $CLASP_LIBRARY, or your own)")


def run(args: argparse.Namespace) -> int:
    """Write the files, and name what has no transcript."""
    from index.exports.transcript import of_recordings

    with _opened(args.library) as library:
        recordings = args.recordings or [one.id for one in library.recordings()]
        transcripts = of_recordings(library, recordings)
    written = write(export(args.format, transcripts), args.out)
    print(written[0] if len(written) == 1 else f"{len(written)} files in {args.out}")
    silent = [one.title for one in transcripts if not one.utterances]
    if silent:
        print(f"Without a transcript: {', '.join(silent)}")
    return 1 if silent else 0


def write(files: Sequence[ExportedFile], out: Path) -> list[Path]:
    """Write files into a folder or, if it is only one, under a name. Returns where they are.

    Raises:
        LibraryError: if one of them is there already, or cannot be written; nothing is written over.
    """
    alone = len(files) == 1 and not out.is_dir() and out.suffix.lower() == Path(files[0].name).suffix.lower()
    targets = [out] if alone else [out / one.name for one in files]
    for target in targets:
        if target.exists():
            raise LibraryError(f"{readable(str(target))} is there already: move it away, or choose another --out.")
    try:
        for one, target in zip(files, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(target) as path:
                path.write_bytes(one.content)
    except OSError as error:
        raise LibraryError(f"{readable(str(out))} cannot be written: {error.strerror or error}.") from error
    return targets


def _opened(name: str | None) -> "Library":
    from clasp.settings import current
    from index.cli.stored import open_stored
    from index.paths import DEMO, library_folder, open_library

    if (name or current().library) != DEMO:
        return open_stored(library_folder(name))
    import clasp

    return open_library(clasp.load(), DEMO)
