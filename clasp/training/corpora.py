"""Readers of the training corpora: Brown sentences by category, and packed clips of real speech.

Splits are fixed here, once, for training and evaluation alike: whole Brown files, and whole speakers
(and their sentences) of real speech, are held out.
"""

import csv
import hashlib
import io
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import DataError

MAX_TOKENS = 47  # the rule of Speech Brown: 55,173 of 57,340 sentences have at most 47 tokens
CATEGORIES = (
    "adventure", "belles_lettres", "editorial", "fiction", "government", "hobbies", "humor", "learned",
    "lore", "mystery", "news", "religion", "reviews", "romance", "science_fiction",
)  # fmt: skip


@dataclass(frozen=True)
class Sentence:
    """One written sentence. `split` is "train", "validation" or "test", by whole Brown files."""

    id: str
    text: str
    category: str
    file: str
    split: str


@dataclass(frozen=True)
class Clip:
    """One recorded utterance of a packed corpus; `audio` is the encoded file as stored (Ogg Opus)."""

    id: str
    corpus: str
    language: str
    speaker: str
    text: str
    split: str
    archive: Path
    member: str

    def audio(self) -> bytes:
        """The encoded file."""
        return _archive(self.archive, os.getpid()).read(self.member)


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder of training data: the one given, else $CLASP_DATA, ./data or ../shared/data.

    Raises:
        DataError: if none of them holds brown.zip.
    """
    if folder is not None:
        candidates = [Path(folder)]
    elif os.environ.get("CLASP_DATA"):
        candidates = [Path(os.environ["CLASP_DATA"])]
    else:
        candidates = [Path("data"), Path("../shared/data")]
    for candidate in candidates:
        if (candidate / "brown.zip").is_file():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise DataError(
        f"No training data found (looked for brown.zip in {looked}): give the folder with --data."
    )


def brown(folder: str | Path | None = None) -> list[Sentence]:
    """Sentences of the Brown corpus of at most 47 tokens, in file order: 55,173 of them.

    Files whose number ends in 0 are the test split, in 5 the validation split.
    """
    path = data_folder(folder) / "brown.zip"
    with zipfile.ZipFile(path) as archive:
        categories = dict(
            line.split() for line in archive.read("brown/cats.txt").decode().splitlines() if line
        )
        sentences = []
        for name in sorted(categories):
            lines = archive.read(f"brown/{name}").decode().splitlines()
            tagged = [line.split() for line in lines if line.strip()]
            for number, tokens in enumerate(tagged):
                if len(tokens) > MAX_TOKENS:
                    continue
                text = _detokenize([token.rsplit("/", 1)[0] for token in tokens])
                split = {"0": "test", "5": "validation"}.get(name[-1], "train")
                sentences.append(Sentence(f"{name}-{number:03d}", text, categories[name], name, split))
    return sentences


def clips(folder: str | Path | None = None, corpora: tuple[str, ...] | None = None) -> list[Clip]:
    """Real speech: every clip of `speech/*.zip`, or of the named archives, with its split.

    A speaker is wholly in one split (6 % validation, 12 % test); corpora read by one person are split by
    sentence. A clip of the training split whose sentence is spoken in a held-out split is left out.
    """
    root = data_folder(folder) / "speech"
    found: list[Clip] = []
    for path in sorted(root.glob("*.zip")):
        if corpora is not None and path.stem not in corpora:
            continue
        archive = _archive(path, os.getpid())
        members = {Path(name).name: name for name in archive.namelist()}
        metadata = io.StringIO(archive.read(members["metadata.tsv"]).decode())
        rows = list(csv.DictReader(metadata, delimiter="\t", quoting=csv.QUOTE_NONE))
        one_reader = len({row["speaker"] for row in rows}) == 1
        for row in rows:
            key = _normal(row["text"]) if one_reader else row["speaker"]
            found.append(Clip(
                id=Path(row["file"]).stem, corpus=path.stem, language=row["language"], speaker=row["speaker"],
                text=row["text"], split=_split(f"{path.stem}/{key}"), archive=path, member=members[row["file"]],
            ))  # fmt: skip
    held_out = {(clip.language, _normal(clip.text)) for clip in found if clip.split != "train"}
    return [
        clip for clip in found if clip.split != "train" or (clip.language, _normal(clip.text)) not in held_out
    ]


def batched(iterable: list, size: int) -> Iterator[list]:
    """Consecutive lists of at most `size` items."""
    for start in range(0, len(iterable), size):
        yield iterable[start : start + size]


@cache
def _archive(path: Path, process: int) -> zipfile.ZipFile:
    """The open archive; every process has its own, for they would move each other's place in a shared file."""
    return zipfile.ZipFile(path)


def _split(key: str) -> str:
    share = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32
    return "test" if share < 0.12 else "validation" if share < 0.18 else "train"


def _normal(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def _detokenize(tokens: list[str]) -> str:
    text = " ".join(tokens).replace("``", '"').replace("''", '"').replace("--", " - ")
    text = re.sub(r'"\s*([^"]*?)\s*"', r'"\1"', text)
    text = re.sub(r"\s+([,.;:?!)'\]])", r"\1", text)
    text = re.sub(r"([(\[])\s+", r"\1", text)
    text = re.sub(r"([.?!;,:])(?:\s*\1)+", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()
