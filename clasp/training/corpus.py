"""Build the speech corpus: synthesised and real utterances as spectrograms with their phones.

    python -m clasp corpus --out runs/corpus

Every shard is a random mixture of all parts, so training may start while the rest is being built; a shard that
exists is not built again. Spectrograms are uint8, so 50 hours fit in 1.5 GB.
"""

import argparse
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from .. import phones
from ..audio import decode
from ..errors import ClaspError
from ..mel import FRAME_RATE, log_mel, quantise
from . import corpora, parallel, synthesis

SUBFRAMES = 25  # phone labels per second
SHARD = 400  # utterances
IGNORED = 255  # label of a frame whose phone is not known
SPOKEN_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl", "ru", "pl", "tr", "ar", "fa", "zh", "hi", "ko")
"""Languages synthesised beside English. Not Japanese: espeak-ng cannot read kanji."""


@dataclass(frozen=True)
class Item:
    """An utterance to build: a sentence to be spoken by `engine`, or a recorded clip ("real")."""

    id: str
    text: str
    language: str
    engine: str
    english: str  # the same sentence in English where there is one, else ""
    clip: corpora.Clip | None = None


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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=Path("runs/corpus"), help="folder of the shards")
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")


def run(args: argparse.Namespace) -> int:
    data = corpora.data_folder(args.data)
    args.out.mkdir(parents=True, exist_ok=True)
    for split, shards in (("validation", validation_items(data)), ("train", training_items(data))):
        build(list(corpora.batched(shards, SHARD)), args.out, split, args.workers)
    return 0


def training_items(data: Path) -> list[Item]:
    """What the bundled model learns from, shuffled."""
    draw = np.random.default_rng(0)
    brown = [s for s in corpora.brown(data) if s.split == "train" and 4 <= len(s.text.split()) <= 25]
    brown = [brown[place] for place in draw.permutation(len(brown))]
    items = [Item(f"espeak-{s.id}", s.text, "en", "espeak", s.text) for s in brown[:13_000]]
    items += [Item(f"flite-{s.id}", s.text, "en", "flite", s.text) for s in brown[13_000:18_500]]
    for language in SPOKEN_LANGUAGES:
        pairs = list(parallel.read(data / "parallel", "tatoeba_challenge_testsets", [language]))
        pairs = [
            pair
            for pair in pairs
            if 12 <= len(pair.other) <= 120 or (language == "zh" and len(pair.other) > 5)
        ]
        for place in draw.permutation(len(pairs))[:1_000]:
            pair = pairs[place]
            items.append(Item(f"espeak-{language}-{place}", pair.other, language, "espeak", pair.english))
    items += [_real(clip) for clip in corpora.clips(data) if clip.split == "train"]
    return [items[place] for place in draw.permutation(len(items))]


def validation_items(data: Path) -> list[Item]:
    """Sentences, speakers and files of the validation split."""
    brown = [s for s in corpora.brown(data) if s.split == "validation" and 4 <= len(s.text.split()) <= 25]
    items = [Item(f"espeak-{s.id}", s.text, "en", "espeak", s.text) for s in brown[:4_000:10]]
    items += [Item(f"flite-{s.id}", s.text, "en", "flite", s.text) for s in brown[5:4_000:10]]
    return items + [_real(clip) for clip in corpora.clips(data) if clip.split == "validation"]


def build(shards: list[list[Item]], folder: Path, split: str, workers: int) -> None:
    """Write `folder/split-NNNN.npz` for every shard that is not there yet, and report hours by language and voice."""
    missing = [number for number in range(len(shards)) if not _path(folder, split, number).exists()]
    started, skipped = time.time(), Counter[str]()
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(_build_shard, shards[number], _path(folder, split, number)) for number in missing]
        for done, job in enumerate(as_completed(jobs), 1):
            skipped += job.result()
            print(f"{split}: shard {done} of {len(missing)}, {time.time() - started:.0f} s", flush=True)
    seconds = Counter[str]()
    for path in sorted(folder.glob(f"{split}-*.npz")):
        with np.load(path) as shard:
            durations = np.diff(shard["mel_starts"]) / FRAME_RATE
            for (_, _, language, voice, _), duration in zip(shard["rows"], durations, strict=True):
                seconds[f"{language} {voice.split(':')[0]}"] += duration
    for part, total in sorted(seconds.items()):
        print(f"{split}: {part}: {total / 3600:.2f} h")
    print(f"{split}: {sum(seconds.values()) / 3600:.1f} h in all; left out: {dict(skipped)}", flush=True)


