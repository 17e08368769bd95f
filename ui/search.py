"""The search tab: query row, filters, examples, results and map."""

import logging
from collections.abc import Iterator
from typing import Any

import gradio as gr

import clasp
from clasp.errors import ClaspError
from index.filters import Filter
from index.search import Query, encode, search

from . import cards, examples, labels
from . import map as map_view
from .service import Opened, Service
from .theme import SCRIPT

log = logging.getLogger(__name__)

HITS = 10
LONG = 15.0  # seconds of a spoken query from which the page says what takes so long
OURS = "Something went wrong on this side, not with what you asked: please try again."
AGAIN = 1.0  # seconds between two looks at how far opening is

Settings = tuple[float, str, str]  # how much what was said counts, category, language ("": every)
Shown = tuple[Any, ...]  # results as HTML, overlay of the map, the encoded query, the text, the recording


class Search:
    """What the page does when something is asked; none of it can be called from outside."""

    def __init__(self, service: Service, shown: list[examples.Example]) -> None:
        self._service = service
        self._examples = shown

    def typed(self, text: str, heard: float, category: str, language: str) -> Iterator[Shown]:
        """A text was entered: forget the recording."""
        yield from self._answer(text, None, (heard, category, language), (gr.skip(), None))

    def spoken(self, recording: str | None, heard: float, category: str, language: str) -> Iterator[Shown]:
        """Something was recorded or uploaded: forget the text."""
        yield from self._answer("", recording, (heard, category, language), ("", gr.skip()))

    def example(self, heard: float, category: str, language: str, event: gr.SelectData) -> Iterator[Shown]:
        """An example was pressed."""
        chosen = self._examples[event.index]
        text, recording = ("", str(chosen.file)) if chosen.file else (chosen.query, None)
        yield from self._answer(text, recording, (heard, category, language), (text, recording))

    def weighed(self, query: Query | None, heard: float, category: str, language: str) -> tuple[Any, Any]:
        """The weight or a filter was changed: the same query is searched again."""
        if query is None:
            return gr.skip(), gr.skip()
        try:
            opened = self._service.opened()
            return _show(opened, query, heard, category, language)
        except Exception as error:
            return cards.notice(_sentence(error)), gr.skip()

    def filters(self) -> tuple[Any, Any]:
        """What the filters offer, once the library is open."""
        try:
            library = self._service.opened().library
        except ClaspError:
            return gr.skip(), gr.skip()
        categories = [(labels.category(name).capitalize(), name) for name in library.categories()]
        languages = sorted((labels.language(tag), tag) for tag in library.languages())
        return (
            gr.Dropdown(choices=[("Every category", ""), *categories]),
            gr.Dropdown(choices=[("Every language", ""), *languages]),
        )

    def _answer(self, text: str, recording: str | None, settings: Settings, inputs: tuple[Any, Any]) -> Iterator[Shown]:
        """Search for a text or a recording, and put `inputs` into the text box and the recorder."""

        def busy(sentence: str) -> Shown:
            return cards.working(sentence), gr.skip(), gr.skip(), *inputs

        try:
            if not text.strip() and not recording:
                raise ClaspError("There is nothing to search for yet: type a sentence or record one.")
            waveform = clasp.decode(recording) if recording else None
            while not self._service.ready(AGAIN):
                yield busy(self._service.status)
            opened = self._service.opened()
            if waveform is None:
                query = encode(opened.model, text=text)
            else:
                if waveform.duration > LONG:
                    yield busy(f"Listening to {labels.clock(waveform.duration)} of speech …")
                query = encode(opened.model, waveform=waveform)
            yield *_show(opened, query, *settings), query, *inputs
        except Exception as error:
            yield cards.notice(_sentence(error)), "", None, inputs[0], None


def build(service: Service, visit: gr.BrowserState, **line: Any) -> None:
    """Lay out the tab and connect it; called inside gr.Blocks. `line` says in which queue searches stand."""
    shown = examples.read()
    handlers = Search(service, shown)
    query = gr.State(None)
    with gr.Column(elem_id="ask"):
        with gr.Row(elem_id="query"):
            text = gr.Textbox(
                label="What was said, or meant",
                placeholder="the ship was lost in the storm",
                show_label=False,
                submit_btn="Search",
                max_length=1_000,
                elem_id="text",
                html_attributes=gr.InputHTMLAttributes(enterkeyhint="search", autocomplete="off"),
            )
            recording = gr.Audio(
                label="A spoken query",
                show_label=False,
                sources=["microphone", "upload"],
                type="filepath",
                editable=False,
                buttons=[],
                waveform_options=gr.WaveformOptions(waveform_color="#8f8b81", waveform_progress_color="#0b6e6a"),
                elem_id="recording",
            )
        with gr.Row(elem_id="settings"):
            category = gr.Dropdown(
                [("Every category", "")], value="", label="Category", filterable=False, elem_id="category"
            )
            language = gr.Dropdown(
                [("Every language", "")], value="", label="Language", filterable=False, elem_id="language"
            )
            heard = gr.Slider(
                0, 1, 0.5, step=0.05, label="From what was meant to what was said", elem_id="heard",
                buttons=[],
            )  # fmt: skip
        chips = examples.build(shown)
    with gr.Row(elem_id="found"):
        results = gr.HTML(
            cards.WELCOME,
            head=SCRIPT,
            js_on_load="clasp.results(props, watch)",
            apply_default_css=False,
            elem_id="results",
        )
        overlay = map_view.build()

    settings = [heard, category, language]
    answer = [results, overlay, query, text, recording]
    said = [recording.stop_recording, recording.upload]
    changed = [heard.change, category.input, language.input]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([text.submit, *said], None, js="() => clasp.busy()", **quiet)
    text.submit(handlers.typed, [text, *settings], answer, **quiet, **line)
    gr.on(said, handlers.spoken, [recording, *settings], answer, **quiet, **line)
    chips.select(handlers.example, settings, answer, **quiet, **line)
    gr.on(
        changed, handlers.weighed, [query, *settings], [results, overlay],
        trigger_mode="always_last", **quiet, **line,
    )  # fmt: skip
    gr.on(None, handlers.filters, None, [category, language], **quiet)


def _show(opened: Opened, query: Query, heard: float, category: str, language: str) -> tuple[str, str]:
    """Results and overlay of a query; in the middle of the slider, ranked by probability."""
    found = search(
        opened.library, opened.model, query, k=HITS,
        meaning=None if heard == 0.5 else 1 - heard,
        filters=Filter((category,) if category else (), (language,) if language else ()),
    )  # fmt: skip
    colours = {name: n for n, name in enumerate(opened.library.categories())}
    results = cards.answer(found, colours, len(opened.library))
    return results, map_view.overlay(opened, found, category, language)


def _sentence(error: Exception) -> str:
    """What to tell a person; what is not meant for one goes to the log."""
    if isinstance(error, ClaspError):
        return str(error)
    log.error("a search failed", exc_info=error)
    return OURS
