"""Recordings that were ticked in the table: edited or removed, one or several."""

import gradio as gr

from clasp.errors import LibraryError
from index.library import FILES
from ui import labels
from ui.library import layout
from ui.library.recordings import View
from ui.library.state import Chosen, Shown, Tab, asked, told


class Choosing(Tab):
    """What is done with those that were ticked."""

    @told
    def choose(self, name: str, visit: str, event: gr.EventData) -> Shown:
        """Some were ticked; or one is to be edited."""
        there = {one.id for one in self._own(name, visit).recordings()}
        message = asked(event)
        chosen = tuple(one for one in dict.fromkeys(map(str, message.get("ids") or ())) if one in there)
        shown = self._choice(name, visit, chosen)
        if message.get("edit"):
            shown |= self._form(name, visit, chosen)
        return shown

    @told
    def clear(self, name: str, visit: str, view: View) -> Shown:
        """None is chosen any more."""
        return self._choice(name, visit, ()) | {self.parts.table: self._table(name, visit, view, cleared=True)}

    @told
    def edit(self, name: str, visit: str, chosen: Chosen) -> Shown:
        """Ask for the facts of those chosen."""
        return self._form(name, visit, chosen)

    @told
    def save(
        self, name: str, visit: str, view: View, chosen: Chosen,
        title: str, speaker: str, category: str, language: str | None, date: str,
    ) -> Shown:  # fmt: skip
        """Change the facts of those chosen; of several, those that were given."""
        library = self._own(name, visit)
        given = {"title": title, "speaker": speaker, "category": category, "language": language, "date": date}
        given = {fact: " ".join((value or "").split()) for fact, value in given.items()}
        for one in map(library.recording, chosen):
            if len(chosen) > 1:
                facts = {fact: value for fact, value in given.items() if value and fact != "title"}
            else:
                facts = {fact: value for fact, value in given.items() if value != getattr(one, fact)}
            if facts:
                library.edit(one.id, **facts)
        said = layout.notice("Saved." if len(chosen) == 1 else f"Saved for {len(chosen)} recordings.")
        return self._shown(name, visit, view, notice=said)

    @told
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

    @told
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

    @told
    def leave(self, name: str, visit: str, chosen: Chosen) -> Shown:
        """Neither to be edited nor removed."""
        return self._choice(name, visit, chosen)

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
            parts.speaker: gr.Textbox(value="" if several else one.speaker, placeholder=hint),
            parts.category: gr.Textbox(value="" if several else one.category, placeholder=hint),
            parts.language: gr.Dropdown(languages, value="" if several else one.language),
            parts.date: gr.Textbox(value="" if several else one.date, placeholder=hint or "1962-05-01"),
        }
