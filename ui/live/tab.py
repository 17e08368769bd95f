"""The Live tab: matches appear while you speak."""

from dataclasses import replace
from typing import Any

import gradio as gr

from clasp.errors import ClaspError
from ui import filters, links, script
from ui.dropdown import dropdown
from ui.events import QUIET
from ui.links import SearchSettings
from ui.service import DEMO, TITLES, Service
from ui.templates import render

KEEP = script.call("live/live", "keepFilters")
REQUEST = "(...values) => JSON.stringify(values)"

Updates = tuple[gr.components.Component, ...]  # of library, category, language and panel


def build(service: Service, token: gr.BrowserState, tab: gr.Tab, **queue: Any) -> None:
    """Lay out the tab and connect it; called inside it. `queue` says in which one its events wait."""

    def offer(name: str, category: str, language: str, guest: str) -> Updates:
        """What can be searched, the filters that the chosen library has, and what stands for its map in URLs."""
        settings, libraries, library = SearchSettings(name, category, language), [(TITLES.get(name, name), name)], None
        try:
            libraries = service.libraries(guest)
            settings = replace(settings, library=name if name in (one for _, one in libraries) else DEMO)
            library = service.library(settings.library, guest)
        except ClaspError:
            pass  # whoever speaks is told
        offers = filters.offers(library, settings)
        settings = filters.applicable(settings, offers)
        mapped = library is not None and service.map(library) is not None
        return (
            gr.Dropdown(libraries, value=settings.library, visible=len(libraries) > 1),
            filters.update("category", offers["category"], settings.category),
            filters.update("language", offers["language"], settings.language),
            gr.HTML(map=service.key(settings.library, guest) if mapped else ""),
        )

    def load(link: str, guest: str) -> Updates:
        """The page or the tab was opened: choose what it keeps in the address."""
        given = links.parameters(link)
        return offer(given.get("library", DEMO), given.get("category", ""), given.get("language", ""), guest)

    link = gr.Textbox(visible=False)
    with gr.Row(elem_id="live-settings"):
        library = dropdown("Library", [(TITLES[DEMO], DEMO)], DEMO, labelled=False)
        category, language = filters.build("category"), filters.build("language")
    panel = gr.HTML(
        "",
        html_template=render("live/live.html"),
        js_on_load=script.mount("live/live"),
        apply_default_css=False,
        elem_id="live",
    )
    chosen: list[Any] = [library, category, language]
    remembered = script.call("common/address", "withSettings", "live")  # what the tab keeps in the address
    loading: dict[str, Any] = {"inputs": [link, token], "outputs": [*chosen, panel], "js": remembered}
    gr.on(None, load, **loading, **QUIET, **queue)
    loaded = gr.on([token.change, tab.select], load, **loading, **QUIET, **queue)
    offered = library.input(offer, [*chosen, token], [*chosen, panel], cancels=loaded, **QUIET, **queue)
    offered.then(None, chosen, js=KEEP, **QUIET)
    gr.on([category.input, language.input], None, chosen, js=KEEP, **QUIET)
    gr.on([one.change for one in [*chosen, token]], None, [*chosen, token], panel, js=REQUEST, **QUIET)
