"""What the Map tab does when something happens on it."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import gradio as gr

from clasp.errors import ClaspError, LibraryError
from index.map.worker import FitProcess
from index.search import Answer, encode, search
from ui import downloads, jobs, labels, links
from ui.errors import error_message
from ui.events import Updates, event_data
from ui.jobs import Progress, Report, Work
from ui.map import wire
from ui.service import DEMO, TITLES, Service
from ui.templates import notice

HITS = 30
NEAREST = 10  # weaker matches that are marked if there is no strong one
POLL = 0.5  # seconds between two looks at how far fitting is
START, EACH = 12.0, 0.005  # seconds that fitting takes, however few utterances there are, and for each of them
JOB = "Creating the map"  # begins the title of such a job
NUMBERS = count(1)  # no two answers are the same, or the page would not notice


def fitting_map(folder: Path, model: str) -> Work:
    """A job that fits the map of the library in `folder`, in a process of its own."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        began, fitting = time.monotonic(), FitProcess(folder, model)
        try:
            while not fitting.wait(POLL):
                if stopping.is_set():
                    fitting.cancel()
                    yield Report(("Stopped. Nothing was changed.",))
                    return
                passed = time.monotonic() - began
                left = passed / fitting.share - passed if fitting.share > 0.1 else None
                facts = () if left is None else (f"about {labels.duration(max(1.0, left))} left",)
                yield Progress(f"{fitting.doing.capitalize()}…", fitting.share, facts)
        finally:
            if fitting.running:
                fitting.cancel()
        if fitting.error:
            yield Report((f"The map could not be created: {fitting.error}",), wrong=True)
            return
        yield Report((f"Map created in {labels.duration(time.monotonic() - began)}.",))

    return work


@dataclass(frozen=True)
class MapComponents:
    """The components of the tab."""

    name: gr.Dropdown
    panel: gr.HTML  # its props: state, the library shown; found, an answer; job, the progress of a job
    timer: gr.Timer
    answer: gr.State  # name of the library and Answer of the last search; None
    download: gr.DownloadButton


class MapHandlers:
    """The event handlers of the tab.

    Anyone can send these events with any arguments: each handler checks for itself what its visitor may do.
    """

    def __init__(self, service: Service, components: MapComponents) -> None:
        self._service = service
        self._components = components

    def load(self, link: str, token: str, name: str) -> Updates:
        """The tab was opened: show the library that it keeps in the address."""
        return self.choose_library(links.parameters(link).get("library", name), token)

    def choose_library(self, name: str, token: str) -> Updates:
        """Show a library."""
        libraries = [(TITLES[DEMO], DEMO)]
        try:
            libraries = self._service.libraries(token)
            name = name if name in dict(libraries).values() else DEMO
            state = self._state(name, token)
        except ClaspError as error:
            state = {"wrong": str(error)}
        return {
            self._components.name: gr.Dropdown(libraries, value=name, visible=len(libraries) > 1),
            **self._job(name, token, state=json.dumps({"library": name} | state)),
        }

    def poll(self, name: str, token: str) -> Updates:
        """Some time has passed while the library had a job."""
        running = self._service.jobs.running(self._service.key(name, token))
        return self._job(name, token) if running else self.choose_library(name, token)

    def fit(self, name: str, token: str) -> Updates:
        """Create the map of a library, or create it anew."""
        try:
            self._service.require_change(name)
            library = self._service.library(name, token)
            if not len(library):
                raise LibraryError("This library is empty: add recordings first.")
            titles = {known: title for title, known in self._service.libraries(token)}
            title = f"{JOB} of “{titles[name]}”"
            work = fitting_map(library.folder, self._service.model_name)
            self._service.jobs.start(self._service.key(name, token), title, work)
        except Exception as error:
            return {self._components.panel: gr.HTML(job=notice(error_message(error, "a map")))}
        return self._job(name, token)

    def stop_fit(self, name: str, token: str) -> Updates:
        """Stop creating it."""
        job = self._service.jobs.of(self._service.key(name, token))
        if job is not None and job.title.startswith(JOB) and self._service.may_change(name):
            job.stop()
        return self._job(name, token)

    def close_report(self, name: str, token: str) -> Updates:
        """The report was read."""
        if self._service.may_change(name):
            self._service.jobs.forget(self._service.key(name, token))
        return self._job(name, token)

    def find(self, event: gr.EventData, name: str, token: str) -> Updates:
        """Mark on the map what matches a text."""
        text, answer = str(event_data(event).get("text") or ""), None
        try:
            library = self._service.library(name, token)
            drawn, model = self._service.map(library), self._service.opened().model
            if drawn is None:
                raise ClaspError("This library has no map yet.")
            query = encode(model, text=text)
            answer = search(library, model, query, k=HITS)
            strong = [hit for hit in answer.hits if hit.strong]
            marked = [
                [hit.segment.id, round(hit.probability, 4), hit.strong] for hit in strong or answer.hits[:NEAREST]
            ]
            found: dict[str, Any] = {"query": wire.place(drawn, query), "hits": marked}
        except Exception as error:
            found = {"wrong": error_message(error, "a search on the map")}
        found |= {"text": text, "library": name, "number": next(NUMBERS)}
        return {
            self._components.panel: gr.HTML(found=json.dumps(found)),
            self._components.answer: answer and (name, answer),
        }

    def download(self, event: gr.EventData, name: str, token: str, answer: tuple[str, Answer] | None) -> Iterator[str]:
        """Write utterances to a file to download, in the order in which they are listed."""
        try:
            data = event_data(event)
            ids = [one for one in data.get("ids") or [] if isinstance(one, int)]
            if not ids:
                raise ClaspError("There is nothing to download: the list is empty.")
            library = self._service.library(name, token)
            last = answer[1] if answer is not None and answer[0] == name else None
            hits = {hit.segment.id: hit for hit in last.hits} if last is not None else {}
            segments = {one.id: one for one in library.segments()}
            found = [hits.get(one, segments[one]) for one in ids if one in segments]
            query = last.query if last is not None and hits.keys() >= set(ids) else None
            yield from downloads.download(str(data.get("kind")), library, found, query)
        except Exception as error:
            raise gr.Error(error_message(error, "a download"), print_exception=False) from error

    def _state(self, name: str, token: str) -> dict[str, Any]:
        """What map.js must know of a library."""
        library = self._service.library_if_any(name, token)
        drawn = self._service.map(library) if library is not None else None
        size = len(library) if library is not None else 0
        state = {
            "key": self._service.key(name, token),
            "utterances": size,
            "owner": self._service.may_change(name),
            "seconds": labels.duration(START + EACH * size),
            "drawn": "",
        }
        if drawn is not None:
            state["drawn"] = drawn.version  # another one when it is to be fetched anew
            state["otherwise"] = drawn.of_another_model
        return state

    def _job(self, name: str, token: str, **props: Any) -> Updates:
        """The job of a library, if it is known here; with other props of the panel."""
        job = self._service.jobs.of(self._service.key(name, token))
        shown = job if job is not None and (job.running or job.title.startswith(JOB)) else None
        stops = shown is not None and shown.title.startswith(JOB) and shown.running
        props["job"] = jobs.html(shown) + ("<i data-stops hidden></i>" if stops else "")
        return {
            self._components.panel: gr.HTML(**props),
            self._components.timer: gr.Timer(active=job is not None and job.running),
        }
