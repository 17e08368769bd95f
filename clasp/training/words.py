"""Train what lies above the phones on text alone: from phones to what was meant.

    python -m clasp train words --teacher runs/teacher --heard runs/heard --out runs/words

A small speech corpus lacks vocabulary, so the word encoder learns from written sentences of every language, as
phones with simulated confusions, towards the teacher's vectors. Negatives are thousands of stored vectors, which
cost nothing because the text side is frozen. Audio joins in `clasp.training.meaning`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..word_encoder import WordEncoder
from . import written
from .checkpoint import Checkpoint, autocast, descend, learning_rate
from .contrast import Temperature, meaning_loss
from .corpora import data_folder
from .teacher import load_teacher

WORDS = {"runs": 100_000, "embedding": 128, "heads": 8, "width": 64}
DIM = 384
PEAK_RATE, WARM_UP = 5e-3, 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument(
        "--teacher", type=Path, default=Path("runs/teacher"), help="stored vectors of English texts"
    )
    parser.add_argument("--heard", type=Path, default=Path("runs/heard"), help="for the measured confusions")
    parser.add_argument("--out", type=Path, default=Path("runs/words"))
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=768)
    parser.add_argument("--english", type=float, default=0.7, help="share of English sentences")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    texts, vectors = load_teacher(args.teacher)
    bank = functional.normalize(torch.from_numpy(vectors.astype(np.float32)), dim=-1)
    made = written.sentences(texts, data_folder(args.data), args.out / "sentences.npz")
    words, scale = WordEncoder(**WORDS, dim=DIM), Temperature()
    words.keys.copy_(torch.from_numpy(written.frequent_runs(made, WORDS["runs"])))
    measured = args.heard / "confusions.npy"
    confusions = np.load(measured) if measured.exists() else written.generic_confusions()
    parameters = [*words.parameters(), *scale.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.01)
    checkpoint = Checkpoint(args.out, words=words, scale=scale, optimiser=optimiser)
    shelves = [shelve(made, np.flatnonzero(made.english == english)) for english in (True, False)]
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        draw = np.random.default_rng((args.seed, step))
        rows = take(shelves, (args.english, 1 - args.english), args.batch, draw)
        with autocast():
            said = words(*pad(read(made, rows, confusions, draw)))
        loss = meaning_loss(said.float(), bank, made.answer[rows], scale(), draw)
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            print(f"step {step + 1} loss {np.mean(losses):.3f} {time.time() - started:.0f} s", flush=True)
            losses.clear()
            checkpoint.save(step + 1)
    return 0


def shelve(made: written.Sentences, rows: np.ndarray) -> np.ndarray:
    """`rows` in order of length, so that neighbours make a batch with little padding."""
    return rows[np.argsort(np.diff(made.starts)[rows], kind="stable")]


def take(
    shelves: list[np.ndarray], shares: tuple[float, ...], count: int, draw: np.random.Generator
) -> np.ndarray:
    """`count` rows of about one length, from each shelf its share."""
    place, chosen = draw.random(), []
    for shelf, share in zip(shelves, shares, strict=True):
        wanted = round(share * count)
        window = min(4 * wanted, len(shelf))
        start = int(place * (len(shelf) - window))
        chosen.append(draw.choice(shelf[start : start + window], wanted))
    return np.concatenate(chosen)


def read(
    made: written.Sentences, rows: np.ndarray, confusions: np.ndarray, draw: np.random.Generator
) -> list[np.ndarray]:
    """Written sentences as they might be heard."""
    return written.misheard(
        [made.phones[made.starts[row] : made.starts[row + 1]] for row in rows], confusions, draw
    )


def pad(parts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Phone ids (time,), or in several readings (readings, time), as one batch int64 (batch, readings, time), 0
    beyond each length, and the lengths."""
    parts = [np.atleast_2d(part) for part in parts]
    lengths = torch.tensor([part.shape[1] for part in parts])
    batch = torch.zeros(len(parts), len(parts[0]), max(int(lengths.max()), 1), dtype=torch.int64)
    for row, part in zip(batch, parts, strict=True):
        row[:, : part.shape[1]] = torch.from_numpy(part.astype(np.int64))
    return batch, lengths