def load(folder: Path, split: str, limit: int | None = None) -> Utterances:
    """All shards of a split that exist (at most `limit` of them)."""
    paths = sorted(folder.glob(f"{split}-*.npz"))[:limit]
    shards = [np.load(path) for path in paths]
    if not shards:
        raise ClaspError(f"No {split} shards in {folder}: run `python -m clasp corpus` first.")

    def starts(name: str) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(np.concatenate([np.diff(shard[name]) for shard in shards]))])

    joined = {
        name: np.concatenate([shard[name] for shard in shards])
        for name in ("mel", "labels", "phones", "rows")
    }
    bounds = {name: starts(name) for name in ("mel_starts", "label_starts", "phone_starts")}
    return Utterances(**joined, **bounds)


def frame_labels(spans: list[tuple[int, float, float]] | None, frames: int) -> np.ndarray:
    """The phone at the middle of every 40 ms, uint8 (2 * ceil(frames / 8),); IGNORED where `spans` is None."""
    count = 2 * -(-frames // 8)
    if spans is None:
        return np.full(count, IGNORED, np.uint8)
    labels = np.zeros(count, np.uint8)
    for phone, start, end in spans:
        # the half-open range of subframes whose middle lies in [start, end)
        first, last = (int(np.ceil(moment * SUBFRAMES - 0.5)) for moment in (start, end))
        labels[max(first, 0) : max(last, 0)] = phone
    return labels


def _real(clip: corpora.Clip) -> Item:
    return Item(clip.id, clip.text, clip.language, "real", clip.text if clip.language == "en" else "", clip)


def _path(folder: Path, split: str, number: int) -> Path:
    return folder / f"{split}-{number:04d}.npz"


def _build_shard(items: list[Item], path: Path) -> Counter[str]:
    import torch

    torch.set_num_threads(1)
    skipped, mels, labels, texts, rows = Counter[str](), [], [], [], []
    for item in items:
        try:
            voice, samples, spans = _say(item)
            text_phones = phones.from_text(item.text, item.language)
        except ClaspError:
            skipped[item.engine] += 1
            continue
        mel = quantise(log_mel(samples))
        if not len(text_phones) or len(mel) > 20 * FRAME_RATE:
            skipped[item.engine] += 1
            continue
        mels.append(mel)
        labels.append(frame_labels(spans, len(mel)))
        texts.append(text_phones.astype(np.uint8))
        rows.append((item.id, item.text, item.language, voice, item.english))
    arrays: dict[str, np.ndarray] = {"rows": np.array(rows)}
    for name, starts, parts in (("mel", "mel_starts", mels), ("labels", "label_starts", labels),
                                ("phones", "phone_starts", texts)):  # fmt: skip
        arrays[name] = np.concatenate(parts)
        arrays[starts] = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, **arrays)
    temporary.rename(path)
    return skipped


def _say(item: Item) -> tuple[str, np.ndarray, list[tuple[int, float, float]] | None]:
    if item.clip is not None:
        return f"real:{item.clip.corpus}/{item.clip.speaker}", decode(item.clip.audio()).samples, None
    choose = (
        partial(synthesis.espeak_voice, item.language) if item.engine == "espeak" else synthesis.flite_voice
    )
    voice = choose(item.id)
    spoken = synthesis.speak(item.text, voice)
    return str(voice), spoken.samples, spoken.labels
