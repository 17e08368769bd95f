"""What other programs can call: searches by text and by speech, as API endpoints and MCP tools."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import gradio as gr

import clasp
from clasp.errors import ClaspError
from index.filters import Filter
from index.search import Match, Query, encode, search

from . import sound
from .service import DEMO, VISIT, Service

if TYPE_CHECKING:
    from index.library import Library

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
        library: str = DEMO,
        voices: list[str] | None = None,
        recordings: list[str] | None = None,
        since: str = "",
        until: str = "",
    ) -> dict[str, Any]:
        """Find the spoken utterances of the library that say the same as a text in any of its languages.

        Args:
            query: A sentence or a question, in your own words.
            meaning: Rank by what was said (0: names, the very words), by what was meant (1: paraphrase,
                translation) or in between; by the probability that it says the same if left out.
            categories: Search these categories only; all if left out.
            languages: Search these languages only, as BCP-47 tags such as "en"; all if left out.
            k: How many hits, 1 to 100.
            library: The library to search, by name; the one that ships if left out.
            voices: Search what these speakers say only; all if left out.
            recordings: Search these recordings only, by id; all if left out.
            since: Search recordings of this date or later only: a year, 1962-05 or 1962-05-01.
            until: Search recordings of this date or earlier only.

        Returns:
            The hits, best first, each with its text, its recording, start and end there in seconds, where it is
            heard, and the probability that it says the same; the query's place on the map if the library has
            one; the time taken.
        """
        with _errors_for_clients():
            filters = Filter(categories, languages, voices, recordings, since, until)
            return self._found({"text": query}, k, meaning, library, filters)

    def search_speech(
        self,
        recording: str,
        meaning: float | None = None,
        categories: list[str] | None = None,
        languages: list[str] | None = None,
        k: int = HITS,
        library: str = DEMO,
        voices: list[str] | None = None,
        recordings: list[str] | None = None,
        since: str = "",
        until: str = "",
    ) -> dict[str, Any]:
        """Find the spoken utterances of the library that say the same as a recording.

        Args:
            recording: A sound file of 0.2 seconds to 10 minutes, in any common format.
            meaning: Rank by what was said (0: names, the very words), by what was meant (1: paraphrase,
                translation) or in between; by the probability that it says the same if left out.
            categories: Search these categories only; all if left out.
            languages: Search these languages only, as BCP-47 tags such as "en"; all if left out.
            k: How many hits, 1 to 100.
            library: The library to search, by name; the one that ships if left out.
            voices: Search what these speakers say only; all if left out.
            recordings: Search these recordings only, by id; all if left out.
            since: Search recordings of this date or later only: a year, 1962-05 or 1962-05-01.
            until: Search recordings of this date or earlier only.

        Returns:
            The hits, best first, each with its text, its recording, start and end there in seconds, where it is
            heard, and the probability that it says the same; the query's place on the map if the library has
            one; the time taken.
        """
        with _errors_for_clients():
            if not recording:
                raise ClaspError("There is no recording: give a sound file.")
            filters = Filter(categories, languages, voices, recordings, since, until)
            return self._found({"waveform": clasp.decode(recording)}, k, meaning, library, filters)

    def _found(
        self, asked: dict[str, Any], k: int, meaning: float | None, name: str, filters: Filter
    ) -> dict[str, Any]:
        """An answer for clients to what `encode` takes."""
        if not 1 <= k <= MOST_HITS:
            raise ClaspError(f"Cannot return {k} hits: ask for 1 to {MOST_HITS}.")
        if meaning is not None and not 0 <= meaning <= 1:
            raise ClaspError(f"The weight of meaning is between 0 and 1, not {meaning}.")
        if name == VISIT:
            raise ClaspError("What a visitor has added can be searched on the page only.")
        library, model = self._service.library(name), self._service.opened().model
        query = encode(model, **asked)
        found = search(library, model, query, k=int(k), meaning=meaning, filters=filters)
        hits = [_hit(match, name, library) for match in found.matches]
        return found.as_dict() | {"library": name, "hits": hits, "map": self._place(library, query)}

    def _place(self, library: "Library", query: Query) -> dict[str, float] | None:
        drawn = self._service.map(library)
        if drawn is None:
            return None
        x, y = drawn.place(query.vector)
        return {"x": float(x), "y": float(y)}


def _hit(match: Match, name: str, library: "Library") -> dict[str, Any]:
    """A match with its recording's title and date, and the address of its sound: of the whole recording, or, of a
    format that browsers do not play, of the moment with a little before and after."""
    recording = library.recording(match.segment.recording)
    audio, _, _ = sound.moment(name, recording, match.segment.start, match.segment.end)
    return match.as_dict() | {"title": recording.title, "date": recording.date, "audio": audio}


def build(service: Service, **line: Any) -> None:
    """Publish the endpoints; called inside gr.Blocks. `line` says in which queue they stand."""
    endpoints = Endpoints(service)
    gr.api(endpoints.search_text, **line)
    with gr.Row(visible=False):  # what search_speech takes: of files, Gradio passes only uploaded ones here
        recording = gr.Audio(type="filepath")
        options = [
            gr.Number(None), gr.JSON(None), gr.JSON(None), gr.Number(HITS, precision=0), gr.Textbox(DEMO),
            gr.JSON(None), gr.JSON(None), gr.Textbox(""), gr.Textbox(""),
        ]  # fmt: skip
        call = gr.Button()
    call.click(endpoints.search_speech, [recording, *options], gr.JSON(visible=False), **line)


@contextmanager
def _errors_for_clients() -> Iterator[None]:
    """Gives the sentence of a ClaspError to the caller of an endpoint; anything else stays in the log."""
    try:
        yield
    except ClaspError as error:
        raise gr.Error(str(error), print_exception=False) from error
