"""Train the phone encoder: what was heard and what is written come to one vector.

python -m clasp train sound --heard runs/heard --out runs/sound
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clasp.phones.encoder import PhoneEncoder, one_hot, pad
from clasp.training import decode_corpus
from clasp.training.checkpoint import Checkpoint, autocast, descend, learning_rate
from clasp.training.data import shards
from clasp.training.losses import Temperature, symmetric
from clasp.training.ngrams import take

ENCODER = {"dim": 384, "hidden": 256, "layers": 4, "kernel": 5}
PEAK_RATE, WARM_UP = 1e-3, 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--heard", type=Path, default=Path("runs/heard"))
    parser.add_argument("--out", type=Path, default=Path("runs/sound"))
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--batch", type=int, default=384)
    parser.add_argument("--real", type=float, default=0.5, help="share of real speech in a batch")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    speech, heard = shards.load(args.corpus, "train"), decode_corpus.load(args.heard, "train")
    encoder, scale = PhoneEncoder(**ENCODER), Temperature()
    parameters = [*encoder.parameters(), *scale.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.02)
    checkpoint = Checkpoint(args.out, model=encoder, scale=scale, optimiser=optimiser)
    texts = np.unique(speech.rows[:, 1], return_inverse=True)[1]
    lengths = np.diff(heard.starts)
    usable = np.flatnonzero(lengths >= 4)
    usable = usable[np.argsort(lengths[usable], kind="stable")]
    real = np.char.startswith(speech.rows[heard.utterance[usable], 3], "real:")
    shelves = [usable[real], usable[~real]]
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        draw = np.random.default_rng((args.seed, step))
        places = take(shelves, (args.real, 1 - args.real), args.batch, draw)
        rows = heard.utterance[places]
        encoder.train()
        with autocast():
            spoken = encoder(*pad([torch.from_numpy(heard[place]).float() for place in places]), heard=True)
            written = encoder(*pad([one_hot(_written(speech, row)) for row in rows]), heard=False)
        loss = symmetric(spoken.float(), written.float(), scale(), torch.from_numpy(texts[rows]))
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            scores = validate(
                encoder, shards.load(args.corpus, "validation"), decode_corpus.load(args.heard, "validation")
            )
            print(
                f"step {step + 1} loss {np.mean(losses):.3f} HITS@1 {scores} {time.time() - started:.0f} s",
                flush=True,
            )
            losses.clear()
    return 0


@torch.inference_mode()
def validate(encoder: PhoneEncoder, speech: shards.Utterances, heard: decode_corpus.Heard) -> dict[str, float]:
    """HITS@1 speech to text in the whole validation split, by engine or "real"."""
    encoder.eval()
    rows = heard.utterance
    spoken = encoder(*pad([torch.from_numpy(heard[place]).float() for place in range(len(heard))]), heard=True)
    written = encoder(*pad([one_hot(_written(speech, row)) for row in rows]), heard=False)
    texts = speech.rows[rows, 1]
    right = texts[(spoken @ written.T).argmax(1).numpy()] == texts
    engines = np.array([f"{row[2]} {row[3].split(':')[0]}" for row in speech.rows[rows]])
    return {str(engine): round(float(right[engines == engine].mean()), 3) for engine in np.unique(engines)}


def _written(speech: shards.Utterances, row: int) -> Tensor:
    return torch.from_numpy(shards.phones_of(speech, row).astype(np.int64))
