"""The Library tab: choosing a library, adding to it, its recordings, and its maintenance."""

from typing import Any

import gradio as gr

from index.metadata import FACTS
from ui import script
from ui.events import QUIET
from ui.library import components
from ui.library.adding import AddingHandlers
from ui.library.browsing import BrowsingHandlers
from ui.library.components import MODULE, LibraryComponents
from ui.library.maintenance import MaintenanceHandlers
from ui.library.selection import SelectionHandlers
from ui.library.sources import SourceHandlers
from ui.service import Service


def build(service: Service, token: gr.BrowserState, tab: gr.Tab, **queue: Any) -> None:
    """Lay out the tab and connect it; called inside it. `queue` says in which one its events wait."""
    parts = components.build(service)
    browsing, adding = BrowsingHandlers(service, parts), AddingHandlers(service, parts)
    selection = SelectionHandlers(service, parts)
    outputs, library = parts.all(), [parts.name, token]
    selected, shown = [*library, parts.selection], [*library, parts.view, parts.selection]
    metadata = [getattr(parts, fact) for fact in FACTS]
    quiet = {**QUIET, **queue}
    latest: dict[str, Any] = {"trigger_mode": "always_last", **quiet}

    loading = [gr.Textbox(visible=False), token, parts.name]
    remembered = script.call("common/address", "withSettings", "library")  # what the tab keeps in the address
    loaded = gr.on([tab.select, token.change], browsing.load, loading, outputs, js=remembered, **quiet)
    parts.name.change(None, parts.name, js=script.call(MODULE, "keepLibrary"), **QUIET)
    parts.name.input(None, js=script.call(MODULE, "forgetWords"), **QUIET)
    parts.name.input(browsing.choose_library, library, outputs, cancels=loaded, **quiet)  # or it would choose again
    parts.find.change(None, [parts.find, parts.name], js=script.call(MODULE, "keepWords"), **QUIET)
    parts.find.change(browsing.search, [parts.find, *library, parts.view], outputs, **latest)
    parts.table.turn(browsing.turn, [*library, parts.view], outputs, **latest)
    parts.timer.tick(browsing.poll, [*shown, parts.phase], outputs, **quiet)
    parts.stop.click(browsing.stop, library, outputs, **quiet)
    parts.dismiss.click(browsing.dismiss, shown, outputs, **quiet)

    noted = script.call("common/address", "added")
    parts.add.click(None, parts.name, js=noted, **QUIET)
    parts.add.click(adding.upload, [*library, parts.files, parts.spoken], outputs, **quiet)
    parts.saved.see(browsing.see_saved, library, outputs, **quiet)
    parts.saved.forget(browsing.forget_saved, shown, outputs, **quiet)
    if parts.path is not None:
        path = [*library, parts.path, parts.copy, parts.spoken]
        gr.on([parts.path.submit, parts.add_path.click], None, parts.name, js=noted, **QUIET)
        gr.on([parts.path.submit, parts.add_path.click], adding.add_path, path, outputs, **quiet)

    focus: dict[str, Any] = {"js": script.call(MODULE, "focus"), **QUIET}
    parts.table.choose(selection.select, library, outputs, **latest).then(None, **focus)
    file = parts.formats.export(selection.download, selected, parts.download, **quiet)
    file.success(None, parts.download, js=script.call("common/download", "download"), **QUIET)
    parts.edit.click(selection.edit, selected, outputs, **quiet).then(None, **focus)
    entered = [one.submit for one in metadata if one is not parts.language]
    gr.on([*entered, parts.save.click], selection.save, [*shown, *metadata], outputs, **quiet)
    parts.ask_remove.click(selection.ask_remove, selected, outputs, **quiet).then(None, **focus)
    parts.remove.click(selection.remove, shown, outputs, **quiet)
    parts.undo.click(selection.undo, [*library, parts.view, parts.undoing], outputs, **quiet)
    parts.binned.restore(selection.restore, [*library, parts.view], outputs, **quiet)
    parts.binned.discard(selection.discard, [*library, parts.view], outputs, **quiet)
    parts.clear.click(selection.clear, [*library, parts.view], outputs, **quiet)
    gr.on([parts.cancel_edit.click, parts.cancel_remove.click], selection.cancel, selected, outputs, **quiet)

    _connect_sources(SourceHandlers(service, parts), parts, library, **quiet)
    _connect_maintenance(MaintenanceHandlers(service, parts), parts, library, **quiet)


def _connect_sources(sources: SourceHandlers, parts: LibraryComponents, library: list[Any], **quiet: Any) -> None:
    """Watched folders and podcasts, where there are any."""
    if parts.sources is None:
        return
    outputs = parts.all()
    gr.on([parts.folder.submit, parts.watch.click], sources.watch, [*library, parts.folder], outputs, **quiet)
    gr.on([parts.feed.submit, parts.follow.click], sources.follow, [*library, parts.feed], outputs, **quiet)
    parts.update_feeds.click(sources.update, library, outputs, **quiet)
    parts.source_list.leave(sources.leave, library, outputs, **quiet)


def _connect_maintenance(
    maintenance: MaintenanceHandlers, parts: LibraryComponents, library: list[Any], **quiet: Any
) -> None:
    """New libraries, and the care of this one, where libraries may be changed."""
    if parts.maintenance is None:
        return
    outputs = parts.all()
    new = [parts.new_name, parts.new_archive, *library]
    gr.on([parts.new_name.submit, parts.create.click], maintenance.create, new, outputs, **quiet)
    another = [parts.another_name, *library]
    gr.on([parts.another_name.submit, parts.rename.click], maintenance.rename, another, outputs, **quiet)
    parts.delete.click(maintenance.delete, [parts.typed_name, *library], outputs, **quiet)
    parts.check.click(maintenance.check, library, outputs, **quiet)
    parts.repair.click(maintenance.repair, library, outputs, **quiet)
    parts.export.click(maintenance.export, library, outputs, **quiet)
    parts.transcribe.click(maintenance.transcribe, library, outputs, **quiet)
    parts.reembed.click(maintenance.reembed, library, outputs, **quiet)
