"""What the trained recogniser hears in the corpus: the input of everything above the phones.

    python -m clasp train hearing --recogniser runs/recogniser --out runs/heard

Every utterance of the training split is heard twice, as it is and augmented. The recogniser's confusions are
measured on the way, so that written text can be made to look heard.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .. import phones
from ..phones import INVENTORY
from ..recogniser import SUBSAMPLING, Recogniser, pad
from . import shards
from .augment import augment
from .checkpoint import autocast
from .recogniser import BACKBONE, spectrogram

BATCH_SECONDS = 240
ALIGNED = 3_000  # utterances whose confusions are counted


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
    parser.add_argument("--recogniser", type=Path, default=Path("runs/recogniser"))
    parser.add_argument("--out", type=Path, default=Path("runs/heard"))


def run(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    model = trained_recogniser(args.recogniser)
    for split, renderings in (("validation", (False,)), ("train", (False, True))):
        speech = shards.load(args.corpus, split)
        parts = [
            (place, heard) for augmented in renderings for place, heard in hear(model, speech, augmented)
        ]
        np.savez(
            args.out / f"{split}.npz",
            posteriors=np.concatenate([heard for _, heard in parts]),
            starts=np.concatenate([[0], np.cumsum([len(heard) for _, heard in parts])]),
            utterance=np.array([place for place, _ in parts]),
        )
        print(f"{split}: {len(parts)} renderings of {len(speech)} utterances heard", flush=True)
    heard = load(args.out, "train")
    np.save(args.out / "confusions.npy", confusions(speech, heard))
    return 0


def load(folder: Path, split: str) -> Heard:
    """What `run` wrote for a split."""
    with np.load(folder / f"{split}.npz") as arrays:
        return Heard(**{name: arrays[name] for name in ("posteriors", "starts", "utterance")})


def trained_recogniser(folder: Path) -> Recogniser:
    """The averaged weights of a recogniser's last checkpoint."""
    model = Recogniser(BACKBONE)
    model.load_state_dict(torch.load(folder / "checkpoint.pt", weights_only=True)["average"])
    return model.eval()


@torch.inference_mode()
def hear(model: Recogniser, speech: shards.Utterances, augmented: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Each utterance's row and recognised phones, float16 (phones, inventory), in order of length."""
    frames = np.diff(speech.mel_starts)
    order = np.argsort(frames, kind="stable")
    start = 0
    while start < len(order):
        count = max(1, int(BATCH_SECONDS * 100 / frames[order[start]].clip(1)))
        rows = order[start : start + count]
        mel, lengths = pad([spectrogram(speech, row) for row in rows])
        if augmented:
            blank = torch.zeros(len(rows), 2 * -(-mel.shape[1] // SUBSAMPLING), dtype=torch.long)
            mel, lengths, _ = augment(mel, lengths, blank, torch.Generator().manual_seed(int(start)))
        with autocast():
            _, logits, valid = model(mel, lengths)
        posteriors = logits.float().softmax(-1).numpy()
        for row, posterior, kept in zip(rows, posteriors, valid.tolist(), strict=True):
            yield int(row), phones.segments(posterior[: 2 * kept]).astype(np.float16)
        start += count


def confusions(speech: shards.Utterances, heard: Heard) -> np.ndarray:
    """How often each written phone is heard as another (column 0: not at all), float32 (inventory, inventory).

    Row 0 says which phones are heard where none is written; its column 0 is the share of places without one.
    """
    counts = np.full((len(INVENTORY), len(INVENTORY)), 0.01)
    draw = np.random.default_rng(0)
    for place in draw.permutation(len(heard))[:ALIGNED]:
        row = heard.utterance[place]
        said = speech.phones[speech.phone_starts[row] : speech.phone_starts[row + 1]].astype(np.int64)
        for written, recognised in align(said, heard[place].argmax(-1)):
            counts[written, recognised] += 1
        counts[0, 0] += len(said)
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
