"""Who speaks, put right on the page of a recording: one name for everything that somebody says, and somebody else.

    POST speakers/interviews/ada   {"name": "Speaker 1", "to": "Ada"}              everything, in the whole library
                                   {"segments": [12, 13], "to": ""}                these utterances: somebody new
                                   {"before": {"12": ["", "Speaker 1"]}}           as it was

The answer has what takes it back, and how the utterances of the recording are shown now.
"""

from typing import TYPE_CHECKING, Any

import anyio
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from clasp.errors import ClaspError
from ui.recording import page
from ui.service import READ_ONLY, Service

if TYPE_CHECKING:
    from index.diarization import Speakers
    from index.library import Library

MOST = 2**24  # bytes of a request


class Change(BaseModel):
    """What is asked for: `before`, or else a new name for a speaker or for segments."""

    model_config = ConfigDict(extra="forbid")

    to: str = ""
    name: str = ""
    segments: list[int] = []
    before: dict[str, tuple[str, str]] = {}


def routes(service: Service) -> list[BaseRoute]:
    """The route, in which library and recording are named by their keys."""

    async def change(request: Request) -> Response:
        key, recording = request.path_params["key"], request.path_params["recording"]
        if request.headers.get("content-type", "").split(";")[0] != "application/json":  # other pages cannot send that
            return JSONResponse({"error": "Send JSON."}, 415)
        body = await request.body()
        try:
            asked = Change.model_validate_json(body[:MOST])
        except ValidationError:
            return JSONResponse({"error": "This is no change of speakers."}, 400)
        if not service.may_change_key(key):
            return JSONResponse({"error": READ_ONLY}, 403)
        try:
            return JSONResponse(await anyio.to_thread.run_sync(_changed, service, key, recording, asked))
        except ClaspError as error:
            return JSONResponse({"error": str(error)}, 400)

    return [Route("/speakers/{key}/{recording}", change, methods=["POST"])]


def _changed(service: Service, key: str, name: str, asked: Change) -> dict[str, Any]:
    library = service.library_of_key(key)
    recording, diarization = library.recording(name), library.diarization
    before: Speakers = {}
    if asked.before:
        diarization.restore({int(number): speakers for number, speakers in asked.before.items()})
    elif asked.segments:
        before = diarization.assign(asked.segments, asked.to)
    else:
        before = diarization.rename(asked.name, asked.to)
    return {"before": before, "lines": _lines(library, recording.id), "names": library.speakers()}


def _lines(library: "Library", recording: str) -> dict[int, dict[str, Any]]:
    """How each utterance is shown: who speaks, whether that is a guess, the name above it, and a colour."""
    return {
        one.segment.id: {
            "speaker": one.segment.speaker, "guessed": one.segment.speaker_guessed,
            "name": one.speaker, "colour": one.colour,
        }
        for one in page.lines(library.segments_of(recording), [])
    }  # fmt: skip
