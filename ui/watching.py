"""Watched folders, while the app is open: what has come into them is added, as jobs like any others."""

import logging
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import ClaspError, DataError
from index.ingest.watch import FolderWatch
from index.watched_folders import has_watched_folders
from ui import labels
from ui.jobs import Job, Progress, Report, Work
from ui.library.adding import adding
from ui.links import SearchRequest, SearchSettings, write
from ui.service import Service

if TYPE_CHECKING:
    from index.library import Library

SECONDS = 10.0  # between two looks

log = logging.getLogger(__name__)


class FolderWatcher:
    """Looks into the watched folders of all libraries, again and again."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._watches: dict[tuple[str, Path], FolderWatch] = {}  # by library and folder
        self._ready: dict[str, dict[Path, Path]] = {}  # by library: recordings and the watched folder that each is in
        self._jobs: dict[str, Job] = {}  # the last one of each library

    def start(self) -> None:
        """Begin, in a thread of its own; where the page is not this computer's alone, nothing is watched."""
        if self._service.local:
            threading.Thread(target=self._run, name="watch", daemon=True).start()

    def look(self) -> None:
        """Look once, and add what is complete to libraries that have nothing else to do."""
        registry = self._service.opened().registry
        for name in registry.names():
            if not self._service.may_change(name) or not has_watched_folders(registry.folder(name)):
                self._leave(name, watched=())
                continue
            try:
                self._look(name)
            except ClaspError as error:
                log.info("%s", error)  # it is said where the library is opened

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look()
            except Exception:
                log.exception("watching failed")
            pause.wait(SECONDS)

    def _look(self, name: str) -> None:
        library = self._service.library(name)
        folders = library.watched_folders.all()
        self._leave(name, watched=[one.path for one in folders])
        ready = self._ready.setdefault(name, {})
        for one in folders:
            watch = self._watches.setdefault((name, one.path), FolderWatch([one.path]))
            try:
                changes = watch.look()
            except DataError as error:  # its disk may come back
                library.watched_folders.note(one.path, str(error))
                continue
            ready |= dict.fromkeys(changes.ready, one.path)
            if changes.gone:
                gone = labels.count(len(changes.gone), "recording")
                library.watched_folders.note(one.path, f"{gone} left the folder, and stay in the library.")
        self._add(name, library)

    def _leave(self, name: str, watched: Collection[Path]) -> None:
        """Forget what is known of the folders of a library but for those that are still watched."""
        self._watches = {key: watch for key, watch in self._watches.items() if key[0] != name or key[1] in watched}
        ready = self._ready.get(name, {})
        self._ready[name] = {file: folder for file, folder in ready.items() if folder in watched}

    def _add(self, name: str, library: "Library") -> None:
        """Add what is ready, unless the library has a job. A job of before that had nothing to say is forgotten."""
        key, jobs, ready = self._service.key(name), self._service.jobs, self._ready[name]
        last = self._jobs.get(key)
        if last is not None and jobs.of(key) is last and isinstance(last.state, Report) and _says_nothing(last.state):
            jobs.forget(key)
        if not ready or jobs.running(key):
            return
        address = write(SearchRequest(SearchSettings(name)))
        model = self._service.opened().model
        work = adding(library, model, list(ready), copy=False, language="", address=address)
        jobs.start(key, "Adding from watched folders", _noted(work, library, set(ready.values())))
        if (job := jobs.of(key)) is not None:
            self._jobs[key] = job
        self._ready[name] = {}


def _says_nothing(report: Report) -> bool:
    return not (report.search or report.details or report.wrong)


def _noted(work: Work, library: "Library", folders: Collection[Path]) -> Work:
    """The same work, of which the library remembers what it did last in each folder."""

    def noting(stopping: threading.Event) -> Iterator[Progress | Report]:
        for state in work(stopping):
            if isinstance(state, Report) and state.sentences:
                for folder in folders:
                    library.watched_folders.note(folder, state.sentences[0])
            yield state

    return noting
