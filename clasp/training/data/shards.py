"""A corpus on disk, in shards that appear whole or not at all.

A training shard, `train-0000.npz`, holds spectrograms (uint8, so 50 hours fit in 1.5 GB) with the phones of the
letters and, where the synthesizer told them, the phone at every moment. An audio shard, `train-0000/`, holds FLAC
files at 16 kHz and their `metadata.csv`. Either also says which items were left out, and why.
"""

import csv
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.errors import AudioError, DataError
from clasp.files import whole_file
from clasp.speech.whisper_encoder import BINS, HOP, log_mel
from clasp.training.data.items import Item

FRAME_RATE = SAMPLE_RATE // HOP  # spectrogram frames per second
SUBFRAMES = 25  # phone labels per second
IGNORED = 255  # label of a frame whose phone is not known
COLUMNS = ("file", "text", "language", "speaker", "category", "split", "seconds", "id", "english")


class CorpusUtterance(NamedTuple):
    """An utterance ready to be written."""

    item: Item
    voice: str  # "espeak:en-us+f3", "real:corpus/speaker"
    samples: np.ndarray  # float32 (n,) at 16 kHz
    labels: list[tuple[int, float, float]] | None  # phone id, start s, end s
    phones: np.ndarray  # int64 (phones,), from letters


class ShardContents(NamedTuple):
    """What a shard holds: (id, text, language, voice, english) and seconds of each utterance; (id, reason) left out."""

    rows: list[tuple[str, str, str, str, str]]
    seconds: list[float]
    skipped: list[tuple[str, str]]


@dataclass(frozen=True)
class Utterances:
    """Utterances in memory. Ragged arrays are concatenated; `*_starts` (n + 1,) delimit them."""

    mel: np.ndarray  # uint8 (frames, BINS)
    mel_starts: np.ndarray
    labels: np.ndarray  # uint8 (subframes,), phone ids or IGNORED
    label_starts: np.ndarray
    phones: np.ndarray  # uint8 (phones,), from letters
    phone_starts: np.ndarray
    rows: np.ndarray  # str (n, 5): id, text, language, voice, english

    def __len__(self) -> int:
        return len(self.rows)


def paths(folder: Path, split: str) -> list[Path]:
    """The training shards of a split that exist, in order.

    Raises:
        DataError: if there are none.
    """
    found = sorted(folder.glob(f"{split}-*.npz"))
    if not found:
        raise DataError(f"No {split} shards in {folder}: run `python -m clasp corpus` first.")
    return found


def read(path: Path) -> Utterances:
    """One training shard."""
    with np.load(path) as arrays:
        return Utterances(**{one.name: arrays[one.name] for one in fields(Utterances)})


def load(folder: Path, split: str) -> Utterances:
    """All training shards of a split that exist."""
    parts = [read(path) for path in paths(folder, split)]

    def joined(name: str) -> np.ndarray:
        arrays = [getattr(part, name) for part in parts]
        if name.endswith("_starts"):
            return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(array) for array in arrays]))])
        return np.concatenate(arrays)

    return Utterances(**{one.name: joined(one.name) for one in fields(Utterances)})


def spectrogram(speech: Utterances, row: int) -> Tensor:
    """Spectrogram of one utterance, float32 (time, BINS) in [0, 1]."""
    return torch.from_numpy(speech.mel[speech.mel_starts[row] : speech.mel_starts[row + 1]]).float() / 255


def phones_of(speech: Utterances, row: int) -> np.ndarray:
    """Phones of one utterance's text, uint8 (phones,)."""
    return speech.phones[speech.phone_starts[row] : speech.phone_starts[row + 1]]


def kinds_of(voices: Sequence[str]) -> np.ndarray:
    """The synthesizer of each voice, or "real:" and the corpus: str (n,)."""
    return np.array([voice.split("/")[0] if voice.startswith("real:") else voice.split(":")[0] for voice in voices])


