"""The components of the Library tab."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import gradio as gr

from ui import labels, script
from ui.dropdown import dropdown
from ui.library.recordings import TableView
from ui.library.uploads import uploads
from ui.templates import render

if TYPE_CHECKING:
    from ui.service import Service

MODULE = "library/library"
WAIT = '<div class="bones" aria-hidden="true"></div>'  # the shape of what is to come
MAINTENANCE = (  # name, label, what it does
    ("check", "Check", "Check that the library is intact and every recording still in place."),
    ("repair", "Repair", "Repair what can be repaired from what is still there."),
    ("export", "Export", "Save everything, recordings included, as one file: a backup, or a copy to share."),
    ("transcribe", "Transcribe", "Transcribe what has no transcript yet, so that it is easier to find."),
    ("reembed", "Update to this model", "Another model made this library: process its recordings again."),
)


@dataclass(kw_only=True)
class LibraryComponents:
    """The components of the tab, and what it remembers; None where nobody may change the libraries."""

    view: gr.State
    selection: gr.State
    phase: gr.State
    timer: gr.Timer
    name: gr.Dropdown
    new: Any = None
    new_name: Any = None
    new_archive: Any = None
    create: Any = None
    notice: gr.HTML
    undo: gr.Button
    undoing: gr.State
    bin: gr.Accordion
    binned: gr.HTML
    facts: gr.HTML
    adding: gr.Column
    files: gr.File
    spoken: gr.Dropdown
    add: gr.Button
    path: Any = None
    copy: Any = None
    add_path: Any = None
    job: gr.HTML
    stop: gr.Button
    dismiss: gr.Button
    find: gr.Textbox
    table: gr.HTML
    bar: gr.Column
    selected: gr.HTML
    formats: gr.HTML
    download: gr.DownloadButton
    edit: gr.Button
    ask_remove: gr.Button
    clear: gr.Button
    form: gr.Column
    title: gr.Textbox
    speaker: gr.Textbox
    category: gr.Textbox
    language: gr.Dropdown
    date: gr.Textbox
    tags: gr.Textbox
    save: gr.Button
    cancel_edit: gr.Button
    confirm: gr.Column
    question: gr.HTML
    remove: gr.Button
    cancel_remove: gr.Button
    saved: gr.HTML
    sources: Any = None
    source_list: Any = None
    folder: Any = None
    watch: Any = None
    feed: Any = None
    follow: Any = None
    update_feeds: Any = None
    maintenance: Any = None
    another_name: Any = None
    rename: Any = None
    typed_name: Any = None
    delete: Any = None
    check: Any = None
    repair: Any = None
    export: Any = None
    transcribe: Any = None
    reembed: Any = None

    def all(self) -> list[Any]:
        """Those there are."""
        return [part for field in fields(self) if (part := getattr(self, field.name)) is not None]


def build(service: "Service") -> LibraryComponents:
    """Lay out the tab; called inside it."""
    made: dict[str, Any] = {
        "view": gr.State(TableView()), "selection": gr.State(()), "phase": gr.State(None),
        "timer": gr.Timer(active=False), "undoing": gr.State(None),
    }  # fmt: skip
    with gr.Column(elem_id="library"):
        with gr.Row(elem_id="library-choice"):
            made["name"] = dropdown("Library", elem_id="library-name")
            if not service.read_only:
                made |= _new_library()
        made["notice"] = _html(elem_id="library-notice")
        made["undo"] = gr.Button("Undo", visible=False, size="sm", elem_id="library-undo")
        made["facts"] = _html(WAIT, elem_id="library-facts", js_on_load=script.mount(MODULE, function="mountFacts"))
        with gr.Column(visible=False, elem_id="library-adding") as made["adding"]:
            made |= _adding(service)
        with gr.Column(elem_id="library-job"):
            made["job"] = _html()
            made["stop"] = gr.Button("Stop", visible=False, size="sm", elem_id="library-stop")
            made["dismiss"] = gr.Button("Close", visible=False, size="sm", elem_id="library-dismiss")
        mounted = script.mount(MODULE, "see", "forget", function="mountSaved")
        made["saved"] = _html(elem_id="library-saved", js_on_load=mounted)
        made["find"] = gr.Textbox(
            label="Search the table", placeholder="Find a title, a speaker, a date…", show_label=False,
            visible=False, max_lines=1, elem_id="library-find",
        )  # fmt: skip
        mounted = script.mount(MODULE, "turn", "choose", function="mountTable")
        made["table"] = _html(elem_id="library-table", js_on_load=mounted)
        with gr.Column(visible=False, elem_id="library-bar") as made["bar"]:
            made |= _selection()
        if service.local:
            made |= _sources()
        with gr.Accordion("Bin", open=False, visible=False, elem_id="library-bin") as made["bin"]:
            mounted = script.mount(MODULE, "restore", "discard", function="mountBin")
            made["binned"] = _html(elem_id="library-binned", js_on_load=mounted)
        if not service.read_only:
            made |= _maintenance()
    return LibraryComponents(**made)


def languages(present: list[str], none: str) -> list[tuple[str, str]]:
    """The languages to choose from: common ones, and those that are there already; `none` stands for no choice."""
    named = ((labels.language(tag) + ("" if tag in labels.LANGUAGES else f" ({tag})"), tag)
             for tag in {*labels.LANGUAGES, *present})  # fmt: skip
    return [(none, ""), *sorted(named)]


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **{"js_on_load": None, **options})


def _new_library() -> dict[str, Any]:
    with gr.Accordion("New library", open=False, elem_id="library-new") as new:
        name = gr.Textbox(label="Name", placeholder="Harbour tapes", max_length=64, max_lines=1)
        archive = gr.File(label="From an exported archive (optional)", file_types=[".zip"], height=120)
        create = gr.Button("Create", variant="primary", elem_id="library-make")
    return {"new": new, "new_name": name, "new_archive": archive, "create": create}


def _adding(service: "Service") -> dict[str, Any]:
    made: dict[str, Any] = {
        "files": uploads(label="Recordings to add", show_label=False, height=150, elem_id="library-files")
    }
    _html(render("library/hint.html"))
    with gr.Row(elem_id="library-add-row"):
        made["spoken"] = dropdown("Spoken language", languages([], "Not stated"), "", elem_id="library-spoken")
        made["add"] = gr.Button("Add", variant="primary", elem_id="library-add")
    if service.local:
        with gr.Row(elem_id="library-path-row"):
            made["path"] = gr.Textbox(
                label="Or a file or folder on this computer", placeholder="/home/me/Interviews", max_lines=1,
                elem_id="library-path",
            )  # fmt: skip
            made["copy"] = gr.Checkbox(label="Copy into the library", elem_id="library-copy")
            made["add_path"] = gr.Button("Add this path", elem_id="library-add-path")
    return made


def _selection() -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Row(elem_id="library-choice-row"):
        made["selected"] = _html(elem_id="library-chosen")
        mounted = script.mount(MODULE, "export", function="mountFormats")
        made["formats"] = _html(render("library/formats.html"), elem_id="library-formats", js_on_load=mounted)
        made["download"] = gr.DownloadButton(visible="hidden", elem_id="library-download")
        made["edit"] = gr.Button("Edit", size="sm", elem_id="library-edit")
        made["ask_remove"] = gr.Button("Remove…", size="sm", elem_id="library-ask")
        made["clear"] = gr.Button("Clear selection", size="sm", elem_id="library-clear")
    with gr.Column(visible=False, elem_id="library-form") as made["form"]:
        with gr.Row():
            made["title"] = gr.Textbox(label="Title", max_lines=1, min_width=130, elem_id="library-title", scale=2)
            made["speaker"] = gr.Textbox(label="Speaker", max_lines=1, min_width=130, elem_id="library-speaker")
            made["category"] = gr.Textbox(label="Category", max_lines=1, min_width=130, elem_id="library-category")
            made["language"] = dropdown("Language", min_width=130, elem_id="library-language")
            made["date"] = gr.Textbox(label="Date", max_lines=1, min_width=130, elem_id="library-date")
            made["tags"] = gr.Textbox(label="Tags", max_lines=1, min_width=130, elem_id="library-tags", scale=2)
        with gr.Row(elem_classes="buttons"):
            made["save"] = gr.Button("Save", variant="primary", elem_id="library-save")
            made["cancel_edit"] = gr.Button("Cancel")
    with gr.Column(visible=False, elem_id="library-confirm") as made["confirm"]:
        made["question"] = _html()
        with gr.Row(elem_classes="buttons"):
            made["remove"] = gr.Button("Remove", variant="stop", elem_id="library-remove")
            made["cancel_remove"] = gr.Button("Cancel", elem_id="library-keep")
    return made


def _sources() -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Accordion("Watched folders and podcasts", open=False, visible=False, elem_id="library-sources") as section:
        made["source_list"] = _html(
            elem_id="library-source-list", js_on_load=script.mount(MODULE, "leave", function="mountSources")
        )
        with gr.Row():
            made["folder"] = gr.Textbox(
                label="Folder to watch on this computer", placeholder="/home/me/Interviews", max_lines=1,
                elem_id="library-folder",
            )  # fmt: skip
            made["watch"] = gr.Button("Watch", elem_id="library-watch")
        with gr.Row():
            made["feed"] = gr.Textbox(
                label="Address of a podcast (RSS or Atom)", placeholder="https://example.org/feed.xml", max_lines=1,
                elem_id="library-feed",
            )  # fmt: skip
            made["follow"] = gr.Button("Follow", elem_id="library-follow")
        made["update_feeds"] = gr.Button("Update podcasts", visible=False, elem_id="library-update-feeds")
    return made | {"sources": section}


def _maintenance() -> dict[str, Any]:
    made: dict[str, Any] = {}
    with gr.Accordion("Maintenance", open=False, visible=False, elem_id="library-care") as made["maintenance"]:
        for name, label, meaning in MAINTENANCE:
            with gr.Row(elem_classes="care"):
                made[name] = gr.Button(label, elem_id=f"library-{name}", visible=name != "reembed")
                _html(f"<p>{meaning}</p>")
        with gr.Row(elem_classes="care"):
            made["another_name"] = gr.Textbox(label="New name", max_length=64, max_lines=1, elem_id="library-rename-to")
            made["rename"] = gr.Button("Rename", elem_id="library-rename")
        with gr.Row(elem_classes="care"):
            made["typed_name"] = gr.Textbox(
                label="To delete this library for good, type its name", max_lines=1, elem_id="library-delete-name"
            )
            made["delete"] = gr.Button("Delete library", variant="stop", elem_id="library-delete")
    return made
