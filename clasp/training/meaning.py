"""Fine-tune the n-gram encoder on audio: phones as the recognizer really recognizes them.

    python -m clasp train meaning --ngrams runs/ngrams --decoded runs/decoded --out runs/meaning

Trained on text, it now reads the phones of the speech corpus, in several readings, towards the vector of the frozen
sentence encoder. Written sentences stay in every batch, for vocabulary.
"""

import argparse
import copy
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clasp.phones.inventory import readings
from clasp.phones.ngrams import PhoneNgramEncoder
from clasp.text import sentence_encoder
from clasp.training import decode_corpus, ngrams
from clasp.training.checkpoint import Checkpoint, autocast, descend, learning_rate, update_average
from clasp.training.data import shards
from clasp.training.losses import soft_contrast
from clasp.training.simulated_asr import simulate_asr_errors
from clasp.training.text_vectors import text_vectors

READINGS = 8  # of recognized phones; half of them, at random, in each step of training
PEAK_RATE, WARM_UP, AVERAGE = 4e-4, 50, 0.99


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ngrams.add_arguments(parser)
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--ngrams", type=Path, default=Path("runs/ngrams"))
    parser.add_argument("--real", type=float, default=0.6, help="share of real speech among the spoken")
    parser.set_defaults(out=Path("runs/meaning"), steps=1_200, batch=256)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    sentences, bank = ngrams.training_data(argparse.Namespace(**vars(args) | {"out": args.ngrams}))
    speech, decoded = shards.load(args.corpus, "train"), decode_corpus.load(args.decoded, "train")
    spoken = [readings(decoded[place], READINGS).astype(np.uint8) for place in range(len(decoded))]
    answers, vectors = answers_of(speech, args)
    bank = torch.cat([bank, vectors])
    encoder = trained(args.ngrams)
    average = copy.deepcopy(encoder).requires_grad_(False)
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=PEAK_RATE, weight_decay=0.01, fused=True)
    checkpoint = Checkpoint(args.out, model=encoder, average=average, optimiser=optimiser)
    confusions = ngrams.measured_confusions(args.decoded)
    _, buckets, shares = ngrams.hold_out(sentences, args.english)
    written, lengths = np.diff(sentences.starts), np.array([part.shape[1] for part in spoken])
    real = np.char.startswith(speech.rows[decoded.utterance, 3], "real:")
    order = np.argsort(lengths, kind="stable")
    audio = [order[(lengths[order] >= 4) & (real[order] == kind)] for kind in (True, False)]
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        rng = np.random.default_rng((args.seed, step))
        places = ngrams.draw_batch(audio, lengths, (args.real, 1 - args.real), args.batch, rng)
        rows = ngrams.draw_batch(buckets, written, shares, args.batch, rng)
        read = rng.permutation(READINGS)[: READINGS // 2]
        encoder.train()
        with autocast():
            of_speech = encoder(*ngrams.pad([spoken[place][read] for place in places]))
            of_text = encoder(*ngrams.pad(simulate_asr_errors([sentences[row] for row in rows], confusions, rng)))
        wanted = np.concatenate([
            len(bank) - len(vectors) + answers[decoded.utterance[places]], sentences.answer[rows],
        ])  # fmt: skip
        others = rng.integers(len(bank), size=ngrams.NEGATIVES)
        loss = soft_contrast(torch.cat([of_speech, of_text]).float(), bank, wanted, others)
        losses.append(descend(loss, optimiser, learning_rate(step, args.steps, PEAK_RATE, WARM_UP)))
        update_average(average, encoder, min(AVERAGE, (step + 1) / (step + 10)))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            print(f"step {step + 1} loss {np.mean(losses):.3f} {time.time() - started:.0f} s", flush=True)
            losses.clear()
        if (step + 1) % 300 == 0 or step + 1 == args.steps:
            print(f"step {step + 1} HITS@1 {validate(average, args)}", flush=True)
    return 0


def trained(folder: Path) -> PhoneNgramEncoder:
    """The averaged weights of the last checkpoint in a folder."""
    encoder = PhoneNgramEncoder(**ngrams.ENCODER, dim=ngrams.DIM)
    encoder.load_state_dict(torch.load(folder / "checkpoint.pt", weights_only=True)["average"])
    return encoder


def answers_of(speech: shards.Utterances, args: argparse.Namespace) -> tuple[np.ndarray, Tensor]:
    """For every utterance a row of the vectors, float16 (texts, dim), of their texts: of the English one where it is
    known."""
    of_each = [" ".join((english or text).split()) for _, text, _, _, english in speech.rows.tolist()]
    texts = list(dict.fromkeys(of_each))
    vectors = text_vectors(sentence_encoder.load(args.text), texts, args.bank, average=True)
    rows = {text: row for row, text in enumerate(texts)}
    return np.array([rows[text] for text in of_each]), torch.from_numpy(vectors).half()


@torch.inference_mode()
def validate(encoder: PhoneNgramEncoder, args: argparse.Namespace) -> dict[str, float]:
    """HITS@1 speech to text over the validation split, by synthesizer or real corpus."""
    encoder.eval()
    speech, decoded = shards.load(args.corpus, "validation"), decode_corpus.load(args.decoded, "validation")
    answers, bank = answers_of(speech, args)
    spoken = [readings(decoded[place], READINGS) for place in range(len(decoded))]
    vectors = torch.cat([
        functional.normalize(encoder(*ngrams.pad(spoken[first : first + 100])), dim=-1)
        for first in range(0, len(spoken), 100)
    ])  # fmt: skip
    right = (vectors @ bank.float().T).argmax(1).numpy() == answers[decoded.utterance]
    kinds = shards.kinds_of(speech.rows[decoded.utterance, 3])
    return {str(kind): round(float(right[kinds == kind].mean()), 3) for kind in np.unique(kinds)}
