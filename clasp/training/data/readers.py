"""Recordings that people have, as clips: whatever the layout, one call, and bad rows named instead of raised.

    reading = read(Path("my-recordings"))
    print(reading.summary())
    for clip in reading.clips: ...

A path may be
- a folder of the published Speech Brown: `global_metadata.json` beside `dataset/partN/audios/*.wav`;
- a folder of Common Voice, or one of its TSV files (client_id, path, sentence, locale) beside `clips/`;
- a folder of FLEURS: `train.tsv`, `dev.tsv` and `test.tsv` beside `audio/train/*.wav` and so on;
- a CSV (or TSV) with the columns file and text and, where there are, language, speaker, category, split; or a
  folder with one, named metadata.csv where there are several. Files are relative to it;
- a packed corpus: a zip archive of clips and `metadata.tsv`.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from clasp.audio.decode import decode
from clasp.errors import ClaspError, DataError
from clasp.phones import inventory
from clasp.training.data import tables
from clasp.training.data.clips import Clip, SkippedRow, letters, remove_leaks, split_of
from clasp.training.data.corpora import packed

LONGEST = 30.0  # seconds of a clip
FASTEST = 0.03  # seconds that a phone takes at least: with fewer, the text is not what is said
SPLITS = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "test": "test", "testing": "test",
}  # fmt: skip
_TAGS = {"zh-hk": "yue"}  # BCP-47 tags whose first part is not the language that is spoken


class ReadResult(NamedTuple):
    """The clips that can be used, in the order of their rows, and the rows that cannot."""

    clips: list[Clip]
    skipped: list[SkippedRow]

    def summary(self) -> str:
        """One line: how many clips of each split, how many rows left out."""
        splits = Counter(clip.split for clip in self.clips)
        counts = ", ".join(f"{splits[split]} {split}" for split in ("train", "validation", "test"))
        return f"{len(self.clips)} clips ({counts}); {len(self.skipped)} rows left out"


def read(path: Path, language: str = "en") -> ReadResult:
    """The clips of a folder or file in any of the layouts above, every one decoded once to be sure of it.

    Args:
        language: of the rows that do not say theirs, a BCP-47 tag.

    Raises:
        DataError: if there is no such layout, or no row can be used.
    """
    if path.suffix == ".zip":
        return _checked(path, packed(path))
    json_file = path / "global_metadata.json" if path.is_dir() else path
    if json_file.suffix == ".json" and json_file.is_file():
        return _checked(path, _speech_brown(json_file))
    official = [path / f"{name}.tsv" for name in ("train", "dev", "test")] if path.is_dir() else []
    if official and all(table.is_file() for table in official):
        layout = _fleurs if tables.lines_of(official[0])[0].split("\t")[0].isdigit() else _common_voice
        return _checked(path, [row for table in official for row in layout(table, language)])
    table = _table(path)
    if {"path", "sentence"} <= set(tables.columns_of(table)):
        found = list(_common_voice(table, language))
        if table.stem in SPLITS:
            return _checked(path, found)
        return _checked(path, _without_leaks(found))
    return _checked(path, _pairs(table, language))


@cache
def language_tag(tag: str) -> str | None:
    """`tag` as the tag of a language that has letter-to-sound rules ("en" of "en_US"), or None."""
    tag = tag.lower().replace("_", "-")
    if not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]+)*", tag):
        return None
    for candidate in (_TAGS.get(tag, tag.split("-")[0]), tag):
        try:
            inventory.from_text("a", candidate)
        except ClaspError:
            continue
        return candidate
    return None


def _table(path: Path) -> Path:
    """The table of a folder: `metadata.csv`, `validated.tsv`, or the only one."""
    if not path.is_dir():
        return path
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in (".csv", ".tsv"))
    chosen = [file for file in found if file.name in ("metadata.csv", "validated.tsv")] or found
    if len(chosen) != 1:
        there = ", ".join(file.name for file in found) or "none"
        raise DataError(
            f"{path} holds no known layout (tables: {there}): expected global_metadata.json, the TSV files of "
            "Common Voice, or one CSV with the columns file and text. Give the table itself to choose one."
        )
    return chosen[0]


def _speech_brown(path: Path) -> Iterator[Clip | SkippedRow]:
    """The published layout: a list of {id, file_path, text, category}; splits by sentence."""
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}): expected the JSON of Speech Brown.") from error
    if not isinstance(entries, list):
        raise DataError(f"{path} holds no list: expected entries of id, file_path, text and category.")
    for number, entry in enumerate(entries, 1):
        place = f"{path.name} entry {number}"
        if not isinstance(entry, dict) or not {"id", "file_path", "text"} <= entry.keys():
            yield SkippedRow(place, "lacks one of id, file_path and text")
            continue
        text = str(entry["text"])
        yield Clip(
            id=str(entry["id"]), text=text, language="en", category=str(entry.get("category", "")),
            split=split_of(letters(text)), place=place, corpus="speech-brown", speaker="tacotron2",
            path=path.parent / str(entry["file_path"]),
        )  # fmt: skip


def _common_voice(table: Path, language: str) -> Iterator[Clip | SkippedRow]:
    """A TSV file of Common Voice: in the official split that it is named after, else split by speaker."""
    corpus = table.resolve().parent.name
    for row in tables.read(table, ("client_id", "path", "sentence")):
        place = f"{table.name} line {row.line}"
        if row.problem or not row.cells["path"]:
            yield SkippedRow(place, row.problem or "names no file")
            continue
        name = row.cells["path"] if Path(row.cells["path"]).suffix else f"{row.cells['path']}.mp3"
        yield Clip(
            id=Path(name).stem, text=row.cells["sentence"], language=row.cells.get("locale") or language,
            category="", split=SPLITS.get(table.stem) or split_of(f"{corpus}/{row.cells['client_id']}"),
            place=place, corpus=corpus, speaker=row.cells["client_id"], path=table.parent / "clips" / name,
        )  # fmt: skip


def _fleurs(table: Path, language: str) -> Iterator[Clip | SkippedRow]:
    """A TSV file of FLEURS, which has no header (number, file, text, …), in the official split it is named after."""
    for number, line in enumerate(tables.lines_of(table), 1):
        place, cells = f"{table.name} line {number}", line.split("\t")
        if not tables.is_utf8(line) or len(cells) < 3:
            if line.strip():
                yield SkippedRow(place, "is no row of FLEURS: expected a number, a file and a text")
            continue
        yield Clip(
            id=Path(cells[1]).stem, text=cells[2], language=language, category="", split=SPLITS[table.stem],
            place=place, corpus=table.resolve().parent.name, speaker="",
            path=table.parent / "audio" / table.stem / cells[1],
        )  # fmt: skip


def _pairs(table: Path, language: str) -> Iterator[Clip | SkippedRow]:
    """The user's own pairs; where they do not say their split, they are split by sentence."""
    corpus = table.resolve().parent.name
    for row in tables.read(table, ("file", "text")):
        place = f"{table.name} line {row.line}"
        split = row.cells.get("split", "").lower()
        if row.problem or not row.cells["file"]:
            yield SkippedRow(place, row.problem or "names no file")
        elif split and split not in SPLITS:
            yield SkippedRow(place, f"its split is {split!r}: expected train, validation or test")
        else:
            yield Clip(
                id=row.cells["file"], text=row.cells["text"], language=row.cells.get("language") or language,
                category=row.cells.get("category", ""), place=place, corpus=corpus,
                split=SPLITS[split] if split else split_of(letters(row.cells["text"])),
                speaker=row.cells.get("speaker", ""), path=table.parent / row.cells["file"],
            )  # fmt: skip


