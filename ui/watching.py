"""Watched folders and podcasts, while the app is open: what is new in them is added, as jobs like any others."""

import logging
import threading
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from clasp.errors import ClaspError, DataError
from clasp.settings import current
from index.ingest.watch import FolderWatch
from index.sources import has_sources
from ui import labels
from ui.jobs import Job, Progress, Report, Work
from ui.library.adding import adding
from ui.library.sources import FROM_PODCASTS, adding_episodes
from ui.links import of_library
from ui.service import Service

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library

SECONDS = 10.0  # between two looks into folders
FEEDS_EVERY = timedelta(hours=1)

log = logging.getLogger(__name__)


class SourceWatcher:
    """Looks into the watched folders and at the podcasts of all libraries, again and again."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._watches: dict[tuple[str, Path], FolderWatch] = {}  # by library and folder
        self._ready: dict[str, dict[Path, Path]] = {}  # by library: recordings and the watched folder that each is in
        self._jobs: dict[str, Job] = {}  # the last one of each library
        self._updated: dict[str, datetime] = {}  # when the podcasts of each library were last updated from here

    def start(self) -> None:
        """Begin, in a thread of its own; where the page is not this computer's alone, nothing is watched."""
        if self._service.local:
            threading.Thread(target=self._run, name="watch", daemon=True).start()

    def look(self) -> None:
        """Look once, and add what is complete or new to libraries that have nothing else to do."""
        registry = self._service.opened().registry
        for name in registry.names():
            if not self._service.may_change(name) or not has_sources(registry.folder(name)):
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
        if not self._idle(name):
            return
        if ready:
            self._add_from_folders(name, library)
        elif self._are_podcasts_due(name, library):
            self._add_from_podcasts(name, library)

    def _leave(self, name: str, watched: Collection[Path]) -> None:
        """Forget what is known of the folders of a library but for those that are still watched."""
        self._watches = {key: watch for key, watch in self._watches.items() if key[0] != name or key[1] in watched}
        ready = self._ready.get(name, {})
        self._ready[name] = {file: folder for file, folder in ready.items() if folder in watched}

    def _add_from_folders(self, name: str, library: "Library") -> None:
        """Add what is ready in folders."""
        ready = self._ready[name]
        work = adding(library, self._model, list(ready), copy=False, language="", address=of_library(name))
        self._start(name, "Adding from watched folders", _noted(work, library, set(ready.values())))
        self._ready[name] = {}

    def _are_podcasts_due(self, name: str, library: "Library") -> bool:
        """Whether there are podcasts, and none was looked at for a while."""
        looked = [datetime.fromisoformat(one.checked) for one in library.feeds.all() if one.checked]
        if not looked or current().offline:
            return False
        return _now() - max(*looked, self._updated.get(name, looked[0])) >= FEEDS_EVERY

    def _add_from_podcasts(self, name: str, library: "Library") -> None:
        """Add what is new in podcasts."""
        self._updated[name] = _now()  # whatever comes of it
        self._start(name, FROM_PODCASTS, adding_episodes(library, self._model, address=of_library(name)))

    @property
    def _model(self) -> "Clasp":
        return self._service.opened().model

    def _idle(self, name: str) -> bool:
        """Whether the library has no job. One of before that had nothing to say is forgotten."""
        key, jobs = self._service.key(name), self._service.jobs
        last = self._jobs.get(key)
        if last is not None and jobs.of(key) is last and isinstance(last.state, Report) and _says_nothing(last.state):
            jobs.forget(key)
        return not jobs.running(key)

    def _start(self, name: str, title: str, work: Work) -> None:
        key, jobs = self._service.key(name), self._service.jobs
        jobs.start(key, title, work)
        if (job := jobs.of(key)) is not None:
            self._jobs[key] = job


def _now() -> datetime:
    return datetime.now(timezone.utc)


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
