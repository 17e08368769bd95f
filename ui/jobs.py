"""What takes a while, such as adding recordings: done in threads of the server, whoever looks on.

One job at a time is done to a library. Closing the page does not stop it, and every page that shows the library shows
its job. A job is an iterator of `Progress` that ends with a `Report`.
"""

import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from clasp.errors import ClaspError
from ui.errors import sentence

AT_ONCE = 2  # jobs on this machine; the others wait
KEPT = 3_600  # seconds for which a report can be read


@dataclass(frozen=True)
class Progress:
    """How far a job has come, in words."""

    now: str  # what it is busy with
    share: float | None = None  # of the whole; None: nobody knows
    facts: tuple[str, ...] = ()
    before: str = ""  # what has been done until now, where this is the second part of a job


@dataclass(frozen=True)
class Report:
    """What became of it."""

    sentences: tuple[str, ...]
    details: tuple[str, ...] = ()
    wrong: bool = False
    archive: Path | None = None  # to be fetched


Work = Callable[[threading.Event], Iterator[Progress | Report]]  # given what is set when the job is to stop


class Job:
    """A piece of work in a thread of its own. `scratch` is deleted when the job is forgotten."""

    def __init__(
        self,
        title: str,
        work: Work,
        line: threading.Semaphore,
        *,
        can_stop: bool = True,
        scratch: TemporaryDirectory | None = None,
    ) -> None:
        self.title = title
        self.can_stop = can_stop
        self.secret = secrets.token_urlsafe(24)  # names what it leaves to be fetched
        self.state: Progress | Report = Progress("Waiting for others to finish …")
        self.ended = math.inf  # by the clock
        self._line = line
        self._scratch = scratch
        self._stopping = threading.Event()
        threading.Thread(target=self._run, args=(work,), name=title, daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not isinstance(self.state, Report)

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Ask it to stop where that leaves everything whole; returns at once."""
        self._stopping.set()

    def forget(self) -> None:
        """Let go of what it left to be fetched."""
        if self._scratch is not None:
            with suppress(OSError):
                self._scratch.cleanup()

    def _run(self, work: Work) -> None:
        report = Report(("Stopped before it began.",))
        try:
            with self._line:
                for state in () if self.stopping else work(self._stopping):
                    if isinstance(state, Report):
                        report = state
                    else:
                        self.state = state
        except Exception as error:
            report = Report((sentence(error, self.title),), wrong=True)
        if report.archive is None:
            self.forget()
        self.ended, self.state = time.monotonic(), report


class Jobs:
    """The last job of every library, by the library's key (see Service.key)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line = threading.Semaphore(AT_ONCE)
        self._jobs: dict[str, Job] = {}

    def start(
        self, key: str, title: str, work: Work, *, can_stop: bool = True, scratch: TemporaryDirectory | None = None
    ) -> None:
        """Begin a job.

        Raises:
            ClaspError: if another one is being done to the library.
        """
        with self._lock:
            last = self._jobs.get(key)
            if last is not None and last.running:
                raise ClaspError(f"{last.title} is still under way: wait until it is done, or stop it.")
            over = [one for one, job in self._jobs.items() if one == key or time.monotonic() - job.ended > KEPT]
            for one in over:
                self._jobs.pop(one).forget()
            self._jobs[key] = Job(title, work, self._line, can_stop=can_stop, scratch=scratch)

    def of(self, key: str) -> Job | None:
        """The last job of a library, unless it was forgotten."""
        return self._jobs.get(key)

    def running(self, key: str) -> bool:
        """Whether something is being done to a library."""
        job = self.of(key)
        return job is not None and job.running

    def forget(self, key: str) -> None:
        """Forget the last job of a library, if it has ended."""
        with self._lock:
            if key in self._jobs and not self._jobs[key].running:
                self._jobs.pop(key).forget()

    def archive(self, secret: str) -> Path | None:
        """The archive that a job has left to be fetched under this secret."""
        for job in list(self._jobs.values()):
            if secrets.compare_digest(job.secret.encode(), secret.encode()) and isinstance(job.state, Report):
                return job.state.archive
        return None


def html(job: Job | None) -> str:
    """How far a job is, or what became of it; '' where there is none."""
    if job is None:
        return ""
    if isinstance(job.state, Report):
        return _report(job, job.state)
    state = job.state
    now = "Stopping …" if job.stopping else state.now
    share = "" if state.share is None else f'aria-valuenow="{100 * state.share:.0f}"'
    width = "" if state.share is None else f' style="width:{100 * state.share:.1f}%"'
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in state.facts)
    return f"""
<section class="job" data-running>
  <h2>{escape(job.title)}</h2>{f"<p>{escape(state.before)}</p>" if state.before else ""}
  <div class="job-bar{" unknown" if state.share is None else ""}" role="progressbar" aria-valuemin="0"
    aria-valuemax="100" {share} aria-label="{escape(job.title)}"><span{width}></span></div>
  <p class="job-now" dir="auto">{escape(now)}</p>
  <p class="facts">{facts}</p>
</section>"""


def _report(job: Job, report: Report) -> str:
    said = "".join(f"<p>{escape(one)}</p>" for one in report.sentences)
    details = "".join(f'<li dir="auto">{escape(one)}</li>' for one in report.details)
    link = ""
    if report.archive is not None:
        link = f'<p><a href="archive/{job.secret}" download>Download {escape(report.archive.name)}</a></p>'
    return f"""
<section class="job{" wrong" if report.wrong else ""}" role="status">
  <h2>{escape(job.title)}</h2>{said}{f"<ul>{details}</ul>" if details else ""}{link}
</section>"""
