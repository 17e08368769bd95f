"""Model, library and map, opened in the background while the page is being built."""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import ClaspError

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library
    from index.map import Map

GREETING = "Say it or type it."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opened:
    """What a search needs."""

    model: "Clasp"
    library: "Library"
    map: "Map"


class Service:
    """Opens everything once, in a thread of its own; `opened` waits for it."""

    def __init__(self, model: str = "bundled", device: str | None = None) -> None:
        self.status = "Opening the model …"
        self._model = model
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
            ClaspError: if the model, the library or the map cannot be opened.
        """
        self._done.wait()
        if self._opened is None:
            raise self._error or ClaspError("The library could not be opened; the server's log says why.")
        return self._opened

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

    def _open(self) -> Opened:
        import clasp
        from index.demo import open_demo
        from index.map import Map

        def count(done: int, of: int) -> None:
            self.status = f"Preparing the library: {done} of {of} utterances …"

        model = clasp.load(self._model, self._device)
        self.status = "Opening the library …"
        library = open_demo(model, progress=count)
        model.encode_text([GREETING])  # the first use of an encoder is slow: be it now
        model.encode_speech([clasp.from_samples(np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)])
        return Opened(model, library, Map.load(library))
