"""Train what lies above the phones on text alone: from phones to what was meant.

    python -m clasp train words --text runs/text --heard runs/heard --out runs/words

A small speech corpus lacks vocabulary, so the word encoder learns from written sentences of every language that can be
read aloud, as phones with simulated confusions, towards the vectors of the sentence encoder. Negatives are thousands of
stored vectors, which cost nothing because the text side is frozen. Audio joins in `clasp.training.meaning`.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clasp.phones.ngrams import PhoneNgramEncoder
from clasp.training import simulated_asr
from clasp.training.checkpoint import Checkpoint, autocast, descend, learning_rate
from clasp.training.embedding_bank import build_bank, load_bank
from clasp.training.losses import soft_contrast
from clasp.training.recognizer import follow_average

WORDS = {
    "runs": 200_000, "embedding": 128, "width": 256, "layers": 2, "heads": 4, "kernel": 5, "stride": 3, "pools": 8,
}  # fmt: skip
DIM = 384
PEAK_RATE, TABLE_SCALE, WARM_UP, AVERAGE = 1e-3, 4.0, 100, 0.995
NEGATIVES = 4_096
CHECKED = 2_000  # sentences that are held out, and measured now and then


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--text", type=Path, default=Path("runs/text"), help="the sentence encoder, which stays frozen")
    parser.add_argument("--texts", type=int, default=160_000, help="most English texts")
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"), help="stored vectors of texts")
    parser.add_argument("--heard", type=Path, default=Path("runs/heard"), help="for the measured confusions")
    parser.add_argument("--out", type=Path, default=Path("runs/words"))
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--english", type=float, default=0.45, help="share of English sentences")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    made, bank = material(args)
    words = PhoneNgramEncoder(**WORDS, dim=DIM)
    words.keys.copy_(torch.from_numpy(simulated_asr.frequent_ngrams(made, WORDS["runs"])))
    average = copy.deepcopy(words).requires_grad_(False)
    table = [words.embedding.weight]
    others = [weight for name, weight in words.named_parameters() if name != "embedding.weight"]
    groups = [{"params": table, "scale": TABLE_SCALE}, {"params": others}]
    optimiser = torch.optim.AdamW(groups, lr=PEAK_RATE, weight_decay=0.01, fused=True)
    checkpoint = Checkpoint(args.out, words=words, average=average, optimiser=optimiser)
    confusions = measured_confusions(args.heard)
    checked, shelves, shares = hold_out(made, args.english)
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        draw = np.random.default_rng((args.seed, step))
        rows = take(shelves, shares, args.batch, draw)
        words.train()
        with autocast():
            meant = words(*pad(misheard(made, rows, confusions, draw)))
        loss = soft_contrast(meant.float(), bank, made.answer[rows], draw.integers(len(bank), size=NEGATIVES))
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate))
        follow_average(average, words, min(AVERAGE, (step + 1) / (step + 10)))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            print(f"step {step + 1} loss {np.mean(losses):.3f} {time.time() - started:.0f} s", flush=True)
            losses.clear()
            checkpoint.save(step + 1)
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            print(f"step {step + 1} HITS@1 {check(average, made, bank, checked, confusions)}", flush=True)
    return 0


def material(args: argparse.Namespace) -> tuple[simulated_asr.Sentences, Tensor]:
    """The sentences as phones, and the vectors that are their answers, float16 (n, dim), mapped from the disk."""
    texts = simulated_asr.texts_of(args.data, args.texts)
    build_bank(args.bank, texts.bank, args.text)
    stored, vectors = load_bank(args.bank)
    places = {text: place for place, text in enumerate(stored)}
    rows = np.array([places[text] for text in texts.bank])
    return simulated_asr.sentences(texts, args.out / "sentences.npz"), torch.from_numpy(np.array(vectors)[rows])


def measured_confusions(heard: Path) -> np.ndarray:
    """The recogniser's, where they have been measured."""
    path = heard / "confusions.npy"
    return np.load(path) if path.exists() else simulated_asr.generic_confusions()


def hold_out(made: simulated_asr.Sentences, english: float) -> tuple[np.ndarray, list[np.ndarray], tuple[float, ...]]:
    """Rows that are only measured, of sentences whose answers are never trained towards, and for each language the rows
    to learn from in order of length, and its share: of those beside English by the root of their number."""
    draw = np.random.default_rng(1)
    checked = made.answer % 100 == 0
    shelves, sizes, first = [], [], None
    for language in np.unique(made.language):
        rows = np.flatnonzero((made.language == language) & ~checked)
        if not len(rows):
            continue
        first = len(shelves) if language == "en" else first
        shelves.append(shelve(made, rows))
        sizes.append(len(rows) ** 0.5)
    shares = np.array(sizes)
    if first is not None and len(shares) > 1:
        shares[first] = 0
        shares = shares / shares.sum() * (1 - english)
        shares[first] = english
    shares = shares / shares.sum()
    rows = np.flatnonzero(checked)
    return draw.permutation(rows)[:CHECKED], shelves, tuple(shares)


@torch.inference_mode()
def check(
    words: PhoneNgramEncoder, made: simulated_asr.Sentences, bank: Tensor, rows: np.ndarray, confusions: np.ndarray
) -> dict[str, float]:
    """HITS@1 of held-out sentences, misheard, among their own answers, in English and in other languages."""
    words.eval()
    draw = np.random.default_rng(2)
    rows = rows[np.argsort(np.diff(made.starts)[rows])]
    vectors = torch.cat([
        functional.normalize(words(*pad(misheard(made, part, confusions, draw))), dim=-1)
        for part in np.array_split(rows, -(-len(rows) // 100))
    ])  # fmt: skip
    answers, places = np.unique(made.answer[rows], return_inverse=True)
    best = (vectors @ bank[torch.from_numpy(answers)].float().T).argmax(1).numpy()
    right, english = best == places, made.language[rows] == "en"
    return {
        name: round(float(right[chosen].mean()), 3)
        for name, chosen in (("english", english), ("others", ~english))
        if chosen.any()
    }


def shelve(made: simulated_asr.Sentences, rows: np.ndarray) -> np.ndarray:
    """`rows` in order of length, so that neighbours make a batch with little padding."""
    return rows[np.argsort(np.diff(made.starts)[rows], kind="stable")]


def take(shelves: list[np.ndarray], shares: tuple[float, ...], count: int, draw: np.random.Generator) -> np.ndarray:
    """`count` rows of about one length, from each shelf its share."""
    place, chosen = draw.random(), []
    counts = draw.multinomial(count, shares) if len(shelves) > 3 else [round(share * count) for share in shares]
    for shelf, wanted in zip(shelves, counts, strict=True):
        window = min(max(4 * wanted, 64), len(shelf))
        start = int(place * (len(shelf) - window))
        chosen.append(draw.choice(shelf[start : start + window], wanted))
    return np.concatenate(chosen)


def misheard(
    made: simulated_asr.Sentences, rows: np.ndarray, confusions: np.ndarray, draw: np.random.Generator
) -> list[np.ndarray]:
    """Written sentences as they might be heard."""
    return simulated_asr.misheard(
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
