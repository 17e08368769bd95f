"""Readers of the training corpora: Brown sentences by category, and packed clips of real speech.

Splits are fixed here, once, for training and evaluation alike: whole Brown files, and whole speakers
(and their sentences) of real speech, are held out.
"""

import csv
import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from clasp.errors import DataError
from clasp.settings import current
from clasp.training.data.clips import Clip, Sentence, letters, open_archive, remove_leaks, split_of

MAX_TOKENS = 47  # the rule of Speech Brown: 55,173 of 57,340 sentences have at most 47 tokens
CATEGORIES = (
    "adventure", "belles_lettres", "editorial", "fiction", "government", "hobbies", "humor", "learned",
    "lore", "mystery", "news", "religion", "reviews", "romance", "science_fiction",
)  # fmt: skip


def data_folder(folder: str | Path | None = None) -> Path:
    """The folder of training data: the one given, else $CLASP_DATA, ./data or ../shared/data.

    Raises:
        DataError: if none of them holds brown.zip.
    """
    if folder is not None:
        candidates = [Path(folder)]
    elif current().data:
        candidates = [Path(current().data)]
    else:
        candidates = [Path("data"), Path("../shared/data")]
    for candidate in candidates:
        if (candidate / "brown.zip").is_file():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise DataError(f"No training data found (looked for brown.zip in {looked}): give the folder with --data.")


def brown(folder: str | Path | None = None) -> list[Sentence]:
    """Sentences of the Brown corpus of at most 47 tokens, in file order: 55,173 of them.

    Files whose number ends in 0 are the test split, in 5 the validation split.
    """
    path = data_folder(folder) / "brown.zip"
    with zipfile.ZipFile(path) as archive:
        categories = dict(line.split() for line in archive.read("brown/cats.txt").decode().splitlines() if line)
        sentences = []
        for name in sorted(categories):
            lines = archive.read(f"brown/{name}").decode().splitlines()
            tagged = [line.split() for line in lines if line.strip()]
            for number, tokens in enumerate(tagged):
                if len(tokens) > MAX_TOKENS:
                    continue
                text = _detokenize([token.rsplit("/", 1)[0] for token in tokens])
                split = {"0": "test", "5": "validation"}.get(name[-1], "train")
                place = f"brown/{name} sentence {number + 1}"
                sentences.append(Sentence(f"{name}-{number:03d}", text, "en", categories[name], split, place))
    return sentences


def clips(folder: str | Path | None = None, corpora: tuple[str, ...] | None = None) -> list[Clip]:
    """Real speech: every clip of `speech/*.zip`, or of the named archives, with its split.

    A speaker is wholly in one split (6 % validation, 12 % test); corpora read by one person are split by
    sentence. A clip of the training split whose sentence is spoken in a held-out split is left out.
    """
    paths = sorted((data_folder(folder) / "speech").glob("*.zip"))
    return remove_leaks([clip for path in paths if corpora is None or path.stem in corpora for clip in packed(path)])[0]


def packed(path: Path) -> list[Clip]:
    """The clips of one archive: `metadata.tsv` (file, language, speaker, text) beside the recordings.

    Raises:
        DataError: if it is no such archive.
    """
    try:
        archive = open_archive(path, os.getpid())
        members = {Path(name).name: name for name in archive.namelist()}
        metadata = io.StringIO(archive.read(members["metadata.tsv"]).decode())
        rows = list(csv.DictReader(metadata, delimiter="\t", quoting=csv.QUOTE_NONE))
        one_reader = len({row["speaker"] for row in rows}) == 1
        return [
            Clip(
                id=Path(row["file"]).stem, text=row["text"], language=row["language"], category="",
                split=split_of(f"{path.stem}/{letters(row['text']) if one_reader else row['speaker']}"),
                place=f"{path.name} metadata.tsv line {line}", corpus=path.stem, speaker=row["speaker"],
                path=path, member=members[row["file"]],
            )
            for line, row in enumerate(rows, 2)
        ]  # fmt: skip
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} cannot be read ({error!r}): expected a zip archive of clips and metadata.tsv "
            "with the columns file, language, speaker, text."
        ) from error


def batched(iterable: list, size: int) -> Iterator[list]:
    """Consecutive lists of at most `size` items."""
    for start in range(0, len(iterable), size):
        yield iterable[start : start + size]


def _detokenize(tokens: list[str]) -> str:
    text = " ".join(tokens).replace("``", '"').replace("''", '"').replace("--", " - ")
    text = re.sub(r'"\s*([^"]*?)\s*"', r'"\1"', text)
    text = re.sub(r"\s+([,.;:?!)'\]])", r"\1", text)
    text = re.sub(r"([(\[])\s+", r"\1", text)
    text = re.sub(r"([.?!;,:])(?:\s*\1)+", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()
