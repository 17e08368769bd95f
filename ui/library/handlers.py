"""What the handlers of the Library tab share: what is shown of a library, and what is selected in it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import gradio as gr

from clasp.errors import LibraryError
from index.guests import lifetime
from index.library import Library, OtherModelError
from ui import jobs, labels
from ui.errors import error_message
from ui.events import Updates
from ui.library import recordings, saved
from ui.library.components import LibraryComponents
from ui.library.recordings import FIRST_PAGE, TableView
from ui.service import VISIT, Service
from ui.templates import notice, render

POLL = 0.7  # seconds between two looks at a job that runs
WATCH = 5.0  # seconds between two looks whether one has begun in watched folders or podcasts

Selection = tuple[str, ...]  # ids of recordings
Phase = tuple[str, bool, bool]  # of a job, see `phase_of`


@dataclass(frozen=True)
class Undo:
    """How the last change can be undone."""

    removed: Selection = ()  # that can be restored
    edited: tuple[tuple[str, dict[str, str]], ...] = ()  # ids, and the facts from before


def reports_errors(handler: Callable[..., Updates]) -> Callable[..., Updates]:
    """An error is shown above the tab, until something else is done."""

    @wraps(handler)
    def reporting(self: "LibraryHandlers", *arguments: Any) -> Updates:
        try:
            undo = gr.Button(visible=False)
            return {self._components.notice: "", self._components.undo: undo} | handler(self, *arguments)
        except Exception as error:
            return {self._components.notice: notice(error_message(error, "the library tab"))}

    return reporting


class LibraryHandlers:
    """Some of the tab's event handlers.

    Anyone can send these events with any arguments: each handler checks for itself what its visitor may do.
    """

    def __init__(self, service: Service, components: LibraryComponents) -> None:
        self._service = service
        self._components = components

    def _show(
        self,
        name: str,
        token: str,
        view: TableView = FIRST_PAGE,
        selection: Selection = (),
        done: str = "",
        undo: Undo | None = None,
    ) -> Updates:
        """All of the tab, for a library; `done` says what was done to it, `undo` how that can be undone."""
        tab, job = self._components, self._service.jobs.of(self._service.key(name, token))
        busy = job is not None and job.running
        owner = self._service.may_change(name)
        updates: Updates = {
            tab.notice: notice(done, good=True) if done else "",
            tab.undo: gr.Button(visible=undo is not None),
            tab.undoing: undo,
            tab.bin: gr.Accordion(visible=False),
            tab.name: gr.Dropdown(value=name),
            tab.view: view,
            tab.adding: gr.Column(visible=owner and not busy),
            tab.job: jobs.html(job),
            tab.stop: gr.Button(visible=job is not None and busy and job.can_stop),
            tab.dismiss: gr.Button(visible=job is not None and not busy),
            tab.phase: phase_of(job),
            tab.timer: gr.Timer(POLL, active=busy),
            tab.maintenance: gr.Accordion(visible=False),
            tab.reembed: gr.Button(visible=False),
            tab.facts: render("library/guest.html", lifetime=lifetime()) if name == VISIT else "",
            tab.table: "",
            tab.find: gr.Textbox(view.words, visible=False),
            tab.saved: "",
            tab.source_list: "",
            tab.sources: gr.Accordion(visible=owner),
        }
        try:
            library = self._service.library_if_any(name, token)
            if library is not None:
                left = self._service.opened().guests.seconds_left(token) if name == VISIT else None
                updates[tab.facts] = facts(library, may_change=owner, left=left)
                updates[tab.find] = gr.Textbox(view.words, visible=bool(library.recordings()))
                if owner and (binned := library.bin.contents()):
                    updates[tab.bin] = gr.Accordion(f"Bin ({len(binned)})", visible=True)
                    updates[tab.binned] = render("library/bin.html", binned=binned)
            updates[tab.table] = self._table(name, token, view, cleared=not selection)
            if library is not None and owner:
                updates[tab.saved] = saved.listing(library, self._service.key(name, token))
                updates[tab.maintenance] = gr.Accordion(visible=name != VISIT)
            if library is not None and self._service.local:
                feeds = library.feeds.all()
                folders = library.watched_folders.all()
                updates[tab.source_list] = render("library/sources.html", folders=folders, feeds=feeds)
                if (folders or feeds) and not busy:
                    updates[tab.timer] = gr.Timer(WATCH, active=True)
                updates[tab.update_feeds] = gr.Button(visible=bool(feeds))
        except LibraryError as error:
            updates[tab.facts] = notice(str(error))
            updates[tab.adding] = gr.Column(visible=False)
            updates[tab.sources] = gr.Accordion(visible=False)
            updates[tab.reembed] = gr.Button(visible=owner and not busy and isinstance(error, OtherModelError))
            if owner:
                updates[tab.maintenance] = gr.Accordion(visible=True, open=True)
        updates |= self._select(name, token, selection)
        return {component: value for component, value in updates.items() if component is not None}

    def _table(self, name: str, token: str, view: TableView, *, cleared: bool = False) -> str:
        library, may_change = self._service.library_if_any(name, token), self._service.may_change(name)
        if library is None:
            return recordings.nothing(view, may_change)
        key = self._service.key(name, token)
        busy = self._service.jobs.running(key)
        return recordings.table(library, view, key=key, may_change=may_change, busy=busy, cleared=cleared)

    def _own(self, name: str, token: str) -> Library:
        """A library that the page may change."""
        self._service.require_change(name)
        return self._service.library(name, token)

    def _select(self, name: str, token: str, selection: Selection) -> Updates:
        """The bar about what is selected, without form and question."""
        tab = self._components
        updates = {
            tab.selection: selection,
            tab.bar: gr.Column(visible=bool(selection) and self._service.may_change(name)),
            tab.form: gr.Column(visible=False),
            tab.confirm: gr.Column(visible=False),
        }
        if selection:
            title = self._own(name, token).recording(selection[0]).title if len(selection) == 1 else ""
            updates[tab.selected] = render("library/selected.html", title=title, selected=len(selection))
        return updates


def phase_of(job: jobs.Job | None) -> Phase | None:
    """Which job it is, whether it runs, and whether its first part is done: with each, there is more to be shown."""
    if job is None:
        return None
    state = job.state
    return job.secret, job.running, isinstance(state, jobs.Progress) and bool(state.before)


def facts(library: Library, *, may_change: bool, left: float | None) -> str:
    """The figures of a library, and whether it is read-only, or how many seconds a guest's is kept."""
    return render(
        "library/facts.html",
        totals=recordings.totals(library),
        storage=recordings.storage(library),
        may_change=may_change,
        left=left,
        minutes="" if left is None else labels.count(max(1, round(left / 60)), "minute"),
    )
