"""The page: header, tabs, footer."""

import gradio as gr

from clasp.errors import ClaspError
from ui import endpoints, script
from ui.about import tab as about_tab
from ui.library import tab as library_tab
from ui.live import tab as live_tab
from ui.map import tab as map_tab
from ui.search import tab as search_tab
from ui.service import Service
from ui.templates import notice, render

QUEUE = {"concurrency_id": "search", "concurrency_limit": 4}  # searches at once; others wait


def build(service: Service) -> gr.Blocks:
    """The whole page."""
    with endpoints.Page(
        title="CLASP: search your recordings by what was said",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(600, 1800),
    ) as page:
        gr.HTML(render("header.html"), js_on_load=script.mount("common/page"), apply_default_css=False)
        problem = gr.HTML(visible=False, js_on_load=None, apply_default_css=False)
        token = gr.BrowserState("", storage_key="clasp-visit", secret="clasp")  # of this visitor, see index/guests.py
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Search", id="search", elem_id="search-tab") as tab:
                search_tab.build(service, page, tab, token, **QUEUE)
            with gr.Tab("Live", id="live", elem_id="live-tab") as tab:
                live_tab.build(service, token, tab, **QUEUE)
            with gr.Tab("Map", id="map", elem_id="map-tab") as tab:
                map_tab.build(service, token, tab, **QUEUE)
            with gr.Tab("Library", id="library", elem_id="library-tab") as tab:
                library_tab.build(service, token, tab, **QUEUE)
            with gr.Tab("About", id="about", elem_id="about-tab") as tab:
                about_tab.build(service, token, tab)
        endpoints.build(service, **QUEUE)
        gr.HTML(render("footer.html"), js_on_load=None, apply_default_css=False)
        page.load(lambda: _problem(service), None, problem, api_visibility="private", show_progress="hidden")
        if service.read_only:
            page.load(service.greet, token, token, api_visibility="private")
    return page


def _problem(service: Service) -> gr.HTML:
    """Why another model than the one asked for is in use, if so; if none is, each tab says so itself."""
    try:
        service.opened()
    except ClaspError:
        return gr.HTML(visible=False)
    return gr.HTML(notice(service.problem), visible=bool(service.problem))
