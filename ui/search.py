"""The search tab: query row, examples, results and map; and the two public endpoints."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

import clasp
from clasp.errors import ClaspError
from index.search import Match, Query, encode, search

from . import cards, examples, labels
from . import map as map_view
from .service import Opened, Service

log = logging.getLogger(__name__)

HITS = 10
MOST_HITS = 100
LINES = 4  # searches at once; the encoder itself takes one after the other
LONG = 15.0  # seconds of a spoken query from which the page says what takes so long
OURS = "Something went wrong on this side, not with what you asked: please try again."
AGAIN = 1.0  # seconds between two looks at how far opening is

Settings = tuple[float, str, str]  # how much what was said counts, category, language ("": every)
Shown = tuple[Any, ...]  # results as HTML, overlay of the map, the encoded query, the text, the recording


class Search:
    """Handlers of the search tab: search_text and search_speech are public, the others answer the page."""

    def __init__(self, service: Service, shown: list[examples.Example]) -> None:
        self._service = service
        self._examples = shown

    def search_text(
        self,
        query: str,
        meaning: float | None = None,
        categories: list[str] | None = None,
        languages: list[str] | None = None,
        k: int = HITS,
    ) -> dict[str, Any]:
        """Find the spoken utterances of the library that say the same as a text in any of its languages.

        Args:
            query: A sentence or a question, in your own words.
            meaning: Rank by what was said (0: names, the very words), by what was meant (1: paraphrase,
                translation) or in between; by the probability that it says the same if left out.
            categories: Search these categories only; all if left out.
            languages: Search these languages only, as BCP-47 tags such as "en"; all if left out.
            k: How many hits, 1 to 100.

        Returns:
            The hits, best first, each with its text, where it is heard, and the probability that it says the
            same; the query's place on the map; the time taken.
        """
        with _errors_for_clients():
            opened = self._service.opened()
            return _as_json(
                opened, encode(opened.model, text=query),
                k=k, meaning=meaning, categories=categories, languages=languages,
            )  # fmt: skip

    def search_speech(
        self,
        recording: str,
        meaning: float | None = None,
        categories: list[str] | None = None,
        languages: list[str] | None = None,
        k: int = HITS,
    ) -> dict[str, Any]:
        """Find the spoken utterances of the library that say the same as a recording.

        Args:
            recording: A sound file of 0.2 seconds to 10 minutes, in any common format.
            meaning: Rank by what was said (0: names, the very words), by what was meant (1: paraphrase,
                translation) or in between; by the probability that it says the same if left out.
            categories: Search these categories only; all if left out.
            languages: Search these languages only, as BCP-47 tags such as "en"; all if left out.
            k: How many hits, 1 to 100.

        Returns:
            The hits, best first, each with its text, where it is heard, and the probability that it says the
            same; the query's place on the map; the time taken.
        """
        with _errors_for_clients():
            if not recording:
                raise ClaspError("There is no recording: give a sound file.")
            waveform = clasp.decode(recording)
            opened = self._service.opened()
            return _as_json(
                opened, encode(opened.model, waveform=waveform),
                k=k, meaning=meaning, categories=categories, languages=languages,
            )  # fmt: skip

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
        except ClaspError as error:
            return cards.notice(str(error)), gr.skip()

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
        except ClaspError as error:
            yield cards.notice(str(error)), "", None, inputs[0], None
        except Exception:
            log.exception("a search failed")
            yield cards.notice(OURS), "", None, inputs[0], None


def build(service: Service) -> None:
    """Lay out the tab and connect it; called inside gr.Blocks."""
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
                elem_id="recording",
            )
        with gr.Row(elem_id="settings"):
            category = gr.Dropdown([("Every category", "")], value="", label="Category", elem_id="category")
            language = gr.Dropdown([("Every language", "")], value="", label="Language", elem_id="language")
            heard = gr.Slider(
                0, 1, 0.5, step=0.05, label="From what was meant to what was said", elem_id="heard",
                buttons=[],
            )  # fmt: skip
        chips = examples.build(shown)
    with gr.Row(elem_id="found"):
        results = gr.HTML(
            cards.WELCOME,
            js_on_load="clasp.results(watch)",
            apply_default_css=False,
            elem_id="results",
        )
        overlay = map_view.build()

    settings = [heard, category, language]
    answer = [results, overlay, query, text, recording]
    said = [recording.stop_recording, recording.upload]
    changed = [heard.change, category.input, language.input]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    line = {"concurrency_id": "search", "concurrency_limit": LINES}
    gr.on([text.submit, *said], None, js="() => clasp.busy()", **quiet)
    text.submit(handlers.typed, [text, *settings], answer, **quiet, **line)
    gr.on(said, handlers.spoken, [recording, *settings], answer, **quiet, **line)
    chips.select(handlers.example, settings, answer, **quiet, **line)
    gr.on(
        changed, handlers.weighed, [query, *settings], [results, overlay],
        trigger_mode="always_last", **quiet, **line,
    )  # fmt: skip
    gr.on(None, handlers.filters, None, [category, language], **quiet)

    gr.api(handlers.search_text, **line)
    with gr.Row(visible=False):  # what search_speech takes; Gradio lets only uploaded files pass here
        sound = gr.Audio(type="filepath")
        options = [gr.Number(None), gr.JSON(None), gr.JSON(None), gr.Number(HITS, precision=0)]
        call = gr.Button()
    call.click(handlers.search_speech, [sound, *options], gr.JSON(visible=False), **line)


def _show(opened: Opened, query: Query, heard: float, category: str, language: str) -> tuple[str, str]:
    """Results and overlay of a query; in the middle of the slider, ranked by probability."""
    found = search(
        opened.library, opened.model, query, k=HITS,
        meaning=None if heard == 0.5 else 1 - heard,
        categories=[category] if category else None,
        languages=[language] if language else None,
    )  # fmt: skip
    colours = {name: n for n, name in enumerate(opened.library.categories())}
    results = cards.answer(found, colours, len(opened.library))
    return results, map_view.overlay(opened, found, category, language)


def _as_json(
    opened: Opened,
    query: Query,
    *,
    k: int,
    meaning: float | None,
    categories: list[str] | None,
    languages: list[str] | None,
) -> dict[str, Any]:
    """An answer for clients."""
    if not 1 <= k <= MOST_HITS:
        raise ClaspError(f"Cannot return {k} hits: ask for 1 to {MOST_HITS}.")
    if meaning is not None and not 0 <= meaning <= 1:
        raise ClaspError(f"The weight of meaning is between 0 and 1, not {meaning}.")
    found = search(
        opened.library, opened.model, query,
        k=int(k), meaning=meaning, categories=categories, languages=languages,
    )  # fmt: skip
    x, y = opened.map.place(query.vector)
    return {
        "query": query.text,
        "language": query.language,
        "good_match": found.good,
        "hits": [_hit(match) for match in found.matches],
        "map": {"x": float(x), "y": float(y)},
        "timings": {"encode_ms": 1000 * query.encode_seconds, "search_ms": 1000 * found.search_seconds},
        "device": found.device,
    }


def _hit(match: Match) -> dict[str, Any]:
    segment = match.segment
    return {
        "id": segment.id,
        "text": segment.text,
        "recording": segment.recording,
        "audio": cards.audio_address(segment.recording),
        "start": segment.start,
        "end": segment.end,
        "language": segment.language,
        "category": segment.category,
        "voice": segment.voice,
        "score": match.score,
        "meaning": match.meaning,
        "sound": match.sound,
        "probability": match.probability,
        "good": match.good,
    }


@contextmanager
def _errors_for_clients() -> Iterator[None]:
    """Gives the sentence of a ClaspError to the caller of an endpoint; anything else stays in the log."""
    try:
        yield
    except ClaspError as error:
        raise gr.Error(str(error), print_exception=False) from error
