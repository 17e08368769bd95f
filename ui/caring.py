"""Looking after a library from the page, as jobs: checking, repairing, exporting, importing, embedding anew."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from index import archive, reembed, repair

from . import labels
from .jobs import Progress, Report, Work

if TYPE_CHECKING:
    from clasp import Clasp
    from index.shelf import Shelf

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


def repairing(shelf: "Shelf", name: str) -> Work:
    """Put right what can be."""

    def work(_: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Putting right what can be. Until that is done, this library cannot be searched …")
        findings: list[str] = []
        shelf.changed(name, lambda folder: findings.extend(repair.check(folder, mend=True)))
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


def importing(upload: Path, shelf: "Shelf", name: str) -> Work:
    """Make a new library of an archive, which is deleted then."""
    folder = shelf.new_folder(name)

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
        states = reembed.reembed(folder, model)
        state = reembed.State(0)
        try:
            for state in states:
                done = f"{state.done:,} of {labels.count(state.segments, 'utterance')}"
                yield Progress(state.title or "Finishing …", state.done / max(1, state.segments), (done,))
                if stopping.is_set() and not state.finished:
                    yield Report(("Stopped. Start it again, and it goes on from here.",))
                    return
        finally:
            states.close()
        if state.failed:
            details = tuple(f"{title}: {reason}" for title, reason in state.failed)
            sentence = "Nothing was changed, for some recordings cannot be heard: put them back, and start again."
            yield Report((sentence,), details, wrong=True)
            return
        yield Report((f"Done: {labels.count(state.segments, 'utterance')} can be searched again.",))

    return work
