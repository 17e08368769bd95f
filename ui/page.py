"""The page: header, a tab each for searching and for the libraries, footer."""

import gradio as gr

from clasp.errors import ClaspError
from ui import endpoints
from ui.about import tab as about_tab
from ui.library import tab as library_tab
from ui.live import tab as live_tab
from ui.map import tab as map_tab
from ui.search import cards
from ui.search import tab as search_tab
from ui.service import Service
from ui.theme import SCRIPT

LINE = {"concurrency_id": "search", "concurrency_limit": 4}  # searches at once; the others wait

HEADER = """
<header class="masthead">
  <a class="wordmark" href="./" aria-label="CLASP, start again">CLASP</a>
  <h1>Say it or type it, and hear the sentence that says the same.</h1>
  <button type="button" data-theme-toggle aria-label="Switch between light and dark" title="Light or dark">
    <svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="8.5"/>
      <path d="M12 3.5a8.5 8.5 0 0 1 0 17z"/></svg>
  </button>
</header>
"""

FOOTER = """
<footer class="colophon">
  <p>The voices of the demo library are synthetic.</p>
  <p><a href="?tab=about" data-tab="about">What becomes of what you say</a>
    <a href="gradio_api/info">Use it from a program</a></p>
</footer>
"""


def build(service: Service) -> gr.Blocks:
    """The whole page."""
    with endpoints.Page(
        title="CLASP: find the sentence that says the same",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(600, 1800),
    ) as page:
        gr.HTML(HEADER, head=SCRIPT, js_on_load="clasp.theme(); clasp.address.follow()", apply_default_css=False)
        problem = gr.HTML(visible=False, js_on_load=None, apply_default_css=False)
        visit = gr.BrowserState("", storage_key="clasp-visit", secret="clasp")  # of this visitor, see index/guests.py
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Search", id="search", elem_id="search-tab") as tab:
                search_tab.build(service, page, tab, visit, **LINE)
            with gr.Tab("Live", id="live", elem_id="live-tab") as tab:
                live_tab.build(service, visit, tab, **LINE)
            with gr.Tab("Map", id="map", elem_id="map-tab") as tab:
                map_tab.build(service, visit, tab, **LINE)
            with gr.Tab("Library", id="library", elem_id="library-tab") as tab:
                library_tab.build(service, visit, tab, **LINE)
            with gr.Tab("About", id="about", elem_id="about-tab") as tab:
                about_tab.build(service, visit, tab)
        endpoints.build(service, **LINE)
        gr.HTML(FOOTER, js_on_load=None, apply_default_css=False)
        page.load(lambda: _problem(service), None, problem, api_visibility="private", show_progress="hidden")
        if service.read_only:
            page.load(service.visitor, visit, visit, api_visibility="private")
    return page


def _problem(service: Service) -> gr.HTML:
    """Why another model than the one that is asked for has opened, if so; where none has, each tab says it."""
    try:
        service.opened()
    except ClaspError:
        return gr.HTML(visible=False)
    return gr.HTML(cards.notice(service.problem), visible=bool(service.problem))
