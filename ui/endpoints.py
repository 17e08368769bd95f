"""What other programs can call: searches by text and by speech, as API endpoints and MCP tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

import clasp
from clasp.errors import ClaspError
from index.filters import Filter
from index.search import Query, encode, search

from .cards import audio_address
from .service import Opened, Service

HITS = 10
MOST_HITS = 100


class Endpoints:
    """The public functions."""

    def __init__(self, service: Service) -> None:
        self._service = service

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


def build(service: Service, **line: Any) -> None:
    """Publish the endpoints; called inside gr.Blocks. `line` says in which queue they stand."""
    endpoints = Endpoints(service)
    gr.api(endpoints.search_text, **line)
    with gr.Row(visible=False):  # what search_speech takes: of files, Gradio passes only uploaded ones here
        recording = gr.Audio(type="filepath")
        options = [gr.Number(None), gr.JSON(None), gr.JSON(None), gr.Number(HITS, precision=0)]
        call = gr.Button()
    call.click(endpoints.search_speech, [recording, *options], gr.JSON(visible=False), **line)


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
        k=int(k), meaning=meaning, filters=Filter(categories, languages),
    )  # fmt: skip
    x, y = opened.map.place(query.vector)
    hits = [match.as_dict() | {"audio": audio_address(match.segment.recording)} for match in found.matches]
    return found.as_dict() | {"hits": hits, "map": {"x": float(x), "y": float(y)}}


@contextmanager
def _errors_for_clients() -> Iterator[None]:
    """Gives the sentence of a ClaspError to the caller of an endpoint; anything else stays in the log."""
    try:
        yield
    except ClaspError as error:
        raise gr.Error(str(error), print_exception=False) from error
