"""Features of the corpus by the frozen backbone, computed once: the input of everything that is trained above it.

    python -m clasp train features --corpus runs/corpus --out runs/features

Recorded speech is rendered twice, as it is and augmented; synthesised speech once, every other utterance augmented.
There is one file for every shard of the corpus, which appears whole or not at all, so an interrupted run goes on.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clasp.device import best_device, cpu_has_bfloat16
from clasp.files import whole_file
from clasp.speech.whisper_encoder import FRAME_RATE, WhisperEncoder
from clasp.training.augment import augment
from clasp.training.data import shards

BATCH_SECONDS = 120


@dataclass(frozen=True)
class SpeechFeatures:
    """Renderings of utterances. The features of one are `frames(n)`, float16 (frames, dim); `labels` has the phone at
    the middle of every second frame, shards.IGNORED where it is not known; `utterance` (n,) is the row in the corpus.
    """

    files: list[np.ndarray]  # memory-mapped
    place: np.ndarray  # (n, 3): file, first frame, frame after the last
    labels: list[np.ndarray]
    utterance: np.ndarray
    augmented: np.ndarray  # bool (n,)

    def __len__(self) -> int:
        return len(self.utterance)

    def frames(self, number: int) -> np.ndarray:
        file, first, last = self.place[number]
        return self.files[file][first:last]

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each rendering."""
        return self.place[:, 2] - self.place[:, 1]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--out", type=Path, default=Path("runs/features"))


def run(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    device = best_device()
    encoder = WhisperEncoder.pretrained().to(device)
    if device.type == "cuda" or cpu_has_bfloat16():
        encoder = encoder.to(torch.bfloat16)
    started = time.time()
    for split in ("validation", "train"):
        for path in shards.paths(args.corpus, split):
            target = args.out / f"{path.stem}.npz"
            if not target.exists():
                seconds = _write(encoder, shards.read(path), target, renderings=split == "train")
                print(f"{path.stem}: {seconds / 60:.0f} min of speech, {time.time() - started:.0f} s", flush=True)
    return 0


def load(corpus: Path, folder: Path, split: str) -> SpeechFeatures:
    """The features of a split that `run` wrote for a corpus, as far as there are any."""
    files: list[np.ndarray] = []
    place, labels, utterance, augmented, first = [], [], [], [], 0
    for path in shards.paths(corpus, split):
        index = folder / f"{path.stem}.npz"
        if not index.exists():
            break
        with np.load(index) as arrays:
            starts = arrays["starts"]
            place.append(np.stack([np.full(len(starts) - 1, len(files)), starts[:-1], starts[1:]], 1))
            labels += np.split(arrays["labels"], arrays["label_starts"][1:-1])
            utterance.append(arrays["utterance"] + first)
            augmented.append(arrays["augmented"])
            first += int(arrays["utterances"])
        files.append(np.load(index.with_suffix(".npy"), mmap_mode="r"))
    return SpeechFeatures(files, np.concatenate(place), labels, np.concatenate(utterance), np.concatenate(augmented))


def pad(parts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Features (frames, dim) as one batch, float32 (batch, longest, dim), zero beyond each length, and the lengths."""
    lengths = torch.tensor([len(part) for part in parts])
    batch = torch.zeros(len(parts), int(lengths.max()), parts[0].shape[1])
    for row, part in zip(batch, parts, strict=True):
        row[: len(part)] = torch.from_numpy(np.asarray(part, np.float32))
    return batch, lengths


def _write(encoder: WhisperEncoder, speech: shards.Utterances, target: Path, *, renderings: bool) -> float:
    """Write the features of a shard; how many seconds they are of."""
    real = np.char.startswith(speech.rows[:, 3], "real:")
    rows = range(len(speech))
    wanted = [(row, False) for row in rows if not renderings or real[row] or row % 2]
    wanted += [(row, True) for row in rows if renderings and (real[row] or not row % 2)]
    features, labels, done = [], [], []
    for batch in _batches(speech, wanted):
        augmented = batch[0][1]
        mel, lengths, known = _padded(speech, [row for row, _ in batch])
        if augmented:
            mel, lengths, known = augment(mel, lengths, known, torch.Generator().manual_seed(int(batch[0][0])))
        device = encoder.positions.device
        with torch.inference_mode():
            made = encoder([one[:count].to(device) for one, count in zip(mel, lengths.tolist(), strict=True)])
        features += [one.half().cpu().numpy() for one in made]
        labels += [one[: -(-len(part) // 2)].numpy() for one, part in zip(known, made, strict=True)]
        done += batch
    with whole_file(target.with_suffix(".npy")) as path, path.open("wb") as file:
        np.save(file, np.concatenate(features))
    with whole_file(target) as path, path.open("wb") as file:
        np.savez(
            file, starts=np.cumsum([0, *map(len, features)]), labels=np.concatenate(labels).astype(np.uint8),
            label_starts=np.cumsum([0, *map(len, labels)]), utterance=np.array([row for row, _ in done]),
            augmented=np.array([augmented for _, augmented in done]), utterances=len(speech),
        )  # fmt: skip
    return sum(map(len, features)) / FRAME_RATE


def _batches(speech: shards.Utterances, wanted: list[tuple[int, bool]]) -> Iterator[list[tuple[int, bool]]]:
    """Renderings of one kind and like length together."""
    frames = np.diff(speech.mel_starts)
    wanted = sorted(wanted, key=lambda one: (one[1], frames[one[0]]))
    batch: list[tuple[int, bool]] = []
    for one in wanted:
        if batch and (one[1] != batch[0][1] or (len(batch) + 1) * frames[one[0]] > BATCH_SECONDS * shards.FRAME_RATE):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _padded(speech: shards.Utterances, rows: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Spectrograms (batch, time, BINS), their lengths and the phone labels (batch, time / 4)."""
    mels = [shards.spectrogram(speech, row) for row in rows]
    mel = torch.nn.utils.rnn.pad_sequence(mels, batch_first=True)
    labels = torch.full((len(rows), -(-mel.shape[1] // 4)), shards.IGNORED)
    for row, place in zip(labels, rows, strict=True):
        known = speech.labels[speech.label_starts[place] : speech.label_starts[place + 1]]
        row[: len(known)] = torch.from_numpy(known.astype(np.int64))
    return mel, torch.tensor([len(one) for one in mels]), labels
