"""What happens when something is asked on the page."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import gradio as gr

import clasp
from clasp.errors import ClaspError
from index.search import Answer, Query, encode, like, search
from ui import labels, links
from ui.errors import sentence
from ui.links import Link, Settings
from ui.search import cards, downloads, examples, form, minimap
from ui.search.moments import Place
from ui.service import VISIT, Service
from ui.theme import PALETTE

if TYPE_CHECKING:
    from index.library import Library

HITS = 30
LONG = 15.0  # seconds of a spoken query from which the page says what takes so long
AGAIN = 1.0  # seconds between two looks at how far opening is

Updates = dict[Any, Any]  # new values, by component


@dataclass
class Asked:
    """What was searched last."""

    query: Query
    settings: Settings
    answer: Answer


@dataclass(frozen=True)
class Shown:
    """Components that an answer fills, and what is remembered of it."""

    results: gr.HTML
    overlay: gr.HTML
    asked: gr.State  # Asked, or None
    by_time: gr.State
    download: gr.DownloadButton


class Search:
    """What the page does when something is asked; none of it can be called from outside.

    `values` are always those of Settings, in their order; `visit` is the visitor's secret.
    """

    def __init__(
        self, service: Service, controls: form.Controls, shown: Shown, offered: list[examples.Example]
    ) -> None:
        self._service = service
        self._controls = controls
        self._shown = shown
        self._examples = offered

    def typed(self, text: str, visit: str, *values: Any) -> Iterator[Updates]:
        """A text was entered: forget the recording."""
        yield from self._answer(text, None, Settings(*values), visit, {self._controls.spoken: None})

    def spoken(self, recording: str | None, visit: str, *values: Any) -> Iterator[Updates]:
        """Something was recorded or uploaded: forget the text."""
        yield from self._answer("", recording, Settings(*values), visit, {self._controls.text: ""})

    def example(self, event: gr.SelectData, visit: str, *values: Any) -> Iterator[Updates]:
        """An example was pressed."""
        chosen = self._examples[event.index]
        text, recording = ("", str(chosen.file)) if chosen.file else (chosen.query, None)
        inputs = {self._controls.text: text, self._controls.spoken: recording}
        yield from self._answer(text, recording, Settings(*values), visit, inputs)

    def like(self, event: gr.EventData, visit: str, *values: Any) -> Iterator[Updates]:
        """ "More like this" was pressed."""
        settings = Settings(*values)
        try:
            query = like(self._service.library(settings.library, visit), int(event._data["segment"]))
            yield self._found(query, settings, visit) | self._inputs("")
        except Exception as error:
            yield self._failed(error)

    def changed(self, asked: Asked | None, visit: str, *values: Any) -> Updates:
        """The weight or a filter was changed: the same query is searched again."""
        settings = Settings(*values)
        if asked is None or asked.settings == settings:
            return {self._controls.more: form.more(settings)}
        asked.settings = settings  # at once: Gradio tells of a choice twice
        return self._again(asked, settings, visit) | {self._controls.more: form.more(settings)}

    def moved(self, asked: Asked | None, visit: str, *values: Any) -> Updates:
        """Another library was chosen: other filters, the same query."""
        try:
            settings = Settings(*values)
            library = self._library(settings, visit)
            settings = form.kept(settings, library)
            updates = self._controls.showing(settings, library)
        except Exception as error:
            return self._failed(error)
        if asked is None:
            return updates | self._nothing(settings, library, visit)
        asked = replace(asked, query=replace(asked.query, segment=None))  # that number means nothing here
        return updates | self._again(asked, settings, visit)

    def sort(self, event: gr.EventData, asked: Asked | None, visit: str, *values: Any) -> Updates:
        """The order was chosen."""
        by_time = bool(event._data["time"])
        settings = replace(Settings(*values), by_time=by_time)
        return self._again(asked, settings, visit) | {self._shown.by_time: by_time}

    def drop(self, event: gr.EventData, asked: Asked | None, visit: str, *values: Any) -> Updates:
        """A filter was taken off, or all."""
        name = event._data["name"]
        settings = Settings(*values).without(*([name] if name in links.FILTERS else []))
        updates = self._again(asked, settings, visit)
        return updates | self._controls.showing(settings, self._library(settings, visit))

    def narrowed(self, event: gr.EventData, asked: Asked | None, visit: str, *values: Any) -> Updates:
        """A category was pressed on the map, or let go."""
        settings = replace(Settings(*values), category=str(event._data["category"]))
        updates = self._again(asked, settings, visit)
        return updates | self._controls.showing(settings, self._library(settings, visit))

    def open(self, event: gr.EventData, visit: str) -> Iterator[Updates]:
        """The browser went back or forward."""
        yield self._inputs("")
        yield from self.begin(str(event._data["address"]) or "?", visit)

    def begin(self, address: str, visit: str) -> Iterator[Updates]:
        """The page was opened: offer what there is, and do what its address asks."""
        try:
            while not self._service.ready(AGAIN):
                if address:
                    yield {self._shown.results: cards.working(self._service.status)}
            link, library, problem = self._linked(address, visit)
            yield (
                (self._inputs(link.text) if link.text else {})
                | self._controls.showing(form.kept(link.settings, library), library)
                | {self._controls.library: self._libraries(visit, value=link.settings.library)}
                | {self._shown.by_time: link.settings.by_time}
                | {self._shown.overlay: self._overlay(library, link.settings, visit)}
            )
            if problem is not None:
                raise problem
            if link.like is not None and library is not None:
                yield self._found(like(library, link.like), link.settings, visit)
            elif link.text:
                yield from self._answer(link.text, None, link.settings, visit, {})
            elif address:  # otherwise something may have been typed meanwhile
                yield self._nothing(link.settings, library, visit)
        except Exception as error:
            yield self._failed(error)

    def libraries(self, visit: str) -> Any:
        """A visitor may have their own library now."""
        try:
            return self._libraries(visit)
        except ClaspError:
            return gr.skip()

    def returned(self, again: bool, asked: Asked | None, visit: str, *values: Any) -> Updates:
        """The tab was opened: libraries, and what is in them, may have changed meanwhile."""
        if not again:  # `begin` does all
            return {self._controls.library: gr.skip()}
        settings = Settings(*values)
        try:
            library = self._library(settings, visit)
        except ClaspError:  # it is gone
            settings, asked = Settings(), None
            library = self._library(settings, visit)
        updates = self._controls.showing(form.kept(settings, library), library)
        updates[self._controls.library] = self._libraries(visit, value=settings.library)
        return updates if asked is not None else updates | self._nothing(settings, library, visit)

    def export(self, event: gr.EventData, asked: Asked | None, visit: str) -> Iterator[str]:
        """Write the hits to a file to download."""
        try:
            if asked is None:
                raise ClaspError("There is nothing to download yet: search first.")
            library = self._service.library(asked.settings.library, visit)
            with TemporaryDirectory(prefix="clasp-hits-") as folder:
                found, kind = cards.exported(asked.answer), str(event._data["kind"])
                yield str(downloads.write(Path(folder), kind, library, found.hits, found.query))
        except Exception as error:
            raise gr.Error(sentence(error, "a download"), print_exception=False) from error

    def _answer(
        self, text: str, recording: str | None, settings: Settings, visit: str, inputs: Updates
    ) -> Iterator[Updates]:
        """Search for a text or a recording, and put `inputs` into the text box and the recorder."""

        def busy(words: str) -> Updates:
            return {self._shown.results: cards.working(words)} | inputs

        try:
            if not text.strip() and not recording:
                raise ClaspError("There is nothing to search for yet: type a sentence or record one.")
            waveform = clasp.decode(recording) if recording else None
            while not self._service.ready(AGAIN):
                yield busy(self._service.status)
            model = self._service.opened().model
            if waveform is None:
                query = encode(model, text=text)
            else:
                if waveform.duration > LONG:
                    yield busy(f"Listening to {labels.clock(waveform.duration)} of speech …")
                query = encode(model, waveform=waveform)
            yield self._found(query, settings, visit) | inputs
        except Exception as error:
            yield inputs | {self._controls.spoken: None} | self._failed(error)

    def _linked(self, address: str, visit: str) -> tuple[Link, "Library | None", ClaspError | None]:
        """What an address asks and its library; where that cannot be, the first library and why."""
        link = Link(Settings())
        try:
            link = links.read(address)
            return link, self._library(link.settings, visit), None
        except ClaspError as error:
            link = Link(Settings(), link.text)
            return link, self._library(link.settings, visit), error

    def _again(self, asked: Asked | None, settings: Settings, visit: str) -> Updates:
        """Search the same query otherwise."""
        try:
            if asked is None:
                return self._nothing(settings, self._library(settings, visit), visit)
            return self._found(asked.query, settings, visit)
        except Exception as error:
            return self._failed(error) | {self._shown.asked: asked and replace(asked, settings=settings)}

    def _found(self, query: Query, settings: Settings, visit: str) -> Updates:
        """What is shown of the answer to a query."""
        library = self._library(settings, visit)
        if not library:
            return self._nothing(settings, library, visit)
        model = self._service.opened().model
        found = search(library, model, query, k=HITS, meaning=settings.weight, filters=settings.filter)
        colours = {name: number % len(PALETTE) for number, name in enumerate(library.categories())}
        place = Place(library, settings.library, self._service.key(settings.library, visit), colours)
        link = Link(settings, query.text or "", query.segment)
        return {
            self._shown.results: cards.answer(found, link, place, form.chips(settings, library)),
            self._shown.overlay: self._overlay(library, settings, visit, found),
            self._shown.asked: Asked(query, settings, found),
        }

    def _nothing(self, settings: Settings, library: "Library | None", visit: str) -> Updates:
        """What is shown before anything was asked."""
        return {
            self._shown.results: cards.welcome(settings) if library else cards.empty(settings),
            self._shown.overlay: self._overlay(library, settings, visit),
            self._shown.asked: None,
        }

    def _overlay(self, library: "Library | None", settings: Settings, visit: str, found: Answer | None = None) -> str:
        drawn = None if library is None else self._service.map(library)
        return minimap.overlay(drawn, self._service.key(settings.library, visit), settings, found)

    def _failed(self, error: Exception) -> Updates:
        return {
            self._shown.results: cards.notice(sentence(error, "a search")),
            self._shown.asked: None,
        }

    def _inputs(self, text: str) -> Updates:
        return {self._controls.text: text, self._controls.spoken: None}

    def _library(self, settings: Settings, visit: str) -> "Library | None":
        """The library that is chosen; None where it is a visitor's who has added nothing."""
        if settings.library == VISIT and self._service.read_only and not self._service.opened().visits.has(visit):
            return None
        return self._service.library(settings.library, visit)

    def _libraries(self, visit: str, **chosen: str) -> gr.Dropdown:
        """What there is to choose from."""
        libraries = self._service.libraries(visit)
        return gr.Dropdown(choices=libraries, visible=len(libraries) > 1, **chosen)
