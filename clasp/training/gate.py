"""Fit the gate between the direct meaning of speech and that of its transcript, on real speech of the validation split.

    python -m clasp train gate --model runs/model

Every clip is encoded and transcribed; the gate learns the weights with which both together come nearest to the vector
of the true text, among those of all clips. The weights that were set by hand are where it begins and what it is drawn
to, for some evidence is rare.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clasp.audio.decode import decode
from clasp.model import Clasp, load
from clasp.settings import current
from clasp.speech.gate import EVIDENCE, Gate, evidence, stacked
from clasp.speech.transcriber import Transcriber
from clasp.speech.transcript import Transcript
from clasp.training.data.corpora import batched, clips, data_folder
from clasp.training.losses import SOFTNESS

PULL = 0.02  # towards the weights set by hand
AT_ONCE = 256  # clips in memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--model", type=Path, default=Path("runs/model"), help="the model folder to complete")


def run(args: argparse.Namespace) -> int:
    model = load(args.model)
    direct, transcripts, truth, known = witnesses(model, data_folder(args.data))
    fitted = fit(direct, transcripts, truth, known)
    fitted.save(args.model)
    for name, gate in (("by hand", Gate.default()), ("fitted", fitted)):
        share = gate.transcript_weight(known)[:, None]
        fused = functional.normalize(torch.from_numpy((1 - share) * direct + share * transcripts), dim=-1)
        print(f"{name}: HITS@1 {hits(fused, truth):.3f}, mean share of the transcript {share.mean():.2f}")
    print(f"direct alone: {hits(torch.from_numpy(direct), truth):.3f}, "
          f"transcripts alone: {hits(torch.from_numpy(transcripts), truth):.3f}")  # fmt: skip
    return 0


def witnesses(model: Clasp, data: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of every real clip of the validation split: the direct meaning, that of the transcript (zero where there is none)
    and that of the true text, float32 (n, meaning_dim) each, unit rows; and the evidence, (n, len(EVIDENCE))."""
    transcriber = Transcriber.load(device=current().device)
    found = [clip for clip in clips(data) if clip.split == "validation"]
    direct, written, known = [], [], []
    for batch in batched(found, AT_ONCE):
        waveforms = [decode(clip.audio()) for clip in batch]
        output = model.encode_speech(waveforms, return_phones=True)
        direct.append(model.halves(output.vectors)[0])
        transcripts: dict[int, Transcript] = {}
        for language in sorted({clip.language for clip in batch}):  # as recordings of one language in a library
            rows = [row for row, clip in enumerate(batch) if clip.language == language]
            of_it = transcriber.transcribe([waveforms[row] for row in rows], language)
            transcripts |= dict(zip(rows, of_it, strict=True))
        known += [evidence(transcripts[row], phones) for row, phones in enumerate(output.phones)]
        written += [transcripts[row].text for row in range(len(batch))]
    truth = model.text.encode([clip.text for clip in found], normalize_embeddings=True, show_progress_bar=False)
    read = np.zeros_like(truth)
    rows = [row for row, text in enumerate(written) if text.strip()]
    texts = [written[row] for row in rows]
    read[rows] = model.text.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return np.concatenate(direct), read, truth, stacked(known)


def fit(direct: np.ndarray, transcripts: np.ndarray, truth: np.ndarray, known: np.ndarray) -> Gate:
    """The gate that brings both witnesses nearest to the truth; see `witnesses`."""
    rows = transcripts.any(axis=1)
    first, second, answers = (torch.from_numpy(part[rows]).float() for part in (direct, transcripts, truth))
    inputs, usual = torch.from_numpy(known[rows]).float(), Gate.default()
    start = torch.tensor([*usual.weights.tolist(), usual.bias])
    weights = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")
    labels = (answers @ answers.T / SOFTNESS).softmax(1)

    def loss() -> Tensor:
        optimiser.zero_grad()
        share = torch.sigmoid(inputs @ weights[: len(EVIDENCE)] + weights[-1])[:, None]
        fused = functional.normalize((1 - share) * first + share * second, dim=-1)
        error = functional.cross_entropy(fused @ answers.T / SOFTNESS, labels)
        error = error + PULL * (weights - start).square().sum()
        error.backward()
        return error

    optimiser.step(loss)
    learned = weights.detach().numpy()
    return Gate(learned[: len(EVIDENCE)].astype(np.float32), float(learned[-1]))


def hits(vectors: Tensor, truth: np.ndarray) -> float:
    """HITS@1 of vectors among the true texts' (equal texts are all right)."""
    answers = torch.from_numpy(truth)
    best = (vectors.float() @ answers.T).argmax(1)
    return float(((answers[best] * answers).sum(1) > 1 - 1e-4).float().mean())
