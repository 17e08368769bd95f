"""What other programs can call, as API endpoints and MCP tools: searches by text and by speech, the libraries and
recordings there are, the context of a hit, and transcripts in the formats of other programs."""

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
from pydantic import TypeAdapter

import clasp
from clasp.errors import ClaspError
from index import metadata
from index.exports.formats import export, packed
from index.exports.transcript import of_recordings
from index.filters import Filter
from index.hit import segment_as_dict
from index.search import Query, encode, search
from ui import audio, downloads
from ui.library import recordings
from ui.library.recordings import TableView
from ui.map.wire import place
from ui.service import DEMO, VISIT, Service

if TYPE_CHECKING:
    from index.library import Library, Recording

HITS = 10
MOST_HITS = 100
MOST_RECORDINGS = 500  # in one answer
MOST_AROUND = 50  # utterances before a hit, and after it
SHOWN = 60  # characters of a wrong argument in an error
KINDS = {str: "a string", int: "an integer", float: "a number", list[str]: "a list of strings"}

Answer = dict[str, Any]


def endpoint(method: Callable[..., Answer]) -> Callable[..., Any]:
    """A method that other programs call: arguments are checked against their types, the caller gets errors in one
    sentence, and an MCP client gets its answer in JSON (Gradio would write it as Python does)."""
    hints = get_type_hints(method)
    itself, *parameters = inspect.signature(method).parameters.values()

    @wraps(method)
    def called(self: "Endpoints", *given: Any) -> Answer | str:
        arguments, request = given[: len(parameters)], given[len(parameters)]
        try:
            named = zip(parameters, arguments, strict=True)
            answer = method(self, *(_checked(one.name, hints[one.name], value) for one, value in named))
        except ClaspError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return json.dumps(answer, ensure_ascii=False) if request.headers.get("x-gradio-user") == "mcp" else answer

    # Gradio gives the request to a parameter of this type; callers do not see it
    request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=gr.Request)
    signature = inspect.Signature([itself, *parameters, request], return_annotation=hints["return"])
    called.__signature__ = signature  # type: ignore[attr-defined]
    called.__annotations__ = {**hints, "request": gr.Request}
    return called


def _checked(name: str, hint: Any, value: Any) -> Any:
    """An argument, converted to the type of its parameter.

    Raises:
        ClaspError: if it cannot be.
    """
    try:
        json.dumps(value, ensure_ascii=False).encode()  # half a letter is no string
        if isinstance(value, bool):
            raise ValueError("no parameter is one")
        return TypeAdapter(hint).validate_python(value)
    except ValueError as error:  # of which ValidationError and UnicodeEncodeError are kinds
        kind = next(kind for kind in KINDS if hint in (kind, kind | None))
        expected = KINDS[kind] + ("" if hint == kind else " or null")
        given = repr(value)
        given = given if len(given) <= SHOWN else f"{given[:SHOWN]}…"
        raise ClaspError(f"{name} is {given}: expected {expected}.") from error


