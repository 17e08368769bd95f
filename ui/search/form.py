"""The search form: text and speech in one panel, the library, filters, the weight of meaning, examples."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from index.search import LONGEST_QUERY
from ui import filters
from ui.dropdown import dropdown
from ui.links import BALANCED, SearchSettings
from ui.search import examples
from ui.service import DEMO, TITLES

SKIP = '<button type="button" data-skip>Skip to the results</button>'  # shown when the keyboard comes to it
FOLDED = ("speaker", "recording", "tag")  # filters behind a button: those with a dropdown,
BEHIND = (*FOLDED, "since", "until")  # and all of them


@dataclass(frozen=True)
class SearchForm:
    """The components."""

    text: gr.Textbox
    speech: gr.Audio
    library: gr.Dropdown
    category: gr.Dropdown
    language: gr.Dropdown
    speaker: gr.Dropdown
    recording: gr.Dropdown
    tag: gr.Dropdown
    since: gr.Textbox
    until: gr.Textbox
    meaning: gr.Slider
    more: gr.Button
    examples: gr.HTML

    @property
    def settings(self) -> list[gr.components.Component]:
        """Those whose values are the first fields of SearchSettings, in their order."""
        dropdowns = [self.library, *(getattr(self, name) for name in filters.NAMES)]
        return [*dropdowns, self.since, self.until, self.meaning]

    def show(self, settings: SearchSettings, offers: dict[str, filters.Offer]) -> dict[Any, Any]:
        """Updates: what a library offers to choose from, and what is chosen. What offers no choice is hidden."""
        updates: dict[Any, Any] = {self.library: settings.library, self.meaning: settings.meaning}
        for name in filters.NAMES:
            updates[getattr(self, name)] = filters.update(name, offers[name], getattr(settings, name))
        dated = offers["date"].is_choice or bool(settings.since or settings.until)
        for name in ("since", "until"):
            updates[getattr(self, name)] = gr.Textbox(value=getattr(settings, name), visible=dated)
        useful = dated or any(offers[name].is_choice or getattr(settings, name) for name in FOLDED)
        return updates | {self.more: gr.Button(more_label(settings), visible=useful)}


def build(shown: list[examples.Example]) -> SearchForm:
    """Lay it out."""
    with gr.Column(elem_id="ask"):
        with gr.Row(elem_id="query"):
            text = gr.Textbox(
                label="Search query",
                placeholder="Find a moment by describing it",
                show_label=False,
                submit_btn="Search",
                max_length=LONGEST_QUERY,
                elem_id="text",
                html_attributes=gr.InputHTMLAttributes(enterkeyhint="search", autocomplete="off"),
            )
            gr.HTML(SKIP, js_on_load=None, apply_default_css=False, elem_id="skip")
            speech = gr.Audio(
                label="Spoken query",
                show_label=False,
                sources=["microphone", "upload"],
                type="filepath",
                editable=False,
                buttons=[],
                waveform_options=gr.WaveformOptions(waveform_color="#8f8b81", waveform_progress_color="#0b6e6a"),
                elem_id="recording",
            )
        with gr.Row(elem_id="settings"):
            library = dropdown("Library", [(TITLES[DEMO], DEMO)], DEMO, labelled=False, elem_id="by-library")
            category, language = filters.build("category"), filters.build("language")
            more = gr.Button(more_label(SearchSettings()), elem_id="more", visible=False)
            meaning = gr.Slider(
                0, 1, BALANCED, step=0.05, label="Search by exact words or by meaning", elem_id="meaning", buttons=[]
            )
        with gr.Row(elem_id="filters"):
            speaker, recording, tag = (
                filters.build(name, labelled=True, filterable=True, visible=False) for name in FOLDED
            )
            since, until = (
                gr.Textbox(
                    label=label, placeholder="1962 or 1 May 1962", max_length=40, min_width=110, visible=False,
                    elem_id=name, html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                )
                for name, label in (("since", "Recorded from"), ("until", "Recorded until"))
            )  # fmt: skip
        chips = examples.build(shown)
    return SearchForm(
        text, speech, library, category, language, speaker, recording, tag, since, until, meaning, more, chips
    )  # fmt: skip


def more_label(settings: SearchSettings) -> str:
    """The label of the button that shows the other filters, with how many of them are set."""
    chosen = sum(bool(getattr(settings, name)) for name in BEHIND)
    return f"More filters · {chosen}" if chosen else "More filters"
