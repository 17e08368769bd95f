"""What other programs can call, as API endpoints and MCP tools: searches by text and by speech, what there is to
search, and what is said before and after a hit."""

import inspect
import json
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.components.api_component import Api
from gradio.state_holder import SessionState
from gradio_client.utils import python_type_to_json_schema
from pydantic import TypeAdapter, ValidationError

import clasp
from clasp.errors import ClaspError
from index.filters import Filter
from index.hit import Hit, segment_as_dict
from index.search import Query, encode, search
from ui import sound
from ui.library import recordings
from ui.library.recordings import View
from ui.service import DEMO, VISIT, Service

if TYPE_CHECKING:
    from index.library import Library, Recording, Segment

HITS = 10
MOST_HITS = 100
MOST_RECORDINGS = 500  # of one answer
MOST_AROUND = 50  # utterances before a hit, and after it
SHOWN = 60  # characters of a wrong argument
KINDS = {str: "a text", int: "a whole number", float: "a number", list[str]: "a list of texts"}

Answer = dict[str, Any]


def endpoint(answer: Callable[..., Answer]) -> Callable[..., Answer]:
    """A method that other programs call: arguments are checked by their types, what is wrong is said to the caller in
    one sentence, and an MCP client is answered in JSON (Gradio would write the answer down as Python does)."""
    hints = get_type_hints(answer)
    itself, *parameters = inspect.signature(answer).parameters.values()

    @wraps(answer)
    def called(self: "Endpoints", *given: Any) -> Answer | str:
        arguments, request = given[: len(parameters)], given[len(parameters)]
        try:
            named = zip(parameters, arguments, strict=True)
            found = answer(self, *(_fitting(one.name, hints[one.name], value) for one, value in named))
        except ClaspError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return json.dumps(found, ensure_ascii=False) if request.headers.get("x-gradio-user") == "mcp" else found

    # Gradio gives the request to a parameter of this type; callers do not see it
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=gr.Request)
    called.__signature__ = inspect.Signature([itself, *parameters, request], return_annotation=hints["return"])
    called.__annotations__ = {**hints, "request": gr.Request}
    return called


def _fitting(name: str, hint: Any, value: Any) -> Any:
    """An argument as the type of its parameter has it.

    Raises:
        ClaspError: if it is of another.
    """
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        kind = next(kind for kind in KINDS if hint in (kind, kind | None))
        expected = KINDS[kind] + ("" if hint == kind else ", or nothing")
        given = repr(value)
        given = given if len(given) <= SHOWN else f"{given[:SHOWN]}…"
        raise ClaspError(f"{name} is {given}: expected {expected}.") from error


