"""What visitors add where the libraries are for searching only: each has a library of their own, for a while.

Whoever knows a visit's secret is that visitor; nobody else can name what they added.
"""

import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import LibraryError
from clasp.settings import current
from index.library import Library

if TYPE_CHECKING:
    from clasp import Clasp

log = logging.getLogger(__name__)

KNOWN = 100_000  # secrets that are remembered; the oldest are forgotten


@dataclass(frozen=True)
class GuestLibrary:
    """A visitor's library."""

    library: Library
    folder: tempfile.TemporaryDirectory
    began: float  # by the clock


class GuestLibraries:
    """The libraries of visitors, by their secrets. `clock` gives seconds."""

    def __init__(self, model: "Clasp", clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._lock = threading.Lock()
        self._secrets: dict[str, None] = {}
        self._visits: dict[str, GuestLibrary] = {}

    def begin(self, secret: str = "") -> str:
        """A visitor has come. Returns their secret: the one they have, if it was given out here, or a new one."""
        with self._lock:
            if secret not in self._secrets:
                secret = secrets.token_urlsafe(24)
                self._secrets[secret] = None
                while len(self._secrets) > KNOWN:
                    del self._secrets[next(iter(self._secrets))]
        return secret

    def knows(self, secret: str) -> bool:
        """Whether the secret was given out here."""
        return secret in self._secrets

    def has(self, secret: str) -> bool:
        """Whether this visitor has a library."""
        self.sweep()
        return secret in self._visits

    def library(self, secret: str) -> Library:
        """The visitor's library.

        Raises:
            LibraryError: if there is none: nothing was added yet, or its time is over.
        """
        self.sweep()
        visit = self._visits.get(secret)
        if visit is None:
            raise LibraryError(f"Nothing of yours is here: add recordings first. They are deleted after {lifetime()}.")
        return visit.library

    def open(self, secret: str) -> Library:
        """The visitor's library, made if need be.

        Raises:
            LibraryError: if the secret was not given out here, or too many visitors have one at this time.
        """
        self.sweep()
        with self._lock:
            if secret in self._visits:
                return self._visits[secret].library
            if secret not in self._secrets:
                raise LibraryError("This visit is over: reload the page.")
            if len(self._visits) >= current().visits:
                raise LibraryError("Too many visitors have added recordings just now: try again in some minutes.")
            folder = tempfile.TemporaryDirectory(prefix="clasp-visit-", ignore_cleanup_errors=True)
            try:
                library = Library.create(Path(folder.name, "library"), self._model)
            except BaseException:
                folder.cleanup()
                raise
            self._visits[secret] = GuestLibrary(library, folder, self._clock())
            return library

    def left(self, secret: str) -> float:
        """Seconds until what a visitor has added is deleted; 0 where there is nothing."""
        visit = self._visits.get(secret)
        return 0.0 if visit is None else max(0.0, visit.began + 60 * current().visit_minutes - self._clock())

    def room(self, secret: str) -> int:
        """Bytes that a visitor may still add."""
        most = int(current().visit_mib * 2**20)
        visit = self._visits.get(secret)
        files = [] if visit is None else [path for path in Path(visit.folder.name).rglob("*") if path.is_file()]
        return max(0, most - sum(path.stat().st_size for path in files))

    def sweep(self) -> None:
        """Delete what has been here for its time."""
        with self._lock:
            over = [secret for secret in self._visits if not self.left(secret)]
            ended = [self._visits.pop(secret) for secret in over]
        for visit in ended:
            _delete(visit)

    def close(self) -> None:
        """Delete everything."""
        with self._lock:
            ended = list(self._visits.values())
            self._visits.clear()
        for visit in ended:
            _delete(visit)


def lifetime() -> str:
    """How long what a visitor adds is kept, in words: "60 minutes"."""
    minutes = current().visit_minutes
    return f"{minutes:g} minute" + ("" if minutes == 1 else "s")


def _delete(visit: GuestLibrary) -> None:
    try:
        visit.library.close()
    except LibraryError as error:
        log.warning("A visit's library could not be closed: %s", error)
    visit.folder.cleanup()