def frame_labels(spans: list[tuple[int, float, float]] | None, frames: int) -> np.ndarray:
    """The phone at the middle of every 40 ms, uint8 (ceil(frames / 4),); IGNORED where `spans` is None."""
    count = -(-frames // 4)
    if spans is None:
        return np.full(count, IGNORED, np.uint8)
    labels = np.zeros(count, np.uint8)
    for phone, start, end in spans:
        # the half-open range of subframes whose middle lies in [start, end)
        first, last = (int(np.ceil(moment * SUBFRAMES - 0.5)) for moment in (start, end))
        labels[max(first, 0) : max(last, 0)] = phone
    return labels


def shard_path(folder: Path, split: str, number: int, audio: bool) -> Path:
    """Where a shard lies."""
    return folder / f"{split}-{number:04d}{'' if audio else '.npz'}"


def write_spectrograms(target: Path, made: Sequence[CorpusUtterance], skipped: list[tuple[str, str]]) -> None:
    """Write a training shard."""
    mels = [(log_mel(torch.from_numpy(one.samples)) * 255).round().to(torch.uint8).numpy() for one in made]
    labels = [frame_labels(one.labels, len(mel)) for one, mel in zip(made, mels, strict=True)]
    phones = [one.phones.astype(np.uint8) for one in made]
    facts = [(one.item.id, one.item.text, one.item.language, one.voice, one.item.english) for one in made]
    arrays: dict[str, Any] = {
        "rows": np.array(facts, str).reshape(-1, 5), "left_out": np.array(skipped, str).reshape(-1, 2)
    }  # fmt: skip
    for name, starts, parts, empty in (
        ("mel", "mel_starts", mels, np.zeros((0, BINS), np.uint8)),
        ("labels", "label_starts", labels, np.zeros(0, np.uint8)),
        ("phones", "phone_starts", phones, np.zeros(0, np.uint8)),
    ):
        arrays[name] = np.concatenate([empty, *parts])
        arrays[starts] = np.cumsum([0, *(len(part) for part in parts)])
    with whole_file(target) as path, path.open("wb") as file:
        np.savez(file, **arrays)


def write_audio(target: Path, made: Sequence[CorpusUtterance], skipped: list[tuple[str, str]]) -> None:
    """Write an audio shard; every file is read back."""
    temporary = target.with_name(f".{target.name}-unfinished")
    temporary.mkdir()
    rows, skipped = [], list(skipped)
    for number, one in enumerate(made):
        name = f"{number:04d}-{re.sub('[^0-9A-Za-z]+', '-', Path(one.item.id).name)[:80]}.flac"
        soundfile.write(temporary / name, one.samples, SAMPLE_RATE, format="FLAC")
        try:
            if len(decode(temporary / name).samples) != len(one.samples):
                raise AudioError("its length changed when it was written")
        except AudioError as error:
            (temporary / name).unlink()
            skipped.append((one.item.id, str(error)))
            continue
        item, seconds = one.item, f"{len(one.samples) / SAMPLE_RATE:.3f}"
        rows.append(
            (name, item.text, item.language, one.voice, item.category, item.split, seconds, item.id, item.english)
        )
    write_table(temporary / "metadata.csv", COLUMNS, rows)
    write_table(temporary / "left-out.csv", ("id", "reason"), skipped)
    temporary.rename(target)


def contents(shard: Path) -> ShardContents:
    """What a shard of either kind holds.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        if shard.is_dir():
            rows = _read_table(shard / "metadata.csv")
            facts = [(row["id"], row["text"], row["language"], row["speaker"], row["english"]) for row in rows]
            skipped = [(row["id"], row["reason"]) for row in _read_table(shard / "left-out.csv")]
            return ShardContents(facts, [float(row["seconds"]) for row in rows], skipped)
        with np.load(shard) as arrays:
            seconds = np.diff(arrays["mel_starts"]) / FRAME_RATE
            skipped = list(map(tuple, arrays["left_out"].tolist())) if "left_out" in arrays else []
            return ShardContents(list(map(tuple, arrays["rows"].tolist())), seconds.tolist(), skipped)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{shard} cannot be read ({error!r}): delete it, and it is built again.") from error


def join_metadata(folder: Path) -> None:
    """Write `folder`/metadata.csv: the audio shards of every split as one layout of file and text."""
    rows = [
        [f"{table.parent.name}/{row['file']}", *(row[name] for name in COLUMNS[1:])]
        for table in sorted(folder.glob("*-[0-9][0-9][0-9][0-9]/metadata.csv"))
        for row in _read_table(table)
    ]
    with whole_file(folder / "metadata.csv") as path:
        write_table(path, COLUMNS, rows)


def write_table(target: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a CSV file."""
    with target.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


def clear(folder: Path, split: str) -> None:
    """Delete what an interrupted build of this split left unfinished."""
    for unfinished in folder.glob(f".{split}-*"):
        shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink()


def _read_table(source: Path) -> list[dict[str, str]]:
    with source.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
