"""The model and the libraries, opened in the background while the page is built."""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import ClaspError, LibraryError
from clasp.settings import current
from index.paths import DEFAULT, DEMO, VISIT, configured_library
from ui.gpu import borrowed
from ui.jobs import Jobs

if TYPE_CHECKING:
    from clasp import Clasp
    from index.guests import GuestLibraries
    from index.library import Library
    from index.map.library_map import LibraryMap
    from index.map.registry import MapRegistry
    from index.registry import LibraryRegistry

READ_ONLY = "This library is read-only here: it can be searched, not changed."
WARM_UP = "Say it or type it."
SWEEP = 60  # seconds between two searches for guest libraries that have expired
TITLES = {DEMO: "Demo library", DEFAULT: "My recordings", VISIT: "My uploads (this visit)"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resources:
    """What everything on the page works with."""

    model: "Clasp"
    registry: "LibraryRegistry"
    guests: "GuestLibraries"
    maps: "MapRegistry"


class Service:
    """Opens the resources once, in a thread of its own; `opened` waits for them.

    Attributes:
        local: whether only this machine can reach the page.
        read_only: whether nobody may change the libraries from the page.
        jobs: long-running work on libraries.
        model_name: the model in use, as `clasp.load` takes it.
        problem: why it is the bundled one, or on the CPU, though something else was asked for; "" if nothing was wrong.
    """

    def __init__(self, model: str = "bundled", device: str | None = None, *, local: bool = True) -> None:
        self.status = "Loading the model…"
        self.read_only = current().read_only
        self.local = local and not self.read_only
        self.jobs = Jobs()
        self.model_name = model
        self.problem = ""
        self._device = device
        self._done = threading.Event()
        self._resources: Resources | None = None
        self._error: ClaspError | None = None

    def start(self) -> "Service":
        """Begin to open; returns at once."""
        threading.Thread(target=self._run, name="open", daemon=True).start()
        return self

    def ready(self, timeout: float = 0.0) -> bool:
        """Whether opening has ended, well or not, after waiting up to `timeout` seconds."""
        return self._done.wait(timeout)

    def opened(self) -> Resources:
        """The resources, however long they take to open.

        Raises:
            ClaspError: if the model or the demo library cannot be opened.
        """
        self._done.wait()
        if self._resources is None:
            raise self._error or ClaspError("The demo library could not be opened. The server's log says why.")
        return self._resources

    def close(self) -> None:
        """Close the libraries, if they are open, and delete those of guests."""
        if self._resources is not None:
            self._resources.guests.close()
            self._resources.registry.close()

    def greet(self, token: str) -> str:
        """The token of a visitor, who may already have one from an earlier visit."""
        return self.opened().guests.issue(token)

    def libraries(self, token: str = "", *, to_add: bool = False) -> list[tuple[str, str]]:
        """Titles and names of the libraries that a visitor can choose from; their own comes last. `to_add`: with the
        owner's that is created when something is added to it."""
        registry = self.opened().registry
        first, _ = configured_library()
        names = registry.names()
        if to_add and not self.read_only and registry.lacks(first):
            names.insert(1, first)
        names += [VISIT] if self.read_only and token else []
        return [(TITLES.get(name, name), name) for name in names]

    def library(self, name: str, token: str = "") -> "Library":
        """The library with this name; VISIT is that of the guest with this token.

        Raises:
            LibraryError: if there is none, it is damaged, or another model made its vectors.
        """
        resources = self.opened()
        return resources.guests.library(token) if name == VISIT else resources.registry.library(name)

    def library_if_any(self, name: str, token: str) -> "Library | None":
        """The same; None for whoever has not added anything yet."""
        if name == VISIT and self.read_only and not self.opened().guests.has(token):
            return None
        if not self.read_only and self.opened().registry.lacks(name):
            return None
        return self.library(name, token)

    def may_change(self, name: str) -> bool:
        """Whether the page may add to this library, edit it and remove from it."""
        return name == VISIT if self.read_only else name not in (DEMO, VISIT)

    def require_change(self, name: str) -> None:
        """Raises LibraryError unless the page may change this library."""
        if not self.may_change(name):
            raise LibraryError(READ_ONLY)

    def key(self, name: str, token: str = "") -> str:
        """What stands for a library in URLs: its name, or the token of a guest."""
        return token if name == VISIT else name

    def name_of_key(self, key: str) -> str:
        """The name of the library that `key` stands for in a URL."""
        return VISIT if self.opened().guests.has(key) else key

    def library_of_key(self, key: str) -> "Library":
        """The library that `key` stands for in a URL.

        Raises:
            LibraryError: if there is none.
        """
        resources = self.opened()
        return resources.guests.library(key) if resources.guests.has(key) else resources.registry.library(key)

    def map(self, library: "Library") -> "LibraryMap | None":
        """The latest map of a library; None if it has none that can be used."""
        return self.opened().maps.get(library)

    def _run(self) -> None:
        try:
            self._resources = self._open()
        except ClaspError as error:
            self._error = error
            log.error("%s", error)
        except Exception:
            log.exception("opening failed")
        finally:
            self._done.set()
        while self._resources is not None:
            threading.Event().wait(SWEEP)
            self._resources.guests.delete_expired()

    def _load(self) -> "Clasp":
        """The model that is asked for or, so that the page can be used at all, the bundled one."""
        import clasp

        try:
            return clasp.load(self.model_name, self._device)
        except ClaspError as error:
            if self.model_name == "bundled" and not self._device:
                raise
            self.problem = f"{error} Using the bundled model instead."
            log.error("%s", self.problem)
        self.model_name = "bundled"
        return clasp.load("bundled")

    def _open(self) -> Resources:
        import clasp
        from index.guests import GuestLibraries
        from index.map.registry import MapRegistry
        from index.registry import LibraryRegistry

        def progress(done: int, of: int) -> None:
            self.status = f"Preparing the demo library: {done} of {of} utterances…"

        model = borrowed(self._load())
        self.status = "Opening the libraries…"
        registry = LibraryRegistry(model, read_only=self.read_only)
        registry.open_demo(progress)
        model.encode_text([WARM_UP])  # the first use of an encoder is slow
        model.encode_speech([clasp.from_samples(np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)])
        return Resources(model, registry, GuestLibraries(model), MapRegistry())
