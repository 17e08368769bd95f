"""The map of the library beside the results: its points, and what an answer adds to them."""

import json
from typing import TYPE_CHECKING, Any

import gradio as gr

from index.search import Answer

from . import labels
from .links import Settings
from .service import Opened
from .theme import SCRIPT

if TYPE_CHECKING:
    from index.map import Map

NONE = "none"  # overlay that hides the map

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
    <small>Click a point to hear it.</small></p>
  <ul class="map-key" aria-label="Categories"></ul>
</section>
"""


def build() -> gr.HTML:
    """The map. Its value is an overlay (see `overlay`); minimap.js draws it and fetches the points."""
    return gr.HTML(
        value="",
        html_template=FRAME,
        head=SCRIPT,
        js_on_load="clasp.minimap(element, props, watch)",
        apply_default_css=False,
        elem_id="map",
    )


def points(opened: Opened) -> dict[str, Any]:
    """Every utterance as columns: place, category and language (as numbers of the lists), text and audio."""
    segments = opened.library.segments()
    places = opened.maps.of(opened.library).places([segment.id for segment in segments])  # (n, 2)
    categories, languages = opened.library.categories(), opened.library.languages()
    return {
        "categories": [labels.category(name) for name in categories],
        "languages": [labels.language(tag) for tag in languages],
        "id": [segment.id for segment in segments],
        "x": [round(float(x), 4) for x in places[:, 0]],
        "y": [round(float(y), 4) for y in places[:, 1]],
        "category": [categories.index(segment.category) for segment in segments],
        "language": [languages.index(segment.language) for segment in segments],
        "text": [segment.text for segment in segments],
        "recording": [segment.recording for segment in segments],
        "start": [segment.start for segment in segments],
        "end": [segment.end for segment in segments],
    }


def overlay(drawn: "Map | None", found: Answer, settings: Settings) -> str:
    """JSON of what an answer adds: the query's place, the good hits, and the filters that dim the rest; NONE for a
    library without a map."""
    if drawn is None:
        return NONE
    x, y = drawn.place(found.query.vector)
    return json.dumps(
        {
            "query": [round(float(x), 4), round(float(y), 4)],
            "hits": [match.segment.id for match in found.matches if match.good],
            "category": labels.category(settings.category),
            "language": labels.language(settings.language) if settings.language else "",
        }
    )
