"""What the library tab is made of: its components, and the sentences on it."""

from dataclasses import dataclass, fields
from html import escape
from typing import TYPE_CHECKING, Any

import gradio as gr

from index.guests import lifetime
from ui import labels, script
from ui.dropdown import dropdown
from ui.library import recordings
from ui.library.recordings import View
from ui.library.uploads import uploads

if TYPE_CHECKING:
    from index.library import Library, Recording
    from ui.service import Service

MODULE = "library/library"
SHOWN = 5  # titles in a question

ONLY_SEARCHED = "This library is for searching only: nothing in it can be changed."
HINT = """
<p class="stand">Sound files and videos, of any length. Transcripts (.srt, .vtt, .txt, .json and others) and tables of
  facts (.csv) with the same names are used, too, and taken up when you add them later with the recording.</p>
"""
WAIT = '<div class="bones" aria-hidden="true"></div>'  # the shape of what is to come


@dataclass(kw_only=True)
class Parts:
    """The components of the tab, and what it remembers; None where they are of no use."""

    view: gr.State
    chosen: gr.State
    timer: gr.Timer
    name: gr.Dropdown
    new_name: gr.Textbox | None = None
    new_archive: gr.File | None = None
    new_make: gr.Button | None = None
    notice: gr.HTML
    facts: gr.HTML
    adding: gr.Column
    files: gr.File
    spoken: gr.Dropdown
    add: gr.Button
    path: gr.Textbox | None = None
    copy: gr.Checkbox | None = None
    add_path: gr.Button | None = None
    job: gr.HTML
    stop: gr.Button
    dismiss: gr.Button
    find: gr.Textbox
    table: gr.HTML
    bar: gr.Column
    choice: gr.HTML
    edit: gr.Button
    ask: gr.Button
    clear: gr.Button
    form: gr.Column
    title: gr.Textbox
    speaker: gr.Textbox
    category: gr.Textbox
    language: gr.Dropdown
    date: gr.Textbox
    save: gr.Button
    leave: gr.Button
    confirm: gr.Column
    question: gr.HTML
    remove: gr.Button
    keep: gr.Button
    care: gr.Accordion | None = None
    check: gr.Button | None = None
    repair: gr.Button | None = None
    export: gr.Button | None = None
    transcribe: gr.Button | None = None
    embed: gr.Button | None = None

    def all(self) -> list[Any]:
        """Those there are."""
        return [part for field in fields(self) if (part := getattr(self, field.name)) is not None]


def parts(service: "Service") -> Parts:
    """Lay out the tab; called inside it."""
    made: dict[str, Any] = {"view": gr.State(View()), "chosen": gr.State(()), "timer": gr.Timer(0.7, active=False)}
    with gr.Column(elem_id="library"):
        with gr.Row(elem_id="library-choice"):
            made["name"] = dropdown("Library", elem_id="library-name")
            if not service.read_only:
                made |= _new()
        made["notice"] = _html(elem_id="library-notice")
        made["facts"] = _html(WAIT, elem_id="library-facts", js_on_load=script.mount(MODULE, function="mountFacts"))
        with gr.Column(visible=False, elem_id="library-adding") as made["adding"]:
            made |= _adding(service)
        with gr.Column(elem_id="library-job"):
            made["job"] = _html()
            made["stop"] = gr.Button("Stop", visible=False, size="sm", elem_id="library-stop")
            made["dismiss"] = gr.Button("Close", visible=False, size="sm", elem_id="library-dismiss")
        made["find"] = gr.Textbox(
            label="Find in the table", placeholder="Find a title, a speaker, a date …", show_label=False,
            visible=False, max_lines=1, elem_id="library-find",
        )  # fmt: skip
        made["table"] = _html(
            elem_id="library-table", js_on_load=script.mount(MODULE, "turn", "choose", function="mountTable")
        )
        with gr.Column(visible=False, elem_id="library-bar") as made["bar"]:
            made |= _chosen()
        if not service.read_only:
            made |= _care()
    return Parts(**made)


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **{"js_on_load": None, **options})


def _new() -> dict[str, Any]:
    with gr.Accordion("New library", open=False, elem_id="library-new"):
        name = gr.Textbox(label="Its name", placeholder="Harbour tapes", max_length=64, max_lines=1)
        archive = gr.File(label="From an exported archive, if you have one", file_types=[".zip"], height=120)
        make = gr.Button("Make it", variant="primary", elem_id="library-make")
    return {"new_name": name, "new_archive": archive, "new_make": make}


