"""How far long work on a library has come: adding recordings, transcribing them, embedding them anew."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar


@dataclass(frozen=True)
class Progress:
    """How far it has come. The last one is the summary."""

    total: int  # utterances; files, where recordings are added
    done: int = 0  # of those
    current: str = ""  # name of the file, or title of the recording, that is worked on
    seconds: float = 0.0  # of sound that has been worked on
    elapsed: float = 0.0  # seconds since the beginning
    failed: tuple[tuple[Path | str, str], ...] = ()  # files, or titles of recordings, that cannot be read, and why
    finished: bool = False

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def speed(self) -> float:
        """Seconds of sound per second."""
        return self.seconds / self.elapsed if self.elapsed else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, if it goes on like this; None at the beginning."""
        return self.elapsed * (1 / self.share - 1) if self.share else None


@dataclass(frozen=True)
class AddProgress(Progress):
    """How far adding has come."""

    bytes: int = 0  # of all files
    bytes_done: float = 0  # of the files that are done, and of the current one as far as is known
    length: float | None = None  # seconds of all files; None where that is not known, or not yet
    length_done: float = 0.0  # seconds of the files that are done, and of the current one as far as is known
    file_seconds: float = 0.0  # of the current file
    added: int = 0  # files
    existing: int = 0  # files that were in the library already
    updated: int = 0  # of those, whose transcript or facts are other than they were
    segments: int = 0
    silent: tuple[Path, ...] = ()  # files in which nobody speaks
    partial: tuple[tuple[Path, str], ...] = ()  # files that were added, but not all of them, and why
    skipped: tuple[Path, ...] = ()  # files in folders whose names are no recording's
    remarks: tuple[str, ...] = ()  # sentences on what was not understood of transcripts and tables

    @property
    def share(self) -> float:
        """How much of the sound is done, 0 to 1; of the bytes, where nobody knows how long it is."""
        done, whole = (self.length_done, self.length) if self.length else (self.bytes_done, self.bytes)
        return min(1.0, done / whole) if whole else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, if it goes on like this; None where nobody knows how long the files are, for
        their bytes do not tell."""
        if not self.length or not self.speed:
            return None
        return max(0.0, self.length - self.length_done) / self.speed


@dataclass(frozen=True)
class FeedProgress(AddProgress):
    """How far taking up the episodes of feeds has come; what is `failed` is named by its title."""

    @property
    def share(self) -> float:
        """How many of the episodes are done, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the other episodes will take, if they are as long as those before."""
        return self.elapsed * (1 / self.share - 1) if self.share else None


@dataclass(frozen=True)
class TranscribeProgress(Progress):
    """How far transcribing has come."""

    transcribed: int = 0  # utterances in which something was understood
    fused: int = 0  # utterances whose transcript was taken into the vector


Parameters = ParamSpec("Parameters")
SomeProgress = TypeVar("SomeProgress", bound=Progress)


def timed(
    work: Callable[Parameters, Generator[SomeProgress, None, None]],
) -> Callable[Parameters, Generator[SomeProgress, None, None]]:
    """Have a generator of progress say, too, how long it has taken."""

    @wraps(work)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Generator[SomeProgress, None, None]:
        started = time.perf_counter()
        with closing(work(*args, **kwargs)) as progress:
            for one in progress:
                yield replace(one, elapsed=time.perf_counter() - started)

    return run
