"""Adding recordings as a job: what was uploaded, or a file or folder on this computer."""

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from clasp.errors import ClaspError, DataError, LibraryError
from clasp.filenames import readable
from clasp.settings import current
from index.ingest.pipeline import Ingestor
from index.ingest.sidecars import SUFFIXES as SIDECARS
from index.progress import AddProgress, FeedProgress
from ui import labels
from ui.events import Updates
from ui.jobs import Progress, Report, Work
from ui.library.handlers import LibraryHandlers, reports_errors
from ui.library.transcribing import completed
from ui.library.uploads import Upload
from ui.links import of_library
from ui.service import READ_ONLY, VISIT

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
    if all(Path(upload.given).suffix.lower() in SIDECARS for upload in uploads):
        raise DataError("There is no recording among these files: choose audio or video files, too.")
    seen: Counter[str] = Counter()
    recordings = []
    for upload in uploads:
        seen[upload.given] += 1
        target = folder / str(seen[upload.given]) / upload.given
        target.parent.mkdir(exist_ok=True)
        try:
            shutil.move(upload, target)
        except OSError as error:
            raise DataError(f"{upload.given} is no longer available: choose it again.") from error
        if target.suffix.lower() not in SIDECARS:
            recordings.append(target)
    return recordings


def typed_path(text: str) -> Path:
    """The file or folder on this computer that was typed in.

    Raises:
        DataError: if there is none.
    """
    path = Path(text.strip().strip("\"'")).expanduser()
    if not path.is_absolute():
        raise DataError(f"{text.strip()!r} is not a full path: write it from the top, such as {Path.home() / 'Music'}.")
    if not path.exists():
        raise DataError(f"There is no {path} on this computer.")
    return path


def adding(library: "Library", model: "Clasp", paths: list[Path], *, copy: bool, language: str, address: str) -> Work:
    """A job that adds recordings, given as files and folders, and transcribes them; `address` is where the library can
    be searched then."""

    def states() -> Generator[AddProgress, None, None]:
        return Ingestor(library, model, copy=copy, language=language).add(paths)

    return taking_up(states, library, model, address=address)


def taking_up(
    add: Callable[[], Generator[AddProgress, None, None]], library: "Library", model: "Clasp", *, address: str
) -> Work:
    """A job that adds recordings in some way, transcribes them, and runs the saved searches on them."""

    def work(stopping: threading.Event) -> Iterator[Progress | Report]:
        for state in steps(stopping):
            yield replace(state, search=address) if isinstance(state, Progress) and state.before else state

    def steps(stopping: threading.Event) -> Iterator[Progress | Report]:
        yield Progress("Looking for recordings…")
        state, stopped = None, False
        try:
            with closing(add()) as states:
                for state in states:
                    yield _progress(state)
                    if stopping.is_set() and not state.finished:
                        stopped = True
                        break
        except ClaspError as error:
            yield _report(state, f"{error} What was finished before is kept.", wrong=True)
            return
        report = _report(
            state, "Stopped. What was finished is kept; add the rest again to continue." if stopped else ""
        )
        if not stopped:
            last = yield from completed(Ingestor(library, model), model, stopping, before=report.sentences[0])
            report = replace(
                report, sentences=report.sentences + last.sentences, details=report.details + last.details,
                wrong=report.wrong or last.wrong,
            )  # fmt: skip
        yield replace(report, search=address) if state is not None and state.added else report

    return work


def _progress(state: AddProgress) -> Progress:
    unit = "episode" if isinstance(state, FeedProgress) else "file"
    facts = [f"{state.done} of {labels.count(state.total, unit)}"]
    if state.seconds:
        facts += [f"{labels.duration(state.seconds)} of audio", f"{state.speed:.0f}× real time"]
    if state.segments:
        facts.append(f"{labels.count(state.segments, 'utterance')} so far")
    if state.left is not None and state.done < state.total:
        facts.append(f"about {labels.duration(state.left)} left")
    now = state.current or "Finishing…"
    if state.current and state.file_seconds >= 60:
        now += f" · {labels.clock(state.file_seconds)}"
    return Progress(now, state.share, tuple(facts))