def _filters(
    categories: list[str] | None, languages: list[str] | None, speakers: list[str] | None,
    recordings: list[str] | None, tags: list[str] | None, since: str, until: str,
) -> Filter:  # fmt: skip
    category, language, speaker, recording, tag = (
        tuple(one or ()) for one in (categories, languages, speakers, recordings, tags)
    )
    return Filter(category, language, speaker, recording, tag, since, until)


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
        query_language: str = "",
        tags: list[str] | None = None,
    ) -> Answer:
        """Find the utterances in a library that say the same as a text in any language.

        Returns the hits, best first, each with its id, transcript, recording, start and end in seconds, the URL of its
        recording's audio (relative to the page) and the probability that it says the same; the position of the query on
        the library's map, if it has one; and the time taken.

        Args:
            query: A sentence or a question, in your own words.
            meaning: The weight of meaning: 0 ranks by exact words, 1 by meaning. Leave it out to rank by probability.
            categories: Search only these categories.
            languages: Search only these languages, as BCP-47 tags such as "en".
            k: How many hits to return, 1 to 100.
            library: The name of the library to search; the demo library if left out.
            speakers: Search only what these speakers say.
            recordings: Search only these recordings, by id.
            since: Search only recordings from this date on: 1962, 1962-05 or 1962-05-01.
            until: Search only recordings up to this date.
            query_language: What the query is written in, as a BCP-47 tag; leave it out to have it detected.
            tags: Search only recordings with one of these tags.
        """
        filters = _filters(categories, languages, speakers, recordings, tags, since, until)
        return self._found({"text": query, "language": query_language}, k, meaning, library, filters)

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
        tags: list[str] | None = None,
    ) -> Answer:
        """Find the utterances in a library that say the same as a recording. The answer is that of search_text.

        Args:
            recording: An audio file: a public URL, or its contents as data:audio/wav;base64,…
            meaning: The weight of meaning: 0 ranks by exact words, 1 by meaning. Leave it out to rank by probability.
            categories: Search only these categories.
            languages: Search only these languages, as BCP-47 tags such as "en".
            k: How many hits to return, 1 to 100.
            library: The name of the library to search; the demo library if left out.
            speakers: Search only what these speakers say.
            recordings: Search only these recordings, by id.
            since: Search only recordings from this date on: 1962, 1962-05 or 1962-05-01.
            until: Search only recordings up to this date.
            tags: Search only recordings with one of these tags.
        """
        if not recording:
            raise ClaspError("There is no recording: pass an audio file.")
        filters = _filters(categories, languages, speakers, recordings, tags, since, until)
        return self._found({"waveform": clasp.decode(recording)}, k, meaning, library, filters)

    @endpoint
    def list_libraries(self) -> Answer:
        """List the libraries that can be searched.

        Returns of each the name that the other tools take, its title, how many recordings, utterances and seconds of
        audio it has, and the languages, categories, speakers and tags to which a search in it can be limited; or,
        if it cannot be opened, the reason.
        """
        return {"libraries": [self._described(title, name) for title, name in self._service.libraries()]}

    @endpoint
    def list_recordings(
        self, library: str = DEMO, find: str = "", first: int = 0, count: int = MOST_RECORDINGS // 5
    ) -> Answer:
        """List the recordings of a library by title: all of them, or those with certain words in their metadata.

        Returns how many there are, and of each its id, title, length in seconds, number of utterances, language,
        speaker, category, date, tags, and the URL of its audio (relative to the page).

        Args:
            library: The name of the library; the demo library if left out.
            find: Words that must all occur in a recording's title, speaker, language, category, date or tags.
            first: How many to skip, if there are more than fit into one answer.
            count: How many to list, 1 to 500.
        """
        if first < 0 or not 1 <= count <= MOST_RECORDINGS:
            raise ClaspError(f"Cannot list {count} recordings from {first} on: ask for 1 to {MOST_RECORDINGS}, from 0.")
        found = recordings.find(self._library(library), TableView(words=find))
        listed = [
            _recording(one.recording, library) | {"utterances": one.utterances} for one in found[first : first + count]
        ]
        return {"library": library, "total": len(found), "first": first, "recordings": listed}

    @endpoint
    def get_context(self, hit: int, library: str = DEMO, count: int = 3) -> Answer:
        """Get what is said before and after a hit in its recording.

        Returns the recording, and the utterances in chronological order, each with its id, transcript, start and end in
        seconds, the URL of its recording's audio, and whether it is the hit.

        Args:
            hit: The id of a hit, as returned by a search.
            library: The name of the library it was found in; the demo library if left out.
            count: How many utterances to return before the hit, and how many after it, 0 to 50.
        """
        if not 0 <= count <= MOST_AROUND:
            raise ClaspError(f"Cannot get {count} utterances before and after a hit: ask for 0 to {MOST_AROUND}.")
        searched = self._library(library)
        segment = searched.segment(hit)
        recording = searched.recording(segment.recording)
        before, after = searched.context(segment, count)
        around = [
            segment_as_dict(one, recording) | {"audio": audio.url(library, recording.id), "hit": one is segment}
            for one in (*before, segment, *after)
        ]
        return {"library": library, "recording": _recording(recording, library), "utterances": around}

    @endpoint
    def export_transcript(self, recording: str, format: str = "srt", library: str = DEMO) -> Answer:
        """Get all that is said in a recording, with times and speakers, in a format that other programs read.

        Returns the recording, the name of the file, the URL at which it can be downloaded (relative to the page), and
        its text; no text of a project for qualitative data analysis (qdpx), which is a zip file.

        Args:
            recording: The id of the recording, as returned by list_recordings and by searches.
            format: srt, vtt, txt, md, json, csv, eaf, textgrid, audacity, qdpx or edl.
            library: The name of the library that it is in; the demo library if left out.
        """
        searched = self._library(library)
        file = packed(export(format, of_recordings(searched, [recording])))
        return {
            "library": library,
            "recording": _recording(searched.recording(recording), library),
            "file": file.name,
            "url": downloads.transcript_url(library, recording, format),
            "text": "" if format == "qdpx" else file.content.decode("utf-8-sig"),
        }

    def _library(self, name: str) -> "Library":
        if name == VISIT:
            raise ClaspError("What a visitor has added can only be searched on the page.")
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
            "speakers": library.speakers(),
            "tags": library.tags(),
        }

    def _found(
        self, inputs: dict[str, Any], k: int, meaning: float | None, name: str, filters: Filter
    ) -> dict[str, Any]:
        """The answer to a query, given as `encode` takes it."""
        if not 1 <= k <= MOST_HITS:
            raise ClaspError(f"Cannot return {k} hits: ask for 1 to {MOST_HITS}.")
        if meaning is not None and not 0 <= meaning <= 1:
            raise ClaspError(f"The weight of meaning is {meaning}: it must be between 0 and 1.")
        library, model = self._library(name), self._service.opened().model
        query = encode(model, **inputs)
        found = search(library, model, query, k=int(k), meaning=meaning, filters=filters)
        hits = [hit.as_dict() | {"audio": audio.url(name, hit.recording.id)} for hit in found.hits]
        return found.as_dict() | {"library": name, "hits": hits, "map": self._place(library, query)}

    def _place(self, library: "Library", query: Query) -> dict[str, float] | None:
        drawn = self._service.map(library)
        if drawn is None:
            return None
        x, y = place(drawn, query)["flat"]
        return {"x": x, "y": y}


