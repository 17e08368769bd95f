"""Arrays in files."""

import threading
import zipfile
from pathlib import Path

import numpy as np

from clasp.errors import LibraryError
from clasp.files import whole_file

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
