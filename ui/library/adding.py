"""Adding from the page: what was uploaded, or lies on this computer, put into a library as a job."""

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from clasp.errors import ClaspError, DataError
from clasp.filenames import readable
from clasp.settings import current
from index.ingest.pipeline import Ingestor
from index.ingest.sidecars import SUFFIXES as SIDECAR_SUFFIXES
from index.progress import AddProgress
from ui import labels
from ui.jobs import Progress, Report, Work
from ui.library.state import Shown, Tab, told
from ui.library.transcribing import transcripts
from ui.library.uploads import Upload
from ui.service import VISIT

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library

SHOWN = 200  # files named in a report


def gathered(uploads: list[Upload], folder: Path) -> list[Path]:
    """Move uploads into a folder under their own names, where transcripts lie beside their recordings.

    Returns the recordings. Of several files with the same name, the second goes into a folder of its own, and so on.

    Raises:
        DataError: if there is no recording among them, or one is gone.
    """
    if all(Path(upload.given).suffix.lower() in SIDECAR_SUFFIXES for upload in uploads):
        raise DataError("There is no recording among these files: choose sound files or videos, too.")
    seen: Counter[str] = Counter()
    recordings = []
    for upload in uploads:
        seen[upload.given] += 1
        target = folder / str(seen[upload.given]) / upload.given
        target.parent.mkdir(exist_ok=True)
        try:
            shutil.move(upload, target)
        except OSError as error:
            raise DataError(f"{upload.given} is no longer here: choose it once more.") from error
        if target.suffix.lower() not in SIDECAR_SUFFIXES:
            recordings.append(target)
    return recordings


def typed_path(text: str) -> Path:
    """The file or folder on this computer that was typed in.

    Raises:
        DataError: if there is none.
    """
    path = Path(text.strip().strip("\"'")).expanduser()
    if not path.is_absolute():
        raise DataError(f"{text.strip()!r} is no whole path: write it from the top, such as {Path.home() / 'Music'}.")
    if not path.exists():
        raise DataError(f"There is no {path} on this computer.")
    return path


def adding(library: "Library", model: "Clasp", paths: list[Path], *, copy: bool, language: str) -> Work:
    """A job that adds recordings, given as files and folders."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Looking at the files …")
        state, stopped = None, False
        try:
            ingestor = Ingestor(library, model, copy=copy, language=language)
            with closing(ingestor.add(paths)) as states:
                for state in states:
                    yield _progress(state)
                    if stopping.is_set() and not state.finished:
                        stopped = True
                        break
        except ClaspError as error:
            yield _report(state, f"{error} What was finished before stays.", wrong=True)
            return
        report = _report(state, "Stopped. What was finished stays; add the rest again to go on." if stopped else "")
        if not stopped:
            said = yield from transcripts(ingestor, stopping, before=f"{report.sentences[0]} It can be searched.")
            report = replace(
                report, sentences=report.sentences + said.sentences, details=report.details + said.details,
                wrong=report.wrong or said.wrong,
            )  # fmt: skip
        yield report

    return work


def _progress(state: AddProgress) -> Progress:
    facts = [f"{state.done} of {labels.count(state.total, 'file')}"]
    if state.seconds:
        facts += [f"{labels.length(state.seconds)} of sound", f"{state.speed:.0f}× as fast as listening"]
    if state.segments:
        facts.append(f"{labels.count(state.segments, 'utterance')} so far")
    if state.left is not None and state.done < state.total:
        facts.append(f"about {labels.length(state.left)} left")
    now = state.current or "Finishing …"
    if state.current and state.file_seconds >= 60:
        now += f" · {labels.clock(state.file_seconds)}"
    return Progress(now, state.share, tuple(facts))


def _report(state: AddProgress | None, also: str, *, wrong: bool = False) -> Report:
    """The summary: counts, then every file that was not added, with its reason."""
    if state is None:
        return Report((also,) if also else (), wrong=wrong)
    added = f"{labels.count(state.added, 'recording')} added" if state.added else "No recording was added"
    if state.segments:
        sound = labels.length(state.seconds)
        added += f": {labels.count(state.segments, 'utterance')} in {sound} of sound, {labels.length(state.elapsed)}"
    counts = [f"{added}."]
    updated = f", {state.updated} of them with another transcript or other facts" if state.updated else ""
    counts += [f"{state.existing} known before{updated}."] if state.existing else []
    counts += [f"{len(state.silent)} without speech."] if state.silent else []
    counts += [f"{len(state.failed)} could not be read."] if state.failed else []
    counts += [f"{len(state.partial)} could be read only up to a break."] if state.partial else []
    details = [f"{readable(file.name)}: nobody speaks in it." for file in state.silent]
    details += [_reason(readable(file.name), reason) for file, reason in (*state.partial, *state.failed)]
    details += state.remarks
    details += [f"{readable(file.name)}: by its name, it is no recording." for file in state.skipped]
    if len(details) > SHOWN:
        details = [*details[:SHOWN], f"… and {len(details) - SHOWN} more."]
    return Report((" ".join(counts), also) if also else (" ".join(counts),), tuple(details), wrong)


def _reason(name: str, reason: str) -> str:
    """One sentence that names the file."""
    return reason if reason.startswith(name) else f"{name}: {reason.rstrip('.')}."


class Adding(Tab):
    """What the library tab does when something is to be added."""

    @told
    def upload(self, name: str, visit: str, uploads: list[Upload] | None, language: str) -> Shown:
        """Put what was uploaded into a library."""
        self._may(self._service.may_change(name))
        if not uploads:
            raise DataError("There is nothing to add yet: choose files first.")
        self._at_rest(name, visit)
        guests = self._service.opened().guests
        library = guests.open_or_create(visit) if name == VISIT else self._service.library(name)
        room = guests.bytes_left(visit) if name == VISIT else None
        if room is not None and sum(Path(one).stat().st_size for one in uploads) > room:
            raise DataError(
                f"That is too much: {labels.size(room)} of {labels.size(current().guest_mib * 2**20)} are left to you "
                "in this visit."
            )
        scratch = TemporaryDirectory(
            prefix="clasp-upload-", dir=library.folder.parent if name == VISIT else None, ignore_cleanup_errors=True
        )
        try:
            paths = gathered(uploads, Path(scratch.name))
            self._add(name, visit, library, paths, copy=True, language=language, scratch=scratch)
        except BaseException:
            scratch.cleanup()
            raise
        return self._shown(name, visit) | {self.parts.files: None}

    @told
    def add_path(self, name: str, visit: str, path: str, copy: bool, language: str) -> Shown:
        """Add a file or folder of this computer."""
        self._may(self._service.local and self._service.may_change(name))
        if not path.strip():
            raise DataError("There is nothing to add yet: write where the file or folder is.")
        self._add(name, visit, self._own(name, visit), [typed_path(path)], copy=copy, language=language)
        return self._shown(name, visit) | {self.parts.path: ""}

    def _add(
        self, name: str, visit: str, library: "Library", paths: list[Path], *, copy: bool, language: str,
        scratch: TemporaryDirectory | None = None,
    ) -> None:  # fmt: skip
        title = dict(map(reversed, self._service.libraries(visit)))[name]
        model = self._service.opened().model
        work = adding(library, model, paths, copy=copy, language=language or "")
        self._service.jobs.start(self._service.key(name, visit), f"Adding to “{title}”", work, scratch=scratch)
