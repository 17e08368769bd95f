"""Corrections of transcripts, as the page of a recording posts them."""

from typing import Any

from pydantic import BaseModel
from starlette.routing import Route

from index.corrections import ChangedMeanwhileError
from ui.changes import ConflictError, handler
from ui.recording import page
from ui.service import Service
from ui.templates import macro


class Correction(BaseModel):
    """What is posted."""

    segment: int  # id
    text: str | None  # None takes the correction back
    before: str  # the transcript that was corrected


def route(service: Service) -> Route:
    """The route."""

    def correct(key: str, asked: Correction) -> dict[str, Any]:
        library = service.library_of_key(key)
        try:
            if asked.text is None:
                segment = library.corrections.take_back(asked.segment, before=asked.before)
            else:
                segment = library.corrections.store(asked.segment, asked.text, before=asked.before)
        except ChangedMeanwhileError as error:
            raise ConflictError(str(error), {"transcript": library.segment(asked.segment).transcript}) from error
        for _ in library.transcripts.fuse(service.opened().model, [segment.id]):
            pass
        words = library.transcripts.words([segment.id]).get(segment.id, ())
        html = macro("recording/utterance.html", "transcript")(segment, True)
        return {"transcript": segment.transcript, "html": html, "words": page.timed(words)}

    return Route("/corrections/{key}", handler(Correction, correct, service), methods=["POST"])
