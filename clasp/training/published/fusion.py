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
from clasp.training.checkpoint import Checkpoint, descend, learning_rate
from clasp.training.losses import PUBLISHED, Temperature, huber, symmetric

WARM_UP = 100  # steps
EPOCHS, SHARE = 100, 0.4  # the published schedule: the learning rate is multiplied by SHARE after so many
VALIDATED = 2_000  # clips at most that are measured after every epoch
AT_ONCE = 1_024  # clips that are fused together where nothing is learned

Metrics = dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Clips and their texts as the fusion meets them.

    Attributes:
        features: of the speech of every clip, speech_dim of them, and of its image, float16 (clips, features).
        unit: whether the fusion takes both at unit length.
        texts: vectors of the texts, float32 (texts, dim), unit rows, where the fusion is trained.
        text_of: int (clips,), the text of each clip.
        labels: str (clips,), what equal texts have in common.
    """

    features: np.ndarray
    speech_dim: int
    unit: bool
    texts: Tensor
    text_of: np.ndarray
    labels: np.ndarray


class Epoch(NamedTuple):
    """One time through all clips: its number from 1, the mean loss, and metrics of the validation split."""

    number: int
    loss: float
    metrics: Metrics


class Best:
    """The weights with the best score, for a Checkpoint."""

    def __init__(self, head: nn.Module):
        self.epoch, self.score, self.weights = 0, -1.0, _copied(head)

    def update(self, head: nn.Module, epoch: int, score: float) -> None:
        """Take the weights of now, if they are better."""
        if score > self.score:
            self.epoch, self.score, self.weights = epoch, score, _copied(head)

    def state_dict(self) -> dict[str, Any]:
        return vars(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


def train(head: nn.Module, pairs: Pairs, rows: np.ndarray, validation: np.ndarray, args: Namespace) -> Iterator[Epoch]:
    """Train the fusion on the clips `rows` from the last checkpoint; it has the best weights in the end.

    The best are those with the highest MRR of the clips `validation`, both ways together; after `args.patience` epochs
    without better ones it ends.
    """
    scale = Temperature(PUBLISHED if args.temperature == "published" else None).to(pairs.texts.device)
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
            torch.manual_seed(int(np.random.default_rng((args.seed, step)).integers(2**62)))  # of the dropout
            answers = torch.from_numpy(pairs.text_of[batch]).to(pairs.texts.device)
            loss = pair_loss(fuse(head, pairs, batch), pairs.texts[answers], answers, scale(), args.loss)
            losses.append(descend(loss, optimiser, _rate(args, epoch, step, batches)))
        found = metrics(head, pairs, validation)
        best.update(head, epoch + 1, sum(one["mrr"] for one in found.values()) / len(found))
        checkpoint.save(epoch + 1)
        yield Epoch(epoch + 1, float(np.mean(losses)), found)
    head.load_state_dict(best.weights)


def fuse(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> Tensor:
    """Fused features of clips, float32 (rows, dim), not normalised."""
    device = pairs.texts.device
    both = torch.from_numpy(pairs.features[rows]).to(device).float().tensor_split([pairs.speech_dim], 1)
    if pairs.unit:
        both = tuple(functional.normalize(one, dim=-1) for one in both)
    with autocast(device, precision(device)):
        return head(*both).float()


def pair_loss(fused: Tensor, texts: Tensor, groups: Tensor, scale: Tensor, kind: str) -> Tensor:
    """Contrast within the batch, where all of a group (equal texts) are right; distance to the text; or both."""
    if kind == "huber":
        return huber(fused, texts)
    contrast = symmetric(functional.normalize(fused, dim=-1), texts, scale, groups)
    return contrast + (huber(fused, texts) if kind != "contrastive" else 0)


def metrics(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> Metrics:
    """Metrics of the clips `rows` against their texts, both ways; equal texts are all correct."""
    spoken, written, texts, labels = _vectors(head, pairs, rows)
    return {
        "speech→text": {"pool": len(texts)} | summary(ranks(spoken, written, labels, texts)),
        "text→speech": {"pool": len(rows)} | summary(ranks(written, spoken, texts, labels)),
    }


def report(head: nn.Module, pairs: Pairs, rows: np.ndarray, corpora: dict[str, np.ndarray]) -> dict[str, Any]:
    """`metrics`; from speech to text also by the paper's protocol, and of the clips of each corpus among all texts."""
    spoken, written, texts, labels = _vectors(head, pairs, rows)
    found = ranks(spoken, written, labels, texts)
    gold = np.searchsorted(texts, labels)
    parts = {name: np.isin(rows, members) for name, members in corpora.items()}
    return metrics(head, pairs, rows) | {
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
    return spoken, pairs.texts.cpu().numpy()[pairs.text_of[rows[first]]], texts.tolist(), pairs.labels[rows].tolist()


def _rate(args: Namespace, epoch: int, step: int, batches: int) -> float:
    if args.schedule == "published":
        return args.rate * SHARE ** (epoch // EPOCHS)
    steps = args.epochs * batches
    return learning_rate(step, steps, args.rate, min(WARM_UP, steps // 10))


def _copied(head: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in head.state_dict().items()}
