"""The Map tab: utterances as points to look at, hear, select and search. Scripts: map.js, maplegend.js, maplist.js."""

from typing import Any

import gradio as gr

from clasp.settings import current
from ui import links
from ui.dropdown import dropdown
from ui.map.handlers import Exploring, Parts
from ui.search.moments import PLAY
from ui.service import DEMO, TITLES, Service
from ui.theme import SCRIPT

OWN = ("maplist", "maplegend", "map")
SCRIPTS = SCRIPT + "".join(f'<script src="{name}.js"></script>' for name in OWN)
EVENTS = ["search", "export", "fit", "stop", "close"]  # what map.js tells
TO_ADDRESS = """(name, visit) => {
  clasp.address.keep({ library: name === "demo" ? "" : name }, "map");
  return [name, visit];
}"""

SAVE = '<path d="M12 4v11m-4.5-4 4.5 4.5L16.5 11M5 19.5h14"/>'
MOVE = '<path d="M12 4v16M4 12h16M9.5 6.5 12 4l2.5 2.5m-5 11L12 20l2.5-2.5m-8-8L4 12l2.5 2.5m11-5L20 12l-2.5 2.5"/>'
LASSO = '<path d="M8 16.5C5 15.5 3 13.5 3 11c0-3.6 4-6.5 9-6.5s9 2.9 9 6.5-4 6.5-9 6.5H8.5m0 0a2 2 0 1 0-2 2"/>'
BOX = '<path stroke-dasharray="3 2.6" d="M4.5 5.5h15v13h-15z"/>'


def _icon(path: str) -> str:
    return f'<svg viewBox="0 0 24 24" aria-hidden="true">{path}</svg>'


FRAME = f"""
<section class="explore" data-stage="loading" aria-label="Map of a library">
  <div class="explore-bar">
    <form class="explore-ask" role="search">
      <input type="search" name="find" maxlength="{{characters}}" autocomplete="off" enterkeyhint="search" dir="auto"
        aria-label="Find on the map" placeholder="Find on the map, in your own words">
      <button type="submit">Find</button>
    </form>
    <label class="explore-by"><span>Colour by</span>
      <select name="by"><option value="category">category</option><option value="language">language</option>
        <option value="speaker">voice</option><option value="recording">recording</option>
        <option value="modality">speech or text</option></select></label>
    <div class="explore-pair" role="group" aria-label="Dimensions">
      <button type="button" data-dim="2" aria-pressed="true">2-D</button>
      <button type="button" data-dim="3" aria-pressed="false">3-D</button>
    </div>
    <label class="explore-check"><input type="checkbox" name="texts"><span>Texts</span></label>
    <label class="explore-check"><input type="checkbox" name="regions" checked><span>Names of regions</span></label>
  </div>
  <div class="explore-split">
    <div class="explore-side">
      <div class="explore-field">
        <div class="explore-plot" role="img" aria-label="Every utterance of the library as a point; those that say
          something alike lie close together. The list beside it has all of them, too."></div>
        <div class="explore-skeleton" aria-hidden="true"></div>
        <div class="explore-pair explore-hands" role="group" aria-label="What dragging does">
          <button type="button" data-drag="pan" aria-pressed="true" title="Move the map"
            aria-label="Move the map">{_icon(MOVE)}</button>
          <button type="button" data-drag="lasso" aria-pressed="false" title="Select with a lasso"
            aria-label="Select with a lasso">{_icon(LASSO)}</button>
          <button type="button" data-drag="select" aria-pressed="false" title="Select with a box"
            aria-label="Select with a box">{_icon(BOX)}</button>
        </div>
        <div class="explore-pair explore-zoom" role="group" aria-label="Zoom">
          <button type="button" data-zoom="0.7" aria-label="Zoom in" title="Zoom in">+</button>
          <button type="button" data-zoom="1.43" aria-label="Zoom out" title="Zoom out">−</button>
          <button type="button" data-zoom="0" aria-label="Show all" title="Show all">⤢</button>
        </div>
        <div class="explore-instead" role="status"><h2></h2><p></p>
          <button type="button" class="explore-main" data-do="fit">Lay it out</button><small></small></div>
      </div>
      <ul class="explore-legend" aria-label="Legend: press an entry to hide it or to show it again"></ul>
      <section class="explore-regions" hidden aria-label="Regions">
        <h2>Regions</h2><p>Dense places, named by what is typical of them. Press one to select what lies in it.</p>
        <ul></ul>
      </section>
    </div>
    <section class="explore-list" aria-label="Utterances" data-waiting="true">
      <div class="explore-head">
        <h2 tabindex="-1"></h2>
        <div class="tools">
          <button type="button" data-do="clear" data-list hidden>Clear</button>
          <button type="button" data-do="play" data-list hidden aria-pressed="false">Play all</button>
          <details class="menu" data-list hidden><summary title="Download what is listed">{_icon(SAVE)}<span
            >Download</span></summary><ul>
            <li><button type="button" data-save="csv">Table (CSV)</button></li>
            <li><button type="button" data-save="json">JSON</button></li>
            <li><button type="button" data-save="zip">Sound clips (ZIP)</button></li></ul></details>
        </div>
        <p class="explore-summary"></p>
        <p class="explore-announcement" aria-live="polite"></p>
      </div>
      <ol></ol>
      <button type="button" class="explore-more" hidden></button>
      <template class="explore-entry-form">
        <li class="explore-entry">
          <button type="button" class="play-button" aria-pressed="false">{PLAY}</button>
          <div class="what"><p class="transcript" dir="auto"></p><p class="facts"></p></div>
          <b class="percent"></b>
        </li>
      </template>
    </section>
  </div>
  <div class="explore-below">
    <section class="explore-meaning" aria-label="What distances mean">
      <h2>What distances mean</h2>
      <p>Near is alike: utterances that lie close together say, or sound, something alike. Far says little: two
        far points need not be less alike than two that are half as far, and the size of a gap, the place of a group
        and the axes mean nothing. A query’s star stands between the utterances nearest to it.</p>
      <div class="explore-notes"></div>
      <div class="explore-anew" hidden>
        <button type="button" data-do="fit">Lay it out anew</button><small></small>
        <div class="explore-job" hidden><div class="explore-progress"></div>
          <button type="button" data-do="stop" hidden>Stop</button>
          <button type="button" data-do="close" hidden>Close</button></div>
      </div>
    </section>
    <section class="explore-measures" hidden aria-label="How good this map is">
      <h2>How good this map is</h2>
      <dl></dl>
    </section>
  </div>
</section>
"""


