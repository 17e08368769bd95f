"""Creating libraries and their maintenance, as jobs: import, check, repair, export, transcribe, re-embed."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from clasp.errors import LibraryError
from index.store import archive, repair
from index.store.reembed import reembed
from ui import labels
from ui.events import Updates
from ui.jobs import Progress, Report, Work
from ui.library.handlers import LibraryHandlers, reports_errors
from ui.library.transcribing import CONTINUE, transcribing
from ui.service import VISIT

if TYPE_CHECKING:
    from clasp import Clasp
    from index.registry import LibraryRegistry

SCRATCH = ".export-"  # begins the name of the folder, in the library's, in which its archive is made


def checking(folder: Path) -> Work:
    """A job that says what is wrong with a library."""

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Checking every recording…")
        findings = repair.check(folder)
        if findings:
            yield Report((f"{labels.count(len(findings), 'problem')} found.",), tuple(findings), wrong=True)
        else:
            yield Report(("No problems found: the library is intact, and every recording is in place.",))

    return work


def repairing(registry: "LibraryRegistry", name: str) -> Work:
    """A job that repairs what can be repaired."""

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Repairing… This library cannot be searched until that is done.")
        findings: list[str] = []
        registry.while_closed(name, lambda folder: findings.extend(repair.check(folder, mend=True)))
        yield Report(("Done." if findings else "Nothing had to be repaired.",), tuple(findings))

    return work


def exporting(folder: Path, name: str) -> tuple[Work, tempfile.TemporaryDirectory]:
    """A job that writes a library to an archive, and the folder for it."""
    for left in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True)

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Packing the library and its recordings…")
        target = Path(scratch.name, f"{name}.zip")
        archive.pack(folder, target)
        size = labels.size(target.stat().st_size)
        yield Report((f"The archive is ready: {size}, recordings included.",), archive=target)

    return work, scratch


def importing(upload: Path, registry: "LibraryRegistry", name: str) -> Work:
    """A job that makes a new library of an archive, which is deleted afterwards."""
    folder = registry.new_folder(name)

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        try:
            yield Progress("Unpacking the archive…")
            archive.unpack(upload, folder)
        finally:
            upload.unlink(missing_ok=True)
        yield Report((f"“{folder.name}” is now one of your libraries: choose it above.",))

    return work


def reembedding(folder: Path, model: "Clasp") -> Work:
    """A job that makes a library searchable with the model in use."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Reading the library…")
        with closing(reembed(folder, model)) as states:
            for state in states:
                done = f"{state.done:,} of {labels.count(state.total, 'utterance')}"
                yield Progress(state.current or "Finishing…", state.share, (done,))
                if stopping.is_set() and not state.finished:
                    yield Report((f"Stopped. {CONTINUE}",))
                    return
        if state.failed:
            details = tuple(f"{title}: {reason}" for title, reason in state.failed)
            sentence = "Nothing was changed, because some recordings cannot be read: put them back and start again."
            yield Report((sentence,), details, wrong=True)
            return
        yield Report((f"Done: {labels.count(state.total, 'utterance')} can be searched again.",))

    return work


class MaintenanceHandlers(LibraryHandlers):
    """Handlers for creating a library, and for its maintenance."""

    @reports_errors
    def create(self, title: str, upload: str | None, name: str, token: str) -> Updates:
        """Create a library, empty or from an archive."""
        if self._service.read_only:
            raise LibraryError("No libraries can be created here.")
        tab, registry = self._components, self._service.opened().registry
        title = " ".join((title or "").split())
        cleared = {tab.new: gr.Accordion(open=False), tab.new_name: "", tab.new_archive: None}
        if upload:
            work = importing(Path(upload), registry, title)
            self._service.jobs.start(self._service.key(name, token), f"Importing “{title}”", work, can_stop=False)
            return self._show(name, token) | cleared
        registry.create(title)
        libraries = gr.Dropdown(self._service.libraries(token, to_add=True), value=title)
        return self._show(title, token) | {tab.name: libraries} | cleared

    @reports_errors
    def rename(self, new: str, name: str, token: str) -> Updates:
        """Give a library another name."""
        self._folder(name)
        self._service.jobs.require_idle(self._service.key(name, token))
        new = self._service.opened().registry.rename(name, new or "")
        libraries = gr.Dropdown(self._service.libraries(token, to_add=True), value=new)
        tab, done = self._components, f"The library is called “{new}” now."
        return self._show(new, token, done=done) | {tab.name: libraries, tab.another_name: ""}

    @reports_errors
    def delete(self, typed: str, name: str, token: str) -> Updates:
        """Delete a library for good, once its name was typed."""
        self._folder(name)
        self._service.jobs.require_idle(self._service.key(name, token))
        titles = {name: title for title, name in self._service.libraries(token, to_add=True)}
        if (typed or "").strip() not in (name, titles.get(name)):
            raise LibraryError(f"Nothing was deleted: type “{titles.get(name, name)}”, the name of this library.")
        self._service.opened().registry.delete(name)
        libraries = self._service.libraries(token, to_add=True)
        first = next((one for _, one in libraries if self._service.may_change(one)), libraries[0][1])
        shown = self._show(first, token, done=f"“{titles.get(name, name)}” is deleted.")
        return shown | {self._components.name: gr.Dropdown(libraries, value=first), self._components.typed_name: ""}

    @reports_errors
    def check(self, name: str, token: str) -> Updates:
        """Check that a library is intact."""
        return self._start(name, token, "Checking", checking(self._folder(name)))

    @reports_errors
    def repair(self, name: str, token: str) -> Updates:
        """Repair what can be repaired."""
        self._folder(name)
        return self._start(name, token, "Repairing", repairing(self._service.opened().registry, name))

    @reports_errors
    def export(self, name: str, token: str) -> Updates:
        """Make an archive of a library."""
        folder = self._folder(name)
        self._service.jobs.require_idle(self._service.key(name, token))
        return self._start(name, token, "Exporting", *exporting(folder, name))

    @reports_errors
    def transcribe(self, name: str, token: str) -> Updates:
        """Transcribe what has no transcript yet."""
        self._folder(name)
        work = transcribing(self._service.library(name), self._service.opened().model)
        return self._start(name, token, "Transcribing", work, can_stop=True)

    @reports_errors
    def reembed(self, name: str, token: str) -> Updates:
        """Make a library searchable with the model in use."""
        work = reembedding(self._folder(name), self._service.opened().model)
        return self._start(name, token, "Updating to this model", work, can_stop=True)

    def _folder(self, name: str) -> Path:
        """The folder of a library that the page may maintain, whether it can be opened or not."""
        self._service.require_change(name)
        registry = self._service.opened().registry
        if name == VISIT or name not in registry.names():
            raise LibraryError(f"There is no library called {name!r}.")
        return registry.folder(name)

    def _start(
        self, name: str, token: str, title: str, work: Work, scratch: tempfile.TemporaryDirectory | None = None, *,
        can_stop: bool = False,
    ) -> Updates:  # fmt: skip
        key = self._service.key(name, token)
        self._service.jobs.start(key, title, work, can_stop=can_stop, scratch=scratch)
        return self._show(name, token)
