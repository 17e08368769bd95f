"""Train the speech backbone as a phone recogniser.

    python -m clasp train recogniser --corpus runs/corpus --out runs/recogniser

Synthesised speech teaches by cross-entropy per frame (the synthesizers tell the time of every phone); real speech
joins after 660 steps, by CTC on the phones of its transcripts, and counts for more after 1,350.
The weights kept are a running average.
Interrupted training resumes exactly from the last checkpoint.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .. import phones
from ..recogniser import Recogniser, pad
from . import shards
from .augment import augment
from .checkpoint import Checkpoint, autocast, descend, learning_rate

BACKBONE = {
    "model_type": "parakeet_encoder", "num_mel_bins": 80, "subsampling_conv_channels": 24, "hidden_size": 256,
    "num_hidden_layers": 5, "num_attention_heads": 4, "intermediate_size": 1024, "conv_kernel_size": 9,
    "scale_input": False, "dropout": 0.0, "activation_dropout": 0.0, "attention_dropout": 0.0, "layerdrop": 0.0,
}  # fmt: skip
REAL_SPEECH = ((0, 0.0, 0.0), (660, 0.35, 0.4), (1_350, 0.5, 1.0))
"""From which step on, what share of a batch is real speech and what weight its CTC loss has."""
PEAK_RATE, WARM_UP, DECAY, AVERAGE = 1.5e-3, 60, 0.01, 0.99
SAVE_EVERY = 150  # steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--out", type=Path, default=Path("runs/recogniser"))
    parser.add_argument("--steps", type=int, default=6_400)
    parser.add_argument("--seconds", type=float, default=160, help="speech per step")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    model = initialise(Recogniser(BACKBONE))
    average = copy.deepcopy(model).requires_grad_(False)
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=DECAY, betas=(0.9, 0.98))
    checkpoint = Checkpoint(args.out, model=model, average=average, optimiser=optimiser)
    first = checkpoint.resume()
    speech, validation = None, shards.load(args.corpus, "validation")
    started, losses = time.time(), []
    for step in range(first, args.steps):
        if speech is None or step % 100 == 0:
            speech = shards.load(args.corpus, "train")  # takes in the shards built meanwhile
            real = np.array([voice.startswith("real:") for voice in speech.rows[:, 3]])
        draw = np.random.default_rng((args.seed, step))
        share, weight = [stage[1:] for stage in REAL_SPEECH if step >= stage[0]][-1]
        loss = _loss(model, _batch(speech, real, share, args.seconds, draw), speech, step, weight)
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate, longest=5.0))
        decay = min(AVERAGE, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                mean.lerp_(value, 1 - decay) if mean.is_floating_point() else mean.copy_(value)
        if (step + 1) % 25 == 0:
            print(f"step {step + 1} loss {np.mean(losses):.3f} {time.time() - started:.0f} s", flush=True)
            losses.clear()
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            print(f"step {step + 1} phone error rate {phone_error_rates(average, validation)}", flush=True)
    return 0


def initialise(model: Recogniser) -> Recogniser:
    """PyTorch's own initialisation of every linear and convolutional layer: with the library's (normal, 0.02)
    the signal all but vanishes in the narrow subsampling convolutions and nothing is learned."""
    for module in model.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv1d | torch.nn.Conv2d):
            module.reset_parameters()
    return model


def phone_error_rates(model: Recogniser, speech: shards.Utterances, most: int = 60) -> dict[str, float]:
    """Edits per phone between recognised and letter-to-sound phones, by engine or real corpus."""
    model.eval()
    kinds = np.array(
        [voice.split("/")[0].replace("espeak:", "espeak/").split("/")[0] for voice in speech.rows[:, 3]]
    )
    kinds = np.array([kind.split(":")[0] if kind.startswith("flite") else kind for kind in kinds])
    rates = {}
    for kind in sorted(set(kinds)):
        errors = total = 0
        for place in np.flatnonzero(kinds == kind)[:most]:
            with torch.no_grad():
                _, logits, _ = model(*pad([spectrogram(speech, place)]))
            heard = phones.segments(logits[0].softmax(-1).numpy()).argmax(-1)
            said = speech.phones[speech.phone_starts[place] : speech.phone_starts[place + 1]]
            errors += edit_distance(said, heard)
            total += len(said)
        rates[str(kind)] = round(errors / total, 3)
    return rates


def edit_distance(first: np.ndarray, second: np.ndarray) -> int:
    """Levenshtein distance of two id sequences."""
    row = np.arange(len(second) + 1)
    offsets = np.arange(len(second) + 1)
    for number, phone in enumerate(first, 1):
        changed = np.minimum(row[:-1] + (second != phone), row[1:] + 1)
        candidates = np.concatenate([[number], changed])
        row = np.minimum.accumulate(candidates - offsets) + offsets
    return int(row[-1])


def spectrogram(speech: shards.Utterances, place: int) -> Tensor:
    """Spectrogram of one utterance, float32 (time, BINS) in [0, 1]."""
    return torch.from_numpy(speech.mel[speech.mel_starts[place] : speech.mel_starts[place + 1]]).float() / 255


def _batch(
    speech: shards.Utterances, real: np.ndarray, share: float, seconds: float, draw: np.random.Generator
) -> list[int]:
    """Utterances of about one length that make `seconds` of synthetic and real speech in the given share."""
    frames = np.diff(speech.mel_starts)
    centre = frames[draw.integers(len(frames))]
    chosen: list[int] = []
    for kind, part in ((False, 1 - share), (True, share)):
        near = np.flatnonzero((real == kind) & (np.abs(frames - centre) < 60 + 0.15 * centre))
        if part and len(near):
            count = max(1, round(part * seconds * 100 / frames[near].mean()))
            chosen += list(draw.choice(near, min(count, len(near)), replace=False))
    return chosen


def _loss(model: Recogniser, places: list[int], speech: shards.Utterances, step: int, ctc_weight: float) -> Tensor:
    mel, lengths = pad([spectrogram(speech, place) for place in places])
    labels = torch.full((len(places), 2 * -(-mel.shape[1] // 8)), shards.IGNORED)
    for row, place in zip(labels, places, strict=True):
        known = speech.labels[speech.label_starts[place] : speech.label_starts[place + 1]]
        row[: len(known)] = torch.from_numpy(known)
    mel, lengths, labels = augment(mel, lengths, labels, torch.Generator().manual_seed(step))
    model.train()
    with autocast():
        _, logits, frames = model(mel, lengths)
    logits = logits.float()
    said = [speech.phones[speech.phone_starts[place] : speech.phone_starts[place + 1]] for place in places]
    by_frames, by_order = losses(logits, 2 * frames, labels, [torch.from_numpy(part).long() for part in said])
    return by_frames + ctc_weight * by_order


def losses(logits: Tensor, frames: Tensor, labels: Tensor, said: list[Tensor]) -> tuple[Tensor, Tensor]:
    """How badly utterances are recognised: cross-entropy per frame of those whose labels are known, and CTC of the
    others; 0 where there are none.

    Args:
        logits: float32 (batch, time / 4, phones); frames: int64 (batch,), how many of them are valid.
        labels: int64 (batch, time / 4), phone ids; IGNORED everywhere where they are not known.
        said: phone ids of each utterance, int64 (n,).
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
        targets = [part for part, known in zip(said, timed, strict=True) if not known]
        by_order = functional.ctc_loss(
            logits[~timed].log_softmax(-1).transpose(0, 1), torch.cat(targets).to(device), frames[~timed],
            torch.tensor([len(part) for part in targets]), blank=phones.BLANK, zero_infinity=True,
        )  # fmt: skip
    return by_frames, by_order
