"""Fit the gate between the direct meaning of speech and that of its transcript, on real speech of the validation split.

    python -m clasp train gate --model runs/model

Every clip is encoded and transcribed (transcripts are kept for the next time); the gate learns the weights with which
both together come nearest to the vector of the true text. The weights that were set by hand are where it begins and
what it is drawn to, for some evidence is rare: a language with few clips is believed like others that Whisper knows as
well.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from torch import Tensor
from torch.nn import functional

from clasp.evaluation import utterances
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.systems import Direct, Fused, Transcribed, TrueText
from clasp.evaluation.tables import Table, share
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance
from clasp.model import Clasp, load
from clasp.settings import current
from clasp.speech.gate import EVIDENCE, Gate, fuse_meaning
from clasp.speech.transcriber import BASE, Transcriber
from clasp.training.data.corpora import clips, data_folder

PULL = 0.0005  # towards the weights set by hand
FOLDS = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--model", type=Path, default=Path("runs/model"), help="the model folder to complete")


def run(args: argparse.Namespace) -> int:
    found = witnesses(load(args.model), data_folder(args.data))
    fit(found).save(args.model)
    Console(width=120).print(table(found).rich())
    return 0


@dataclass(frozen=True)
class Witnesses:
    """Of n utterances the direct meaning, that of the transcript (a zero row where there is none) and that of the true
    text, float32 (n, meaning_dim) each, unit rows; the evidence, (n, len(EVIDENCE)); and BCP-47 tags."""

    direct: np.ndarray
    transcript: np.ndarray
    truth: np.ndarray
    evidence: np.ndarray
    languages: np.ndarray

    def of(self, rows: np.ndarray) -> "Witnesses":
        """Some of them."""
        return Witnesses(*(part[rows] for part in vars(self).values()))


def witnesses(model: Clasp, data: Path, cache: Path = utterances.CACHE) -> Witnesses:
    """What is known of every real clip of the validation split."""
    spoken = [Utterance(one.text, one.language, one) for one in clips(data) if one.split == "validation"]
    encodings = Encodings(model, cache)
    transcriber = Transcriber.load(BASE, current().device)
    assert transcriber is not None, "only the name none has none"
    transcripts = Transcripts(transcriber, cache)
    fused = Fused(encodings, transcripts)
    direct, transcript, truth = (
        one.encode_speech(spoken)
        for one in (Direct(encodings), Transcribed(encodings, transcripts), TrueText(encodings))
    )
    return Witnesses(direct, transcript, truth, fused.evidence(spoken), np.array([one.language for one in spoken]))


def fit(found: Witnesses) -> Gate:
    """The gate that brings both witnesses nearest to the truth, by their cosine."""
    both = found.of(np.flatnonzero(found.transcript.any(axis=1)))
    direct, transcript, truth, known = (
        torch.from_numpy(part).float() for part in (both.direct, both.transcript, both.truth, both.evidence)
    )
    default = Gate.default()
    start = torch.tensor([*default.weights.tolist(), default.bias])
    weights = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        trust = torch.sigmoid(known @ weights[: len(EVIDENCE)] + weights[-1])[:, None]
        fused = functional.normalize((1 - trust) * direct + trust * transcript, dim=-1)
        error = (1 - (fused * truth).sum(1)).mean() + PULL * (weights - start).square().sum()
        error.backward()
        return error

    optimiser.step(loss)
    learned = weights.detach().numpy()
    return Gate(learned[: len(EVIDENCE)].astype(np.float32), float(learned[-1]))


def unseen(found: Witnesses) -> np.ndarray:
    """What gates that were fitted on the other utterances make of each, float32 (n, meaning_dim), unit rows."""
    fold = np.random.default_rng(0).permutation(len(found.direct)) % FOLDS
    fused = np.empty_like(found.direct)
    for number in range(FOLDS):
        rest = found.of(fold == number)
        gate = fit(found.of(fold != number))
        fused[fold == number] = fuse_meaning(rest.direct, rest.transcript, rest.evidence, gate)
    return fused


def table(found: Witnesses) -> Table:
    """By language: how near each witness, and both together, come to the truth, and how often they find it first."""
    usual = fuse_meaning(found.direct, found.transcript, found.evidence, Gate.default())
    trust = fit(found).transcript_weight(found.evidence)
    systems = {"direct": found.direct, "transcript": found.transcript, "by hand": usual, "fitted": unseen(found)}
    rows = []
    for language in [*np.unique(found.languages).tolist(), "all"]:
        here = (found.languages == language) | (language == "all")
        truth = found.truth[here]
        cells = [
            f"{share(float((one[here] * truth).sum(1).mean()))} {share(hits(one[here], truth), 2)}"
            for one in systems.values()
        ]
        rows.append((language, str(here.sum()), *cells, share(float(trust[here].mean()), 2)))
    title = (
        f"Cosine with the true text and HITS@1 of own words among a language (fitted: {FOLDS}-fold cross-validation)"
    )
    return Table(title, ("language", "clips", *systems, "trust"), rows)


def hits(vectors: np.ndarray, truth: np.ndarray) -> float:
    """HITS@1 of vectors among the true texts' (equal texts are all right)."""
    best = (vectors @ truth.T).argmax(1)
    return float(((truth[best] * truth).sum(1) > 1 - 1e-4).mean())
