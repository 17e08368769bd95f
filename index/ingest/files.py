"""Files that are to be added: what they are by their content, and a copy of them in the library."""

import shutil
from pathlib import Path

from clasp.audio.container import SUFFIXES
from clasp.errors import AudioError, LibraryError
from clasp.filenames import readable
from clasp.files import sha256, whole_file
from clasp.settings import current
from index.library import FILES

HEAD = 2**12  # bytes at the beginning of a file that may be written anew when it is finished


def file_size(file: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def content_checksum(file: Path) -> str:
    """SHA-256 of a file's content.

    Raises:
        AudioError: if it is not there, no regular file, or larger than is set.
    """
    if not file.exists():
        raise AudioError(f"There is no {readable(file.name)}: it was moved or removed, or a link leads nowhere.")
    if not file.is_file():
        raise AudioError(f"{readable(file.name)} is not a file.")
    must_not_be_larger(file.name, file_size(file))
    return sha256(file)


def must_not_be_larger(name: str, size: int) -> None:
    """Raise AudioError if a file of so many bytes is larger than is set."""
    most = current().file_mib
    if size > most * 2**20:
        raise AudioError(f"{readable(name)} is larger than {most:g} MiB: split it, or set CLASP_FILE_MIB.")


def continues(file: Path, part: Path) -> bool:
    """Whether a file begins as another one, its head aside, and goes on."""
    size = file_size(part)
    if not HEAD < size < file_size(file):
        return False
    with file.open("rb") as whole, part.open("rb") as beginning:
        whole.seek(HEAD)
        beginning.seek(HEAD)
        while block := beginning.read(2**20):
            if whole.read(len(block)) != block:
                return False
    return True


def copied(file: Path, digest: str, folder: Path) -> Path:
    """Put a file into a library's folder, under its checksum. Returns the path relative to that.

    Raises:
        LibraryError: if it cannot be written there.
    """
    suffix = file.suffix.lower().strip()
    path = Path(FILES, digest + (suffix if suffix in SUFFIXES else ""))
    target = folder / path
    try:
        target.parent.mkdir(exist_ok=True)
        if not target.is_file() or target.stat().st_size != file_size(file):
            with whole_file(target) as partial:
                shutil.copyfile(file, partial)
    except OSError as error:
        name, reason = readable(file.name), error.strerror or error
        raise LibraryError(f"{name} cannot be copied into {folder}: {reason}.") from error
    return path
