"""Decode the corpus with the trained recognizer: the input of everything above the phones.

    python -m clasp train decode --recognizer runs/recognizer --out runs/decoded

The recognizer's confusions are measured on the way, so that errors like its own can be simulated on written text.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clasp.phones import inventory
from clasp.phones.edit_distance import align
from clasp.phones.inventory import INVENTORY
from clasp.phones.recognizer import PhoneRecognizer
from clasp.speech.whisper_encoder import FRAME_RATE
from clasp.training import recognizer, speech_features
from clasp.training.checkpoint import autocast
from clasp.training.data import shards
from clasp.training.speech_features import SpeechFeatures, pad

BATCH_SECONDS = 240
ALIGNED = 4_000  # utterances whose confusions are counted


@dataclass(frozen=True)
class DecodedCorpus:
    """Recognized phones of utterances: `posteriors` float16 (phones, inventory), delimited by `starts` (n + 1,);
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
    parser.add_argument("--recognizer", type=Path, default=Path("runs/recognizer"))
    parser.add_argument("--out", type=Path, default=Path("runs/decoded"))


def run(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    model = recognizer.trained(args.recognizer)
    for split in ("validation", "train"):
        speech = shards.load(args.corpus, split)
        features = speech_features.load(args.corpus, args.features, split)
        parts = list(decode(model, features))
        decoded = DecodedCorpus(
            posteriors=np.concatenate([posteriors for _, posteriors in parts]),
            starts=np.concatenate([[0], np.cumsum([len(posteriors) for _, posteriors in parts])]),
            utterance=np.array([utterance for utterance, _ in parts]),
        )
        np.savez(args.out / f"{split}.npz", **vars(decoded))
        print(f"{split}: {len(parts)} renderings of {len(speech)} utterances decoded", flush=True)
        if split == "validation":
            np.save(args.out / "confusions.npy", confusions(speech, decoded))
    return 0


def load(folder: Path, split: str) -> DecodedCorpus:
    """What `run` wrote for a split."""
    with np.load(folder / f"{split}.npz") as arrays:
        return DecodedCorpus(**{name: arrays[name] for name in ("posteriors", "starts", "utterance")})


@torch.inference_mode()
def decode(model: PhoneRecognizer, features: SpeechFeatures) -> Iterator[tuple[int, np.ndarray]]:
    """Row in the corpus and recognized phones, float16 (phones, inventory), of each rendering, in order of length."""
    lengths = features.lengths
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        size = max(1, int(BATCH_SECONDS * FRAME_RATE / lengths[order[start]]))
        places = order[start : start + size]
        with autocast():
            logits, valid = model(*pad([features.frames(place) for place in places]))
        posteriors = logits.float().softmax(-1).numpy()
        for place, posterior, count in zip(places, posteriors, valid.tolist(), strict=True):
            phones = inventory.collapse_posteriors(posterior[:count])
            yield int(features.utterance[place]), phones.astype(np.float16)
        start += size


def confusions(speech: shards.Utterances, decoded: DecodedCorpus) -> np.ndarray:
    """How often each phone of a text is recognized as another in real speech (column 0: not at all), float32
    (inventory, inventory).

    Row 0 says which phones are inserted where the text has none; its column 0 is the share of places without one.
    """
    counts = np.full((len(INVENTORY), len(INVENTORY)), 0.01)
    rng = np.random.default_rng(0)
    real = np.flatnonzero(np.char.startswith(speech.rows[decoded.utterance, 3], "real:"))
    for place in rng.permutation(real)[:ALIGNED]:
        reference = shards.phones_of(speech, decoded.utterance[place]).astype(np.int64)
        for written, recognized in align(reference, decoded[place].argmax(-1)):
            counts[written, recognized] += 1
        counts[0, 0] += len(reference)
    return (counts / counts.sum(1, keepdims=True)).astype(np.float32)
