"""The Map tab: utterances as points to look at, hear, select and search."""

from typing import Any

import gradio as gr

from index.search import LONGEST_QUERY
from ui import script
from ui.dropdown import dropdown
from ui.events import QUIET
from ui.map.handlers import MapComponents, MapHandlers
from ui.service import DEMO, TITLES, Service
from ui.templates import render

EVENTS = ["search", "export", "fit", "stop", "close"]  # as map.js triggers them


def build(service: Service, token: gr.BrowserState, tab: gr.Tab, **queue: Any) -> None:
    """Lay out the tab and connect it; called inside it. `queue` says in which one its events wait."""
    with gr.Row(elem_id="explore-settings"):
        name = dropdown("Library", [(TITLES[DEMO], DEMO)], DEMO, labelled=False, elem_id="map-library")
    panel = gr.HTML(
        "",
        html_template=render("map/map.html", query_characters=LONGEST_QUERY),
        js_on_load=script.mount("map/map", *EVENTS),
        apply_default_css=False,
        elem_id="explore",
    )
    components = MapComponents(
        name,
        panel,
        gr.Timer(0.7, active=False),
        gr.State(None),
        gr.DownloadButton(visible="hidden", elem_id="explore-file"),
    )
    handlers = MapHandlers(service, components)
    inputs, outputs = [name, token], [name, panel, components.timer]
    quiet = {**QUIET, **queue}
    loading = [gr.Textbox(visible=False), token, name]
    remembered = script.call("common/address", "withSettings", "map")  # what the tab keeps in the address
    loaded = gr.on([tab.select, token.change], handlers.load, loading, outputs, js=remembered, **quiet)
    kept = script.call("map/map", "keepLibrary")
    name.input(handlers.choose_library, inputs, outputs, js=kept, cancels=loaded, **quiet)
    components.timer.tick(handlers.poll, inputs, outputs, **quiet)
    panel.fit(handlers.fit, inputs, outputs, **quiet)
    panel.stop(handlers.stop_fit, inputs, outputs, **quiet)
    panel.close(handlers.close_report, inputs, outputs, **quiet)
    panel.search(handlers.find, inputs, [panel, components.answer], trigger_mode="always_last", **quiet)
    file = panel.export(handlers.download, [*inputs, components.answer], components.download, **quiet)
    file.success(None, components.download, js=script.call("common/download", "download"), **QUIET)
