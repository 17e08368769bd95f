"""Where libraries live: a folder each, found by path or by name.

A name stands for a folder of that name in the user's data directory; "demo" is the library that ships.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from clasp.settings import current
from index.demo import open_demo
from index.library import Library
from index.store.schema import DATABASE_FILE

if TYPE_CHECKING:
    from clasp import Clasp

DEMO, DEFAULT = "demo", "default"


def library_folder(library: str | None = None) -> Path:
    """The folder of a library, given by name or by path; None: the one that CLASP_LIBRARY says, or the default."""
    name = library or current().library or DEFAULT
    path = Path(name).expanduser()
    if path.name != name or name in (".", "..") or (path / DATABASE_FILE).exists():
        return path
    return _named_folders() / name


def configured_library() -> tuple[str, Path]:
    """Name and folder of the library that CLASP_LIBRARY says, or of the default one."""
    folder = library_folder()
    return folder.resolve().name or DEFAULT, folder


def usual_library() -> str:
    """The library to search where none is named: that of CLASP_LIBRARY, the user's own if there is one, or the demo."""
    return current().library or (DEFAULT if DEFAULT in named_libraries() else DEMO)


def named_libraries() -> dict[str, Path]:
    """The libraries in the user's data directory, by name."""
    return {path.parent.name: path.parent for path in sorted(_named_folders().glob(f"*/{DATABASE_FILE}"))}


def open_library(model: "Clasp", library: str | None = None) -> Library:
    """Open a library by name or path; "demo" is the one that ships.

    Raises:
        LibraryError: if there is none, it is damaged, or another model made its vectors.
    """
    return open_demo(model) if library == DEMO else Library.open(library_folder(library), model)


def open_or_create(model: "Clasp", library: str | None = None) -> Library:
    """The same, for adding: created if it is not there.

    Raises:
        LibraryError: if it cannot be created, is damaged, or another model made its vectors.
    """
    folder = library_folder(library)
    return Library.create(folder, model) if Library.is_free(folder) else Library.open(folder, model)


def _named_folders() -> Path:
    from platformdirs import user_data_path

    return user_data_path("clasp") / "libraries"
