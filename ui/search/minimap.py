"""The map of the library beside the results: what an answer adds to its points."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr

from index.search import Answer
from ui.links import Settings
from ui.map.wire import place
from ui.service import DEMO
from ui.theme import SCRIPT

if TYPE_CHECKING:
    from index.map.map import Map

NONE = "none"  # overlay that hides the map
EVENTS = ["choose"]  # of the map: what minimap.js tells

FRAME = """
<section class="map" aria-label="Map of the library">
  <div class="map-field">
    <div class="map-plot" role="img" aria-label="Every utterance of the library as a point; those that
      say something alike lie close together. All of them can be found by searching, too."></div>
    <p class="map-wait" role="status">Drawing the map …</p>
    <div class="map-zoom" hidden>
      <button type="button" data-zoom="0.7" aria-label="Zoom in" title="Zoom in">+</button>
      <button type="button" data-zoom="1.43" aria-label="Zoom out" title="Zoom out">−</button>
      <button type="button" data-zoom="0" aria-label="Show all" title="Show all">⤢</button>
    </div>
  </div>
  <p class="map-caption"><span>What says something alike lies close together.</span>
    <small>Click a point to hear it. There is more to see in the Map tab.</small></p>
  <ul class="map-key" aria-label="Categories: press one to search in it alone"></ul>
</section>
"""


def build() -> gr.HTML:
    """The map, at first the demo library’s. Its value is an overlay, see `overlay`; minimap.js draws it and fetches its
    points."""
    return gr.HTML(
        value=_written(Settings(), DEMO),
        html_template=FRAME,
        head=SCRIPT,
        js_on_load=f"clasp.minimap(element, props, watch, trigger, {EVENTS})",
        apply_default_css=False,
        elem_id="map",
    )


def overlay(drawn: "Map | None", key: str, settings: Settings, found: Answer | None = None) -> str:
    """JSON of what is to be drawn: whose map (see Service.key), what the filters let through, and of an answer the
    query's place and the strong hits; NONE for a library without a map."""
    if drawn is None:
        return NONE
    if found is None:
        return _written(settings, key, drawn.version)
    query = place(drawn, found.query.vector)
    return _written(settings, key, drawn.version, query, [hit.segment.id for hit in found.hits if hit.strong])


def _written(
    settings: Settings,
    key: str,
    which: str = "",
    query: dict[str, list[float]] | None = None,
    hits: Sequence[int] = (),
) -> str:
    only = {"category": settings.category, "language": settings.language}
    told = {"library": settings.library, "key": key, "drawn": which, "query": query, "hits": hits, "only": only}
    return json.dumps(told)
