"""What the Search tab does when something happens on it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradio as gr

import clasp
from clasp.errors import ClaspError
from index.search import Answer, Query, encode, like, search
from ui import downloads, filters, labels, links
from ui.errors import error_message
from ui.events import Updates, event_data
from ui.links import SearchRequest, SearchSettings
from ui.search import examples, form, minimap, results
from ui.search.results import SearchedLibrary
from ui.service import DEMO, VISIT, Service
from ui.theme import PALETTE

if TYPE_CHECKING:
    from clasp import Waveform
    from index.library import Library

HITS = 30
LONG = 15.0  # seconds; for a longer spoken query the page says what takes so long
POLL = 1.0  # seconds between two looks at how far opening is


@dataclass
class LastSearch:
    """What was searched for last."""

    query: Query
    settings: SearchSettings
    answer: Answer
    waveform: "Waveform | None" = None  # of a spoken query


@dataclass(frozen=True)
class SearchResults:
    """The components that an answer fills, and what is remembered of it."""

    results: gr.HTML
    overlay: gr.HTML
    last: gr.State  # LastSearch, or None
    by_time: gr.State
    download: gr.DownloadButton


class SearchHandlers:
    """The event handlers of the tab; none of them is public.

    `values` are always those of SearchSettings, in their order; `token` is the visitor's.
    """

    def __init__(
        self, service: Service, search_form: form.SearchForm, shown: SearchResults, offered: list[examples.Example]
    ) -> None:
        self._service = service
        self._form = search_form
        self._shown = shown
        self._examples = offered

    def on_text(self, text: str, token: str, *values: Any) -> Iterator[Updates]:
        """A text was entered: forget the recording."""
        yield from self._search(text, None, SearchSettings(*values), token, {self._form.speech: None})

    def on_speech(self, recording: str | None, token: str, *values: Any) -> Iterator[Updates]:
        """Something was recorded or uploaded: forget the text."""
        yield from self._search("", recording, SearchSettings(*values), token, {self._form.text: ""})

    def search_example(self, event: gr.SelectData, token: str, *values: Any) -> Iterator[Updates]:
        """An example was pressed."""
        example = self._examples[event.index]
        text, recording = ("", str(example.file)) if example.file else (example.query, None)
        inputs = {self._form.text: text, self._form.speech: recording}
        yield from self._search(text, recording, SearchSettings(*values), token, inputs)

    def search_similar(self, event: gr.EventData, token: str, *values: Any) -> Iterator[Updates]:
        """ "More like this" was pressed."""
        settings = SearchSettings(*values)
        try:
            query = like(self._service.library(settings.library, token), int(event_data(event)["segment"]))
            yield self._answer(query, settings, token) | self._inputs("")
        except Exception as error:
            yield self._failed(error)

    def change_settings(self, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """The weight or a filter was changed: search for the same again."""
        settings = SearchSettings(*values)
        if last is None or last.settings == settings:
            return {self._form.more: form.more_label(settings)}
        last.settings = settings  # at once: Gradio tells of a choice twice
        return self._repeat(last, settings, token) | {self._form.more: form.more_label(settings)}

    def change_library(self, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """Another library was chosen: search it for the same, with the filters that it has."""
        try:
            settings = SearchSettings(*values)
            library = self._service.library_if_any(settings.library, token)
            offers = filters.offers(library, settings)
            settings = filters.applicable(settings, offers)
            updates = self._form.show(settings, offers)
        except Exception as error:
            return self._failed(error)
        if last is None:
            return updates | self._introduction(settings, library, token)
        last = replace(last, query=replace(last.query, segment=None))  # a number that means nothing here
        return updates | self._repeat(last, settings, token)

    def change_query_language(self, event: gr.EventData, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """The typed query is written in another language than it seemed to be."""
        settings = SearchSettings(*values)
        try:
            if last is None or last.query.text is None:
                raise ClaspError("There is no typed query whose language could be another one: type one first.")
            language = str(event_data(event)["language"])
            query = encode(self._service.opened().model, text=last.query.text, language=language)
            return self._answer(query, settings, token)
        except Exception as error:
            return self._failed(error)

    def sort(self, event: gr.EventData, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """The order was chosen."""
        by_time = bool(event_data(event)["time"])
        settings = replace(SearchSettings(*values), by_time=by_time)
        return self._repeat(last, settings, token) | {self._shown.by_time: by_time}

    def clear_filters(self, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """Every filter was taken off."""
        settings = SearchSettings(*values).without(*links.FILTERS.values())
        return self._change_filters(last, settings, token)

    def choose_category(self, event: gr.EventData, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """A category was pressed on the map, or let go."""
        settings = replace(SearchSettings(*values), category=str(event_data(event)["category"]))
        return self._change_filters(last, settings, token)

    def navigate(self, event: gr.EventData, token: str) -> Iterator[Updates]:
        """The browser went back or forward."""
        yield self._inputs("")
        yield from self.load(str(event_data(event)["address"]) or "?", token)

    def load(self, link: str, token: str) -> Iterator[Updates]:
        """The page was opened: offer what there is, and do what its link asks for."""
        try:
            while not self._service.ready(POLL):
                if link:
                    yield {self._shown.results: results.working(self._service.status)}
            request, library, problem = self._requested(link, token)
            offers = filters.offers(library, request.settings)
            yield (
                (self._inputs(request.text) if request.text else {})
                | self._form.show(filters.applicable(request.settings, offers), offers)
                | {self._form.library: self._libraries(token, value=request.settings.library)}
                | {self._shown.by_time: request.settings.by_time}
                | {self._shown.overlay: self._overlay(library, request.settings, token)}
            )
            if problem is not None:
                raise problem
            if request.like is not None and library is not None:
                yield self._answer(like(library, request.like), request.settings, token)
            elif request.text:
                yield from self._search(request.text, None, request.settings, token, {}, request.language)
            elif link:  # otherwise something may have been typed meanwhile
                yield self._introduction(request.settings, library, token)
        except Exception as error:
            yield self._failed(error)

    def refresh_libraries(self, token: str) -> Any:
        """A visitor may have a library of their own now."""
        try:
            return self._libraries(token)
        except ClaspError:
            return gr.skip()

    def open_tab(self, again: bool, added_to: str, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """The tab was opened: libraries, and what is in them, may have changed meanwhile; to one, something was added
        perhaps."""
        if not again:  # `load` does all
            return {self._form.library: gr.skip()}
        settings = SearchSettings(added_to) if added_to and last is None else SearchSettings(*values)
        try:
            library = self._service.library_if_any(settings.library, token)
        except ClaspError:  # it is gone
            settings, last = SearchSettings(), None
            library = self._service.library(settings.library)
        offers = filters.offers(library, settings)
        updates = self._form.show(filters.applicable(settings, offers), offers)
        updates[self._form.library] = self._libraries(token, value=settings.library)
        return updates if last is not None else updates | self._introduction(settings, library, token)

    def export(self, event: gr.EventData, last: LastSearch | None, token: str) -> Iterator[str]:
        """Write the hits to a file to download."""
        try:
            if last is None:
                raise ClaspError("There is nothing to download yet: search first.")
            library = self._service.library(last.settings.library, token)
            hits = results.exported(last.answer)
            yield from downloads.download(str(event_data(event)["kind"]), library, hits, last.query)
        except Exception as error:
            raise gr.Error(error_message(error, "a download"), print_exception=False) from error

    def save_search(self, last: LastSearch | None, token: str, *values: Any) -> Updates:
        """The search is to be saved, under a name of its own."""
        try:
            settings = SearchSettings(*values)
            self._service.require_change(settings.library)
            if last is None or settings.library == VISIT:
                raise ClaspError("There is nothing to save yet: search first.")
            searches = self._service.library(settings.library, token).saved_searches
            name = searches.free_name(last.query.text or "Spoken search")
            searches.add(name, last.query, self._service.opened().model.checksum, last.waveform, settings.filter)
            return self._answer(last.query, settings, token, last.waveform, saved=name)
        except Exception as error:
            raise gr.Error(error_message(error, "saving a search"), print_exception=False) from error

    def _search(
        self,
        text: str,
        recording: str | None,
        settings: SearchSettings,
        token: str,
        inputs: Updates,
        language: str = "",
    ) -> Iterator[Updates]:
        """Search for a text, written in `language` if that is given, or a recording, and put `inputs` into the text box
        and the recorder."""

        def working(message: str) -> Updates:
            return {self._shown.results: results.working(message)} | inputs

        try:
            if not text.strip() and not recording:
                raise ClaspError("There is nothing to search for yet: type a sentence or record one.")
            waveform = clasp.decode(recording) if recording else None
            while not self._service.ready(POLL):
                yield working(self._service.status)
            model = self._service.opened().model
            if waveform is None:
                query = encode(model, text=text, language=language)
            else:
                if waveform.duration > LONG:
                    yield working(f"Listening to {labels.duration(waveform.duration)} of speech…")
                query = encode(model, waveform=waveform)
            yield self._answer(query, settings, token, waveform) | inputs
        except Exception as error:
            yield inputs | {self._form.speech: None} | self._failed(error)

    def _requested(self, link: str, token: str) -> tuple[SearchRequest, "Library | None", ClaspError | None]:
        """What a link asks for, and its library; if that cannot be, the demo library, and why."""
        request = SearchRequest(SearchSettings())
        try:
            request = links.read(link)
            last = links.parameters(link).get("last", "")  # it may be gone
            if last in (name for _, name in self._service.libraries(token)):
                request = replace(request, settings=replace(request.settings, library=last))
            return request, self._service.library_if_any(request.settings.library, token), None
        except ClaspError as error:
            request = SearchRequest(SearchSettings(), request.text)
            return request, self._service.library(request.settings.library), error

    def _change_filters(self, last: LastSearch | None, settings: SearchSettings, token: str) -> Updates:
        """Show other filters in the form, and search for the same again."""
        updates = self._repeat(last, settings, token)
        library = self._service.library_if_any(settings.library, token)
        return updates | self._form.show(settings, filters.offers(library, settings))

    def _repeat(self, last: LastSearch | None, settings: SearchSettings, token: str) -> Updates:
        """Search for the same with other settings."""
        try:
            if last is None:
                library = self._service.library_if_any(settings.library, token)
                return self._introduction(settings, library, token)
            return self._answer(last.query, settings, token, last.waveform)
        except Exception as error:
            return self._failed(error) | {self._shown.last: last and replace(last, settings=settings)}

    def _answer(
        self, query: Query, settings: SearchSettings, token: str, waveform: "Waveform | None" = None, saved: str = ""
    ) -> Updates:
        """Search, and show what is found; `saved` is the name under which the search was saved just now."""
        library = self._service.library_if_any(settings.library, token)
        if not library:
            return self._introduction(settings, library, token)
        model = self._service.opened().model
        found = search(library, model, query, k=HITS, meaning=settings.weight, filters=settings.filter)
        colours = {name: number % len(PALETTE) for number, name in enumerate(library.categories())}
        searched = SearchedLibrary(library, settings.library, self._service.key(settings.library, token), colours)
        detected = model.language_of(query.text) if query.text else None
        written = "" if query.language == detected else query.language or ""
        request = SearchRequest(settings, query.text or "", query.segment, written)
        savable = bool(query.text or waveform) and settings.library != VISIT
        savable = savable and self._service.may_change(settings.library)
        job = self._service.jobs.of(searched.key)
        transcribing = job is not None and job.transcribing
        return {
            self._shown.results: results.answer(
                found, request, searched, model.languages, savable=savable, saved=saved, transcribing=transcribing
            ),
            self._shown.overlay: self._overlay(library, settings, token, found),
            self._shown.last: LastSearch(query, settings, found, waveform),
        }

    def _introduction(self, settings: SearchSettings, library: "Library | None", token: str) -> Updates:
        """What is shown before anything was searched for."""
        return {
            self._shown.results: results.welcome(settings) if library else results.empty(settings),
            self._shown.overlay: self._overlay(library, settings, token),
            self._shown.last: None,
        }

    def _overlay(
        self, library: "Library | None", settings: SearchSettings, token: str, found: Answer | None = None
    ) -> str:
        drawn = None if library is None else self._service.map(library)
        return minimap.overlay(drawn, self._service.key(settings.library, token), settings, found)

    def _failed(self, error: Exception) -> Updates:
        return {
            self._shown.results: results.error(error_message(error, "a search")),
            self._shown.last: None,
        }

    def _inputs(self, text: str) -> Updates:
        return {self._form.text: text, self._form.speech: None}

    def _libraries(self, token: str, **chosen: Any) -> gr.Dropdown:
        """The libraries to choose from; an address may name one that is still to be added to."""
        libraries = self._service.libraries(token)
        if chosen.get("value", DEMO) not in dict(libraries).values():
            libraries = self._service.libraries(token, to_add=True)
        return gr.Dropdown(choices=libraries, visible=len(libraries) > 1, **chosen)
