"""What the trained recogniser hears in the corpus: the input of everything above the phones.

    python -m clasp train hearing --recogniser runs/recogniser --out runs/heard

The recogniser's confusions are measured on the way, so that written text can be made to look heard.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clasp.phones import inventory
from clasp.phones.inventory import INVENTORY
from clasp.phones.recognizer import PhoneRecogniser
from clasp.speech.whisper_encoder import FRAME_RATE
from clasp.training import recognizer, speech_features
from clasp.training.checkpoint import autocast
from clasp.training.data import shards
from clasp.training.speech_features import SpeechFeatures, pad

BATCH_SECONDS = 240
ALIGNED = 4_000  # utterances whose confusions are counted


@dataclass(frozen=True)
class Heard:
    """Recognised phones of utterances: `posteriors` float16 (phones, inventory), delimited by `starts` (n + 1,);
    `utterance` (n,) is the row in the corpus, which has several renderings."""

    posteriors: np.ndarray
    starts: np.ndarray
    utterance: np.ndarray

    def __len__(self) -> int:
        return len(self.utterance)

    def __getitem__(self, place: int) -> np.ndarray:
        return self.posteriors[self.starts[place] : self.starts[place + 1]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--features", type=Path, default=Path("runs/features"))
    parser.add_argument("--recogniser", type=Path, default=Path("runs/recogniser"))
    parser.add_argument("--out", type=Path, default=Path("runs/heard"))


def run(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    model = recognizer.trained(args.recogniser)
    for split in ("validation", "train"):
        speech = shards.load(args.corpus, split)
        features = speech_features.load(args.corpus, args.features, split)
        parts = list(hear(model, features))
        heard = Heard(
            posteriors=np.concatenate([posteriors for _, posteriors in parts]),
            starts=np.concatenate([[0], np.cumsum([len(posteriors) for _, posteriors in parts])]),
            utterance=np.array([utterance for utterance, _ in parts]),
        )
        np.savez(args.out / f"{split}.npz", **vars(heard))
        print(f"{split}: {len(parts)} renderings of {len(speech)} utterances heard", flush=True)
        if split == "validation":
            np.save(args.out / "confusions.npy", confusions(speech, heard))
    return 0


def load(folder: Path, split: str) -> Heard:
    """What `run` wrote for a split."""
    with np.load(folder / f"{split}.npz") as arrays:
        return Heard(**{name: arrays[name] for name in ("posteriors", "starts", "utterance")})


@torch.inference_mode()
def hear(model: PhoneRecogniser, features: SpeechFeatures) -> Iterator[tuple[int, np.ndarray]]:
    """Row in the corpus and recognised phones, float16 (phones, inventory), of each rendering, in order of length."""
    lengths = features.lengths
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, int(BATCH_SECONDS * FRAME_RATE / lengths[order[start]]))
        places = order[start : start + count]
        with autocast():
            logits, valid = model(*pad([features.frames(place) for place in places]))
        posteriors = logits.float().softmax(-1).numpy()
        for place, posterior, kept in zip(places, posteriors, valid.tolist(), strict=True):
            yield int(features.utterance[place]), inventory.segments(posterior[:kept]).astype(np.float16)
        start += count


def confusions(speech: shards.Utterances, heard: Heard) -> np.ndarray:
    """How often each written phone is heard as another in real speech (column 0: not at all), float32 (inventory,
    inventory).

    Row 0 says which phones are heard where none is written; its column 0 is the share of places without one.
    """
    counts = np.full((len(INVENTORY), len(INVENTORY)), 0.01)
    draw = np.random.default_rng(0)
    real = np.flatnonzero(np.char.startswith(speech.rows[heard.utterance, 3], "real:"))
    for place in draw.permutation(real)[:ALIGNED]:
        row = heard.utterance[place]
        spoken = shards.phones_of(speech, row).astype(np.int64)
        for written, recognised in align(spoken, heard[place].argmax(-1)):
            counts[written, recognised] += 1
        counts[0, 0] += len(spoken)
    return (counts / counts.sum(1, keepdims=True)).astype(np.float32)


def align(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of ids of a Levenshtein alignment; 0 stands for a phone without a partner."""
    costs = np.zeros((len(first) + 1, len(second) + 1), np.int32)
    costs[0] = offsets = np.arange(len(second) + 1)
    for row, phone in enumerate(first, 1):
        changed = np.minimum(costs[row - 1, :-1] + (second != phone), costs[row - 1, 1:] + 1)
        costs[row] = np.minimum.accumulate(np.concatenate([[row], changed]) - offsets) + offsets
    row, column, pairs = len(first), len(second), []
    while row or column:
        here = costs[row, column]
        if row and column and here == costs[row - 1, column - 1] + (first[row - 1] != second[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((int(first[row]), int(second[column])))
        elif row and here == costs[row - 1, column] + 1:
            row -= 1
            pairs.append((int(first[row]), 0))
        else:
            column -= 1
            pairs.append((0, int(second[column])))
    return pairs[::-1]
