"""The search tab: its parts, and what each event of theirs does."""

from typing import Any

import gradio as gr

from ui.links import Settings
from ui.search import cards, examples, form, minimap
from ui.search.handlers import Search, Shown
from ui.service import Service
from ui.theme import SCRIPT

EVENTS = ["open", "like", "sort", "drop", "export"]  # of the results: what page.js tells
ADDRESS = "(_, visit) => [history.state?.address ?? location.search, visit]"
AGAIN = """(_, ...rest) => {
  const again = window.claspWasThere === true; // the first time is when the page opens
  window.claspWasThere = true;
  return [again, ...rest];
}"""


def build(service: Service, page: gr.Blocks, tab: gr.Tab, visit: gr.BrowserState, **line: Any) -> None:
    """Lay out the tab and connect it; called inside it. `line` says in which queue searches stand."""
    offered = examples.read()
    controls = form.build(offered)
    with gr.Row(elem_id="found"):
        results = gr.HTML(
            cards.welcome(Settings()),
            head=SCRIPT,
            js_on_load=f"clasp.results(element, props, watch, trigger, {EVENTS})",
            apply_default_css=False,
            elem_id="results",
        )
        overlay = minimap.build()
    asked, by_time = gr.State(None), gr.State(False)
    download = gr.DownloadButton(visible="hidden", elem_id="download")
    shown = Shown(results, overlay, asked, by_time, download)
    address, again = gr.Textbox(visible=False), gr.Checkbox(visible=False)
    handlers = Search(service, controls, shown, offered)

    settings = [visit, *controls.settings, by_time]
    asking = [asked, *settings]
    answer = [results, overlay, asked, controls.text, controls.spoken]
    everything = [*answer, *controls.settings, by_time, controls.more]
    said = [controls.spoken.stop_recording, controls.spoken.upload]
    lists = (controls.meaning, controls.category, controls.language, controls.speaker, controls.recording)
    dates = (controls.since, controls.until)
    changed = [*(one.input for one in lists), *(one.submit for one in dates), *(one.blur for one in dates)]
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on([controls.text.submit, *said], None, js="() => clasp.busy()", **quiet)
    controls.text.submit(handlers.typed, [controls.text, *settings], answer, **quiet, **line)
    gr.on(said, handlers.spoken, [controls.spoken, *settings], answer, **quiet, **line)
    controls.examples.select(handlers.example, settings, answer, **quiet, **line)
    results.like(handlers.like, settings, answer, **quiet, **line)
    last = {"trigger_mode": "always_last", **quiet, **line}
    gr.on(changed, handlers.changed, asking, [*answer, controls.more], **last)
    controls.library.input(handlers.moved, asking, everything, **last)
    results.sort(handlers.sort, asking, [*answer, by_time], **last)
    results.drop(handlers.drop, asking, everything, **last)
    overlay.choose(handlers.narrowed, asking, everything, **last)
    results.open(handlers.open, visit, everything, **last)
    controls.more.click(None, js="() => clasp.more()", **quiet)
    downloaded = results.export(handlers.export, [asked, visit], download, **quiet, **line)
    downloaded.success(None, download, js="(file) => clasp.download(file)", **quiet)
    page.load(handlers.begin, [address, visit], everything, js=ADDRESS, **quiet, **line)

    visit.change(handlers.libraries, visit, controls.library, **quiet)
    tab.select(handlers.returned, [again, *asking], everything, js=AGAIN, **last)