def _without_leaks(found: list[Clip | SkippedRow]) -> list[Clip | SkippedRow]:
    """`found` without sentences of the training split that a held-out split has, too."""
    clean, leaks = remove_leaks([row for row in found if isinstance(row, Clip)])
    reason = "its sentence is said by a speaker who is held out"
    skipped = [SkippedRow(clip.place, reason) for clip in leaks]
    return [*(row for row in found if isinstance(row, SkippedRow)), *clean, *skipped]


def _checked(source: Path, rows: Iterable[Clip | SkippedRow]) -> ReadResult:
    """The rows that are sound, after their cheap checks and after decoding every recording."""
    clips: list[Clip] = []
    skipped: list[SkippedRow] = []
    places: dict[tuple[Path, str], str] = {}
    for row in rows:
        if isinstance(row, SkippedRow):
            skipped.append(row)
            continue
        tag = language_tag(row.language)
        file = (Path(os.path.abspath(row.path)), row.member)
        if not row.text:
            skipped.append(SkippedRow(row.place, "has no text"))
        elif tag is None:
            reason = f"its language is {row.language!r}: expected a tag such as en, de or pt-BR"
            skipped.append(SkippedRow(row.place, reason))
        elif not len(inventory.from_text(row.text, tag)):
            skipped.append(SkippedRow(row.place, "nothing of its text can be said"))
        elif file in places:
            skipped.append(SkippedRow(row.place, f"is a duplicate: the same file as {places[file]}"))
        else:
            places[file] = row.place
            clips.append(replace(row, language=tag))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        console = Console(stderr=True)
        problems = list(track(pool.map(_problem, clips), "Checking recordings", len(clips), console=console))
    skipped += [SkippedRow(clip.place, problem) for clip, problem in zip(clips, problems, strict=True) if problem]
    clips = [clip for clip, problem in zip(clips, problems, strict=True) if not problem]
    if not clips:
        example = f", for example {skipped[0]}" if skipped else ""
        raise DataError(f"{source}: none of its {len(skipped)} rows can be used{example}")
    return ReadResult(clips, skipped)


def _problem(clip: Clip) -> str:
    """Why a clip cannot be used, or ""."""
    try:
        seconds = decode(clip.audio(), max_seconds=LONGEST).duration
    except ClaspError as error:
        return str(error)
    if seconds < FASTEST * len(inventory.from_text(clip.text, clip.language)):
        return f"lasts {seconds:.1f} s, too short for its text: is it the right one?"
    return ""
