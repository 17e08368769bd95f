"""What happens when something is asked on the Map tab."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import gradio as gr

from clasp.errors import ClaspError, LibraryError
from index.map.worker import Fitting
from index.search import Answer, encode, search
from ui import jobs, labels, links
from ui.errors import sentence
from ui.jobs import Progress, Report, Work
from ui.library.layout import notice
from ui.library.state import asked
from ui.map import wire
from ui.search import downloads
from ui.service import DEMO, TITLES, VISIT, Service

if TYPE_CHECKING:
    from index.library import Library

HITS = 30
NEAREST = 10  # of the less likely, where nothing is likely
LOOK = 0.5  # seconds between two looks at how far a layout is
START, EACH = 12.0, 0.005  # seconds that a layout takes, however few utterances there are, and for each of them
JOB = "Laying out the map"  # begins the title of such a job
NUMBERS = count(1)  # no two answers are the same, or the page would not notice

Shown = dict[Any, Any]  # components, and what they become


def laying_out(folder: Path, model: str) -> Work:
    """Fit the map of the library in `folder`, by a process of its own."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        began, fitting = time.monotonic(), Fitting(folder, model)
        try:
            while not fitting.wait(LOOK):
                if stopping.is_set():
                    fitting.cancel()
                    yield Report(("Stopped. Everything is as it was.",))
                    return
                passed = time.monotonic() - began
                left = passed / fitting.share - passed if fitting.share > 0.1 else None
                facts = () if left is None else (f"about {labels.length(max(1.0, left))} left",)
                yield Progress(f"{fitting.doing.capitalize()} …", fitting.share, facts)
        finally:
            if fitting.running:
                fitting.cancel()
        if fitting.error:
            yield Report((f"The map could not be laid out: {fitting.error}",), wrong=True)
            return
        yield Report((f"The map was laid out in {labels.length(time.monotonic() - began)}.",))

    return work


@dataclass(frozen=True)
class Parts:
    """The components."""

    name: gr.Dropdown
    panel: gr.HTML  # its props: state, what library is shown; found, an answer; job, what is being done to it
    timer: gr.Timer
    answer: gr.State  # name of the library and Answer of the last search; None
    download: gr.DownloadButton


