"""Who speaks, put right on the page of a recording: one name for everything that somebody says, and somebody else.

    POST speakers/interviews
        {"recording": "ada", "name": "Speaker 1", "to": "Ada"}       everything, in the whole library
        {"recording": "ada", "segments": [12, 13], "to": ""}         these utterances: somebody new
        {"recording": "ada", "before": {"12": ["", "Speaker 1"]}}    as it was

The answer has what takes it back, and how the utterances of the recording are shown now.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.routing import Route

from ui.changes import handler
from ui.recording import page
from ui.service import Service

if TYPE_CHECKING:
    from index.library import Library


class Change(BaseModel):
    """What is posted: `before`, or else a new name for a speaker or for segments."""

    recording: str  # id of the one that the page shows
    to: str = ""
    name: str = ""
    segments: list[int] = []
    before: dict[int, tuple[str, str]] = {}


def route(service: Service) -> Route:
    """The route."""

    def change(key: str, asked: Change) -> dict[str, Any]:
        library = service.library_of_key(key)
        recording, diarization = library.recording(asked.recording), library.diarization
        before: Mapping[int, tuple[str, str]] = {}
        if asked.before:
            diarization.restore(asked.before)
        elif asked.segments:
            before = diarization.assign(asked.segments, asked.to)
        else:
            before = diarization.rename(asked.name, asked.to)
        return {"before": before, "lines": _lines(library, recording.id), "names": library.speakers()}

    return Route("/speakers/{key}", handler(Change, change, service), methods=["POST"])


def _lines(library: "Library", recording: str) -> dict[int, dict[str, Any]]:
    """How each utterance is shown: who speaks, whether that is a guess, the name above it, and a colour."""
    return {
        one.segment.id: {
            "speaker": one.segment.speaker, "guessed": one.segment.speaker_guessed,
            "name": one.speaker, "colour": one.colour,
        }
        for one in page.lines(library.segments_of(recording), [])
    }  # fmt: skip
