"""The fusion of two frozen backbones, trained on what they made of the recordings, towards a frozen text encoder.

Everything random is drawn from the seed, the epoch and the step: two runs are alike, and one that was interrupted ends
as if it had not been.
"""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.device import autocast, precision
from clasp.evaluation.metrics import published, ranks, summary
from clasp.training.checkpoint import Checkpoint, follow, learning_rate
from clasp.training.losses import PUBLISHED, Temperature, huber, symmetric
from clasp.training.published.feature_cache import Kept
from clasp.training.published.large_batch import backward
from clasp.training.published.processes import Processes

WARM_UP = 100  # steps
EPOCHS, SHARE = 100, 0.4  # the published schedule: the learning rate is multiplied by SHARE after so many
VALIDATED = 2_000  # clips at most that are measured after every epoch
AT_ONCE = 1_024  # clips that are fused together where nothing is learned


@dataclass(frozen=True)
class Pairs:
    """Clips as the fusion meets them.

    Attributes:
        heard: of every clip the features of speech, speech_dim of them, and of the image.
        unit: whether the fusion takes both at unit length.
        vectors: of the texts, float32 (texts, dim), unit rows, where the fusion is trained.
        means: int (clips,), the text of each clip.
        labels: str (clips,), what equal texts have in common.
    """

    heard: Kept
    speech_dim: int
    unit: bool
    vectors: Tensor
    means: np.ndarray
    labels: np.ndarray


class Epoch(NamedTuple):
    """One time through all clips: its number from 1, the mean loss, and figures of the validation split."""

    number: int
    loss: float
    found: dict[str, dict[str, float]]


class Best:
    """The weights with which most was found, for a Checkpoint."""

    def __init__(self, head: nn.Module):
        self.epoch, self.score, self.weights = 0, -1.0, _copied(head)

    def meet(self, head: nn.Module, epoch: int, score: float) -> None:
        """Take the weights of now, if they are better."""
        if score > self.score:
            self.epoch, self.score, self.weights = epoch, score, _copied(head)

    def state_dict(self) -> dict[str, Any]:
        return vars(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def train(
    head: nn.Module, pairs: Pairs, rows: np.ndarray, validation: np.ndarray, args: Namespace, processes: Processes
) -> Iterator[Epoch]:
    """Train the fusion on the clips `rows` from the last checkpoint; it has the best weights in the end.

    The best are those with the highest MRR of the clips `validation`, both ways together; after `args.patience` epochs
    without better ones it ends.
    """
    device = pairs.vectors.device
    scale = Temperature(PUBLISHED if args.temperature == "published" else None).to(device)
    optimiser = torch.optim.AdamW([*head.parameters(), *scale.parameters()], lr=args.rate, weight_decay=args.decay)
    best = Best(head)
    checkpoint = Checkpoint(args.out, head=head, scale=scale, optimiser=optimiser, best=best)
    validation = validation[:: -(-len(validation) // VALIDATED)]
    batches = -(-len(rows) // args.batch)
    for epoch in range(checkpoint.resume(), args.epochs):
        if epoch - best.epoch >= args.patience:
            break
        losses = []
        order = np.random.default_rng((args.seed, epoch)).permutation(rows)
        head.train()
        for number, batch in enumerate(np.array_split(order, batches)):
            step = epoch * batches + number
            optimiser.zero_grad()
            losses.append(gradient(head, scale, pairs, batch, (args.seed, step), args, processes))
            follow(optimiser, _rate(args, epoch, step, batches))
        found = processes.told(lambda: figures(head, pairs, validation))
        best.meet(head, epoch + 1, sum(one["mrr"] for one in found.values()) / len(found))
        if processes.rank == 0:
            checkpoint.save(epoch + 1)
        yield Epoch(epoch + 1, float(np.mean(losses)), found)
    head.load_state_dict(best.weights)


def gradient(
    head: nn.Module,
    scale: Temperature,
    pairs: Pairs,
    batch: np.ndarray,
    seed: tuple[int, int],
    args: Namespace,
    processes: Processes,
) -> float:
    """Give fusion and temperature the gradient of the clips `batch`, at most `args.part` of them at once; the loss."""
    parts = np.array_split(batch, -(-len(batch) // args.part))
    seeds = np.random.default_rng(seed).integers(2**62, size=len(parts)).tolist()
    answers = torch.from_numpy(pairs.means[batch]).to(pairs.vectors.device)

    def loss(fused: Tensor) -> Tensor:
        return pair_loss(fused, pairs.vectors[answers], answers, scale(), args.loss)

    return backward(head, parts, lambda rows: fuse(head, pairs, rows), loss, seeds, processes).item()


def fuse(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> Tensor:
    """Fused features of clips, float32 (rows, dim), not normalised."""
    device = pairs.vectors.device
    both = torch.from_numpy(pairs.heard[rows]).to(device).tensor_split([pairs.speech_dim], 1)
    if pairs.unit:
        both = [functional.normalize(one, dim=-1) for one in both]
    with autocast(device, precision(device)):
        return head(*both).float()


def pair_loss(fused: Tensor, texts: Tensor, groups: Tensor, scale: Tensor, kind: str) -> Tensor:
    """Contrast within the batch, where all of a group (equal texts) are right; distance to the text; or both."""
    contrast = symmetric(functional.normalize(fused, dim=-1), texts, scale, groups) if kind != "huber" else 0
    return contrast + (huber(fused, texts) if kind != "contrastive" else 0)


def figures(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> dict[str, dict[str, float]]:
    """Figures of the clips `rows` against their texts, both ways; equal texts are all correct."""
    spoken, written, texts, labels = _vectors(head, pairs, rows)
    return {
        "speech→text": {"pool": len(texts)} | summary(ranks(spoken, written, labels, texts)),
        "text→speech": {"pool": len(rows)} | summary(ranks(written, spoken, texts, labels)),
    }


def report(head: nn.Module, pairs: Pairs, rows: np.ndarray, corpora: dict[str, np.ndarray]) -> dict[str, Any]:
    """`figures`; from speech to text also by the paper's protocol, and of the clips of each corpus among all texts."""
    spoken, written, texts, labels = _vectors(head, pairs, rows)
    found = ranks(spoken, written, labels, texts)
    gold = np.searchsorted(texts, labels)
    parts = {name: np.isin(rows, members) for name, members in corpora.items()}
    return figures(head, pairs, rows) | {
        "speech→text by the paper's protocol": published(spoken, written, gold),
        "speech→text by corpus": {
            name: {"queries": int(part.sum())} | summary(found[part]) for name, part in parts.items() if part.any()
        },
    }


@torch.no_grad()
def _vectors(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Unit vectors of clips and of their distinct texts, (clips, dim) and (texts, dim), and the labels of both."""
    head.eval()
    parts = [fuse(head, pairs, part) for part in np.array_split(rows, -(-len(rows) // AT_ONCE))]
    spoken = functional.normalize(torch.cat(parts), dim=-1).cpu().numpy()
    texts, first = np.unique(pairs.labels[rows], return_index=True)
    return spoken, pairs.vectors.cpu().numpy()[pairs.means[rows[first]]], texts.tolist(), pairs.labels[rows].tolist()


def _rate(args: Namespace, epoch: int, step: int, batches: int) -> float:
    if args.schedule == "published":
        return args.rate * SHARE ** (epoch // EPOCHS)
    steps = args.epochs * batches
    return learning_rate(step, steps, args.rate, min(WARM_UP, steps // 10))


def _copied(head: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in head.state_dict().items()}
