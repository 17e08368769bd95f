"""Parallel text: sentences in English beside their translations.

    pairs = training_pairs(Path("data/parallel"), LANGUAGES, exclude=held_out)
    tests = flores(Path("data/parallel"), "de")

Each archive of the folder holds `<source>/<language>.tsv` (English TAB other, UTF-8) and its licence.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import re
import tarfile
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from clasp.errors import DataError

LANGUAGES = ("ar", "de", "es", "fa", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh")
"""The languages beside English, as BCP-47 tags."""

LICENCES = {
    "laser_tatoeba_v1": "CC BY 2.0 FR (Tatoeba)",
    "stsb_multi_mt": "CC BY-SA 4.0; underlying texts as named there",
    "korsts": "CC BY-SA 4.0",
    "tico19": "CC0 1.0",
    "indian_parallel_corpora": "CC BY-SA 3.0",
    "xcopa": "CC BY 4.0",
    "xquad": "CC BY-SA 4.0",
    "mlqa_dev_questions": "CC BY-SA 3.0",
    "storybooks_ccby": "CC BY 4.0",
    "opennmt_ende_demo": "MIT (repository)",
    "korean_parallel_corpora": "CC BY-SA 3.0",
    "tldr_pages": "CC BY 4.0",
    "bible_open": "public domain; Portuguese CC BY 3.0 BR",
}
"""Training sources, in the order of trust: of equal pairs the first source's is kept. Every one may be used
commercially; the Tatoeba Challenge collection may not, and is left out."""

CAPS = {"bible_open": 3_000, "tldr_pages": 2_000}
"""Most pairs per language taken from sources whose language is archaic or technical."""

FLORES = "flores_devtest"
"""The standard translation test set. Evaluation only: its sentences are dropped from all training data."""

_ALIASES = {"fa": ("fa", "prs")}
_NOT_LETTERS = re.compile(r"[\W_]+")


class Pair(NamedTuple):
    english: str
    other: str
    language: str
    source: str


def key(text: str) -> str:
    """What two spellings of one sentence have in common: its letters and digits, without case."""
    return _NOT_LETTERS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def is_development(english: str) -> bool:
    """Whether a sentence is one of the hundredth part that is kept out of training, with all its translations."""
    return int(hashlib.sha256(key(english).encode()).hexdigest()[:8], 16) % 100 == 0


def read(folder: Path, source: str, languages: Collection[str] | None = None) -> Iterator[Pair]:
    """Yield the pairs of one source, for the languages asked for (None: all), in the order stored.

    A line without exactly two non-empty columns is skipped.
    Raises DataError when the archive is missing or damaged.
    """
    archive = folder / f"{source}.tar.xz"
    if not archive.is_file():
        raise DataError(f"No parallel text at {archive}; expected an archive with {source}/<language>.tsv in it.")
    try:
        with tarfile.open(archive, "r:xz") as tar:
            for member in tar:
                name = Path(member.name)
                if name.suffix != ".tsv" or (languages is not None and name.stem not in languages):
                    continue
                file = tar.extractfile(member)
                if file is None:
                    continue
                for line in io.TextIOWrapper(file, encoding="utf-8", newline="\n"):
                    columns = [column.strip() for column in line.split("\t")]
                    if len(columns) == 2 and all(columns):
                        yield Pair(columns[0], columns[1], name.stem, source)
    except (tarfile.TarError, lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{archive} cannot be read ({error}); expected an intact .tar.xz archive.") from error


def flores(folder: Path, language: str) -> list[Pair]:
    """The test pairs of one language, for evaluation only."""
    return list(read(folder, FLORES, {language}))


def flores_keys(folder: Path, languages: Collection[str]) -> set[str]:
    """The keys of all test sentences in English and in these languages, which no training may contain."""
    return {key(text) for pair in read(folder, FLORES, languages) for text in (pair.english, pair.other)}


def training_pairs(folder: Path, languages: Collection[str] = LANGUAGES, exclude: Collection[str] = ()) -> list[Pair]:
    """All training pairs of these languages, de-duplicated across the sources that are there.

    exclude holds sentence keys (see `key`); a pair is dropped when either side has one of them.
    FLORES sentences are dropped as well. Closely related varieties (Dari) count as their language.
    """
    tags = {alias: language for language in languages for alias in _ALIASES.get(language, (language,))}
    banned = set(exclude) | flores_keys(folder, set(tags))
    seen: set[tuple[str, str, str]] = set()
    pairs: list[Pair] = []
    for source in _present(folder):
        taken: dict[str, int] = {}
        for pair in read(folder, source, set(tags)):
            language = tags[pair.language]
            mine = (language, key(pair.english), key(pair.other))
            if mine in seen or not mine[1] or not mine[2] or not banned.isdisjoint(mine[1:]):
                continue
            if taken.get(language, 0) >= CAPS.get(source, len(seen) + 1):
                continue
            taken[language] = taken.get(language, 0) + 1
            seen.add(mine)
            pairs.append(pair._replace(language=language))
    return pairs


def english_sentences(folder: Path, exclude: Collection[str] = ()) -> list[str]:
    """The distinct English sides of all training sources, those with most translations first."""
    banned = set(exclude) | {key(pair.english) for pair in read(folder, FLORES)}
    counts: dict[str, int] = {}
    spelling: dict[str, str] = {}
    for source in _present(folder):
        for pair in read(folder, source):
            mine = key(pair.english)
            if mine and mine not in banned:
                counts[mine] = counts.get(mine, 0) + 1
                spelling.setdefault(mine, pair.english)
    return [spelling[mine] for mine in sorted(counts, key=lambda mine: -counts[mine])]


def _present(folder: Path) -> list[str]:
    sources = [source for source in LICENCES if (folder / f"{source}.tar.xz").is_file()]
    if not sources:
        raise DataError(f"No parallel text in {folder}; expected archives such as {next(iter(LICENCES))}.tar.xz.")
    return sources