class Exploring:
    """What the tab does when something is asked.

    Anyone can send these events with any arguments: each handler sees for itself whether its visitor may do it.
    """

    def __init__(self, service: Service, parts: Parts) -> None:
        self._service = service
        self.parts = parts

    def arrive(self, address: str, visit: str, name: str) -> Shown:
        """The tab was opened: show the library that it keeps in the address."""
        return self.look(links.parameters(address).get("library", name), visit)

    def look(self, name: str, visit: str) -> Shown:
        """Show a library."""
        libraries = [(TITLES[DEMO], DEMO)]
        try:
            libraries = self._service.libraries(visit)
            name = name if name in dict(libraries).values() else DEMO
            state = self._state(name, visit)
        except ClaspError as error:
            state = {"wrong": str(error)}
        return {
            self.parts.name: gr.Dropdown(libraries, value=name, visible=len(libraries) > 1),
            **self._job(name, visit, state=json.dumps({"library": name} | state)),
        }

    def follow(self, name: str, visit: str) -> Shown:
        """Some time has passed while something was being done to the library."""
        busy = self._service.jobs.running(self._service.key(name, visit))
        return self._job(name, visit) if busy else self.look(name, visit)

    def fit(self, name: str, visit: str) -> Shown:
        """Lay out its map, anew if it has one."""
        try:
            self._may(name)
            library = self._service.library(name, visit)
            if not len(library):
                raise LibraryError("There is nothing to lay out yet: add recordings first.")
            title = f"{JOB} of “{dict(map(reversed, self._service.libraries(visit)))[name]}”"
            work = laying_out(library.folder, self._service.model_name)
            self._service.jobs.start(self._service.key(name, visit), title, work)
        except Exception as error:
            return {self.parts.panel: gr.HTML(job=notice(sentence(error, "a map"), wrong=True))}
        return self._job(name, visit)

    def stop_fit(self, name: str, visit: str) -> Shown:
        """Stop laying it out."""
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is not None and job.title.startswith(JOB) and self._service.may_change(name):
            job.stop()
        return self._job(name, visit)

    def close_report(self, name: str, visit: str) -> Shown:
        """The report was read."""
        if self._service.may_change(name):
            self._service.jobs.forget(self._service.key(name, visit))
        return self._job(name, visit)

    def find(self, event: gr.EventData, name: str, visit: str) -> Shown:
        """Mark on the map what says the same as a text."""
        text, answer = str(asked(event).get("text") or ""), None
        try:
            library = self._service.library(name, visit)
            drawn, model = self._service.map(library), self._service.opened().model
            if drawn is None:
                raise ClaspError("This library has no map yet.")
            query = encode(model, text=text)
            answer = search(library, model, query, k=HITS)
            strong = [hit for hit in answer.hits if hit.strong]
            hits = [[hit.segment.id, round(hit.probability, 4), hit.strong] for hit in strong or answer.hits[:NEAREST]]
            found = {"query": wire.place(drawn, query.vector), "hits": hits}
        except Exception as error:
            found = {"wrong": sentence(error, "a search on the map")}
        found |= {"text": text, "library": name, "number": next(NUMBERS)}
        return {self.parts.panel: gr.HTML(found=json.dumps(found)), self.parts.answer: answer and (name, answer)}

    def download(self, event: gr.EventData, name: str, visit: str, answer: tuple[str, Answer] | None) -> Iterator[str]:
        """Write utterances to a file to download, in the order in which they are listed."""
        try:
            told = asked(event)
            ids = [one for one in told.get("ids") or [] if isinstance(one, int)]
            if not ids:
                raise ClaspError("There is nothing to download: nothing is listed.")
            library = self._service.library(name, visit)
            last = answer[1] if answer is not None and answer[0] == name else None
            hits = {hit.segment.id: hit for hit in last.hits} if last is not None else {}
            segments = {one.id: one for one in library.segments()}
            found = [hits.get(one, segments[one]) for one in ids if one in segments]
            query = last.query if last is not None and hits.keys() >= set(ids) else None
            with TemporaryDirectory(prefix="clasp-map-") as folder:
                yield str(downloads.write(Path(folder), str(told.get("kind")), library, found, query))
        except Exception as error:
            raise gr.Error(sentence(error, "a download"), print_exception=False) from error

    def _state(self, name: str, visit: str) -> dict[str, Any]:
        """What map.js must know of a library."""
        library = self._library(name, visit)
        drawn = self._service.map(library) if library is not None else None
        size = len(library) if library is not None else 0
        state = {
            "key": self._service.key(name, visit),
            "utterances": size,
            "owner": self._service.may_change(name),
            "seconds": labels.length(START + EACH * size),
            "drawn": "",
        }
        if drawn is not None:
            state["drawn"] = drawn.version  # another one when it is to be fetched anew
            state["otherwise"] = drawn.of_another_model
        return state

    def _job(self, name: str, visit: str, **props: str) -> Shown:
        """What is being done to a library, if it is known here; with other props of the panel."""
        job = self._service.jobs.of(self._service.key(name, visit))
        shown = job if job is not None and (job.running or job.title.startswith(JOB)) else None
        stops = shown is not None and shown.title.startswith(JOB) and shown.running
        props["job"] = jobs.html(shown) + ("<i data-stops hidden></i>" if stops else "")
        return {
            self.parts.panel: gr.HTML(**props),
            self.parts.timer: gr.Timer(active=job is not None and job.running),
        }

    def _library(self, name: str, visit: str) -> "Library | None":
        """The library with this name; None for a visitor who has added nothing yet."""
        if name == VISIT and not self._service.opened().visits.has(visit):
            return None
        return self._service.library(name, visit)

    def _may(self, name: str) -> None:
        if not self._service.may_change(name):
            raise LibraryError("This cannot be done from here: the library is for searching only.")
