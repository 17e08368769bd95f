"""Notes at moments of a recording: what the page shows of them, and what it posts."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.routing import Route

from clasp.errors import LibraryError
from ui.changes import handler
from ui.service import Service
from ui.templates import macro

if TYPE_CHECKING:
    from index.library import Library

TEMPLATE = "recording/notes.html"


class Change(BaseModel):
    """What is posted: a note to add, to edit or, without a text, to remove."""

    recording: str  # id
    note: int | None = None  # id; None adds one
    at: float = 0.0  # seconds, of one that is added
    text: str | None = None
    tags: str = ""  # with commas between them


def route(service: Service) -> Route:
    """The route."""

    def change(key: str, asked: Change) -> dict[str, Any]:
        library = service.library_of_key(key)
        if asked.note is None:
            changed = library.notes.add(asked.recording, asked.at, asked.text or "", asked.tags)
        elif asked.text is None:
            changed = library.notes.remove(asked.note)
        else:
            changed = library.notes.edit(asked.note, asked.text, asked.tags)
        if changed.recording != asked.recording:
            raise LibraryError("This note belongs to another recording: reload the page.")
        return _rendered(library, asked.recording)

    return Route("/notes/{key}", handler(Change, change, service), methods=["POST"])


def _rendered(library: "Library", recording: str) -> dict[str, Any]:
    """HTML of the list of notes and, by the ids of their segments, of those that stand in the transcript."""
    notes = library.notes.of(recording)
    at, listed = macro(TEMPLATE, "at_segment"), macro(TEMPLATE, "listed")
    segments = dict.fromkeys(one.segment for one in notes if one.segment is not None)
    return {
        "count": len(notes),
        "listed": listed(notes, True),
        "lines": {number: at(notes, number) for number in segments},
    }