def build(service: Service, visit: gr.BrowserState, tab: gr.Tab, **line: Any) -> None:
    """Lay out the tab and connect it; called inside it. `line` says in which queue its events stand."""
    with gr.Row(elem_id="explore-settings"):
        name = dropdown("Library", [(TITLES[DEMO], DEMO)], DEMO, labelled=False, elem_id="map-library")
    panel = gr.HTML(
        "",
        html_template=FRAME.replace("{characters}", str(current().query_characters)),
        head=SCRIPTS,
        js_on_load=f"clasp.map(element, props, watch, trigger, {EVENTS})",
        apply_default_css=False,
        elem_id="explore",
    )
    parts = Parts(
        name,
        panel,
        gr.Timer(0.7, active=False),
        gr.State(None),
        gr.DownloadButton(visible="hidden", elem_id="explore-file"),
    )
    handlers = Exploring(service, parts)
    where, out = [name, visit], [name, panel, parts.timer]
    still = {"api_visibility": "private", "show_progress": "hidden"}
    quiet = {**still, **line}
    arriving = [gr.Textbox(visible=False), visit, name]
    gr.on([tab.select, visit.change], handlers.arrive, arriving, out, js=links.kept("map"), **quiet)
    name.input(handlers.look, where, out, js=TO_ADDRESS, **quiet)
    parts.timer.tick(handlers.follow, where, out, **quiet)
    panel.fit(handlers.fit, where, out, **quiet)
    panel.stop(handlers.stop_fit, where, out, **quiet)
    panel.close(handlers.close_report, where, out, **quiet)
    panel.search(handlers.find, where, [panel, parts.answer], trigger_mode="always_last", **quiet)
    made = panel.export(handlers.download, [*where, parts.answer], parts.download, **quiet)
    made.success(None, parts.download, js="(file) => clasp.download(file)", **still)