class Page(gr.Blocks):
    """A page whose endpoints tell programs what is wrong with a call."""

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> list[Any]:
        """The arguments of a call. What a program leaves out at the end gets its default.

        Raises:
            gr.Error: if a file is none, or cannot be fetched.
        """
        if block_fn.api_visibility != "public":
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        given = [*inputs, *(getattr(part, "value", None) for part in block_fn.inputs[len(inputs) :])]
        try:
            return await super().preprocess_data(block_fn, given, state, explicit_call)
        except Exception as error:  # files fail in many ways, and nothing else can
            message = "The recording cannot be fetched: pass an uploaded file, or a public URL."
            raise gr.Error(message, print_exception=False) from error


def _recording(recording: "Recording", library: str) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "id": recording.id,
        "title": recording.title,
        "seconds": round(recording.duration, 3),
        "language": recording.language,
        "language_recognized": recording.language_recognized,
        "speaker": recording.speaker,
        "category": recording.category,
        "date": recording.date,
        "tags": list(metadata.tags(recording.tags)),
        "audio": audio.url(library, recording.id),
    }


def build(service: Service, **queue: Any) -> None:
    """Publish the endpoints; called inside gr.Blocks. `queue` says in which one they wait."""
    endpoints = Endpoints(service)
    for method in (
        endpoints.search_text, endpoints.list_libraries, endpoints.list_recordings, endpoints.get_context,
        endpoints.export_transcript,
    ):  # fmt: skip
        gr.api(method, **queue)
    parameters = inspect.signature(Endpoints.search_speech).parameters
    with gr.Row(visible=False):  # what search_speech takes: of files, Gradio passes only uploaded ones here
        recording = gr.Audio(type="filepath")
        options = [
            Api(one.default, python_type_to_json_schema(one.annotation), name)
            for name, one in parameters.items()
            if name not in ("self", "recording", "request")
        ]
        call, found = gr.Button(), Api(None, python_type_to_json_schema(Answer), "found")
    call.click(endpoints.search_speech, [recording, *options], found, **queue)
