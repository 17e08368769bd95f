"""The library tab as its handlers share it: what is shown of a library, and who may do what."""

from collections.abc import Callable
from functools import wraps
from html import escape
from typing import Any

import gradio as gr

from clasp.errors import ClaspError, LibraryError
from index.library import Library, OtherModelError
from ui import jobs
from ui.errors import sentence
from ui.library import layout, recordings
from ui.library.recordings import View
from ui.service import VISIT, Service

Shown = dict[Any, Any]  # components, and what they become
Chosen = tuple[str, ...]  # ids of recordings


def told(handler: Callable[..., Shown]) -> Callable[..., Shown]:
    """What goes wrong is said above the tab, until something else is done."""

    @wraps(handler)
    def told(self: "Tab", *arguments: Any) -> Shown:
        try:
            return {self.parts.notice: ""} | handler(self, *arguments)
        except Exception as error:
            return {self.parts.notice: layout.notice(sentence(error, "the library tab"), wrong=True)}

    return told


class Tab:
    """A part of what the tab does when something is asked.

    Anyone can send these events with any arguments: each handler sees for itself whether its visitor may do it.
    """

    def __init__(self, service: Service, parts: layout.Parts) -> None:
        self._service = service
        self.parts = parts

    def _shown(self, name: str, visit: str, view: View = View(), chosen: Chosen = (), notice: str = "") -> Shown:  # noqa: B008
        """All of the tab, for a library."""
        parts, job = self.parts, self._service.jobs.of(self._service.key(name, visit))
        busy = job is not None and job.running
        owner = self._service.may_change(name)
        shown = {
            parts.notice: notice,
            parts.view: view,
            parts.adding: gr.Column(visible=owner and not busy),
            parts.job: jobs.html(job),
            parts.stop: gr.Button(visible=busy and job.can_stop),
            parts.dismiss: gr.Button(visible=job is not None and not busy),
            parts.timer: gr.Timer(active=busy),
            parts.care: gr.Accordion(visible=owner and name != VISIT),
            parts.embed: gr.Button(visible=False),
            parts.facts: layout.visitor() if name == VISIT else "",
            parts.table: "",
            parts.find: gr.Textbox(view.words, visible=False),
        }
        try:
            library = self._library(name, visit)
            if library is not None:
                left = self._service.opened().guests.seconds_left(visit) if name == VISIT else None
                shown[parts.facts] = layout.facts(library, may_change=owner, left=left)
                shown[parts.find] = gr.Textbox(view.words, visible=bool(library.recordings()))
            shown[parts.table] = self._table(name, visit, view, cleared=not chosen)
        except LibraryError as error:
            shown[parts.facts] = layout.notice(str(error), wrong=True)
            shown[parts.adding] = gr.Column(visible=False)
            shown[parts.embed] = gr.Button(visible=owner and not busy and isinstance(error, OtherModelError))
            if owner:
                shown[parts.care] = gr.Accordion(visible=True, open=True)
        shown |= self._choice(name, visit, chosen)
        return {part: value for part, value in shown.items() if part is not None}

    def _table(self, name: str, visit: str, view: View, *, cleared: bool = False) -> str:
        library, may_change = self._library(name, visit), self._service.may_change(name)
        if library is None:
            return recordings.nothing(view, may_change)
        key = self._service.key(name, visit)
        busy = self._service.jobs.running(key)
        return recordings.table(library, view, key=key, may_change=may_change, busy=busy, cleared=cleared)

    def _library(self, name: str, visit: str) -> Library | None:
        """The library with this name; None for a visitor who has added nothing yet."""
        if name == VISIT and not self._service.opened().guests.has(visit):
            return None
        return self._service.library(name, visit)

    def _own(self, name: str, visit: str) -> Library:
        """The library with this name, if it may be changed from the page."""
        self._may(self._service.may_change(name))
        return self._service.library(name, visit)

    def _may(self, allowed: bool) -> None:
        if not allowed:
            raise LibraryError("This cannot be done from here: the library is for searching only.")

    def _at_rest(self, name: str, visit: str) -> None:
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is not None and job.running:
            raise ClaspError(f"{job.title} is still under way: wait until it is done, or stop it.")

    def _choice(self, name: str, visit: str, chosen: Chosen) -> Shown:
        """The bar about what is chosen, without form and question."""
        parts = self.parts
        shown = {
            parts.chosen: chosen,
            parts.bar: gr.Column(visible=bool(chosen) and self._service.may_change(name)),
            parts.form: gr.Column(visible=False),
            parts.confirm: gr.Column(visible=False),
        }
        if chosen:
            one = self._own(name, visit).recording(chosen[0]).title if len(chosen) == 1 else ""
            shown[parts.choice] = f"<p>{escape(one) or f'{len(chosen)} recordings'} <small>chosen</small></p>"
        return shown


def asked(event: gr.EventData) -> dict[str, Any]:
    """What a script tells with an event."""
    return event._data if isinstance(event._data, dict) else {}
