"""Editing, downloading and removing the recordings that are selected in the table, one or several."""

from collections.abc import Iterator

import gradio as gr

from clasp.errors import LibraryError
from index.metadata import FACTS
from ui import downloads, labels
from ui.errors import error_message
from ui.events import Updates, event_data
from ui.library import components
from ui.library.handlers import LibraryHandlers, Selection, Undo, reports_errors
from ui.library.recordings import TableView
from ui.templates import render

SHOWN = 5  # titles in the question
TAGS_HINT = "harbour, 1962"


class SelectionHandlers(LibraryHandlers):
    """Handlers for what is done with the selection."""

    @reports_errors
    def select(self, name: str, token: str, event: gr.EventData) -> Updates:
        """Some recordings were ticked; or one is to be edited."""
        known = {one.id for one in self._own(name, token).recordings()}
        data = event_data(event)
        selection = tuple(one for one in dict.fromkeys(map(str, data.get("ids") or ())) if one in known)
        updates = self._select(name, token, selection)
        if data.get("edit"):
            updates |= self._form(name, token, selection)
        return updates

    @reports_errors
    def clear(self, name: str, token: str, view: TableView) -> Updates:
        """Nothing is selected any more."""
        return self._select(name, token, ()) | {self._components.table: self._table(name, token, view, cleared=True)}

    @reports_errors
    def edit(self, name: str, token: str, selection: Selection) -> Updates:
        """Show the form for the metadata of what is selected."""
        return self._form(name, token, selection)

    @reports_errors
    def save(self, name: str, token: str, view: TableView, selection: Selection, *entered: str | None) -> Updates:
        """Change the metadata of what is selected, entered in the order of FACTS; of several recordings, what was
        given: tags are added to those that each has."""
        library = self._own(name, token)
        given = {fact: " ".join((value or "").split()) for fact, value in zip(FACTS, entered, strict=True)}
        before: list[tuple[str, dict[str, str]]] = []
        for one in map(library.recording, selection):
            if len(selection) > 1:
                changed = {fact: value for fact, value in given.items() if value and fact != "title"}
                changed |= {"tags": f"{one.tags},{changed['tags']}"} if "tags" in changed else {}
            else:
                changed = {fact: value for fact, value in given.items() if value != getattr(one, fact)}
            if changed:
                library.edit(one.id, **changed)
                before.append((one.id, {fact: getattr(one, fact) for fact in changed}))
        done = "Saved." if len(selection) == 1 else f"{labels.count(len(selection), 'recording')} saved."
        return self._show(name, token, view, done=done, undo=Undo(edited=tuple(before)) if before else None)

    def download(self, name: str, token: str, selection: Selection, event: gr.EventData) -> Iterator[str]:
        """Write what is said in what is selected to a file to download."""
        try:
            kind = str(event_data(event).get("kind"))
            yield from downloads.download_transcripts(kind, self._service.library(name, token), selection)
        except Exception as error:
            raise gr.Error(error_message(error, "a download"), print_exception=False) from error

    @reports_errors
    def ask_remove(self, name: str, token: str, selection: Selection) -> Updates:
        """Ask whether what is selected is really to be removed, and say what goes with it."""
        library = self._own(name, token)
        counts = library.counts()
        found = [library.recording(one) for one in selection]
        copied = [one.path for one in found if library.owns(one.path)]
        question = render(
            "library/question.html",
            recordings=found,
            utterances=sum(counts.get(one, 0) for one in selection),
            copied=len(copied),
            size=sum(path.stat().st_size for path in copied if path.is_file()),
            SHOWN=SHOWN,
        )
        return {
            self._components.form: gr.Column(visible=False),
            self._components.confirm: gr.Column(visible=True),
            self._components.question: question,
        }

    @reports_errors
    def remove(self, name: str, token: str, view: TableView, selection: Selection) -> Updates:
        """Remove what is selected: it goes to the bin."""
        library = self._own(name, token)
        busy = self._service.jobs.running(self._service.key(name, token))
        for one in map(library.recording, selection):
            if busy and not one.done:
                raise LibraryError(f"{one.title} is being added right now: stop that first.")
        library.bin.put(*selection)
        done = f"{labels.count(len(selection), 'recording')} removed."
        return self._show(name, token, view, done=done, undo=Undo(removed=selection))

    @reports_errors
    def undo(self, name: str, token: str, view: TableView, undo: Undo | None) -> Updates:
        """Undo what was removed or edited last."""
        library = self._own(name, token)
        if undo is None:
            raise LibraryError("There is nothing to undo any more.")
        if undo.removed:
            library.bin.restore(*undo.removed)
        for recording, facts in undo.edited:
            library.edit(recording, **facts)
        return self._show(name, token, view, done="Undone.")

    @reports_errors
    def restore(self, name: str, token: str, view: TableView, event: gr.EventData) -> Updates:
        """Bring a recording back from the bin."""
        recording = str(event_data(event).get("id"))
        library = self._own(name, token)
        library.bin.restore(recording)
        return self._show(name, token, view, done=f"“{library.recording(recording).title}” is back.")

    @reports_errors
    def discard(self, name: str, token: str, view: TableView, event: gr.EventData) -> Updates:
        """Delete a recording in the bin for good."""
        self._own(name, token).bin.delete(str(event_data(event).get("id")))
        return self._show(name, token, view, done="Deleted for good.")

    @reports_errors
    def cancel(self, name: str, token: str, selection: Selection) -> Updates:
        """What is selected is to be neither edited nor removed."""
        return self._select(name, token, selection)

    def _form(self, name: str, token: str, selection: Selection) -> Updates:
        library = self._own(name, token)
        if not selection:
            raise LibraryError("No recording is selected: tick some first.")
        tab, several = self._components, len(selection) > 1
        one = library.recording(selection[0])
        languages = components.languages(library.languages(), "Unchanged" if several else "Not stated")
        hint = "unchanged" if several else ""
        return {
            tab.form: gr.Column(visible=True),
            tab.confirm: gr.Column(visible=False),
            tab.title: gr.Textbox(value=one.title, visible=not several),
            tab.speaker: gr.Textbox(value="" if several else one.speaker, placeholder=hint),
            tab.category: gr.Textbox(value="" if several else one.category, placeholder=hint),
            tab.language: gr.Dropdown(languages, value="" if several else one.language),
            tab.date: gr.Textbox(value="" if several else one.date, placeholder=hint or "1962-05-01"),
            tab.tags: gr.Textbox(value="" if several else one.tags, placeholder="add tags" if several else TAGS_HINT),
        }