def _report(state: AddProgress | None, also: str, *, wrong: bool = False) -> Report:
    """The summary: counts, then every file that was not added, with its reason."""
    if state is None:
        return Report((also,) if also else (), wrong=wrong)
    added = f"{labels.count(state.added, 'recording')} added" if state.added else "No recording was added"
    if state.segments:
        length = labels.duration(state.seconds)
        added += (
            f": {labels.count(state.segments, 'utterance')} in {length} of audio, in {labels.duration(state.elapsed)}"
        )
    counts = [f"{added}."]
    updated = f", {state.updated} of them updated with a new transcript or metadata" if state.updated else ""
    counts += [f"{state.existing} already in the library{updated}."] if state.existing else []
    counts += [f"{len(state.silent)} without speech."] if state.silent else []
    counts += [f"{len(state.failed)} could not be read."] if state.failed else []
    counts += [f"{len(state.partial)} could be read only in part."] if state.partial else []
    details = [f"{readable(file.name)}: no speech found." for file in state.silent]
    details += [_reason(_name(file), reason) for file, reason in (*state.partial, *state.failed)]
    details += state.remarks
    details += [
        f"{readable(file.name)}: skipped, because its name is not that of a recording." for file in state.skipped
    ]
    if len(details) > SHOWN:
        details = [*details[:SHOWN], f"… and {len(details) - SHOWN} more."]
    return Report((" ".join(counts), also) if also else (" ".join(counts),), tuple(details), wrong)


def _name(file: Path | str) -> str:
    """The name of a file, or the title of an episode."""
    return readable(file.name if isinstance(file, Path) else file)


def _reason(name: str, reason: str) -> str:
    """One sentence that names the file."""
    return reason if reason.startswith(name) else f"{name}: {reason.rstrip('.')}."


class AddingHandlers(LibraryHandlers):
    """Handlers for adding recordings."""

    @reports_errors
    def upload(self, name: str, token: str, uploads: list[Upload] | None, language: str) -> Updates:
        """Add what was uploaded."""
        self._service.require_change(name)
        if not uploads:
            raise DataError("There is nothing to add yet: choose files first.")
        self._service.jobs.require_idle(self._service.key(name, token))
        guests = self._service.opened().guests
        library = guests.open_or_create(token) if name == VISIT else self._service.library(name, token)
        room = guests.bytes_left(token) if name == VISIT else None
        if room is not None and sum(Path(one).stat().st_size for one in uploads) > room:
            most = labels.size(current().guest_mib * 2**20)
            raise DataError(f"These files are too large: you have {labels.size(room)} of {most} left for this visit.")
        scratch = TemporaryDirectory(
            prefix="clasp-upload-", dir=library.folder.parent if name == VISIT else None, ignore_cleanup_errors=True
        )
        try:
            paths = gathered(uploads, Path(scratch.name))
            self._add(name, token, library, paths, copy=True, language=language, scratch=scratch)
        except BaseException:
            scratch.cleanup()
            raise
        return self._show(name, token) | {self._components.files: None}

    @reports_errors
    def add_path(self, name: str, token: str, path: str, copy: bool, language: str) -> Updates:
        """Add a file or folder on this computer."""
        if not self._service.local:
            raise LibraryError(READ_ONLY)
        library = self._own(name, token)
        if not path.strip():
            raise DataError("There is nothing to add yet: enter the path of a file or folder.")
        self._add(name, token, library, [typed_path(path)], copy=copy, language=language)
        return self._show(name, token) | {self._components.path: ""}

    def _add(
        self, name: str, token: str, library: "Library", paths: list[Path], *, copy: bool, language: str,
        scratch: TemporaryDirectory | None = None,
    ) -> None:  # fmt: skip
        title = {known: title for title, known in self._service.libraries(token)}[name]
        model = self._service.opened().model
        work = adding(library, model, paths, copy=copy, language=language or "", address=of_library(name))
        self._service.jobs.start(self._service.key(name, token), f"Adding to “{title}”", work, scratch=scratch)
