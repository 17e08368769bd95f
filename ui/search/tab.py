"""The Search tab: its components, and what each of their events does."""

from typing import Any

import gradio as gr

from ui import filters, script
from ui.events import QUIET
from ui.links import SearchSettings
from ui.search import examples, form, minimap, results
from ui.search.handlers import SearchHandlers, SearchResults
from ui.service import Service

MODULE = "search/results"
EVENTS = ["open", "like", "language", "sort", "clear", "export", "save"]  # of the results, as results.js triggers them


def build(service: Service, page: gr.Blocks, tab: gr.Tab, token: gr.BrowserState, **queue: Any) -> None:
    """Lay out the tab and connect it; called inside it. `queue` says in which one searches wait."""
    offered = examples.read()
    controls = form.build(offered)
    with gr.Row(elem_id="found"):
        shown = gr.HTML(
            results.welcome(SearchSettings()),
            js_on_load=script.mount(MODULE, *EVENTS),
            apply_default_css=False,
            elem_id="results",
        )
        overlay = minimap.build()
    last, by_time = gr.State(None), gr.State(False)
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    address, again = gr.Textbox(visible=False), gr.Checkbox(visible=False)
    handlers = SearchHandlers(service, controls, SearchResults(shown, overlay, last, by_time, download), offered)

    settings = [token, *controls.settings, by_time]
    repeated = [last, *settings]
    answer = [shown, overlay, last, controls.text, controls.speech]
    everything = [*answer, *controls.settings, by_time, controls.more]
    spoken = [controls.speech.stop_recording, controls.speech.upload]
    lists = (controls.meaning, *(getattr(controls, name) for name in filters.NAMES))
    dates = (controls.since, controls.until)
    changed = [*(one.input for one in lists), *(one.submit for one in dates), *(one.blur for one in dates)]
    gr.on([controls.text.submit, *spoken], None, js=script.call(MODULE, "busy"), **QUIET)
    controls.text.submit(handlers.on_text, [controls.text, *settings], answer, **QUIET, **queue)
    gr.on(spoken, handlers.on_speech, [controls.speech, *settings], answer, **QUIET, **queue)
    controls.examples.select(handlers.search_example, settings, answer, **QUIET, **queue)
    shown.like(handlers.search_similar, settings, answer, **QUIET, **queue)
    latest: dict[str, Any] = {"trigger_mode": "always_last", **QUIET, **queue}
    opened = tab.select(
        handlers.open_tab, [again, address, *repeated], everything, js=script.call(MODULE, "withAgain"), **latest
    )
    # what is chosen while the tab is being opened stays chosen
    gr.on(changed, handlers.change_settings, repeated, [*answer, controls.more], cancels=opened, **latest)
    controls.library.input(handlers.change_library, repeated, everything, cancels=opened, **latest)
    shown.language(handlers.change_query_language, repeated, answer, **latest)
    shown.sort(handlers.sort, repeated, [*answer, by_time], **latest)
    shown.clear(handlers.clear_filters, repeated, everything, **latest)
    overlay.choose(handlers.choose_category, repeated, everything, **latest)
    shown.open(handlers.navigate, token, everything, **latest)
    controls.more.click(None, js=script.call(MODULE, "more"), **QUIET)
    shown.save(handlers.save_search, repeated, answer, **QUIET, **queue)
    exported = shown.export(handlers.export, [last, token], download, **QUIET, **queue)
    exported.success(None, download, js=script.call("common/download", "download"), **QUIET)
    question = script.call("common/address", "withQuestion")
    page.load(handlers.load, [address, token], everything, js=question, **QUIET, **queue)

    token.change(handlers.refresh_libraries, token, controls.library, **QUIET)
