"""What every reader gives and every consumer takes: sentences, and clips of recorded ones, each in a split.

A split is "train", "validation" or "test": 6 % validation and 12 % test, fixed by hashes and so for ever.
"""

import hashlib
import os
import re
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar


@dataclass(frozen=True)
class Sentence:
    """A sentence in writing."""

    id: str
    text: str
    language: str  # BCP-47 tag
    category: str  # or ""
    split: str
    place: str  # where it was read, for messages: "pairs.csv line 7"


@dataclass(frozen=True)
class Clip(Sentence):
    """A sentence that somebody spoke: one recorded utterance."""

    corpus: str
    speaker: str  # or ""
    path: Path  # the encoded file, or the zip archive that holds it
    member: str = ""  # its name in the archive

    def audio(self) -> Path | bytes:
        """The recording as `clasp.decode` takes it: its path, or its encoded bytes where it is in an archive."""
        return open_archive(self.path, os.getpid()).read(self.member) if self.member else self.path


class SkippedRow(NamedTuple):
    """A row that cannot be used: where it stands, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


AnySentence = TypeVar("AnySentence", bound=Sentence)


def split_of(key: str) -> str:
    """The split that everything named `key` (a speaker, a sentence) belongs to."""
    share = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32
    return "test" if share < 0.12 else "validation" if share < 0.18 else "train"


def letters(text: str) -> str:
    """What two spellings of a sentence have in common; the key of splits by sentence."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def remove_leaks(sentences: list[AnySentence]) -> tuple[list[AnySentence], list[AnySentence]]:
    """The sentences without those of the training split that a held-out split has too; and those."""
    held_out = {(one.language, letters(one.text)) for one in sentences if one.split != "train"}
    clean: list[AnySentence] = []
    leaks: list[AnySentence] = []
    for one in sentences:
        leaked = one.split == "train" and (one.language, letters(one.text)) in held_out
        (leaks if leaked else clean).append(one)
    return clean, leaks


@cache
def open_archive(path: Path, process: int) -> zipfile.ZipFile:
    """The open archive; every process has its own, for they would move each other's place in a shared file."""
    return zipfile.ZipFile(path)
