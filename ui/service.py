"""Model and libraries, opened in the background while the page is being built."""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import ClaspError
from clasp.settings import current
from index.paths import DEFAULT, DEMO
from index.registry import VISIT
from ui.gpu import borrowed
from ui.jobs import Jobs

if TYPE_CHECKING:
    from clasp import Clasp
    from index.guests import GuestLibraries
    from index.library import Library
    from index.map.library_map import LibraryMap
    from index.map.registry import MapRegistry
    from index.registry import LibraryRegistry

GREETING = "Say it or type it."
SWEEP = 60  # seconds between two looks at whose time is over
TITLES = {DEMO: "Demo library", DEFAULT: "My recordings", VISIT: "My uploads, this visit"}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """What a search needs."""

    model: "Clasp"
    registry: "LibraryRegistry"
    guests: "GuestLibraries"
    library: "Library"  # the one that ships
    maps: "MapRegistry"


class Service:
    """Opens everything once, in a thread of its own; `opened` waits for it.

    Attributes:
        local: whether the page can be reached from this machine alone.
        read_only: whether nobody may change the libraries from the page.
        jobs: what is being done to libraries.
        model_name: the model that is in use, as `clasp.load` takes it.
        problem: why it is the bundled one, or on the CPU, though another was asked for; '' where it is what was asked.
    """

    def __init__(self, model: str = "bundled", device: str | None = None, *, local: bool = True) -> None:
        self.status = "Opening the model …"
        self.read_only = current().read_only
        self.local = local and not self.read_only
        self.jobs = Jobs()
        self.model_name = model
        self.problem = ""
        self._device = device
        self._done = threading.Event()
        self._opened: Opened | None = None
        self._error: ClaspError | None = None

    def start(self) -> "Service":
        """Begin to open; returns at once."""
        threading.Thread(target=self._run, name="open", daemon=True).start()
        return self

    def ready(self, timeout: float = 0.0) -> bool:
        """Whether opening has ended, well or not, waiting up to `timeout` seconds for it."""
        return self._done.wait(timeout)

    def opened(self) -> Opened:
        """What was opened, waiting as long as it takes.

        Raises:
            ClaspError: if the model or the library cannot be opened.
        """
        self._done.wait()
        if self._opened is None:
            raise self._error or ClaspError("The library could not be opened; the server's log says why.")
        return self._opened

    def visitor(self, token: str) -> str:
        """The token of a guest who has come, perhaps with the one of an earlier visit."""
        return self.opened().guests.issue(token)

    def libraries(self, visit: str = "") -> list[tuple[str, str]]:
        """Titles and names of the libraries that a visitor can choose from; their own comes last."""
        names = [*self.opened().registry.names(), *([VISIT] if self.read_only and visit else [])]
        return [(TITLES.get(name, name), name) for name in names]

    def library(self, name: str, visit: str = "") -> "Library":
        """The library with this name; "visit" is what the guest with this token has added.

        Raises:
            LibraryError: if there is none, it is damaged, or another model made its vectors.
        """
        opened = self.opened()
        return opened.guests.library(visit) if name == VISIT else opened.registry.library(name)

    def may_change(self, name: str) -> bool:
        """Whether the page may add to this library, edit it and remove from it."""
        return name == VISIT if self.read_only else name not in (DEMO, VISIT)

    def key(self, name: str, visit: str = "") -> str:
        """What stands for a library in addresses: its name, or the token of a guest."""
        return visit if name == VISIT else name

    def library_of_key(self, key: str) -> "Library":
        """The library that stands for itself in an address by `key`.

        Raises:
            LibraryError: if there is none.
        """
        opened = self.opened()
        return opened.guests.library(key) if opened.guests.has(key) else opened.registry.library(key)

    def map(self, library: "Library") -> "LibraryMap | None":
        """The map of a library as it was fitted last; None where there is none that can be used."""
        return self.opened().maps.get(library)

    def _run(self) -> None:
        try:
            self._opened = self._open()
        except ClaspError as error:
            self._error = error
            log.error("%s", error)
        except Exception:
            log.exception("opening failed")
        finally:
            self._done.set()
        while self._opened is not None:
            threading.Event().wait(SWEEP)
            self._opened.guests.delete_expired()

    def _load(self) -> "Clasp":
        """The model that is asked for or, so that the page can be used at all, the bundled one where it can run."""
        import clasp

        try:
            return clasp.load(self.model_name, self._device)
        except ClaspError as error:
            if self.model_name == "bundled" and not self._device:
                raise
            self.problem = f"{error} Meanwhile the bundled model is used."
            log.error("%s", self.problem)
        self.model_name = "bundled"
        return clasp.load()

    def _open(self) -> Opened:
        import clasp
        from index.guests import GuestLibraries
        from index.map.registry import MapRegistry
        from index.registry import LibraryRegistry

        def count(done: int, of: int) -> None:
            self.status = f"Preparing the library: {done} of {of} utterances …"

        model = borrowed(self._load())
        self.status = "Opening the library …"
        registry = LibraryRegistry(model, read_only=self.read_only)
        library = registry.open_demo(count)
        model.encode_text([GREETING])  # the first use of an encoder is slow: be it now
        model.encode_speech([clasp.from_samples(np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)])
        return Opened(model, registry, GuestLibraries(model), library, MapRegistry())
