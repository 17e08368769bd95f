"""Long-running work on libraries, such as adding recordings, in threads of the server.

A library has one job at a time. It goes on when the page is closed, and every page that shows the library shows it. The
work is an iterator of `Progress` that ends with a `Report`.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from clasp.errors import ClaspError
from ui.errors import error_message
from ui.templates import render

AT_ONCE = 2  # jobs on this machine; others wait
REPORT_SECONDS = 3_600  # for which a report can be read


@dataclass(frozen=True)
class Progress:
    """How far a job has come, in words."""

    now: str  # what it is doing
    share: float | None = None  # of the whole; None if unknown
    facts: tuple[str, ...] = ()
    before: str = ""  # what the first part of the job has done, if this is the second
    search: str = ""  # address at which what that has added can be searched; it is still being transcribed


@dataclass(frozen=True)
class Report:
    """The outcome."""

    sentences: tuple[str, ...]
    details: tuple[str, ...] = ()
    wrong: bool = False
    archive: Path | None = None  # to be downloaded
    search: str = ""  # address at which what was added can be searched


Work = Callable[[threading.Event], Iterator[Progress | Report]]  # the event is set when the job is to stop


class Job:
    """Work in a thread of its own. `scratch` is deleted when the job is forgotten."""

    def __init__(
        self,
        title: str,
        work: Work,
        queue: threading.Semaphore,
        *,
        can_stop: bool = True,
        scratch: TemporaryDirectory | None = None,
    ) -> None:
        self.title = title
        self.can_stop = can_stop
        self.secret = secrets.token_urlsafe(24)  # names its archive in URLs
        self.state: Progress | Report = Progress("Waiting for other jobs to finish…")
        self.ended = math.inf  # by the clock
        self._queue = queue
        self._scratch = scratch
        self._stopping = threading.Event()
        threading.Thread(target=self._run, args=(work,), name=title, daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not isinstance(self.state, Report)

    @property
    def transcribing(self) -> bool:
        """Whether it has added recordings that are still being transcribed."""
        return isinstance(self.state, Progress) and bool(self.state.search)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask it to stop at the next point that leaves everything whole; returns at once."""
        self._stopping.set()

    def forget(self) -> None:
        """Delete what it left to be downloaded."""
        if self._scratch is not None:
            with suppress(OSError):
                self._scratch.cleanup()

    def _run(self, work: Work) -> None:
        report = Report(("Stopped before it started.",))
        try:
            with self._queue:
                for state in () if self.stopping else work(self._stopping):
                    if isinstance(state, Report):
                        report = state
                    else:
                        self.state = state
        except Exception as error:
            report = Report((error_message(error, self.title),), wrong=True)
        if report.archive is None:
            self.forget()
        self.ended, self.state = time.monotonic(), report


class Jobs:
    """The last job of every library, by the library's key (see Service.key)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue = threading.Semaphore(AT_ONCE)
        self._jobs: dict[str, Job] = {}

    def start(
        self, key: str, title: str, work: Work, *, can_stop: bool = True, scratch: TemporaryDirectory | None = None
    ) -> None:
        """Start a job.

        Raises:
            ClaspError: if the library has one already.
        """
        with self._lock:
            self.require_idle(key)
            over = [
                one for one, job in self._jobs.items() if one == key or time.monotonic() - job.ended > REPORT_SECONDS
            ]
            for one in over:
                self._jobs.pop(one).forget()
            self._jobs[key] = Job(title, work, self._queue, can_stop=can_stop, scratch=scratch)

    def of(self, key: str) -> Job | None:
        """The last job of a library, unless it was forgotten."""
        return self._jobs.get(key)

    def running(self, key: str) -> bool:
        """Whether the library has a job now."""
        job = self.of(key)
        return job is not None and job.running

    def require_idle(self, key: str) -> None:
        """Raises ClaspError if the library has a job now."""
        job = self.of(key)
        if job is not None and job.running:
            raise ClaspError(f"{job.title} is still running: wait until it is done, or stop it.")

    def unfinished(self) -> list[Job]:
        """The jobs that run or wait."""
        return [job for job in list(self._jobs.values()) if job.running]

    def forget(self, key: str) -> None:
        """Forget the last job of a library, if it has ended."""
        with self._lock:
            if key in self._jobs and not self._jobs[key].running:
                self._jobs.pop(key).forget()

    def archive(self, secret: str) -> Path | None:
        """The archive that the job with this secret has left to be downloaded."""
        for job in list(self._jobs.values()):
            if secrets.compare_digest(job.secret.encode(), secret.encode()) and isinstance(job.state, Report):
                return job.state.archive
        return None


def html(job: Job | None) -> str:
    """The progress of a job, or its report; "" if there is none."""
    return "" if job is None else render("job.html", job=job, state=job.state, running=job.running)