class Endpoints:
    """The public functions."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @endpoint
    def search_text(
        self,
        query: str,
        meaning: float | None = None,
        categories: list[str] | None = None,
        languages: list[str] | None = None,
        k: int = HITS,
        library: str = DEMO,
        speakers: list[str] | None = None,
        recordings: list[str] | None = None,
        since: str = "",
        until: str = "",
    ) -> Answer:
        """Find the spoken utterances of a library that say the same as a text in any language.

        Answers with the hits, best first, each with its id, transcript, recording, start and end there in seconds,
        where it is heard (an address relative to the page's) and the probability that it says the same; with the
        query's place on the map, if the library has one; and with the time taken.

        Args:
            query: A sentence or a question, in your own words.
            meaning: 0 ranks by what was said, 1 by what was meant, .5 by both; by probability if left out.
            categories: Search these categories only; all if left out.
            languages: Search these languages only, as BCP-47 tags such as "en"; all if left out.
            k: How many hits, 1 to 100.
            library: The library to search, by name; the one that ships if left out.
            speakers: Search what these speakers say only; all if left out.
            recordings: Search these recordings only, by id; all if left out.
            since: Search recordings of this date or later only: a year, 1962-05 or 1962-05-01.
            until: Search recordings of this date or earlier only.
        """
        filters = Filter(categories, languages, speakers, recordings, since, until)
        return self._found({"text": query}, k, meaning, library, filters)

    @endpoint
    def search_speech(
        self,
        recording: str | None,
        meaning: float | None = None,
        categories: list[str] | None = None,
        languages: list[str] | None = None,
        k: int = HITS,
        library: str = DEMO,
        speakers: list[str] | None = None,
        recordings: list[str] | None = None,
        since: str = "",
        until: str = "",
    ) -> Answer:
        """Find the spoken utterances of a library that say the same as a recording. Answers as search_text does.

        Args:
            recording: A sound file: a public address, or its contents as data:audio/wav;base64,…
            meaning: 0 ranks by what was said, 1 by what was meant, .5 by both; by probability if left out.
            categories: Search these categories only; all if left out.
            languages: Search these languages only, as BCP-47 tags such as "en"; all if left out.
            k: How many hits, 1 to 100.
            library: The library to search, by name; the one that ships if left out.
            speakers: Search what these speakers say only; all if left out.
            recordings: Search these recordings only, by id; all if left out.
            since: Search recordings of this date or later only: a year, 1962-05 or 1962-05-01.
            until: Search recordings of this date or earlier only.
        """
        if not recording:
            raise ClaspError("There is no recording: give a sound file.")
        filters = Filter(categories, languages, speakers, recordings, since, until)
        return self._found({"waveform": clasp.decode(recording)}, k, meaning, library, filters)

    @endpoint
    def list_libraries(self) -> Answer:
        """List the libraries that can be searched.

        Answers with the name by which the other tools take a library, its title, how many recordings, utterances and
        seconds of sound it has, and the languages and categories to which a search in it can be limited; or, of one
        that cannot be opened, with what is the matter.
        """
        return {"libraries": [self._described(title, name) for title, name in self._service.libraries()]}

    @endpoint
    def list_recordings(
        self, library: str = DEMO, find: str = "", first: int = 0, count: int = MOST_RECORDINGS // 5
    ) -> Answer:
        """List the recordings of a library by title, or those of them that some words are found in.

        Answers with how many there are, and of each with its id, title, length in seconds, number of utterances,
        language, speaker, category, date, and where it is heard (an address relative to the page's).

        Args:
            library: The library, by name; the one that ships if left out.
            find: Words that must all occur in a recording's title, speaker, language, category or date.
            first: How many to pass over, where there are more than one answer holds.
            count: How many to list, 1 to 500.
        """
        if first < 0 or not 1 <= count <= MOST_RECORDINGS:
            raise ClaspError(f"Cannot list {count} recordings from {first} on: ask for 1 to {MOST_RECORDINGS}, from 0.")
        rows = recordings.rows(self._library(library), View(words=find))
        listed = [
            _recording(row.recording, library) | {"utterances": row.utterances} for row in rows[first : first + count]
        ]
        return {"library": library, "total": len(rows), "first": first, "recordings": listed}

    @endpoint
    def get_context(self, hit: int, library: str = DEMO, count: int = 3) -> Answer:
        """Get what is said before and after a hit in its recording.

        Answers with the recording, and with the utterances in the order of time, each with its id, transcript,
        start and end in seconds, where it is heard, and whether it is the hit.

        Args:
            hit: The id of a hit, as a search gives it.
            library: The library it was found in, by name; the one that ships if left out.
            count: How many utterances before it, and after it, 0 to 50.
        """
        if not 0 <= count <= MOST_AROUND:
            raise ClaspError(f"Cannot get {count} utterances before and after a hit: ask for 0 to {MOST_AROUND}.")
        searched = self._library(library)
        segment = searched.segment(hit)
        recording = searched.recording(segment.recording)
        before, after = searched.around(segment, count)
        said = [_utterance(one, recording, library) | {"hit": one is segment} for one in (*before, segment, *after)]
        return {"library": library, "recording": _recording(recording, library), "utterances": said}

    def _library(self, name: str) -> "Library":
        if name == VISIT:
            raise ClaspError("What a visitor has added can be searched on the page only.")
        return self._service.library(name)

    def _described(self, title: str, name: str) -> dict[str, Any]:
        try:
            library = self._service.library(name)
        except ClaspError as error:
            return {"name": name, "title": title, "problem": str(error)}
        listed = library.recordings()
        return {
            "name": name,
            "title": title,
            "recordings": len(listed),
            "utterances": len(library),
            "seconds": round(sum(one.duration for one in listed), 1),
            "languages": [one for one in library.languages() if one],
            "categories": [one for one in library.categories() if one],
        }

    def _found(
        self, asked: dict[str, Any], k: int, meaning: float | None, name: str, filters: Filter
    ) -> dict[str, Any]:
        """An answer for clients to what `encode` takes."""
        if not 1 <= k <= MOST_HITS:
            raise ClaspError(f"Cannot return {k} hits: ask for 1 to {MOST_HITS}.")
        if meaning is not None and not 0 <= meaning <= 1:
            raise ClaspError(f"The weight of meaning is between 0 and 1, not {meaning}.")
        library, model = self._library(name), self._service.opened().model
        query = encode(model, **asked)
        found = search(library, model, query, k=int(k), meaning=meaning, filters=filters)
        hits = [_hit(hit, name) for hit in found.hits]
        return found.as_dict() | {"library": name, "hits": hits, "map": self._place(library, query)}

    def _place(self, library: "Library", query: Query) -> dict[str, float] | None:
        drawn = self._service.map(library)
        if drawn is None:
            return None
        (x, y), _ = drawn.place(query.vector)
        return {"x": float(x), "y": float(y)}


def _hit(hit: Hit, library: str) -> dict[str, Any]:
    """A hit with the address of its sound: of the whole recording, or, of a format that browsers do not play, of the
    moment with a little before and after."""
    return hit.as_dict() | {"audio": sound.moment(library, hit.recording, hit.segment.start, hit.segment.end)[0]}


class Page(gr.Blocks):
    """A page whose endpoints say to a program what is wrong with a call."""

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> list[Any]:
        """The arguments of a call. What a program leaves out at the end gets its default.

        Raises:
            gr.Error: if a file is none, or cannot be had.
        """
        if block_fn.api_visibility != "public":
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        given = [*inputs, *(part.value for part in block_fn.inputs[len(inputs) :])]
        try:
            return await super().preprocess_data(block_fn, given, state, explicit_call)
        except Exception as error:  # files fail in many ways, and nothing else can
            said = "The recording cannot be had: give a file that was uploaded, or a public address."
            raise gr.Error(said, print_exception=False) from error


def _recording(recording: "Recording", library: str) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "id": recording.id,
        "title": recording.title,
        "seconds": round(recording.duration, 3),
        "language": recording.language,
        "speaker": recording.speaker,
        "category": recording.category,
        "date": recording.date,
        "audio": sound.address(library, recording.id),
    }


def _utterance(segment: "Segment", recording: "Recording", library: str) -> dict[str, Any]:
    """As JSON has it."""
    audio, _, _ = sound.moment(library, recording, segment.start, segment.end)
    return segment_as_dict(segment, recording) | {"audio": audio}


def build(service: Service, **line: Any) -> None:
    """Publish the endpoints; called inside gr.Blocks. `line` says in which queue they stand."""
    endpoints = Endpoints(service)
    for answer in (endpoints.search_text, endpoints.list_libraries, endpoints.list_recordings, endpoints.get_context):
        gr.api(answer, **line)
    parameters = inspect.signature(Endpoints.search_speech).parameters
    with gr.Row(visible=False):  # what search_speech takes: of files, Gradio passes only uploaded ones here
        recording = gr.Audio(type="filepath")
        options = [
            Api(one.default, python_type_to_json_schema(one.annotation), name)
            for name, one in parameters.items()
            if name not in ("self", "recording", "request")
        ]
        call, found = gr.Button(), Api(None, python_type_to_json_schema(Answer), "found")
    call.click(endpoints.search_speech, [recording, *options], found, **line)
