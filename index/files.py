"""Files that appear whole or not at all."""

import os
import secrets
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from clasp.errors import LibraryError


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A path to write to; what was written is flushed to the disk and put in `target`'s place.

    If anything fails, `target` stays as it was.
    """
    path = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        yield path
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(path, target)
    finally:
        path.unlink(missing_ok=True)


# numpy parses array headers as Python literals, at which two threads at once can fail in CPython 3.11 (SystemError)
_one_reader = threading.Lock()


def save_arrays(target: Path, **arrays: np.ndarray | str) -> None:
    """Write arrays to an .npz file that `np.load` reads without pickle."""
    with whole_file(target) as path, path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """The arrays of these names in an .npz file.

    Raises:
        LibraryError: if the file is missing, damaged, or lacks one of them.
    """
    try:
        with _one_reader, np.load(path, allow_pickle=False) as file:
            return [file[name] for name in names]
    except (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise LibraryError(f"{path.name} cannot be read: {error}") from error
