"""The library tab: choosing a library, adding to it, its recordings, and looking after it."""

from dataclasses import replace
from typing import Any

import gradio as gr

from ui import jobs, links, script
from ui.library import layout, recordings
from ui.library.adding import Adding
from ui.library.maintenance import Caring
from ui.library.recordings import View
from ui.library.selection import Choosing
from ui.library.state import Chosen, Shown, Tab, asked, told
from ui.service import VISIT, Service


class Looking(Tab):
    """Looking at a library, and at what is being done to it."""

    @told
    def arrive(self, address: str, visit: str, name: str | None) -> Shown:
        """The page was opened, or the tab: offer the libraries there are; what it keeps in the address is chosen."""
        if self._service.read_only and not visit:  # a visitor's own library comes first: they are known in a moment
            return {self.parts.notice: gr.skip()}
        kept = links.parameters(address)
        name = kept.get("library", name)
        libraries = self._service.libraries(visit)
        own = [one for _, one in libraries if self._service.may_change(one)]
        if name not in dict(map(reversed, libraries)):
            busy = [one for one in own if self._service.jobs.running(self._service.key(one, visit))]
            name = [*busy, *own, libraries[0][1]][0]
        return {
            self.parts.name: gr.Dropdown(libraries, value=name),
            **self._shown(name, visit, View(kept.get("words", ""))),
        }

    @told
    def choose_library(self, name: str, visit: str) -> Shown:
        """Another library was chosen."""
        return self._shown(name, visit)

    @told
    def tick(self, name: str, visit: str, view: View, chosen: Chosen) -> Shown:
        """Some time has passed while something was being done to the library."""
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is None or not job.running:
            libraries = self._service.libraries(visit)
            shown = {self.parts.name: gr.Dropdown(libraries, value=name), **self._shown(name, visit, view, chosen)}
            return shown | {self.parts.notice: gr.skip()}
        return {self.parts.job: jobs.html(job), self.parts.notice: gr.skip()}

    @told
    def search(self, words: str, name: str | None, visit: str, view: View) -> Shown:
        """The table is to show those with these words."""
        if not name:  # the page is still being put together
            return {self.parts.notice: gr.skip()}
        view = replace(view, words=words, page=0)
        return {self.parts.view: view, self.parts.table: self._table(name, visit, view)}

    @told
    def turn(self, name: str, visit: str, view: View, event: gr.EventData) -> Shown:
        """Another page of the table, or another order."""
        column, page = asked(event).get("sort"), asked(event).get("page")
        if column in recordings.COLUMNS:
            view = replace(view, column=column, down=column == view.column and not view.down, page=0)
        elif isinstance(page, int) and page >= 0:
            view = replace(view, page=page)
        return {self.parts.view: view, self.parts.table: self._table(name, visit, view)}

    @told
    def stop(self, name: str, visit: str) -> Shown:
        """Stop what is being done to the library."""
        self._may(not self._service.read_only or name == VISIT)
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is not None:
            job.stop()
        return {self.parts.job: jobs.html(job)}

    @told
    def dismiss(self, name: str, visit: str, view: View, chosen: Chosen) -> Shown:
        """The report was read."""
        self._may(not self._service.read_only or name == VISIT)
        self._service.jobs.forget(self._service.key(name, visit))
        return self._shown(name, visit, view, chosen)


def build(service: Service, visit: gr.BrowserState, tab: gr.Tab, **line: Any) -> None:
    """Lay out the tab and connect it; called inside `tab`. `line` says in which queue its events stand."""
    parts = layout.parts(service)
    looking, adding = Looking(service, parts), Adding(service, parts)
    choosing, caring = Choosing(service, parts), Caring(service, parts)
    out, where = parts.all(), [parts.name, visit]
    seen = [*where, parts.view, parts.chosen]
    facts = [parts.title, parts.speaker, parts.category, parts.language, parts.date]
    quiet = {"api_visibility": "private", "show_progress": "hidden", **line}
    latest = {"trigger_mode": "always_last", **quiet}
    arriving = [gr.Textbox(visible=False), visit, parts.name]
    gr.on([tab.select, visit.change], looking.arrive, arriving, out, js=links.kept("library"), **quiet)
    here = {"api_visibility": "private", "show_progress": "hidden"}
    parts.name.change(None, parts.name, js=script.call(layout.MODULE, "keepLibrary"), **here)
    parts.name.input(None, js=script.call(layout.MODULE, "forgetWords"), **here)
    parts.find.change(None, [parts.find, parts.name], js=script.call(layout.MODULE, "keepWords"), **here)
    parts.name.input(looking.choose_library, where, out, **quiet)
    parts.timer.tick(looking.tick, seen, out, **quiet)
    parts.find.change(looking.search, [parts.find, *where, parts.view], out, **latest)
    parts.table.turn(looking.turn, [*where, parts.view], out, **latest)
    parts.add.click(adding.upload, [*where, parts.files, parts.spoken], out, **quiet)
    parts.stop.click(looking.stop, where, out, **quiet)
    parts.dismiss.click(looking.dismiss, seen, out, **quiet)
    focused = {"js": script.call(layout.MODULE, "focus"), "api_visibility": "private", "show_progress": "hidden"}
    parts.table.choose(choosing.choose, where, out, **latest).then(None, **focused)
    parts.edit.click(choosing.edit, [*where, parts.chosen], out, **quiet).then(None, **focused)
    entered = [fact.submit for fact in facts if fact is not parts.language]
    gr.on([*entered, parts.save.click], choosing.save, [*seen, *facts], out, **quiet)
    parts.ask.click(choosing.ask, [*where, parts.chosen], out, **quiet).then(None, **focused)
    parts.remove.click(choosing.remove, seen, out, **quiet)
    parts.clear.click(choosing.clear, [*where, parts.view], out, **quiet)
    gr.on([parts.leave.click, parts.keep.click], choosing.leave, [*where, parts.chosen], out, **quiet)
    if parts.path is not None:
        path = [*where, parts.path, parts.copy, parts.spoken]
        gr.on([parts.path.submit, parts.add_path.click], adding.add_path, path, out, **quiet)
    if parts.care is not None:
        new = [parts.new_name, parts.new_archive, *where]
        gr.on([parts.new_name.submit, parts.new_make.click], caring.create, new, out, **quiet)
        parts.check.click(caring.check, where, out, **quiet)
        parts.repair.click(caring.repair, where, out, **quiet)
        parts.export.click(caring.export, where, out, **quiet)
        parts.transcribe.click(caring.transcribe, where, out, **quiet)
        parts.embed.click(caring.embed, where, out, **quiet)
