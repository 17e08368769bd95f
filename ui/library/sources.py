"""Where recordings come from by themselves: watched folders and podcasts."""

from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from clasp.errors import DataError, LibraryError
from index.ingest.downloads import web_address
from index.ingest.feeds import follow, update
from ui.events import Updates, event_data
from ui.jobs import Work
from ui.library.adding import taking_up, typed_path
from ui.library.handlers import LibraryHandlers, reports_errors
from ui.links import of_library
from ui.service import READ_ONLY

if TYPE_CHECKING:
    from collections.abc import Generator

    from clasp import Clasp
    from index.library import Library
    from index.progress import FeedProgress

FROM_PODCASTS = "Adding from podcasts"


def adding_episodes(library: "Library", model: "Clasp", *, address: str, new: str = "") -> Work:
    """A job that adds what is new in podcasts; before that, `new` is followed, too. `address` is where the library can
    be searched then."""

    def states() -> "Generator[FeedProgress, None, None]":
        if new and new not in [one.address for one in library.feeds.all()]:
            follow(library, new)
        yield from update(library, model, [new] if new else [])

    return taking_up(states, library, model, address=address)


class SourceHandlers(LibraryHandlers):
    """Handlers for folders that are watched and podcasts that are followed, by the owner of this computer alone."""

    @reports_errors
    def watch(self, name: str, token: str, path: str) -> Updates:
        """Watch a folder of this computer."""
        library = self._of_this_computer(name, token)
        if not path.strip():
            raise DataError("There is nothing to watch yet: enter the path of a folder.")
        folder = typed_path(path)
        library.watched_folders.add(folder)
        return self._show(name, token, done=f"{folder} is watched from now on.") | {self._components.folder: ""}

    @reports_errors
    def follow(self, name: str, token: str, address: str) -> Updates:
        """Follow a podcast, and add its episodes."""
        library = self._of_this_computer(name, token)
        self._update(name, token, library, web_address(address))
        return self._show(name, token) | {self._components.feed: ""}

    @reports_errors
    def update(self, name: str, token: str) -> Updates:
        """Add what is new in all podcasts."""
        self._update(name, token, self._of_this_computer(name, token))
        return self._show(name, token)

    @reports_errors
    def leave(self, name: str, token: str, event: gr.EventData) -> Updates:
        """Watch a folder no longer, or follow a podcast no longer."""
        library, data = self._of_this_computer(name, token), event_data(event)
        if "folder" in data:
            library.watched_folders.remove(Path(str(data["folder"])))
        else:
            library.feeds.remove(str(data.get("feed")))
        return self._show(name, token)

    def _of_this_computer(self, name: str, token: str) -> "Library":
        if not self._service.local:
            raise LibraryError(READ_ONLY)
        return self._own(name, token)

    def _update(self, name: str, token: str, library: "Library", new: str = "") -> None:
        """Start a job that adds what is new in podcasts; before that, `new` is followed, too."""
        work = adding_episodes(library, self._service.opened().model, address=of_library(name), new=new)
        self._service.jobs.start(self._service.key(name, token), FROM_PODCASTS, work)
