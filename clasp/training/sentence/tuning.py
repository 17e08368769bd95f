"""Tuning of the sentence encoder on pairs of sentences that mean the same.

Every batch of pairs (an English sentence and its translation or other wording) is seen in four ways: the English as it
is, its counterpart, either of them as a speech recognizer might have written it, and English sentences that look alike
and mean something else. Two things are learned:

*Contrast.* The counterpart and the text with transcription errors must find the English sentence among those of the
batch and the look-alikes, and the English sentence must find its counterpart.

*Anchor.* English stays where it was: its vector must point where the untouched encoder's points, and so must the
vectors of its counterpart and of the text with errors. So the others come to where English is, and whatever was trained
towards the vectors of the untouched encoder, or is stored in a library, remains good. The word embeddings and the mean
that is taken off do not change either.
"""

import copy
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from clasp.training.checkpoint import Checkpoint, autocast, descend, learning_rate
from clasp.training.data.parallel import Pair, key
from clasp.training.sentence.assembly import PROMPT
from clasp.training.sentence.hard_negatives import hard_negative, names_of
from clasp.training.sentence.transcription_errors import add_transcription_errors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEMPERATURE = 0.05
ANCHOR = 10.0  # weight of the cosines beside the contrast, whose gradient is 1 / TEMPERATURE
MOST_TOKENS = 96
CHUNK = 16  # batches drawn together, so that sentences of like length meet in one
CHECKED = 100  # development pairs of a language
CHECK_EVERY = 250  # steps between checks, each of which also saves
WARM_UP = 100


class Tuner:
    """The tuning of one encoder, which is changed in place; it goes on where it stopped.

    Args:
        encoder: as `sentence_assembly.assemble` makes it.
        work: folder of the checkpoint and of log.jsonl.
    """

    def __init__(self, encoder: "SentenceTransformer", pairs: Sequence[Pair], work: Path, *, seed: int = 0):
        self.encoder, self.seed = encoder.eval().requires_grad_(False), seed
        bert: Any = encoder[0].auto_model
        shared = {id(part): part for part in (bert.embeddings, *list(encoder)[1:])}  # neither of the two changes
        self.untouched = copy.deepcopy(encoder, shared)
        self.layers = bert.encoder.requires_grad_(True)
        self.optimiser = torch.optim.AdamW(self.layers.parameters(), weight_decay=0.01, betas=(0.9, 0.98))
        self.checkpoint = Checkpoint(work, layers=self.layers, optimiser=self.optimiser)
        self.log = work / "log.jsonl"
        self.batches = Batches(pairs, seed)

    def train(self, steps: int, size: int, peak: float, development: Sequence[Pair]) -> None:
        """Train up to `steps` steps in all, `size` pairs each, with a highest learning rate of `peak`."""
        started, losses = time.monotonic(), []
        for step in range(self.checkpoint.resume(), steps):
            loss = self.loss(self.batches.draw(step, size), np.random.default_rng((self.seed, step)))
            losses.append(descend(loss, self.optimiser, learning_rate(step, steps, peak, WARM_UP)))
            if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
                figures = {"step": step + 1, "loss": float(np.mean(losses)), **self.check(development)}
                print(json.dumps(figures), f"{time.monotonic() - started:.0f} s", flush=True)
                with self.log.open("a") as file:
                    file.write(json.dumps(figures) + "\n")
                losses.clear()
                self.checkpoint.save(step + 1)

    def loss(self, pairs: Sequence[Pair], random: np.random.Generator) -> Tensor:
        """The loss of a batch."""
        english, others = [pair.english for pair in pairs], [pair.other for pair in pairs]
        noisy = [add_transcription_errors(pair[int(random.random() < 0.5)], random) for pair in pairs]
        names = names_of(english)
        alike = [text for text in (hard_negative(text, names, random) for text in english) if text is not None]
        with torch.no_grad():
            anchors = embed(self.untouched, english)  # (B, dim)
        vectors = embed(self.encoder, [*english, *others, *noisy, *alike])  # (3 B + alike, dim)
        return tuning_loss(vectors, anchors, groups_of(english))

    @torch.no_grad()
    def check(self, development: Sequence[Pair]) -> dict[str, float]:
        """HITS@1 of other languages among the English of the development pairs, over languages and the weakest of
        them, and the mean cosine of the English vectors with the untouched ones."""
        by_language: dict[str, list[Pair]] = {}
        for pair in development:
            by_language.setdefault(pair.language, []).append(pair)
        hits, cosines = [], []
        for pairs in by_language.values():
            chosen = list({key(pair.english): pair for pair in pairs}.values())[:CHECKED]
            english = [pair.english for pair in chosen]
            ours, before = embed(self.encoder, english), embed(self.untouched, english)
            found = (embed(self.encoder, [pair.other for pair in chosen]) @ ours.T).argmax(1)
            hits.append(float((found == torch.arange(len(chosen))).float().mean()))
            cosines.append(float((ours * before).sum(1).mean()))
        if not hits:
            return {}
        return {"hits@1": float(np.mean(hits)), "lowest": min(hits), "cosine_to_before": float(np.mean(cosines))}


