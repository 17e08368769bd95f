"""The libraries that can be searched here, each opened once: the one that ships, and your own."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import LibraryError
from index.demo import OnProgress, open_demo
from index.library import Library
from index.paths import (
    DEMO,
    VISIT,
    configured_library,
    delete_library,
    library_folder,
    named_libraries,
    new_name,
    rename_library,
)  # fmt: skip
from index.store.home import is_named

if TYPE_CHECKING:
    from clasp import Clasp


class LibraryRegistry:
    """Opens libraries by name and keeps them open; any number of threads may ask."""

    def __init__(self, model: "Clasp", *, read_only: bool = False) -> None:
        self._model = model
        self._read_only = read_only
        self._lock = threading.Lock()
        self._open: dict[str, Library] = {}
        self._busy: set[str] = set()  # names of libraries that must not be open now

    def names(self) -> list[str]:
        """The libraries there are: the one that ships, the configured one, then the others in alphabetical order."""
        first, _ = configured_library()
        others = (name for name in named_libraries() if name != first)
        return [DEMO, *([] if self.lacks(first) else [first]), *others]

    def lacks(self, name: str) -> bool:
        """Whether this is the configured library, and there is none yet: it is created when it is first needed."""
        first, folder = configured_library()
        return name == first and not is_named(folder) and Library.is_free(folder)

    def library(self, name: str) -> Library:
        """The library with this name, as it is now; one that the registry lacks is created.

        Raises:
            LibraryError: if there is none, it is damaged or being repaired, or another model made its vectors.
        """
        with self._lock:
            library = self._open.get(name)
            if library is None:
                self._must_not_be_busy(name)
                library = self._open[name] = self._opened(name)
                return library
        library.refresh()
        return library

    def open_demo(self, progress: OnProgress) -> Library:
        """The library that ships; `progress` is told of it if its vectors must be made first."""
        with self._lock:
            if DEMO not in self._open:
                self._open[DEMO] = open_demo(self._model, progress=progress)
            return self._open[DEMO]

    def create(self, name: str) -> Library:
        """Create a new library.

        Raises:
            LibraryError: if its name cannot be used, is taken, or its folder cannot be written.
        """
        with self._lock:
            name, folder = self._new(name)
            library = self._open[name] = Library.create(folder, self._model)
        return library

    def new_folder(self, name: str) -> Path:
        """Where a library that is not there yet would be, to be filled.

        Raises:
            LibraryError: if its name cannot be used, or is taken.
        """
        with self._lock:
            return self._new(name)[1]

    def folder(self, name: str) -> Path:
        """Where the library with this name is, or would be. Not for the one that ships."""
        first, folder = configured_library()
        return folder if name == first else library_folder(name)

    def while_closed(self, name: str, action: Callable[[Path], object]) -> None:
        """Do something to a library that must not be open meanwhile, given its folder.

        Raises:
            LibraryError: if something is being done to it already.
        """
        with self._lock:
            self._must_not_be_busy(name)
            library = self._open.pop(name, None)
            self._busy.add(name)
        try:
            if library is not None:
                library.close()
            action(self.folder(name))
        finally:
            with self._lock:
                self._busy.discard(name)

    def rename(self, name: str, new: str) -> str:
        """Give a library another name. Returns the name as it is used.

        Raises:
            LibraryError: if the name cannot be used or is taken, or the library cannot be renamed.
        """
        with self._lock:
            new, _ = self._new(new)
        self.while_closed(name, lambda _: rename_library(name, new))
        return new

    def delete(self, name: str) -> None:
        """Delete a library for good, with the recordings that were copied into it.

        Raises:
            LibraryError: if it cannot be deleted.
        """
        self.while_closed(name, lambda _: delete_library(name))

    def close(self) -> None:
        """Close them all."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()

    def _must_not_be_busy(self, name: str) -> None:
        if name in self._busy:
            raise LibraryError(f"The library {name} is being repaired: wait until that is done.")

    def _new(self, name: str) -> tuple[str, Path]:
        if self._read_only:
            raise LibraryError("Libraries cannot be created here: they are read-only.")
        name = new_name(name, (*self.names(), configured_library()[0], VISIT))
        return name, self.folder(name)

    def _opened(self, name: str) -> Library:
        if name == DEMO:
            return open_demo(self._model)
        if name not in self.names() and (self._read_only or not self.lacks(name)):
            raise LibraryError(f"There is no library called {name!r}: there are {', '.join(self.names())}.")
        folder = self.folder(name)
        if not self._read_only and Library.is_free(folder):
            return Library.create(folder, self._model)
        return Library.open(folder, self._model, read_only=self._read_only)
