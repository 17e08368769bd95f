"""What a corpus is built from: sentences to be spoken, each by an engine, and recorded clips.

`training_items` and `validation_items` are what the bundled model learns from.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clasp.errors import DataError
from clasp.phones import inventory
from clasp.training.data import corpora, parallel, synthesis, tables
from clasp.training.data.clips import Clip, Sentence, SkippedRow, letters, split_of
from clasp.training.data.readers import language_tag

SPOKEN_LANGUAGES = (
    "af", "ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "eo", "es", "et", "eu", "fa", "fi", "fr", "he",
    "hi", "hr", "hu", "hy", "id", "is", "it", "ka", "kk", "ko", "la", "lt", "lv", "mk", "ml", "mr", "ms", "nb",
    "ne", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "tr", "uk", "ur", "uz",
    "vi", "zh",
)  # fmt: skip
"""Languages synthesised beside English. Not Japanese: espeak-ng cannot read kanji."""

ENGLISH, FLITE, OTHER = 5_000, 1_500, 300
"""English sentences spoken by espeak-ng and flite, and sentences spoken in each other language (German, French, …)."""


@dataclass(frozen=True)
class Item:
    """An utterance to build: a sentence to be spoken by `engine`, or a recorded clip ("real")."""

    id: str
    text: str
    language: str
    engine: str
    english: str  # the same sentence in English where there is one, else ""
    clip: Clip | None = None
    category: str = ""
    split: str = "train"
    place: str = ""  # where the sentence was read, for messages


def training_items(data: Path) -> list[Item]:
    """What the bundled model learns from, shuffled: only what a model that ships may learn from."""
    draw = np.random.default_rng(0)
    pairs = parallel.training_pairs(data / "parallel", SPOKEN_LANGUAGES)
    pairs = [pairs[place] for place in draw.permutation(len(pairs))]
    held_out = {letters(clip.text) for clip in corpora.clips(data) if clip.split != "train"}
    english = list(dict.fromkeys(pair.english for pair in pairs if 4 <= len(pair.english.split()) <= 25))
    english = [text for text in english[: 2 * (ENGLISH + FLITE)] if letters(text) not in held_out]
    items = [Item(f"espeak-en-{n}", text, "en", "espeak", text) for n, text in enumerate(english[:ENGLISH])]
    flite = english[ENGLISH : ENGLISH + FLITE]
    items += [Item(f"flite-en-{n}", text, "en", "flite", text) for n, text in enumerate(flite)]
    for language in SPOKEN_LANGUAGES:
        shortest = 6 if language == "zh" else 15
        mine = [pair for pair in pairs if pair.language == language and shortest <= len(pair.other) <= 120]
        items += [
            Item(f"espeak-{language}-{n}", pair.other, language, "espeak", pair.english)
            for n, pair in enumerate(mine[:OTHER])
        ]
    items += recorded(clip for clip in corpora.clips(data) if clip.split == "train")
    return [items[place] for place in draw.permutation(len(items))]


def validation_items(data: Path) -> list[Item]:
    """Sentences, speakers and files of the validation split."""
    brown = [s for s in corpora.brown(data) if s.split == "validation" and 4 <= len(s.text.split()) <= 25]
    items = [
        Item(f"{engine}-{s.id}", s.text, "en", engine, s.text, split="validation")
        for engine, chosen in (("espeak", brown[:4_000:10]), ("flite", brown[5:4_000:10]))
        for s in chosen
    ]
    return items + recorded(clip for clip in corpora.clips(data) if clip.split == "validation")


def recorded(clips: Iterable[Clip]) -> list[Item]:
    """An item of every clip."""
    return [
        Item(
            clip.id, clip.text, clip.language, "real", clip.text if clip.language == "en" else "", clip,
            clip.category, clip.split, clip.place,
        )
        for clip in clips
    ]  # fmt: skip


def spoken(sentences: Iterable[Sentence], engines: list[str], voices: int) -> tuple[list[Item], list[SkippedRow]]:
    """Every sentence `voices` times, the engines that speak its language taking turns; and those that none speaks."""
    items: list[Item] = []
    skipped: list[SkippedRow] = []
    for number, one in enumerate(sentences):
        able = [engine for engine in engines if synthesis.speaks(engine, one.language)]
        if not able:
            skipped.append(SkippedRow(one.place, f"{' and '.join(engines)} cannot speak {one.language!r}"))
            continue
        for voice in range(voices):
            engine = able[(number + voice) % len(able)]
            items.append(Item(
                f"{engine}-{one.id}-{voice}", one.text, one.language, engine,
                one.text if one.language == "en" else "", None, one.category, one.split, one.place,
            ))  # fmt: skip
    return items, skipped


def sentences(path: Path, language: str = "en") -> tuple[list[Sentence], list[SkippedRow]]:
    """The sentences of a list, split by sentence, and the lines that cannot be used.

    Args:
        path: a CSV or TSV file with the column text and, where there are, language and category; or a text file
            of one sentence per line.
        language: of the lines that do not say theirs, a BCP-47 tag.

    Raises:
        DataError: if the file cannot be read, or no line can be used.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        rows = tables.read(path, ("text",))
    else:
        rows = [
            tables.TableRow(number, {"text": line.strip()}, "" if tables.is_utf8(line) else "is not UTF-8")
            for number, line in enumerate(tables.lines_of(path), 1)
            if line.strip()
        ]
    found: dict[tuple[str, str], Sentence] = {}
    skipped: list[SkippedRow] = []
    for row in rows:
        place = f"{path.name} line {row.line}"
        text = row.cells.get("text", "")
        named = row.cells.get("language") or language
        tag = language_tag(named)
        key = (named, " ".join(text.casefold().split()))
        if row.problem or not text:
            skipped.append(SkippedRow(place, row.problem or "has no text"))
        elif tag is None:
            skipped.append(SkippedRow(place, f"its language is {named!r}: expected a tag such as en, de or pt-BR"))
        elif not len(inventory.from_text(text, tag)):
            skipped.append(SkippedRow(place, "nothing of it can be said"))
        elif key in found:
            skipped.append(SkippedRow(place, f"is a duplicate of {found[key].place}"))
        else:
            category, split = row.cells.get("category", ""), split_of(letters(text))
            found[key] = Sentence(f"{path.stem}-{row.line:06d}", text, tag, category, split, place)
    if not found:
        example = f", for example {skipped[0]}" if skipped else ""
        raise DataError(f"{path}: none of its {len(rows)} lines can be used{example}")
    return list(found.values()), skipped
