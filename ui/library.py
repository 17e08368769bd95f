"""The library tab: choosing a library, adding to it, its recordings, and looking after it."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from clasp.errors import ClaspError, DataError, LibraryError
from clasp.settings import current
from index.library import FILES, Library, OtherModelError

from . import adding, caring, jobs, labels, layout, recordings
from .errors import sentence
from .recordings import View
from .service import VISIT, Service

Shown = dict[Any, Any]  # components, and what they become
Chosen = tuple[str, ...]  # ids of recordings


def _told(handler: Callable[..., Shown]) -> Callable[..., Shown]:
    """What goes wrong is said above the tab, until something else is done."""

    @wraps(handler)
    def told(self: "LibraryTab", *arguments: Any) -> Shown:
        try:
            return {self.parts.notice: ""} | handler(self, *arguments)
        except Exception as error:
            return {self.parts.notice: layout.notice(sentence(error, "the library tab"), wrong=True)}

    return told


class LibraryTab:
    """What the tab does when something is asked.

    Anyone can send these events with any arguments: each handler sees for itself whether its visitor may do it.
    """

    def __init__(self, service: Service, parts: layout.Parts) -> None:
        self._service = service
        self.parts = parts

    # ---- showing

    @_told
    def arrive(self, visit: str, name: str | None = None) -> Shown:
        """The page was opened, or the tab: offer the libraries there are."""
        libraries = self._service.libraries(visit)
        own = [one for _, one in libraries if self._service.may_change(one)]
        if name not in dict(map(reversed, libraries)):
            busy = [one for one in own if self._service.jobs.running(self._service.key(one, visit))]
            name = [*busy, *own, libraries[0][1]][0]
        return {self.parts.name: gr.Dropdown(libraries, value=name), **self._shown(name, visit)}

    @_told
    def choose_library(self, name: str, visit: str) -> Shown:
        """Another library was chosen."""
        return self._shown(name, visit) | {self.parts.find: ""}

    @_told
    def tick(self, name: str, visit: str, view: View, chosen: Chosen) -> Shown:
        """Some time has passed while something was being done to the library."""
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is None or not job.running:
            libraries = self._service.libraries(visit)
            shown = {self.parts.name: gr.Dropdown(libraries, value=name), **self._shown(name, visit, view, chosen)}
            return shown | {self.parts.notice: gr.skip()}
        return {self.parts.job: jobs.html(job), self.parts.notice: gr.skip()}

    @_told
    def search(self, words: str, name: str, visit: str, view: View) -> Shown:
        """The table is to show those with these words."""
        view = replace(view, words=words, page=0)
        return {self.parts.view: view, self.parts.table: self._table(name, visit, view)}

    @_told
    def turn(self, name: str, visit: str, view: View, event: gr.EventData) -> Shown:
        """Another page of the table, or another order."""
        column, page = _asked(event).get("sort"), _asked(event).get("page")
        if column in recordings.COLUMNS:
            view = replace(view, column=column, down=column == view.column and not view.down, page=0)
        elif isinstance(page, int) and page >= 0:
            view = replace(view, page=page)
        return {self.parts.view: view, self.parts.table: self._table(name, visit, view)}

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
            parts.facts: layout.VISITOR.format(minutes=f"{current().visit_minutes:g}") if name == VISIT else "",
            parts.table: "",
            parts.find: gr.Textbox(visible=False),
        }
        try:
            library = self._library(name, visit)
            if library is not None:
                left = self._service.opened().visits.left(visit) if name == VISIT else None
                shown[parts.facts] = layout.facts(library, may_change=owner, left=left)
                shown[parts.find] = gr.Textbox(visible=bool(library.recordings()))
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
        if name == VISIT and not self._service.opened().visits.has(visit):
            return None
        return self._service.library(name, visit)

    def _own(self, name: str, visit: str) -> Library:
        """The library with this name, if it may be changed from the page."""
        self._may(self._service.may_change(name))
        return self._service.library(name, visit)

    def _may(self, allowed: bool) -> None:
        if not allowed:
            raise LibraryError("This cannot be done from here: the library is for searching only.")

    # ---- adding

    @_told
    def create(self, title: str, archive: str | None, name: str, visit: str) -> Shown:
        """A new library, empty or from an archive."""
        self._may(not self._service.read_only)
        title, shelf = " ".join((title or "").split()), self._service.opened().shelf
        cleared = {self.parts.new_name: "", self.parts.new_archive: None}
        if archive:
            work = caring.importing(Path(archive), shelf, title)
            self._service.jobs.start(self._service.key(name, visit), f"Importing “{title}”", work, can_stop=False)
            return self._shown(name, visit) | cleared
        shelf.create(title)
        libraries = gr.Dropdown(self._service.libraries(visit), value=title)
        return {self.parts.name: libraries, **self._shown(title, visit), **cleared}

    @_told
    def upload(self, name: str, visit: str, uploads: list[str] | None, language: str) -> Shown:
        """Put what was uploaded into a library."""
        self._may(self._service.may_change(name))
        if not uploads:
            raise DataError("There is nothing to add yet: choose files first.")
        self._at_rest(name, visit)
        visits = self._service.opened().visits
        library = visits.open(visit) if name == VISIT else self._service.library(name)
        room = visits.room(visit) if name == VISIT else None
        if room is not None and sum(Path(one).stat().st_size for one in uploads) > room:
            raise DataError(
                f"That is too much: {labels.size(room)} of {labels.size(current().visit_mib * 2**20)} are left to you "
                "in this visit."
            )
        scratch = TemporaryDirectory(
            prefix="clasp-upload-", dir=library.folder.parent if name == VISIT else None, ignore_cleanup_errors=True
        )
        try:
            paths = adding.gathered(uploads, Path(scratch.name))
            self._add(name, visit, library, paths, copy=True, language=language, scratch=scratch)
        except BaseException:
            scratch.cleanup()
            raise
        return self._shown(name, visit) | {self.parts.files: None}

    @_told
    def add_path(self, name: str, visit: str, path: str, copy: bool, language: str) -> Shown:
        """Add a file or folder of this computer."""
        self._may(self._service.local and self._service.may_change(name))
        if not path.strip():
            raise DataError("There is nothing to add yet: write where the file or folder is.")
        self._add(name, visit, self._own(name, visit), [adding.typed_path(path)], copy=copy, language=language)
        return self._shown(name, visit) | {self.parts.path: ""}

    def _add(
        self, name: str, visit: str, library: Library, paths: list[Path], *, copy: bool, language: str,
        scratch: TemporaryDirectory | None = None,
    ) -> None:  # fmt: skip
        title = dict(map(reversed, self._service.libraries(visit)))[name]
        model = self._service.opened().model
        work = adding.adding(library, model, paths, copy=copy, language=language or "")
        self._service.jobs.start(self._service.key(name, visit), f"Adding to “{title}”", work, scratch=scratch)

    def _at_rest(self, name: str, visit: str) -> None:
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is not None and job.running:
            raise ClaspError(f"{job.title} is still under way: wait until it is done, or stop it.")

    @_told
    def stop(self, name: str, visit: str) -> Shown:
        """Stop what is being done to the library."""
        self._may(not self._service.read_only or name == VISIT)
        job = self._service.jobs.of(self._service.key(name, visit))
        if job is not None:
            job.stop()
        return {self.parts.job: jobs.html(job)}

    @_told
    def dismiss(self, name: str, visit: str, view: View, chosen: Chosen) -> Shown:
        """The report was read."""
        self._may(not self._service.read_only or name == VISIT)
        self._service.jobs.forget(self._service.key(name, visit))
        return self._shown(name, visit, view, chosen)

    # ---- recordings that were chosen

    @_told
    def choose(self, name: str, visit: str, event: gr.EventData) -> Shown:
        """Some were ticked; or one is to be edited."""
        there = {one.id for one in self._own(name, visit).recordings()}
        asked = _asked(event)
        chosen = tuple(one for one in dict.fromkeys(map(str, asked.get("ids") or ())) if one in there)
        shown = self._choice(name, visit, chosen)
        if asked.get("edit"):
            shown |= self._form(name, visit, chosen)
        return shown

    @_told
    def clear(self, name: str, visit: str, view: View) -> Shown:
        """None is chosen any more."""
        return self._choice(name, visit, ()) | {self.parts.table: self._table(name, visit, view, cleared=True)}

    @_told
    def edit(self, name: str, visit: str, chosen: Chosen) -> Shown:
        """Ask for the facts of those chosen."""
        return self._form(name, visit, chosen)

    @_told
    def save(
        self, name: str, visit: str, view: View, chosen: Chosen,
        title: str, speaker: str, category: str, language: str | None, date: str,
    ) -> Shown:  # fmt: skip
        """Change the facts of those chosen; of several, those that were given."""
        library = self._own(name, visit)
        given = {"title": title, "voice": speaker, "category": category, "language": language, "date": date}
        given = {fact: " ".join((value or "").split()) for fact, value in given.items()}
        for one in map(library.recording, chosen):
            if len(chosen) > 1:
                facts = {fact: value for fact, value in given.items() if value and fact != "title"}
            else:
                facts = {fact: value for fact, value in given.items() if value != getattr(one, fact)}
            recordings.check(facts)
            if facts:
                library.edit(one.id, **facts)
        said = layout.notice("Saved." if len(chosen) == 1 else f"Saved for {len(chosen)} recordings.")
        return self._shown(name, visit, view, notice=said)

    @_told
    def ask(self, name: str, visit: str, chosen: Chosen) -> Shown:
        """Are those chosen really to be removed?"""
        library = self._own(name, visit)
        counts = library.counts()
        found = [library.recording(one) for one in chosen]
        copied = [one.path for one in found if one.path.parent == library.folder.absolute() / FILES]
        size = sum(path.stat().st_size for path in copied if path.is_file())
        question = layout.question(found, sum(counts.get(one, 0) for one in chosen), len(copied), size)
        return {
            self.parts.form: gr.Column(visible=False),
            self.parts.confirm: gr.Column(visible=True),
            self.parts.question: question,
        }

    @_told
    def remove(self, name: str, visit: str, view: View, chosen: Chosen) -> Shown:
        """Remove those chosen."""
        library = self._own(name, visit)
        busy = self._service.jobs.running(self._service.key(name, visit))
        for one in map(library.recording, chosen):
            if busy and not one.done:
                raise LibraryError(f"{one.title} is being added just now: stop that first.")
            library.remove(one.id)
        said = layout.notice(f"{labels.count(len(chosen), 'recording')} removed.")
        return self._shown(name, visit, view, notice=said)

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

    def _form(self, name: str, visit: str, chosen: Chosen) -> Shown:
        library = self._own(name, visit)
        if not chosen:
            raise LibraryError("No recording is chosen: tick some first.")
        parts, several = self.parts, len(chosen) > 1
        one = library.recording(chosen[0])
        languages = layout.languages(library.languages(), "As they are" if several else "Not stated")
        hint = "as they are" if several else ""
        return {
            parts.form: gr.Column(visible=True),
            parts.confirm: gr.Column(visible=False),
            parts.title: gr.Textbox(value=one.title, visible=not several),
            parts.speaker: gr.Textbox(value="" if several else one.voice, placeholder=hint),
            parts.category: gr.Textbox(value="" if several else one.category, placeholder=hint),
            parts.language: gr.Dropdown(languages, value="" if several else one.language),
            parts.date: gr.Textbox(value="" if several else one.date, placeholder=hint or "1962-05-01"),
        }

    @_told
    def leave(self, name: str, visit: str, chosen: Chosen) -> Shown:
        """Neither to be edited nor removed."""
        return self._choice(name, visit, chosen)

    # ---- looking after it

    @_told
    def check(self, name: str, visit: str) -> Shown:
        """Is the library whole?"""
        return self._care(name, visit, "Checking", caring.checking(self._folder(name)))

    @_told
    def repair(self, name: str, visit: str) -> Shown:
        """Put right what can be."""
        shelf = self._service.opened().shelf
        self._folder(name)
        return self._care(name, visit, "Repairing", caring.repairing(shelf, name))

    @_told
    def export(self, name: str, visit: str) -> Shown:
        """Make one archive of it."""
        folder = self._folder(name)
        self._at_rest(name, visit)
        return self._care(name, visit, "Exporting", *caring.exporting(folder, name))

    @_told
    def embed(self, name: str, visit: str) -> Shown:
        """Make it searchable with the model in use."""
        work = caring.embedding(self._folder(name), self._service.opened().model)
        return self._care(name, visit, "Preparing for this model", work, can_stop=True)

    def _folder(self, name: str) -> Path:
        """Of a library that may be looked after from the page, open or not."""
        self._may(self._service.may_change(name) and name != VISIT)
        shelf = self._service.opened().shelf
        if name not in shelf.names():
            raise LibraryError(f"There is no library called {name!r}.")
        return shelf.folder(name)

    def _care(
        self, name: str, visit: str, title: str, work: jobs.Work, scratch: TemporaryDirectory | None = None, *,
        can_stop: bool = False,
    ) -> Shown:  # fmt: skip
        key = self._service.key(name, visit)
        self._service.jobs.start(key, title, work, can_stop=can_stop, scratch=scratch)
        return self._shown(name, visit)


def _asked(event: gr.EventData) -> dict[str, Any]:
    """What library.js tells with an event."""
    return event._data if isinstance(event._data, dict) else {}


def build(service: Service, visit: gr.BrowserState, tab: gr.Tab, **line: Any) -> None:
    """Lay out the tab and connect it; called inside `tab`. `line` says in which queue its events stand."""
    parts = layout.parts(service)
    do = LibraryTab(service, parts)
    out, where = parts.all(), [parts.name, visit]
    seen = [*where, parts.view, parts.chosen]
    facts = [parts.title, parts.speaker, parts.category, parts.language, parts.date]
    quiet = {"api_visibility": "private", "show_progress": "hidden", **line}
    latest = {"trigger_mode": "always_last", **quiet}
    tab.select(do.arrive, [visit, parts.name], out, **quiet)
    visit.change(do.arrive, [visit], out, **quiet)
    parts.name.input(do.choose_library, where, out, **quiet)
    parts.timer.tick(do.tick, seen, out, **quiet)
    parts.find.change(do.search, [parts.find, *where, parts.view], out, **latest)
    parts.table.turn(do.turn, [*where, parts.view], out, **latest)
    parts.add.click(do.upload, [*where, parts.files, parts.spoken], out, **quiet)
    parts.stop.click(do.stop, where, out, **quiet)
    parts.dismiss.click(do.dismiss, seen, out, **quiet)
    focused = {"js": "() => clasp.library.focus()", "api_visibility": "private", "show_progress": "hidden"}
    parts.table.choose(do.choose, where, out, **latest).then(None, **focused)
    parts.edit.click(do.edit, [*where, parts.chosen], out, **quiet).then(None, **focused)
    gr.on(
        [fact.submit for fact in facts if fact is not parts.language] + [parts.save.click],
        do.save,
        [*seen, *facts],
        out,
        **quiet,
    )
    parts.ask.click(do.ask, [*where, parts.chosen], out, **quiet).then(None, **focused)
    parts.remove.click(do.remove, seen, out, **quiet)
    parts.clear.click(do.clear, [*where, parts.view], out, **quiet)
    gr.on([parts.leave.click, parts.keep.click], do.leave, [*where, parts.chosen], out, **quiet)
    if parts.path is not None:
        path = [*where, parts.path, parts.copy, parts.spoken]
        gr.on([parts.path.submit, parts.add_path.click], do.add_path, path, out, **quiet)
    if parts.care is not None:
        new = [parts.new_name, parts.new_archive, *where]
        gr.on([parts.new_name.submit, parts.new_make.click], do.create, new, out, **quiet)
        parts.check.click(do.check, where, out, **quiet)
        parts.repair.click(do.repair, where, out, **quiet)
        parts.export.click(do.export, where, out, **quiet)
        parts.embed.click(do.embed, where, out, **quiet)
