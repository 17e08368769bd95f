"""The map of the library beside the results, and what an answer marks on it."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr

from index.search import Answer
from ui import script
from ui.links import SearchSettings
from ui.map.wire import place
from ui.service import DEMO
from ui.templates import render

if TYPE_CHECKING:
    from index.map.library_map import LibraryMap

NONE = "none"  # the overlay that hides the map


def build() -> gr.HTML:
    """The map, at first the demo library’s. Its value is an overlay, see `overlay`; minimap.js draws it and fetches its
    points."""
    return gr.HTML(
        value=_json(SearchSettings(), DEMO),
        html_template=render("search/minimap.html"),
        js_on_load=script.mount("search/minimap", "choose"),
        apply_default_css=False,
        elem_id="map",
    )


def overlay(drawn: "LibraryMap | None", key: str, settings: SearchSettings, answer: Answer | None = None) -> str:
    """JSON of what to draw: whose map (see Service.key), what the filters let through and, of an answer, the place of
    the query and the strong hits; NONE for a library without a map."""
    if drawn is None:
        return NONE
    if answer is None:
        return _json(settings, key, drawn.version)
    query = place(drawn, answer.query)
    return _json(settings, key, drawn.version, query, [hit.segment.id for hit in answer.hits if hit.strong])


def _json(
    settings: SearchSettings,
    key: str,
    version: str = "",
    query: dict[str, list[float]] | None = None,
    hits: Sequence[int] = (),
) -> str:
    only = {"category": settings.category, "language": settings.language}
    values = {"library": settings.library, "key": key, "drawn": version, "query": query, "hits": hits, "only": only}
    return json.dumps(values)