def _adding(service: "Service") -> dict[str, Any]:
    made: dict[str, Any] = {
        "files": uploads(label="Recordings to add", show_label=False, height=150, elem_id="library-files")
    }
    _html(HINT)
    with gr.Row(elem_id="library-add-row"):
        made["spoken"] = dropdown("Language spoken", languages([], "Not stated"), "", elem_id="library-spoken")
        made["add"] = gr.Button("Add", variant="primary", elem_id="library-add")
    if service.local:
        with gr.Row(elem_id="library-path-row"):
            made["path"] = gr.Textbox(
                label="Or a file or folder of this computer", placeholder="/home/me/Interviews", max_lines=1,
                elem_id="library-path",
            )  # fmt: skip
            made["copy"] = gr.Checkbox(label="Copy into the library", elem_id="library-copy")
            made["add_path"] = gr.Button("Add from there", elem_id="library-add-path")
    return made


def _chosen() -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Row(elem_id="library-choice-row"):
        made["choice"] = _html(elem_id="library-chosen")
        made["edit"] = gr.Button("Edit", size="sm", elem_id="library-edit")
        made["ask"] = gr.Button("Remove …", size="sm", elem_id="library-ask")
        made["clear"] = gr.Button("Choose none", size="sm", elem_id="library-clear")
    with gr.Column(visible=False, elem_id="library-form") as made["form"]:
        with gr.Row():
            made["title"] = gr.Textbox(label="Title", max_lines=1, elem_id="library-title", scale=2)
            made["speaker"] = gr.Textbox(label="Speaker", max_lines=1, elem_id="library-speaker")
            made["category"] = gr.Textbox(label="Category", max_lines=1, elem_id="library-category")
            made["language"] = dropdown("Language", elem_id="library-language")
            made["date"] = gr.Textbox(label="Date", max_lines=1, elem_id="library-date")
        with gr.Row(elem_classes="buttons"):
            made["save"] = gr.Button("Save", variant="primary", elem_id="library-save")
            made["leave"] = gr.Button("Cancel")
    with gr.Column(visible=False, elem_id="library-confirm") as made["confirm"]:
        made["question"] = _html()
        with gr.Row(elem_classes="buttons"):
            made["remove"] = gr.Button("Remove", variant="stop", elem_id="library-remove")
            made["keep"] = gr.Button("Keep", elem_id="library-keep")
    return made


def _care() -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Accordion("Look after this library", open=False, visible=False, elem_id="library-care") as made["care"]:
        for name, label, meaning in (
            ("check", "Check", "Is it whole, and is every recording still where it was?"),
            ("repair", "Repair", "Put right what can be, from what is still there."),
            ("export", "Export", "One file with everything, recordings included: a copy to keep or to pass on."),
            ("transcribe", "Transcribe", "Write down what has no transcript yet, to find it better."),
            ("embed", "Prepare for this model", "Another model made it: listen to all of it again."),
        ):
            with gr.Row(elem_classes="care"):
                made[name] = gr.Button(label, elem_id=f"library-{name}", visible=name != "embed")
                _html(f"<p>{meaning}</p>")
    return made


def languages(present: list[str], none: str) -> list[tuple[str, str]]:
    """What a language can be chosen from: those that have names, and those that are there already."""
    tags = {*labels.LANGUAGES, *present}
    named = ((labels.language(tag) + ("" if tag in labels.LANGUAGES else f" ({tag})"), tag) for tag in tags)
    return [(none, ""), *sorted(named)]


def visitor() -> str:
    """What becomes of what a visitor adds."""
    what = "What you add here can be found by you alone, on the Search page."
    return f'<p class="stand">{what} It is deleted after {lifetime()}.</p>'


def notice(said: str, *, wrong: bool = False) -> str:
    """One sentence on what was done, or what went wrong."""
    return f'<p class="notice{"" if wrong else " good"}" role="{"alert" if wrong else "status"}">{escape(said)}</p>'


def facts(library: "Library", *, may_change: bool, left: float | None) -> str:
    """What a library comes to, and how it stands: for searching only, or for how many more seconds it is there."""
    stand = "" if may_change else f'<p class="stand">{ONLY_SEARCHED}</p>'
    if left is not None:
        minutes = labels.count(max(1, round(left / 60)), "minute")
        stand = (
            '<p class="stand">What you added can be found by you alone. It is deleted '
            f'<time data-left="{left:.0f}">in {minutes}</time>.</p>'
        )
    return f"{stand}<dl>{recordings.facts(library)}</dl>"


def question(found: list["Recording"], utterances: int, copied: int, size: int) -> str:
    """Whether these recordings are really to be removed, and what goes with them."""
    titles = "".join(f'<li dir="auto">{escape(one.title)}</li>' for one in found[:SHOWN])
    more = f"<li>and {len(found) - SHOWN} more</li>" if len(found) > SHOWN else ""
    gone = f"{labels.count(utterances, 'utterance')} can no longer be found."
    if copied:
        gone += f" What was copied into this library is deleted ({labels.size(size)})."
    if copied < len(found):
        gone += " Originals stay where they are."
    return f"<h2>Remove from this library?</h2><ul>{titles}{more}</ul><p>{gone}</p>"
