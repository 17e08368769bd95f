"""Where libraries live: a folder each, found by path or by name.

A name stands for a folder of that name in the user's data directory; "demo" is the library that ships.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from clasp.errors import LibraryError
from clasp.settings import current
from index.demo import open_demo
from index.library import Library
from index.store.home import home_of, is_named
from index.store.postgresql import PostgreSQL

if TYPE_CHECKING:
    from clasp import Clasp

DEMO, DEFAULT = "demo", "default"
NAME = re.compile(r"\w[\w .-]{0,62}\w|\w")
VISIT = "visit"  # stands for what a guest has added, see `index.guests`
DELETED = ".deleted-"  # begins the names of folders that are being deleted


def library_folder(library: str | None = None) -> Path:
    """The folder of a library, given by name or by path; None: the one that CLASP_LIBRARY says, or the default."""
    name = library or current().library or DEFAULT
    path = Path(name).expanduser()
    if path.name != name or name in (".", "..") or is_named(path):
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
    folders = [folder for folder in sorted(_named_folders().glob("*")) if is_named(folder)]
    return {folder.name: folder for folder in folders if not folder.name.startswith(DELETED)}


def new_name(name: str, taken: Iterable[str]) -> str:
    """A name for a library, as it is used.

    Raises:
        LibraryError: if it cannot be used, or is among those taken, whatever their case.
    """
    name = " ".join(name.split())
    if not NAME.fullmatch(name):
        raise LibraryError(f"{name!r} cannot name a library: use up to 64 letters, digits, spaces, dots and dashes.")
    if name.casefold() in (one.casefold() for one in taken):
        raise LibraryError(f"There is a library called {name} already: choose another name.")
    return name


def rename_library(name: str, new: str) -> None:
    """Give a library, which nobody has open, another name, as `new_name` gives it.

    Raises:
        LibraryError: if it is none of the named ones, is that of CLASP_LIBRARY, or cannot be renamed.
    """
    folder = _own_folder(name)
    if isinstance(home_of(folder), PostgreSQL):
        raise LibraryError(f"The library {name} is in PostgreSQL, where other machines know it by its name: keep that.")
    try:
        folder.rename(folder.with_name(new))
    except OSError as error:
        raise LibraryError(f"The library {name} cannot be renamed: {error}.") from error


def delete_library(name: str) -> None:
    """Delete a library, which nobody has open, with the recordings that were copied into it.

    Raises:
        LibraryError: if it is none of the named ones, is that of CLASP_LIBRARY, or cannot be deleted.
    """
    folder = _own_folder(name)
    home = home_of(folder)
    if isinstance(home, PostgreSQL):
        home.drop()
    try:
        folder.rename(folder.with_name(f"{DELETED}{token_hex(4)}"))  # whole or not at all
    except OSError as error:
        raise LibraryError(f"The library {name} cannot be deleted: {error}.") from error
    for left in folder.parent.glob(f"{DELETED}*"):  # also of one that was interrupted
        shutil.rmtree(left, ignore_errors=True)


def _own_folder(name: str) -> Path:
    """The folder of a library that may be renamed and deleted."""
    folder = named_libraries().get(name)
    if folder is None:
        raise LibraryError(f"There is no library called {name!r} among those that have a name.")
    if current().library and folder.resolve() == library_folder().resolve():
        raise LibraryError(f"CLASP_LIBRARY says to use {name}: let it name another library first.")
    return folder


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
