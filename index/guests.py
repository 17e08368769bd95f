"""Libraries of guests: where the libraries are for searching only, each guest may add to one of their own, for a while.

    guests = GuestLibraries(model)
    token = guests.issue()                  # the browser keeps it
    guests.open_or_create(token)            # a library; deleted after CLASP_GUEST_MINUTES

Whoever knows a token is that guest; nobody else can name what they added.
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

TOKENS_MOST = 100_000  # tokens that are remembered; the oldest are forgotten


@dataclass(frozen=True)
class GuestLibrary:
    """A guest's library."""

    library: Library
    folder: tempfile.TemporaryDirectory
    created: float  # by the clock


class GuestLibraries:
    """The libraries of guests, by their tokens. `clock` gives seconds."""

    def __init__(self, model: "Clasp", clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, None] = {}
        self._guests: dict[str, GuestLibrary] = {}

    def issue(self, token: str = "") -> str:
        """The token of a guest who has come: the one that they have, if it was issued here, or a new one."""
        with self._lock:
            if token not in self._tokens:
                token = secrets.token_urlsafe(24)
                self._tokens[token] = None
                while len(self._tokens) > TOKENS_MOST:
                    del self._tokens[next(iter(self._tokens))]
        return token

    def is_issued(self, token: str) -> bool:
        """Whether the token was issued here."""
        return token in self._tokens

    def has(self, token: str) -> bool:
        """Whether this guest has a library."""
        self.delete_expired()
        return token in self._guests

    def library(self, token: str) -> Library:
        """The guest's library.

        Raises:
            LibraryError: if there is none: nothing was added yet, or its time is over.
        """
        self.delete_expired()
        guest = self._guests.get(token)
        if guest is None:
            raise LibraryError(f"You have not added any recordings yet. They are deleted after {lifetime()}.")
        return guest.library

    def open_or_create(self, token: str) -> Library:
        """The guest's library, created if need be.

        Raises:
            LibraryError: if the token was not issued here, or too many guests have a library at this time.
        """
        self.delete_expired()
        with self._lock:
            if token in self._guests:
                return self._guests[token].library
            if token not in self._tokens:
                raise LibraryError("Your visit has expired: reload the page.")
            if len(self._guests) >= current().guests:
                raise LibraryError("Too many visitors have added recordings: try again in a few minutes.")
            folder = tempfile.TemporaryDirectory(prefix="clasp-guest-", ignore_cleanup_errors=True)
            try:
                library = Library.create(Path(folder.name, "library"), self._model, milvus="", server="")
            except BaseException:
                folder.cleanup()
                raise
            self._guests[token] = GuestLibrary(library, folder, self._clock())
            return library

    def seconds_left(self, token: str) -> float:
        """Seconds until what a guest has added is deleted; 0 where there is nothing."""
        guest = self._guests.get(token)
        return 0.0 if guest is None else max(0.0, guest.created + 60 * current().guest_minutes - self._clock())

    def bytes_left(self, token: str) -> int:
        """How many bytes a guest may still add."""
        most = int(current().guest_mib * 2**20)
        guest = self._guests.get(token)
        files = [] if guest is None else [path for path in Path(guest.folder.name).rglob("*") if path.is_file()]
        return max(0, most - sum(path.stat().st_size for path in files))

    def delete_expired(self) -> None:
        """Delete what has been here for its time."""
        with self._lock:
            expired = [token for token in self._guests if not self.seconds_left(token)]
            removed = [self._guests.pop(token) for token in expired]
        for guest in removed:
            _delete(guest)

    def close(self) -> None:
        """Delete everything."""
        with self._lock:
            removed = list(self._guests.values())
            self._guests.clear()
        for guest in removed:
            _delete(guest)


def lifetime() -> str:
    """How long what a guest adds stays, in words: "60 minutes"."""
    minutes = current().guest_minutes
    return f"{minutes:g} minute" + ("" if minutes == 1 else "s")


def _delete(guest: GuestLibrary) -> None:
    try:
        guest.library.close()
    except LibraryError as error:
        log.warning("A guest's library could not be closed: %s", error)
    guest.folder.cleanup()
