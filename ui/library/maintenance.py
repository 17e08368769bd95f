"""Looking after a library from the page, as jobs: checking, repairing, exporting, importing, transcribing, embedding
anew."""

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
from ui.jobs import Progress, Report, Work
from ui.library.state import Shown, Tab, told
from ui.library.transcribing import transcribing
from ui.service import VISIT

if TYPE_CHECKING:
    from clasp import Clasp
    from index.registry import LibraryRegistry

SCRATCH = ".export-"  # begins the name of the folder, in the library's, in which its archive is made


def checking(folder: Path) -> Work:
    """Say what is wrong with a library."""

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Comparing every recording with what was added …")
        findings = repair.check(folder)
        if not findings:
            yield Report(("All is well: the library is whole, and every recording is where it was.",))
            return
        yield Report((f"Found: {labels.count(len(findings), 'thing')}.",), tuple(findings), wrong=True)

    return work


def repairing(registry: "LibraryRegistry", name: str) -> Work:
    """Put right what can be."""

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Putting right what can be. Until that is done, this library cannot be searched …")
        findings: list[str] = []
        registry.while_closed(name, lambda folder: findings.extend(repair.check(folder, mend=True)))
        yield Report(("Done." if findings else "Nothing had to be put right.",), tuple(findings))

    return work


def exporting(folder: Path, name: str) -> tuple[Work, tempfile.TemporaryDirectory]:
    """Write a library to one archive, in a folder that is given back, too."""
    for left in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    scratch = tempfile.TemporaryDirectory(prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True)

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Packing the library and its recordings …")
        target = Path(scratch.name, f"{name}.zip")
        archive.pack(folder, target)
        size = labels.size(target.stat().st_size)
        yield Report((f"The library is ready as one file of {size}, recordings included.",), archive=target)

    return work, scratch


def importing(upload: Path, registry: "LibraryRegistry", name: str) -> Work:
    """Make a new library of an archive, which is deleted then."""
    folder = registry.new_folder(name)

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        try:
            yield Progress("Unpacking the archive …")
            archive.unpack(upload, folder)
        finally:
            upload.unlink(missing_ok=True)
        yield Report((f"“{folder.name}” is now one of your libraries: choose it above.",))

    return work


def embedding(folder: Path, model: "Clasp") -> Work:
    """Make a library searchable with the model in use."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Looking at the library …")
        with closing(reembed(folder, model)) as states:
            for state in states:
                done = f"{state.done:,} of {labels.count(state.total, 'utterance')}"
                yield Progress(state.current or "Finishing …", state.share, (done,))
                if stopping.is_set() and not state.finished:
                    yield Report(("Stopped. Start it again, and it goes on from here.",))
                    return
        if state.failed:
            details = tuple(f"{title}: {reason}" for title, reason in state.failed)
            sentence = "Nothing was changed, for some recordings cannot be heard: put them back, and start again."
            yield Report((sentence,), details, wrong=True)
            return
        yield Report((f"Done: {labels.count(state.total, 'utterance')} can be searched again.",))

    return work


class Caring(Tab):
    """What the library tab does when a library is to be made or looked after."""

    @told
    def create(self, title: str, archive: str | None, name: str, visit: str) -> Shown:
        """A new library, empty or from an archive."""
        self._may(not self._service.read_only)
        title, registry = " ".join((title or "").split()), self._service.opened().registry
        cleared = {self.parts.new_name: "", self.parts.new_archive: None}
        if archive:
            work = importing(Path(archive), registry, title)
            self._service.jobs.start(self._service.key(name, visit), f"Importing “{title}”", work, can_stop=False)
            return self._shown(name, visit) | cleared
        registry.create(title)
        libraries = gr.Dropdown(self._service.libraries(visit), value=title)
        return {self.parts.name: libraries, **self._shown(title, visit), **cleared}

    @told
    def check(self, name: str, visit: str) -> Shown:
        """Is the library whole?"""
        return self._care(name, visit, "Checking", checking(self._folder(name)))

    @told
    def repair(self, name: str, visit: str) -> Shown:
        """Put right what can be."""
        registry = self._service.opened().registry
        self._folder(name)
        return self._care(name, visit, "Repairing", repairing(registry, name))

    @told
    def export(self, name: str, visit: str) -> Shown:
        """Make one archive of it."""
        folder = self._folder(name)
        self._at_rest(name, visit)
        return self._care(name, visit, "Exporting", *exporting(folder, name))

    @told
    def transcribe(self, name: str, visit: str) -> Shown:
        """Transcribe what has no transcript yet."""
        self._folder(name)
        work = transcribing(self._service.library(name), self._service.opened().model)
        return self._care(name, visit, "Transcribing", work, can_stop=True)

    @told
    def embed(self, name: str, visit: str) -> Shown:
        """Make it searchable with the model in use."""
        work = embedding(self._folder(name), self._service.opened().model)
        return self._care(name, visit, "Preparing for this model", work, can_stop=True)

    def _folder(self, name: str) -> Path:
        """Of a library that may be looked after from the page, open or not."""
        self._may(self._service.may_change(name) and name != VISIT)
        registry = self._service.opened().registry
        if name not in registry.names():
            raise LibraryError(f"There is no library called {name!r}.")
        return registry.folder(name)

    def _care(
        self, name: str, visit: str, title: str, work: Work, scratch: tempfile.TemporaryDirectory | None = None, *,
        can_stop: bool = False,
    ) -> Shown:  # fmt: skip
        key = self._service.key(name, visit)
        self._service.jobs.start(key, title, work, can_stop=can_stop, scratch=scratch)
        return self._shown(name, visit)
