"""Looking at a library, and at the job it has."""

from collections.abc import Sequence
from dataclasses import replace

import gradio as gr

from clasp.errors import LibraryError
from ui import jobs, links
from ui.events import Updates, event_data
from ui.library import recordings
from ui.library.handlers import LibraryHandlers, Selection, phase_of, reports_errors
from ui.library.recordings import TableView
from ui.service import READ_ONLY, VISIT


class BrowsingHandlers(LibraryHandlers):
    """Handlers for choosing a library, searching its table, and following its job."""

    @reports_errors
    def load(self, link: str, token: str, name: str | None) -> Updates:
        """The page or the tab was opened: offer the libraries there are, and choose the one kept in the address."""
        if self._service.read_only and not token:  # a visitor's own library comes first: they are known in a moment
            return self._unchanged()
        kept = links.parameters(link)
        name = kept.get("library", name)
        libraries = self._service.libraries(token, to_add=True)
        own = [one for _, one in libraries if self._service.may_change(one)]
        if name not in {known for _, known in libraries}:
            busy = [one for one in own if self._service.jobs.running(self._service.key(one, token))]
            name = [*busy, *own, libraries[0][1]][0]
        updates = self._show(name, token, TableView(kept.get("words", "")))
        return updates | {self._components.name: gr.Dropdown(libraries, value=name)}

    @reports_errors
    def choose_library(self, name: str, token: str) -> Updates:
        """Another library was chosen."""
        return self._show(name, token)

    @reports_errors
    def poll(
        self, name: str, token: str, view: TableView, selection: Selection, phase: Sequence[object] | None
    ) -> Updates:
        """Some time has passed in which the library had a job, or may have got one."""
        tab, job = self._components, self._service.jobs.of(self._service.key(name, token))
        if phase_of(job) == (phase and tuple(phase)):
            return self._unchanged() | ({tab.job: jobs.html(job)} if job is not None and job.running else {})
        updates = self._show(name, token, view, selection) | self._unchanged()
        updates |= {tab.name: gr.Dropdown(self._service.libraries(token, to_add=True), value=name)}
        return updates | {part: gr.skip() for part in (tab.form, tab.confirm)}  # somebody may be filling it in

    @reports_errors
    def search(self, words: str, name: str | None, token: str, view: TableView) -> Updates:
        """The table is to show the recordings with these words."""
        if not name:  # the page is still being put together
            return self._unchanged()
        return self._turn(name, token, replace(view, words=words, page=0))

    @reports_errors
    def turn(self, name: str, token: str, view: TableView, event: gr.EventData) -> Updates:
        """Another page of the table, or another order."""
        column, page = event_data(event).get("sort"), event_data(event).get("page")
        if column in recordings.COLUMNS:
            descending = column == view.column and not view.descending
            view = replace(view, column=column, descending=descending, page=0)
        elif isinstance(page, int) and page >= 0:
            view = replace(view, page=page)
        return self._turn(name, token, view)

    @reports_errors
    def stop(self, name: str, token: str) -> Updates:
        """Stop the library's job."""
        self._require_job(name)
        job = self._service.jobs.of(self._service.key(name, token))
        if job is not None:
            job.stop()
        return {self._components.job: jobs.html(job)}

    @reports_errors
    def dismiss(self, name: str, token: str, view: TableView, selection: Selection) -> Updates:
        """The report was read."""
        self._require_job(name)
        self._service.jobs.forget(self._service.key(name, token))
        return self._show(name, token, view, selection)

    @reports_errors
    def see_saved(self, name: str, token: str, event: gr.EventData) -> Updates:
        """What a saved search has found is being looked at."""
        self._own(name, token).saved_searches.see(str(event_data(event).get("name")))
        return {}

    @reports_errors
    def forget_saved(
        self, name: str, token: str, view: TableView, selection: Selection, event: gr.EventData
    ) -> Updates:
        """A saved search is no longer wanted."""
        self._own(name, token).saved_searches.remove(str(event_data(event).get("name")))
        return self._show(name, token, view, selection)

    def _unchanged(self) -> Updates:
        """What was done last is shown on."""
        return {
            self._components.notice: gr.skip(),
            self._components.undo: gr.skip(),
            self._components.undoing: gr.skip(),
        }

    def _require_job(self, name: str) -> None:
        """Whoever owns the libraries, owns the jobs of all of them: the demo library's may be importing another."""
        if self._service.read_only and name != VISIT:
            raise LibraryError(READ_ONLY)

    def _turn(self, name: str, token: str, view: TableView) -> Updates:
        return {self._components.view: view, self._components.table: self._table(name, token, view)}
