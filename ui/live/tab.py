"""The live tab: speak, and what says the same appears while one speaks. Scripts: live.js, utterances.js, trail.js."""

from dataclasses import replace
from typing import Any

import gradio as gr

from clasp.errors import ClaspError
from ui import links
from ui.dropdown import dropdown
from ui.links import Settings
from ui.search.form import kept, narrowing, offered
from ui.search.moments import PLAY
from ui.service import DEMO, TITLES, Service
from ui.theme import SCRIPT

SCRIPTS = SCRIPT + "".join(f'<script src="{name}.js"></script>' for name in ("trail", "utterances", "live"))

FRAME = f"""
<section class="live" data-state="idle" aria-label="Live search">
  <div class="live-head">
    <button type="button" class="live-button" data-live="toggle" disabled>
      <svg viewBox="0 0 24 24" aria-hidden="true"><path class="start" d="M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0
        0-3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/><path class="stop" d="M7 7h10v10H7z"/></svg>
      <span>Start listening</span>
    </button>
    <div class="live-signs">
      <div class="live-light"><i></i><span>Off</span></div>
      <div class="live-level" aria-hidden="true"><span></span></div>
      <div class="live-time" role="timer" aria-label="Time listened">0:00</div>
    </div>
  </div>
  <p class="live-state" role="status"></p>
  <p class="live-privacy">The server forgets what you say as soon as it was searched for. To replay it, this page keeps
    it until you clear the list or leave.</p>
  <div class="live-split">
    <div class="live-list">
      <div class="live-tools">
        <h2>What you said</h2>
        <button type="button" data-live="save" disabled>Save</button>
        <button type="button" data-live="clear" disabled>Clear</button>
      </div>
      <p class="live-empty">Say a sentence, in your own words and your own language. Each one appears here with the
        utterances that say the same: they come while you speak, and settle when you pause.</p>
      <ol class="utterances" aria-label="What you said, newest first"></ol>
    </div>
    <aside class="live-map" data-stage="loading" aria-label="Where it lies on the map">
      <div class="live-map-field">
        <div class="live-map-plot" role="img" aria-label="The map of the library, and the way of what you say over it.
          What it finds is in the list, too."></div>
      </div>
      <p class="live-map-caption">While you speak, your words wander over the map, to where the utterances lie that say
        the same. Point at one in the list to see its way again.</p>
    </aside>
  </div>
  <p class="live-announcement" aria-live="polite"></p>
  <template class="utterance-form">
    <li class="utterance" data-settled="false">
      <div class="utterance-head">
        <button type="button" class="play-button" aria-pressed="false" aria-label="Replay what you said"
          disabled>{PLAY}</button>
        <time></time>
        <span class="utterance-state"></span>
      </div>
      <ol class="utterance-hits"></ol>
    </li>
  </template>
  <template class="utterance-hit-form">
    <li class="utterance-hit">
      <button type="button" class="play-button" aria-pressed="false">{PLAY}</button>
      <div class="what"><p class="transcript" dir="auto"></p><p class="facts"></p></div>
      <b class="percent"></b>
      <a target="_blank">Open in Search</a>
    </li>
  </template>
</section>
"""

KEEP = """(library, category, language) =>
  clasp.address.keep({ library: library === "demo" ? "" : library, category, language }, "live")"""
WISH = "(...given) => JSON.stringify(given)"


def build(service: Service, visit: gr.BrowserState, tab: gr.Tab, **line: Any) -> None:
    """Lay out the tab and connect it; called inside it. `line` says in which queue its events stand."""

    def choices(name: str, category: str, language: str, secret: str) -> tuple[gr.components.Component, ...]:
        """What can be searched, and what the chosen library can be filtered by; what it has stays chosen. And what
        stands for its map in addresses."""
        chosen, libraries, searched = Settings(name, category, language), [(TITLES.get(name, name), name)], None
        try:
            libraries = service.libraries(secret)
            chosen = replace(chosen, library=name if name in (one for _, one in libraries) else DEMO)
            searched = service.library(chosen.library, secret)
        except ClaspError:
            pass  # it will be said when somebody speaks
        chosen = kept(chosen, searched)
        mapped = searched is not None and service.map(searched) is not None
        offers = offered(searched, chosen)
        return (
            gr.Dropdown(libraries, value=chosen.library, visible=len(libraries) > 1),
            narrowing("category", offers, chosen.category),
            narrowing("language", offers, chosen.language),
            gr.HTML(map=service.key(chosen.library, secret) if mapped else ""),
        )

    def arrived(address: str, secret: str) -> tuple[gr.components.Component, ...]:
        """The page was opened, or the tab: what it keeps in the address is chosen."""
        given = links.parameters(address)
        return choices(given.get("library", DEMO), given.get("category", ""), given.get("language", ""), secret)

    address = gr.Textbox(visible=False)
    with gr.Row(elem_id="live-settings"):
        library = dropdown("Library", [(TITLES[DEMO], DEMO)], DEMO, labelled=False)
        category = dropdown("Category", [("Every category", "")], "", labelled=False)
        language = dropdown("Language", [("Every language", "")], "", labelled=False)
    panel = gr.HTML(
        "",
        html_template=FRAME,
        head=SCRIPTS,
        js_on_load="clasp.live(element, props, watch)",
        apply_default_css=False,
        elem_id="live",
    )
    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    filters = [library, category, language]
    chosen = [*filters, visit]
    arriving = {"inputs": [address, visit], "outputs": [*filters, panel], "js": links.kept("live")}
    gr.on(None, arrived, **arriving, **quiet, **line)
    gr.on([visit.change, tab.select], arrived, **arriving, **quiet, **line)
    library.input(choices, chosen, [*filters, panel], **quiet, **line).then(None, filters, js=KEEP, **quiet)
    gr.on([category.input, language.input], None, filters, js=KEEP, **quiet)
    gr.on([one.change for one in chosen], None, chosen, panel, js=WISH, **quiet)
