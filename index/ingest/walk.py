"""The recordings among files and folders; what is passed over is named."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clasp.audio.container import SUFFIXES
from clasp.errors import DataError
from clasp.filenames import readable, suffix
from index.ingest.objects import SCHEMES, StoredObject, listed, normal_address
from index.ingest.sidecars import SUFFIXES as TEXTS

SYSTEM_FOLDERS = frozenset((
    "@eadir", "#recycle", "@recycle", "#snapshot", "@recently-snapshot", "$recycle.bin", "recycler",
    "system volume information", "lost+found", "__macosx",
))  # fmt: skip
"""Where storage and systems keep copies and what was deleted, in lower case."""

IN_CLOUD = re.compile(rf"\..+(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))})\.icloud", re.IGNORECASE)
"""The names of what stands for recordings that a Mac has moved to the cloud."""

UNREAD = {
    **dict.fromkeys((".zip", ".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz"), "is an archive: unpack it."),
    **dict.fromkeys(
        (
            ".ds2", ".dvf", ".msv", ".dct", ".vox", ".sd2", ".aax", ".aaxc", ".aa", ".aup", ".aup3", ".trec", ".braw",
            ".r3d",
        ),
        "is of a kind that cannot be decoded: save it as WAV with the program that it is from.",
    ),
    **dict.fromkeys((".part", ".partial", ".crdownload"), "is not complete: wait for its download, or repeat it."),
    ".zoom": "is not converted yet: open it with Zoom.",
}  # fmt: skip
"""What most likely holds recordings and is not read, by its suffix, and why: the end of a sentence."""

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
"""How a path begins that is none, such as s3://bucket; of the slashes it has one."""


@dataclass(frozen=True)
class FoundFiles:
    """What there is."""

    files: tuple[Path, ...]  # recordings, absolute, each once
    failed: tuple[tuple[Path | str, str], ...] = ()  # what cannot be looked at, and why
    folders: tuple[Path, ...] = ()  # those that were looked through
    skipped: tuple[Path, ...] = ()  # files in folders whose names are no recording's, and hidden ones
    objects: tuple[StoredObject, ...] = ()  # recordings in object storage, each once
    texts: tuple[StoredObject, ...] = ()  # transcripts and tables beside these


def path_or_address(text: str) -> Path | str:
    """A path as it was typed, or what stays a text: an address of object storage."""
    return text if text.lower().startswith(tuple(f"{scheme}://" for scheme in SCHEMES)) else Path(text)


def find_files(paths: Sequence[Path | str]) -> FoundFiles:
    """The files among `paths`, and in the folders among them those whose names are a recording's. Links are followed,
    each folder is entered once. A text is an address of object storage, of which nothing is fetched yet.

    Raises:
        ClaspError: if there is such an address and what reads it is not installed.
        DataError: if there is no recording in any of them.
    """
    here = _in_folders([path for path in paths if isinstance(path, Path)])
    stored = _in_storage([path for path in paths if isinstance(path, str)])
    failed, skipped = here.failed + stored.failed, here.skipped + stored.skipped
    found = replace(here, failed=failed, skipped=skipped, objects=stored.objects, texts=stored.texts)
    if not found.files and not found.objects and len(failed) == 1:
        raise DataError(failed[0][1])
    if not found.files and not found.objects:
        raise DataError("There is no recording to add: give sound files or videos, or folders that hold some.")
    return found


def _in_folders(paths: Sequence[Path]) -> FoundFiles:
    files: dict[Path, None] = {}
    failed: list[tuple[Path | str, str]] = []
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
                elif suffix(file.name) in UNREAD:
                    failed.append((file, f"{readable(file.name)} {UNREAD[suffix(file.name)]}"))
                elif not _is_recording(file.name):
                    skipped.append(file)
                elif file.is_symlink() and not file.exists():
                    failed.append((file, "It is a link to something that is not there."))
                else:
                    files[file] = None
    unknown = tuple(one for one in skipped if suffix(one.name) not in TEXTS)
    return FoundFiles(tuple(files), tuple(failed), tuple(folders), unknown)


def _in_storage(addresses: Sequence[str]) -> FoundFiles:
    objects: dict[str, StoredObject] = {}
    texts: dict[str, StoredObject] = {}
    failed: list[tuple[Path | str, str]] = []
    skipped: list[Path] = []
    for address in map(normal_address, addresses):
        try:
            found = listed(address)
        except DataError as error:
            failed.append((address, str(error)))
            continue
        for one in found:
            if one.place is None:
                failed.append((one.address, "Its address cannot be the path of a file: give it another name."))
            elif one.address == address or (_is_walked(one, address) and _is_recording(one.name)):
                objects[one.address] = one
            elif suffix(one.name) in TEXTS:
                texts[one.address] = one
            elif _is_walked(one, address) and suffix(one.name) in UNREAD:
                failed.append((one.address, f"{readable(one.name)} {UNREAD[suffix(one.name)]}"))
            elif _is_walked(one, address):
                skipped.append(Path(one.name))
    return FoundFiles((), tuple(failed), (), tuple(skipped), tuple(objects.values()), tuple(texts.values()))


def _is_recording(name: str) -> bool:
    return suffix(name) in SUFFIXES and not name.startswith(".")


def _is_walked(stored: StoredObject, address: str) -> bool:
    """Whether a walk through the folders below an address would come to an object."""
    *folders, name = stored.address.removeprefix(f"{address}/").split("/")
    return all(map(_is_entered, folders)) and _is_listed(name)


def _absent(path: Path) -> str:
    """Why there is nothing at a path."""
    if ADDRESS.match(str(path)):
        return f"{readable(str(path))} is an address: mount or download what is there, and give the folder or file."
    return f"There is no {readable(str(path))}: give files or folders that exist."


def _is_entered(folder: str) -> bool:
    return not folder.startswith(".") and folder.casefold() not in SYSTEM_FOLDERS


def _is_listed(name: str) -> bool:
    return not name.startswith(".") or (suffix(name) in SUFFIXES and not name.startswith("._"))  # AppleDouble


def _walked(folder: Path, entered: set[tuple[int, int]], failed: list[tuple[Path | str, str]]) -> Iterator[Path]:
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
        folders[:] = sorted(filter(_is_entered, folders))
        for name in sorted(name for name in names if _is_listed(name) or IN_CLOUD.fullmatch(name)):
            yield Path(place, name)
