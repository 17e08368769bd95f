"""Train the phone encoder: the phones of speech and those of its text come to one vector.

python -m clasp train sound --decoded runs/decoded --out runs/sound
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
from clasp.training.decode_corpus import DecodedCorpus
from clasp.training.losses import Temperature, symmetric
from clasp.training.ngrams import draw_batch

ENCODER = {"dim": 384, "hidden": 256, "layers": 4, "kernel": 5}
PEAK_RATE, WARM_UP = 1e-3, 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--decoded", type=Path, default=Path("runs/decoded"))
    parser.add_argument("--out", type=Path, default=Path("runs/sound"))
    parser.add_argument("--steps", type=int, default=1_500)
    parser.add_argument("--batch", type=int, default=384)
    parser.add_argument("--real", type=float, default=0.5, help="share of real speech in a batch")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    speech, decoded = shards.load(args.corpus, "train"), decode_corpus.load(args.decoded, "train")
    encoder, scale = PhoneEncoder(**ENCODER), Temperature()
    parameters = [*encoder.parameters(), *scale.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.02)
    checkpoint = Checkpoint(args.out, model=encoder, scale=scale, optimiser=optimiser)
    texts = np.unique(speech.rows[:, 1], return_inverse=True)[1]
    lengths = np.diff(decoded.starts)
    usable = np.flatnonzero(lengths >= 4)
    usable = usable[np.argsort(lengths[usable], kind="stable")]
    real = np.char.startswith(speech.rows[decoded.utterance[usable], 3], "real:")
    buckets = [usable[real], usable[~real]]
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        rng = np.random.default_rng((args.seed, step))
        places = draw_batch(buckets, lengths, (args.real, 1 - args.real), args.batch, rng)
        rows = decoded.utterance[places]
        encoder.train()
        with autocast():
            spoken, written = _encoded(encoder, speech, decoded, places)
        loss = symmetric(spoken.float(), written.float(), scale(), torch.from_numpy(texts[rows]))
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            scores = validate(
                encoder, shards.load(args.corpus, "validation"), decode_corpus.load(args.decoded, "validation")
            )
            print(
                f"step {step + 1} loss {np.mean(losses):.3f} HITS@1 {scores} {time.time() - started:.0f} s",
                flush=True,
            )
            losses.clear()
    return 0


@torch.inference_mode()
def validate(encoder: PhoneEncoder, speech: shards.Utterances, decoded: DecodedCorpus) -> dict[str, float]:
    """HITS@1 speech to text in the whole validation split, by engine or "real"."""
    encoder.eval()
    rows = decoded.utterance
    spoken, written = _encoded(encoder, speech, decoded, np.arange(len(decoded)))
    texts = speech.rows[rows, 1]
    right = texts[(spoken @ written.T).argmax(1).numpy()] == texts
    engines = np.array([f"{row[2]} {row[3].split(':')[0]}" for row in speech.rows[rows]])
    return {str(engine): round(float(right[engines == engine].mean()), 3) for engine in np.unique(engines)}


def _encoded(
    encoder: PhoneEncoder, speech: shards.Utterances, decoded: DecodedCorpus, places: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Vectors of decoded utterances and of their texts, float32 (n, dim) each."""
    recognized = [torch.from_numpy(decoded[place]).float() for place in places]
    written = [shards.phones_of(speech, row).astype(np.int64) for row in decoded.utterance[places]]
    return (
        encoder(*pad(recognized), from_speech=True),
        encoder(*pad([one_hot(torch.from_numpy(phones)) for phones in written]), from_speech=False),
    )
