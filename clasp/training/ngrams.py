"""Train the n-gram encoder on text alone: from phones to meaning.

    python -m clasp train ngrams --text runs/text --decoded runs/decoded --out runs/ngrams

A small speech corpus lacks vocabulary, so the encoder learns from written sentences of every language that can be read
aloud, as phones with simulated recognition errors, towards the vectors of the sentence encoder. Negatives are thousands
of stored vectors, which cost nothing because the text side is frozen. Audio joins in `clasp.training.meaning`.
"""

import argparse
import copy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clasp.phones.ngrams import PhoneNgramEncoder
from clasp.text import sentence_encoder
from clasp.training import simulated_asr
from clasp.training.checkpoint import Checkpoint, autocast, descend, learning_rate, update_average
from clasp.training.losses import soft_contrast
from clasp.training.simulated_asr import simulate_asr_errors
from clasp.training.text_vectors import text_vectors

ENCODER = {
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
    parser.add_argument("--decoded", type=Path, default=Path("runs/decoded"), help="for the measured confusions")
    parser.add_argument("--out", type=Path, default=Path("runs/ngrams"))
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--english", type=float, default=0.35, help="share of English sentences")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    sentences, bank = training_data(args)
    encoder = PhoneNgramEncoder(**ENCODER, dim=DIM)
    encoder.keys.copy_(torch.from_numpy(simulated_asr.frequent_ngrams(sentences, ENCODER["runs"])))
    average = copy.deepcopy(encoder).requires_grad_(False)
    table = [encoder.embedding.weight]
    others = [weight for name, weight in encoder.named_parameters() if name != "embedding.weight"]
    groups: list[dict[str, Any]] = [{"params": table, "scale": TABLE_SCALE}, {"params": others}]
    optimiser = torch.optim.AdamW(groups, lr=PEAK_RATE, weight_decay=0.01, fused=True)
    checkpoint = Checkpoint(args.out, model=encoder, average=average, optimiser=optimiser)
    confusions = measured_confusions(args.decoded)
    held_out, buckets, shares = hold_out(sentences, args.english)
    lengths = np.diff(sentences.starts)
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        rng = np.random.default_rng((args.seed, step))
        rows = draw_batch(buckets, lengths, shares, args.batch, rng)
        encoder.train()
        with autocast():
            vectors = encoder(*pad(simulate_asr_errors([sentences[row] for row in rows], confusions, rng)))
        loss = soft_contrast(vectors.float(), bank, sentences.answer[rows], rng.integers(len(bank), size=NEGATIVES))
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate))
        update_average(average, encoder, min(AVERAGE, (step + 1) / (step + 10)))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            print(f"step {step + 1} loss {np.mean(losses):.3f} {time.time() - started:.0f} s", flush=True)
            losses.clear()
            checkpoint.save(step + 1)
        if (step + 1) % 500 == 0 or step + 1 == args.steps:
            print(f"step {step + 1} HITS@1 {validate(average, sentences, bank, held_out, confusions)}", flush=True)
    return 0


def training_data(args: argparse.Namespace) -> tuple[simulated_asr.Sentences, Tensor]:
    """The sentences as phones, and the vectors that are their answers, float16 (n, dim)."""
    texts = simulated_asr.texts_of(args.data, args.texts)
    bank = text_vectors(sentence_encoder.load(args.text), texts.bank, args.bank, average=True)
    sentences = simulated_asr.phonetic_sentences(texts, args.out / "sentences.npz")
    return sentences, torch.from_numpy(bank).half()


def measured_confusions(decoded: Path) -> np.ndarray:
    """The recognizer's, where they have been measured."""
    path = decoded / "confusions.npy"
    return np.load(path) if path.exists() else simulated_asr.generic_confusions()


def hold_out(
    sentences: simulated_asr.Sentences, english: float
) -> tuple[np.ndarray, list[np.ndarray], tuple[float, ...]]:
    """Rows that are only measured, of sentences whose answers are never trained towards, and for each language the rows
    to learn from in order of length, and its share: those beside English by their number to the power of 3/4."""
    held_out = sentences.answer % 100 == 0
    buckets: list[np.ndarray] = []
    sizes: list[int] = []
    first: int | None = None
    for language in np.unique(sentences.language):
        rows = np.flatnonzero((sentences.language == language) & ~held_out)
        if not len(rows):
            continue
        first = len(buckets) if language == "en" else first
        lengths = np.diff(sentences.starts)[rows]
        buckets.append(rows[np.argsort(lengths, kind="stable")])  # neighbours make a batch with little padding
        sizes.append(len(rows) ** 0.75)
    shares = np.array(sizes)
    if first is not None and len(shares) > 1:
        shares[first] = 0
        shares = shares / shares.sum() * (1 - english)
        shares[first] = english
    shares = shares / shares.sum()
    rows = np.random.default_rng(1).permutation(np.flatnonzero(held_out))
    return rows[:CHECKED], buckets, tuple(shares)


@torch.inference_mode()
def validate(
    encoder: PhoneNgramEncoder, sentences: simulated_asr.Sentences, bank: Tensor, rows: np.ndarray,
    confusions: np.ndarray,
) -> dict[str, float]:  # fmt: skip
    """HITS@1 of held-out sentences, with simulated errors, among their own answers, in English and in others."""
    encoder.eval()
    rng = np.random.default_rng(2)
    rows = rows[np.argsort(np.diff(sentences.starts)[rows])]
    vectors = []
    for part in np.array_split(rows, -(-len(rows) // 100)):
        phones = simulate_asr_errors([sentences[row] for row in part], confusions, rng)
        vectors.append(functional.normalize(encoder(*pad(phones)), dim=-1))
    answers, places = np.unique(sentences.answer[rows], return_inverse=True)
    best = (torch.cat(vectors) @ bank[torch.from_numpy(answers)].float().T).argmax(1).numpy()
    right, english = best == places, sentences.language[rows] == "en"
    return {
        name: round(float(right[chosen].mean()), 3)
        for name, chosen in (("english", english), ("others", ~english))
        if chosen.any()
    }


def draw_batch(
    buckets: list[np.ndarray], lengths: np.ndarray, shares: tuple[float, ...], count: int, rng: np.random.Generator
) -> np.ndarray:
    """`count` rows of about one length, so that there is little padding, from each bucket its share.

    Args:
        buckets: rows in order of length.
        lengths: of every row.
    """
    target = lengths[rng.choice(buckets[rng.choice(len(buckets), p=shares)])]
    counts = rng.multinomial(count, shares) if len(buckets) > 3 else [round(share * count) for share in shares]
    chosen = []
    for bucket, wanted in zip(buckets, counts, strict=True):
        window = min(max(4 * wanted, 16), len(bucket))
        start = np.searchsorted(lengths[bucket], target) - window // 2
        start = min(max(start, 0), len(bucket) - window)
        chosen.append(rng.choice(bucket[start : start + window], wanted))
    return np.concatenate(chosen)


def pad(parts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Phone ids (time,), or in several readings (readings, time), as one batch int64 (batch, readings, time), 0
    beyond each length, and the lengths."""
    parts = [np.atleast_2d(part) for part in parts]
    lengths = torch.tensor([part.shape[1] for part in parts])
    batch = torch.zeros(len(parts), len(parts[0]), max(int(lengths.max()), 1), dtype=torch.int64)
    for row, part in zip(batch, parts, strict=True):
        row[:, : part.shape[1]] = torch.from_numpy(part.astype(np.int64))
    return batch, lengths
