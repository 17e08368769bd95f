"""Train the phone recognizer on the features of the frozen backbone.

    python -m clasp train recognizer --features runs/features --out runs/recognizer

Synthesised speech teaches by cross-entropy per frame (the synthesizers tell the time of every phone), real speech by
CTC on the phones of its transcripts. The weights that count are a running average. Interrupted training resumes exactly
from the last checkpoint.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clasp.phones import inventory
from clasp.phones.edit_distance import edit_distance
from clasp.phones.recognizer import PhoneRecognizer
from clasp.speech.whisper_encoder import FRAME_RATE
from clasp.training import speech_features
from clasp.training.checkpoint import Checkpoint, autocast, descend, learning_rate, update_average
from clasp.training.data import shards
from clasp.training.speech_features import SpeechFeatures, pad

RECOGNIZER = {"features": 1024, "taps": 2, "width": 384, "layers": 3, "heads": 6, "kernel": 15}
PEAK_RATE, WARM_UP, DECAY, AVERAGE = 2e-3, 100, 0.01, 0.995
MASKED, LONGEST_MASK = 0.5, 20  # spans of features set to zero per second; frames of one at most
SHORTEST = 20  # frames
SAVE_EVERY = 150  # steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--features", type=Path, default=Path("runs/features"))
    parser.add_argument("--out", type=Path, default=Path("runs/recognizer"))
    parser.add_argument("--steps", type=int, default=6_000)
    parser.add_argument("--seconds", type=float, default=140, help="speech per step")
    parser.add_argument("--real", type=float, default=0.6, help="share of real speech in it")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    model = PhoneRecognizer(**RECOGNIZER)
    average = copy.deepcopy(model).requires_grad_(False)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=DECAY, betas=(0.9, 0.98))
    checkpoint = Checkpoint(args.out, model=model, average=average, optimiser=optimiser)
    speech = shards.load(args.corpus, "train")
    features = speech_features.load(args.corpus, args.features, "train")
    real = np.char.startswith(speech.rows[features.utterance, 3], "real:")
    buckets = [_by_length(features, np.flatnonzero(real == kind)) for kind in (True, False)]
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        rng = np.random.default_rng((args.seed, step))
        shares = (args.real * args.seconds, (1 - args.real) * args.seconds)
        places = _draw_batch(features, buckets, shares, rng)
        model.train()
        by_frames, by_order = _losses(model, features, places, speech, rng)
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append((by_frames.item(), by_order.item(), descend(by_frames + by_order, optimiser, rate)))
        update_average(average, model, min(AVERAGE, (step + 1) / (step + 10)))
        if (step + 1) % 50 == 0:
            means = " ".join(f"{one:.3f}" for one in np.mean(losses, 0))
            print(f"step {step + 1} loss by frames, order, both: {means} {time.time() - started:.0f} s", flush=True)
            losses.clear()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
        if (step + 1) % (4 * SAVE_EVERY) == 0 or step + 1 == args.steps:
            print(f"step {step + 1} phone error rate {validate(average, args)}", flush=True)
    return 0


def trained(folder: Path) -> PhoneRecognizer:
    """The averaged weights of the last checkpoint."""
    model = PhoneRecognizer(**RECOGNIZER)
    model.load_state_dict(torch.load(folder / "checkpoint.pt", weights_only=True)["average"])
    return model.eval()


def validate(model: PhoneRecognizer, args: argparse.Namespace, most: int = 100) -> dict[str, float]:
    """Phone error rates in the validation split, by synthesizer or real corpus."""
    speech = shards.load(args.corpus, "validation")
    return phone_error_rates(model, speech, speech_features.load(args.corpus, args.features, "validation"), most)


@torch.inference_mode()
def phone_error_rates(
    model: PhoneRecognizer, speech: shards.Utterances, features: SpeechFeatures, most: int
) -> dict[str, float]:
    """Edits per phone between recognized and letter-to-sound phones, of at most so many utterances of a kind."""
    model.eval()
    kinds = shards.kinds_of(speech.rows[features.utterance, 3])
    rates = {}
    for kind in sorted(set(kinds)):
        errors = total = 0
        for place in np.flatnonzero(kinds == kind)[:most]:
            with autocast():
                logits, _ = model(*pad([features.frames(place)]))
            recognized = inventory.collapse_posteriors(logits[0].float().softmax(-1).numpy()).argmax(-1)
            reference = shards.phones_of(speech, features.utterance[place])
            errors += edit_distance(reference, recognized)
            total += len(reference)
        rates[str(kind)] = round(errors / total, 3)
    return rates


def losses(logits: Tensor, frames: Tensor, labels: Tensor, phones: list[Tensor]) -> tuple[Tensor, Tensor]:
    """How badly utterances are recognized: cross-entropy per frame of those whose labels are known, and CTC of the
    others; 0 where there are none.

    Args:
        logits: float32 (batch, time, phones); frames: int64 (batch,), how many of them are valid.
        labels: int64 (batch, time), phone ids; IGNORED everywhere where they are not known.
        phones: ids of those of each utterance's text, int64 (n,).
    """
    device = logits.device
    beyond = torch.arange(labels.shape[1]) >= frames.cpu()[:, None]
    labels = labels.masked_fill(beyond, shards.IGNORED)
    timed = (labels != shards.IGNORED).any(1)
    by_frames = by_order = logits.new_zeros(())
    if timed.any():
        by_frames = functional.cross_entropy(
            logits[timed].flatten(0, 1), labels[timed].flatten().to(device),
            ignore_index=shards.IGNORED, label_smoothing=0.05,
        )  # fmt: skip
    if not timed.all():
        targets = [part for part, known in zip(phones, timed, strict=True) if not known]
        by_order = functional.ctc_loss(
            logits[~timed].log_softmax(-1).transpose(0, 1), torch.cat(targets).to(device), frames[~timed],
            torch.tensor([len(part) for part in targets]), blank=inventory.BLANK, zero_infinity=True,
        )  # fmt: skip
    return by_frames, by_order


def _by_length(features: SpeechFeatures, places: np.ndarray) -> np.ndarray:
    """Places of renderings that are long enough, in order of length."""
    places = places[features.lengths[places] >= SHORTEST]
    return places[np.argsort(features.lengths[places], kind="stable")]


def _draw_batch(
    features: SpeechFeatures, buckets: list[np.ndarray], seconds: tuple[float, ...], rng: np.random.Generator
) -> np.ndarray:
    """Renderings of about one length, from each bucket so many seconds."""
    lengths, chosen = features.lengths, []
    centre = lengths[rng.choice(np.concatenate(buckets))]
    for bucket, wanted in zip(buckets, seconds, strict=True):
        if not len(bucket):
            continue
        count = max(1, round(wanted * FRAME_RATE / centre))
        middle = int(np.searchsorted(lengths[bucket], centre))
        first = max(0, min(middle - 4 * count, len(bucket) - 8 * count))
        near = bucket[first : first + 8 * count]
        chosen.append(rng.choice(near, min(count, len(near)), replace=False))
    return np.concatenate(chosen)


def _losses(
    model: PhoneRecognizer, features: SpeechFeatures, places: np.ndarray, speech: shards.Utterances,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    batch, lengths = pad([features.frames(place) for place in places])
    _mask_spans(batch, lengths, rng)
    with autocast():
        logits, frames = model(batch, lengths)
    labels = torch.full(logits.shape[:2], shards.IGNORED)
    for row, place in zip(labels, places, strict=True):
        known = features.labels[place]
        row[: len(known)] = torch.from_numpy(known.astype(np.int64))
    phones = [torch.from_numpy(shards.phones_of(speech, features.utterance[place])).long() for place in places]
    return losses(logits.float(), frames, labels, phones)


def _mask_spans(batch: Tensor, lengths: Tensor, rng: np.random.Generator) -> None:
    """SpecAugment over time: stretches of the features are set to zero."""
    for row, length in zip(batch, lengths.tolist(), strict=True):
        for _ in range(round(MASKED * length / FRAME_RATE)):
            width = rng.integers(LONGEST_MASK + 1)
            start = rng.integers(max(1, length - width))
            row[start : start + width] = 0
