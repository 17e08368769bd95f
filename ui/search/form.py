"""What is asked and of what: text and speech in one panel, the library, filters, examples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from clasp.settings import current
from index.languages import primary
from ui import labels
from ui.dropdown import dropdown
from ui.links import BALANCED, FILTERS, Settings
from ui.search import examples
from ui.service import DEMO, TITLES

if TYPE_CHECKING:
    from index.library import Library

MORE = ("speaker", "recording", "since", "until")  # filters that are behind a button

Offers = dict[str, tuple[list[tuple[str, str]], bool]]  # by filter: labels and values, and whether they are a choice


@dataclass(frozen=True)
class Controls:
    """The components."""

    text: gr.Textbox
    spoken: gr.Audio
    library: gr.Dropdown
    category: gr.Dropdown
    language: gr.Dropdown
    speaker: gr.Dropdown
    recording: gr.Dropdown
    since: gr.Textbox
    until: gr.Textbox
    meaning: gr.Slider
    more: gr.Button
    examples: gr.HTML

    @property
    def settings(self) -> list[gr.components.Component]:
        """Those whose values are the first fields of Settings, in their order."""
        return [self.library, *self.filters, self.meaning]

    @property
    def filters(self) -> list[gr.components.Component]:
        """Those that narrow what is searched."""
        return [self.category, self.language, self.speaker, self.recording, self.since, self.until]

    def showing(self, settings: Settings, library: "Library | None") -> dict[Any, Any]:
        """Updates: what a library offers to choose from, and what is chosen. What offers no choice is hidden."""
        offers = offered(library, settings)
        updates: dict[Any, Any] = {self.library: settings.library, self.meaning: settings.meaning}
        for name in ("category", "language", "speaker", "recording"):
            updates[getattr(self, name)] = narrowing(name, offers, getattr(settings, name))
        dated = offers["date"][1] or bool(settings.since or settings.until)
        for name in ("since", "until"):
            updates[getattr(self, name)] = gr.Textbox(value=getattr(settings, name), visible=dated)
        hidden = dated or any(offers[name][1] or getattr(settings, name) for name in ("speaker", "recording"))
        return updates | {self.more: gr.Button(more(settings), visible=hidden)}


def kept(settings: Settings, library: "Library | None") -> Settings:
    """The settings without the filters that mean nothing in a library."""
    offers = offered(library, settings)
    names = ("category", "language", "speaker", "recording")
    lost = [name for name in names if getattr(settings, name) not in {value for _, value in offers[name][0]}]
    lost += [] if offers["date"][1] else ["from", "to"]
    return settings.without(*lost) if lost else settings


def build(shown: list[examples.Example]) -> Controls:
    """Lay it out."""
    with gr.Column(elem_id="ask"):
        with gr.Row(elem_id="query"):
            text = gr.Textbox(
                label="What was said, or meant",
                placeholder="the ship was lost in the storm",
                show_label=False,
                submit_btn="Search",
                max_length=current().query_characters,
                elem_id="text",
                html_attributes=gr.InputHTMLAttributes(enterkeyhint="search", autocomplete="off"),
            )
            spoken = gr.Audio(
                label="A spoken query",
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
            category = _filter("category")
            language = _filter("language")
            behind = gr.Button(more(Settings()), elem_id="more", visible=False)
            meaning = gr.Slider(0, 1, BALANCED, step=0.05, label="From sound to meaning", elem_id="meaning", buttons=[])
        with gr.Row(elem_id="filters"):
            speaker = _filter("speaker", behind=True)
            recording = _filter("recording", behind=True)
            since, until = (
                gr.Textbox(
                    label=label, placeholder="1962 or 1 May 1962", max_length=40, visible=False, elem_id=name,
                    html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
                )
                for name, label in (("since", "Recorded from"), ("until", "Recorded to"))
            )  # fmt: skip
        chips = examples.build(shown)
    return Controls(
        text, spoken, library, category, language, speaker, recording, since, until, meaning, behind, chips
    )  # fmt: skip


def chips(settings: Settings, library: "Library") -> list[tuple[str, str]]:
    """The filters that are set: their names in the address, and how a person writes them."""
    words = {
        "category": labels.category,
        "language": labels.variant,
        "speaker": labels.speaker,
        "recording": lambda name: labels.title(library.recording(name).title),
        "from": lambda date: f"from {date}",
        "to": lambda date: f"to {date}",
    }
    return [(name, words[name](value)) for name, field in FILTERS.items() if (value := getattr(settings, field))]


def more(settings: Settings) -> str:
    """What the button says that shows the rest of the filters."""
    chosen = sum(bool(getattr(settings, name)) for name in MORE)
    return f"More filters · {chosen}" if chosen else "More filters"


def _filter(name: str, *, behind: bool = False) -> gr.Dropdown:
    """A filter, to be seen at once or behind the button, where there is more to choose from."""
    every = [(f"Every {name}", "")]
    more = {"labelled": behind, "filterable": behind, "visible": not behind}
    return dropdown(name.capitalize(), every, "", elem_id=f"by-{name}", **more)


def narrowing(name: str, offers: Offers, value: str) -> gr.Dropdown:
    """A filter with what a library offers for it; hidden where that is no choice."""
    choices, choice = offers[name]
    return gr.Dropdown([(f"Every {name}", ""), *choices], value=value, visible=choice or bool(value))


def offered(library: "Library | None", settings: Settings) -> Offers:
    """What can be chosen, as labels and values, and whether that is a choice: not where all recordings are the same."""
    recordings = library.recordings() if library else []
    counts = library.counts() if library else {}

    def facts(name: str, label: Callable[[str], str]) -> tuple[list[tuple[str, str]], bool]:
        values = {getattr(one, name) for one in recordings}
        return sorted((label(value), value) for value in values if value), len(values) > 1

    def languages() -> tuple[list[tuple[str, str]], bool]:
        """Each language once, and its variants where there are several."""
        tags = {one.language for one in recordings} - {""}
        kinds = {kind: [tag for tag in tags if primary(tag) == kind] for kind in map(primary, tags)}
        values = {kind: labels.language(kind) for kind in kinds}
        values |= {tag: labels.variant(tag) for each in kinds.values() if len(each) > 1 for tag in each if "-" in tag}
        unknown = any(not one.language for one in recordings)
        return sorted((label, tag) for tag, label in values.items()), len(values) + unknown > 1

    several = [one for one in recordings if counts.get(one.id, 0) > 1 or one.id == settings.recording]
    return {
        "category": facts("category", lambda name: labels.category(name).capitalize()),
        "language": languages(),
        "speaker": facts("speaker", labels.speaker),
        "recording": ([(labels.title(one.title), one.id) for one in several], bool(several) and len(recordings) > 1),
        "date": facts("date", str),
    }
