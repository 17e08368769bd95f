"""Train the multilingual text encoder: an English teacher's vectors, for sentences and their translations.

    python -m clasp train text --out runs/text
    python -m clasp train text --out runs/text --steps 20000      # goes on from the last checkpoint

First the teacher embeds the English sentences, then a vocabulary is trained, then a bag of embeddings learns
what words mean (minutes), then transformer layers on top of it learn what sentences mean (hours). Every stage
resumes where it stopped.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from clasp.training.checkpoint import Checkpoint, autocast, learning_rate
from clasp.training.corpora import brown, clips, data_folder
from clasp.training.parallel import LANGUAGES, Pair, english_sentences, key, training_pairs
from clasp.training.student import Student, save, train_tokenizer
from clasp.training.teacher import load_teacher, teach
from clasp.training.text_card import measure, write_card

TEMPERATURE = 0.05
DIRECTION = 10.0  # weight of the cosine to the teacher beside the contrast, whose gradient is 1 / TEMPERATURE
CHUNK = 16  # batches drawn together, so that rows of like length meet in one batch
CHECK_EVERY = 500  # steps between looks at the development pairs, each of which also exports the model


@dataclass(frozen=True)
class Stage:
    """A part of training: with or without the layers, and its own sizes and peak learning rate."""

    deep: bool
    batch: int
    negatives: int
    peak: float


BAG = Stage(deep=False, batch=1024, negatives=2048, peak=5e-3)
LAYERS = Stage(deep=True, batch=256, negatives=2048, peak=1e-3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of training data (default: found)")
    parser.add_argument("--out", type=Path, default=Path("runs/text"), help="the model folder to write")
    parser.add_argument("--work", type=Path, default=Path("runs/distil"), help="vocabulary and checkpoint")
    parser.add_argument("--teacher", type=Path, default=Path("runs/teacher"), help="the teacher's vectors")
    parser.add_argument("--texts", type=int, default=400_000, help="most English texts for the teacher to embed")
    parser.add_argument("--vocabulary", type=int, default=34_000, help="pieces of the vocabulary")
    parser.add_argument("--bag-steps", type=int, default=5_000, help="steps of the bag of embeddings")
    parser.add_argument("--steps", type=int, default=10_000, help="steps of the transformer layers after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")


def run(args: argparse.Namespace) -> int:
    torch.set_num_threads(args.threads)
    data = data_folder(args.data)
    train, development, english = texts_of(data)
    teach(args.teacher, english[: args.texts])
    teach(args.teacher, sorted({pair.english for pair in development}))
    texts, vectors = load_teacher(args.teacher)
    args.work.mkdir(parents=True, exist_ok=True)
    tokenizer = vocabulary(args.work / "tokenizer.json", train, english, args.vocabulary)
    rows = {text: number for number, text in enumerate(texts)}
    views = Views(tokenizer, train, english, rows)
    trainer = Trainer(args, tokenizer, views, vectors)
    checks: dict[str, list[tuple[str, int]]] = {language: [] for language in LANGUAGES}
    for pair in development:
        checks[pair.language].append((pair.other, rows[pair.english]))
    trainer.train({language: some[:150] for language, some in checks.items()})
    training = {
        "command": "python -m clasp train text", "seed": args.seed, "vocabulary": tokenizer.get_vocab_size(),
        "bag_steps": args.bag_steps, "steps": args.steps, "teacher_texts": len(texts),
        "views": len(views.targets),
        "training_seconds": round(trainer.seconds),
    }  # fmt: skip
    figures = measure(args.out, data)
    write_card(args.out, training, figures)
    print(json.dumps(figures, indent=1), flush=True)
    return 0


def texts_of(data: Path) -> tuple[list[Pair], list[Pair], list[str]]:
    """Training pairs, development pairs, and English texts in the order in which the teacher embeds them.

    Nothing of it occurs in Brown's validation and test files, in real speech, or in FLORES. One English
    sentence in a hundred is kept, with all its translations, for development. Brown comes first, then single
    words, then sentences by how much their translations are worth (rarer languages more) for their length.
    """
    sentences = brown(data)
    exclude = {key(sentence.text) for sentence in sentences if sentence.split != "train"}
    exclude |= {key(clip.text) for clip in clips(data)}
    written = [item.text for item in sentences if item.split == "train" and key(item.text) not in exclude]
    pairs = training_pairs(data / "parallel", LANGUAGES, exclude)
    held_out = {mine for mine in {key(pair.english) for pair in pairs} if _percent(mine) == 0}
    train = [pair for pair in pairs if key(pair.english) not in held_out]
    development = [pair for pair in pairs if key(pair.english) in held_out]
    sizes = Counter(pair.language for pair in train)
    worth: Counter[str] = Counter()
    for pair in train:
        worth[pair.english] += sizes[pair.language] ** -0.5
    translated = sorted(worth, key=lambda text: -worth[text] / (20 + len(text)))
    others = english_sentences(data / "parallel", exclude | held_out)
    counts = Counter(word for text in written + others for word in re.findall(r"[a-z]+", text.lower()))
    words = [word for word, count in counts.most_common() if count >= 4 and len(word) > 1]
    return train, development, list(dict.fromkeys(written + words + translated + others))


def vocabulary(path: Path, train: list[Pair], english: list[str], size: int) -> Tokenizer:
    """The tokenizer at path, trained first if there is none: much English, the rest evenly."""
    if not path.exists():
        started = time.monotonic()
        chosen = list(english[:45_000] + english[100_000:120_000])
        for language in LANGUAGES:
            of_it = [pair.other for pair in train if pair.language == language]
            chosen += of_it[:: max(1, len(of_it) // 5_000)]
        train_tokenizer(chosen, size).save(str(path))
        print(f"vocabulary: {len(chosen):,} texts, {time.monotonic() - started:.0f} s", flush=True)
    return Tokenizer.from_file(str(path))


class Views:
    """Every text to learn from, as token ids, with the row of the teacher's vector that it should have."""

    def __init__(self, tokenizer: Tokenizer, train: list[Pair], english: list[str], row: dict[str, int]):
        wanted = [("en", text, row[text]) for text in english if text in row]
        wanted += [(pair.language, pair.other, row[pair.english]) for pair in train if pair.english in row]
        encoded = [
            ids
            for start in range(0, len(wanted), 10_000)
            for ids in (
                item.ids for item in tokenizer.encode_batch([view[1] for view in wanted[start : start + 10_000]])
            )
        ]
        self.lengths = np.array([len(ids) for ids in encoded])  # (n,)
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])  # (n + 1,)
        self.tokens = np.concatenate([np.array(ids, dtype=np.uint16) for ids in encoded])
        self.targets = np.array([view[2] for view in wanted])  # (n,)
        languages = np.array([view[0] for view in wanted])
        self.groups = [np.flatnonzero(languages == language) for language in np.unique(languages)]
        sizes = np.array([len(group) for group in self.groups], dtype=float)
        self.shares = sizes**0.5 / (sizes**0.5).sum()

    def batch(self, seed: int, step: int, stage: Stage) -> np.ndarray:
        """The views of one step: drawn from seed and step alone, languages by the root of their size."""
        random = np.random.default_rng([seed, stage.deep, step // CHUNK])
        counts = random.multinomial(stage.batch * CHUNK, self.shares)
        drawn = np.concatenate([random.choice(group, count) for group, count in zip(self.groups, counts, strict=True)])
        drawn = drawn[np.argsort(self.lengths[drawn], kind="stable")].reshape(CHUNK, stage.batch)
        return drawn[random.permutation(CHUNK)[step % CHUNK]]

    def ids(self, views: np.ndarray) -> Tensor:
        """Token ids, int64 (B, T), padded with 0."""
        ids = np.zeros((len(views), self.lengths[views].max()), dtype=np.int64)
        for line, view in enumerate(views):
            ids[line, : self.lengths[view]] = self.tokens[self.starts[view] : self.starts[view + 1]]
        return torch.from_numpy(ids)


class Trainer:
    """The training loop, with its checkpoint and its averaged weights, which are what is exported."""

    def __init__(self, args: argparse.Namespace, tokenizer: Tokenizer, views: Views, vectors: np.ndarray):
        torch.manual_seed(args.seed)
        self.args, self.tokenizer, self.views = args, tokenizer, views
        self.bank = torch.from_numpy(np.array(vectors))  # float16 (n, 384)
        self.student = Student(tokenizer.get_vocab_size())
        self.average = AveragedModel(self.student, multi_avg_fn=get_ema_multi_avg_fn(0.95))
        matrices = [weight for weight in self.student.parameters() if weight.ndim > 1]
        others = [weight for weight in self.student.parameters() if weight.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": matrices, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
            betas=(0.9, 0.98), fused=True,
        )  # fmt: skip
        self.checkpoint = Checkpoint(args.work, student=self.student, average=self.average, optimizer=self.optimizer)
        self.log = args.work / "log.jsonl"
        self.seconds = 0.0  # of training, over all runs

    def train(self, development: dict[str, list[tuple[str, int]]]) -> None:
        """Train up to the last step. development: per language, texts with their teacher vectors' rows."""
        last = self.args.bag_steps + self.args.steps
        first, loss = self.checkpoint.resume(), 0.0
        if first and self.log.exists():
            self.seconds = json.loads(self.log.read_text().splitlines()[-1])["seconds"]
        started = time.monotonic() - self.seconds
        for step in range(first, last):
            loss += self.step(step) / 100
            if (step + 1) % 10 == 0:
                self.average.update_parameters(self.student)
            if (step + 1) % 100 == 0:
                self.seconds = time.monotonic() - started
                print(f"step {step + 1} of {last} · loss {loss:.3f} · {self.seconds:.0f} s", flush=True)
                loss = 0.0
            if (step + 1) % CHECK_EVERY == 0 or step + 1 in (self.args.bag_steps, last):
                save(self.average.module, self.tokenizer, self.args.out)
                hits = self.check(development, deep=step >= self.args.bag_steps)
                print("development HITS@1", *(f"{name} {hit:.2f}" for name, hit in hits.items()), flush=True)
                with self.log.open("a") as file:
                    file.write(json.dumps({"step": step + 1, "seconds": self.seconds, **hits}) + "\n")
                self.checkpoint.save(step + 1)

    def step(self, step: int) -> float:
        bag = step < self.args.bag_steps
        stage, mine = (BAG, step) if bag else (LAYERS, step - self.args.bag_steps)
        rate = learning_rate(mine, self.args.bag_steps if bag else self.args.steps, stage.peak, warm_up=100)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        views = self.views.batch(self.args.seed, mine, stage)
        ids = self.views.ids(views)
        long = (ids != 0).sum(1, keepdim=True) > 5
        dropped = (torch.rand(ids.shape) < 0.1) & long
        dropped[:, 0] = False
        with autocast():
            vectors = self.student(ids.masked_fill(dropped, 0), deep=stage.deep)  # (B, 384)
        vectors = torch.nn.functional.normalize(vectors.float(), dim=-1)
        targets = self.bank[torch.from_numpy(self.views.targets[views])].float()  # (B, 384)
        negatives = self.bank[torch.randint(len(self.bank), (stage.negatives,))].float()  # (N, 384)
        loss = distillation_loss(vectors, targets, negatives)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def check(self, development: dict[str, list[tuple[str, int]]], deep: bool) -> dict[str, float]:
        """HITS@1 per language: development sentences among the teacher's vectors of their translations."""
        model, hits = self.average.module.eval(), {}
        for language, pairs in development.items():
            rows = torch.tensor(sorted({row for _, row in pairs}))
            pool = self.bank[rows].float()  # (P, 384)
            right = 0
            for start in range(0, len(pairs), 50):
                some = pairs[start : start + 50]
                encoded = [torch.tensor(item.ids) for item in self.tokenizer.encode_batch([text for text, _ in some])]
                ids = torch.nn.utils.rnn.pad_sequence(encoded, batch_first=True)
                best = rows[(model(ids, deep=deep) @ pool.T).argmax(1)]
                right += int((best == torch.tensor([row for _, row in some])).sum())
            hits[language] = right / max(len(pairs), 1)
        return hits


def distillation_loss(vectors: Tensor, targets: Tensor, negatives: Tensor) -> Tensor:
    """How far unit vectors (B, D) are from the teacher's (B, D), by direction and by neighbourhood.

    The neighbourhood is a softmax over the targets and other teacher vectors (N, D): the teacher's own
    distribution is the label, so paraphrases among the negatives count as the matches that they are.
    """
    bank = torch.cat([targets, negatives])  # (B + N, D)
    label = (targets @ bank.T / TEMPERATURE).softmax(1)
    contrast = torch.nn.functional.cross_entropy(vectors @ bank.T / TEMPERATURE, label)
    return contrast + DIRECTION * (1 - (vectors * targets).sum(1)).mean()


def _percent(text: str) -> int:
    """A number from 0 to 99 that depends on the text alone."""
    return sum((place + 1) * byte for place, byte in enumerate(text.encode())) % 100
