"""The recordings among files and folders; what is passed over is named."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clasp.audio.container import SUFFIXES
from clasp.errors import DataError
from clasp.filenames import readable
from index.ingest.sidecars import SUFFIXES as TEXTS


@dataclass(frozen=True)
class FoundFiles:
    """What there is."""

    files: tuple[Path, ...]  # recordings, absolute, each once
    failed: tuple[tuple[Path, str], ...] = ()  # what cannot be looked at, and why
    skipped: tuple[Path, ...] = ()  # files in folders whose names are no recording's


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """The files among `paths`, and in the folders among them those whose names are a recording's. Links are followed,
    each folder is entered once.

    Raises:
        DataError: if there is no recording in any of them.
    """
    files: dict[Path, None] = {}
    failed: list[tuple[Path, str]] = []
    skipped: list[Path] = []
    entered: set[tuple[int, int]] = set()
    for path in paths:
        if not os.path.lexists(path):
            failed.append((path, f"There is no {readable(str(path))}: give files or folders that exist."))
        elif not path.is_dir():
            files[path.absolute()] = None
        else:
            for file in _walked(path.absolute(), entered, failed):
                if _suffix(file.name) not in SUFFIXES:
                    skipped.append(file)
                elif file.is_symlink() and not file.exists():
                    failed.append((file, "It is a link to something that is not there."))
                else:
                    files[file] = None
    if not files and len(failed) == 1:
        raise DataError(f"{failed[0][1]}")
    if not files:
        raise DataError("There is no recording to add: give sound files or videos, or folders that hold some.")
    return FoundFiles(tuple(files), tuple(failed), tuple(one for one in skipped if _suffix(one.name) not in TEXTS))


def _walked(folder: Path, entered: set[tuple[int, int]], failed: list[tuple[Path, str]]) -> Iterator[Path]:
    """The files of a folder and those in it, but for hidden ones; what cannot be opened is added to `failed`."""

    def refused(error: OSError) -> None:
        failed.append((Path(error.filename), f"The folder cannot be opened: {error.strerror or error}."))

    for place, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:  # a link leads to where we have been
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(place, name)


def _suffix(name: str) -> str:
    return Path(name.strip()).suffix.lower()