class Batches:
    """Pairs by the step: languages by the root of their size, sentences of like length together."""

    def __init__(self, pairs: Sequence[Pair], seed: int):
        self.pairs, self.seed = pairs, seed
        self.lengths = np.array([len(pair.english) for pair in pairs])
        languages = np.array([pair.language for pair in pairs])
        self.groups = [np.flatnonzero(languages == language) for language in np.unique(languages)]
        sizes = np.sqrt([len(group) for group in self.groups])
        self.shares = sizes / sizes.sum()

    def draw(self, step: int, size: int) -> list[Pair]:
        """The `size` pairs of a step, which depend on nothing but it and the seed."""
        random = np.random.default_rng((self.seed, step // CHUNK))
        counts = random.multinomial(size * CHUNK, self.shares)
        drawn = np.concatenate([
            random.choice(group, count) for group, count in zip(self.groups, counts, strict=True)
        ])  # fmt: skip
        drawn = drawn[np.argsort(self.lengths[drawn], kind="stable")].reshape(CHUNK, size)
        return [self.pairs[row] for row in drawn[random.permutation(CHUNK)[step % CHUNK]]]


def embed(encoder: "SentenceTransformer", texts: Sequence[str]) -> Tensor:
    """Unit vectors float32 (n, dim) that can be differentiated."""
    features = encoder.tokenizer(
        [PROMPT + text for text in texts], padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
    )
    with autocast():
        vectors = encoder(dict(features))["sentence_embedding"]
    return functional.normalize(vectors.float(), dim=-1)


def groups_of(english: Sequence[str]) -> Tensor:
    """The same number for the same sentence, int64 (n,)."""
    return torch.from_numpy(np.unique([key(text) for text in english], return_inverse=True)[1])


def tuning_loss(vectors: Tensor, anchors: Tensor, groups: Tensor) -> Tensor:
    """Contrast and anchor, as above.

    Args:
        vectors: unit rows (3 B + n, dim): B English sentences, their counterparts, texts with errors, n look-alikes.
        anchors: where the English sentences point, unit rows (B, dim).
        groups: (B,); sentences of one group are the same, and each a right answer to what belongs to another.
    """
    count = len(anchors)
    english, others, noisy, alike = vectors.split([count, count, count, len(vectors) - 3 * count])
    right = (groups[:, None] == groups).float()
    right = right / right.sum(1, keepdim=True)  # (B, B)
    answers = functional.pad(right, (0, len(alike)))  # (B, B + n)
    candidates = torch.cat([english, alike])
    contrast = functional.cross_entropy(others @ candidates.T / TEMPERATURE, answers)
    contrast += functional.cross_entropy(noisy @ candidates.T / TEMPERATURE, answers)
    contrast += functional.cross_entropy(english @ others.T / TEMPERATURE, right)
    apart = 1 - (torch.stack([english, others, noisy]) * anchors).sum(-1)  # (3, B)
    return contrast + ANCHOR * apart.mean()
