"""The recordings among files and folders; what is passed over is named."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from clasp.audio.container import SUFFIXES
from clasp.errors import DataError
from clasp.filenames import readable, suffix
from index.ingest.sidecars import SUFFIXES as TEXTS

SYSTEM_FOLDERS = frozenset((
    "@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", "$recycle.bin", "recycler",
    "system volume information", "lost+found", "__macosx",
))  # fmt: skip
"""Where storage and systems keep copies and what was deleted, in lower case."""

IN_CLOUD = re.compile(rf"\..+(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))})\.icloud", re.IGNORECASE)
"""The names of what stands for recordings that a Mac has moved to the cloud."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""How a path begins that is none, such as s3://bucket; of the slashes it has one."""


@dataclass(frozen=True)
class FoundFiles:
    """What there is."""

    files: tuple[Path, ...]  # recordings, absolute, each once
    failed: tuple[tuple[Path, str], ...] = ()  # what cannot be looked at, and why
    folders: tuple[Path, ...] = ()  # those that were looked through
    skipped: tuple[Path, ...] = ()  # files in folders whose names are no recording's, and hidden ones


def find_files(paths: Sequence[Path]) -> FoundFiles:
    """The files among `paths`, and in the folders among them those whose names are a recording's. Links are followed,
    each folder is entered once.

    Raises:
        DataError: if there is no recording in any of them.
    """
    files: dict[Path, None] = {}
    failed: list[tuple[Path, str]] = []
    skipped: list[Path] = []
    folders: dict[Path, None] = {}
    entered: set[tuple[int, int]] = set()
    for path in paths:
        if not os.path.lexists(path):
            failed.append((path, _absent(path)))
        elif not path.is_dir():
            files[path.absolute()] = None
        else:
            for file in _walked(path.absolute(), entered, failed):
                folders[file.parent] = None
                if IN_CLOUD.fullmatch(file.name):
                    failed.append((file, "It is in iCloud and not on this computer: download it."))
                elif suffix(file.name) not in SUFFIXES or file.name.startswith("."):
                    skipped.append(file)
                elif file.is_symlink() and not file.exists():
                    failed.append((file, "It is a link to something that is not there."))
                else:
                    files[file] = None
    if not files and len(failed) == 1:
        raise DataError(f"{failed[0][1]}")
    if not files:
        raise DataError("There is no recording to add: give sound files or videos, or folders that hold some.")
    unknown = tuple(one for one in skipped if suffix(one.name) not in TEXTS)
    return FoundFiles(tuple(files), tuple(failed), tuple(folders), unknown)


def _absent(path: Path) -> str:
    """Why there is nothing at a path."""
    if ADDRESS.match(str(path)):
        return f"{readable(str(path))} is an address: mount or download what is there, and give the folder or file."
    return f"There is no {readable(str(path))}: give files or folders that exist."


def _walked(folder: Path, entered: set[tuple[int, int]], failed: list[tuple[Path, str]]) -> Iterator[Path]:
    """The files of a folder and those in it, but for hidden folders and those of the system, and of hidden files all
    but the recordings; what cannot be opened is added to `failed`."""

    def refused(error: OSError) -> None:
        failed.append((Path(error.filename), f"The folder cannot be opened: {error.strerror or error}."))

    for place, folders, names in os.walk(folder, onerror=refused, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in entered:  # a link leads to where we have been
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if name[0] != "." and name.casefold() not in SYSTEM_FOLDERS)
        for name in sorted(names):
            is_recording = suffix(name) in SUFFIXES and not name.startswith("._")  # AppleDouble
            if not name.startswith(".") or is_recording or IN_CLOUD.fullmatch(name):
                yield Path(place, name)
