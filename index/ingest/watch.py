"""Folders that are watched: their recordings are taken up once they are complete.

watch = FolderWatch([Path("interviews")])
while True:
    changes = watch.look()
    for progress in ingestor.add(changes.ready) if changes.ready else ():
        print(progress.current)
    time.sleep(10)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clasp.errors import DataError
from clasp.filenames import readable
from index.ingest.sidecars import HIDDEN
from index.ingest.sidecars import SUFFIXES as TEXTS
from index.ingest.walk import find_files

Stamp = tuple[int, int]  # size in bytes and time of the last change in nanoseconds


@dataclass(frozen=True)
class Changes:
    """What has happened since the last look."""

    ready: tuple[Path, ...] = ()  # recordings that are new or other than they were, and complete
    gone: tuple[Path, ...] = ()  # recordings that were there


class FolderWatch:
    """Compares what is in some folders with what was in them at the last look.

    A file is complete when nothing has changed it between two looks: whoever copies or records into a folder is waited
    for. A transcript or table that was put beside recordings, or changed, makes those of its folder ready again.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._recordings: set[Path] = set()
        self._seen: dict[Path, Stamp] = {}  # of recordings and texts, at the last look
        self._taken: dict[Path, Stamp] = {}  # when they were ready

    def look(self) -> Changes:
        """What has become ready, and what is gone, since the last look; the first one makes nothing ready.

        Raises:
            DataError: if one of the paths is not there: perhaps a disk is not connected. Nothing counts as gone then.
        """
        recordings = _recordings(self._paths)
        texts = {file for folder in {one.parent for one in recordings} for file in _texts(folder)}
        seen = {file: stamp for file in recordings | texts if (stamp := _stamp(file)) is not None}
        complete = {file for file, stamp in seen.items() if self._seen.get(file) == stamp}
        changed = {file for file in complete if self._taken.get(file) != seen[file]}
        folders = {file.parent for file in changed & texts}
        ready = {file for file in complete & recordings if file in changed or file.parent in folders}
        gone = self._recordings - recordings
        self._recordings, self._seen = recordings, seen
        self._taken = {file: self._taken[file] for file in self._taken.keys() & seen.keys()}
        self._taken |= {file: seen[file] for file in changed}
        return Changes(tuple(sorted(ready)), tuple(sorted(gone)))


def _recordings(paths: Sequence[Path]) -> set[Path]:
    for path in paths:
        if not path.exists():
            raise DataError(f"There is no {readable(str(path))}: connect its disk, or give folders that exist.")
    try:
        return set(find_files(paths).files)
    except DataError:  # there is none yet
        return set()


def _texts(folder: Path) -> list[Path]:
    """Transcripts and tables in a folder."""
    try:
        return [file for file in folder.iterdir() if file.suffix.lower() in TEXTS and not file.name.startswith(HIDDEN)]
    except OSError:
        return []


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None  # it was removed meanwhile
    return status.st_size, status.st_mtime_ns
