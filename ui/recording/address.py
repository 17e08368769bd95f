"""Where the page of a recording is, and what it fetches; all relative to the app's own address.

page("interviews", "ada", query, start=61.2) == "recording/interviews/ada?q=the+ferry#t=61.2"
"""

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from ui.audio import path

if TYPE_CHECKING:
    from index.search import Query


def page(key: str, recording: str, query: "Query | None" = None, start: float = 0.0) -> str:
    """The page, which marks the hits of a query that can be written down, and begins at a second."""
    asked: dict[str, str] = {}
    if query is not None and query.text:
        asked = {"q": query.text}
    elif query is not None and query.segment is not None:
        asked = {"like": str(query.segment)}
    return (
        f"recording/{path(key, recording)}"
        + (f"?{urlencode(asked)}" if asked else "")
        + (f"#t={start:.1f}" if start >= 0.05 else "")
    )


def words(key: str, recording: str) -> str:
    """When each word is spoken that a machine has transcribed."""
    return f"words/{path(key, recording)}"


def corrections(key: str) -> str:
    """Where corrections of transcripts are sent."""
    return f"corrections/{quote(key, safe='')}"


def notes(key: str) -> str:
    """Where notes are sent."""
    return f"notes/{quote(key, safe='')}"


def speakers(key: str) -> str:
    """Where changes of who speaks are sent."""
    return f"speakers/{quote(key, safe='')}"


def film(key: str, recording: str) -> str:
    """The file of a video."""
    return f"film/{path(key, recording)}"


def transcript(key: str, recording: str, form: str) -> str:
    """The transcript as a file of some format."""
    return f"transcript/{path(key, recording)}?format={form}"
