"""Train the meaning half of the speech route: words, spectrogram and their fusion, on audio.

    python -m clasp train meaning --text runs/text --words runs/words --heard runs/heard --out runs/meaning

The word encoder, trained on text, now reads phones as the recogniser really heard them; the spectrogram backbone
sees the utterance; the fusion of both meets the vector of the frozen text encoder. Written sentences stay in every
batch, for vocabulary.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import fusion
from ..phones import readings
from ..speech_encoder import SpectrogramBackbone, draw
from ..word_encoder import WordEncoder
from . import hearing, shards, words, written
from .checkpoint import Checkpoint, autocast, descend, learning_rate
from .contrast import LOSSES, Temperature, meaning_loss
from .corpora import data_folder
from .recogniser import spectrogram
from .teacher import load_teacher

SPECTROGRAM = {
    "size": [40, 96],
    "backbone": {"model_type": "resnet", "num_channels": 1, "embedding_size": 16, "hidden_sizes": [16, 32, 64, 128],
                 "depths": [1, 1, 1, 1], "layer_type": "basic"},
}  # fmt: skip
FUSION = "concat"
READINGS = 8  # of what was heard; half of them, at random, in each step of training
KINDS = (*fusion.FUSIONS, "words", "spectrogram")  # fused, or one backbone alone
PEAK_RATE, WARM_UP = 1e-3, 50


class MeaningHead(nn.Module):
    """Word encoder, spectrogram backbone and fusion, as the speech encoder combines them; `kind` is one of KINDS."""

    def __init__(self, kind: str = FUSION):
        super().__init__()
        self.kind = kind
        self.words = WordEncoder(**words.WORDS, dim=words.DIM)
        if kind == "words":
            return
        self.spectrogram = SpectrogramBackbone(**SPECTROGRAM)
        if kind == "spectrogram":
            self.project = nn.Linear(self.spectrogram.dim, words.DIM)
            return
        self.fusion = fusion.build(kind, words.DIM, self.spectrogram.dim, words.DIM)
        if kind == "concat":  # the correction starts from nothing
            nn.init.zeros_(self.fusion.mix[-1].weight)
            nn.init.zeros_(self.fusion.mix[-1].bias)

    def forward(self, phones: Tensor, lengths: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (batch, dim) by the words alone and fused, of phones (batch, readings, time) and images."""
        said = self.words(phones, lengths)
        if self.kind == "words":
            return said, said
        seen = self.spectrogram.features(images)
        return said, self.project(seen) if self.kind == "spectrogram" else said + self.fusion(said, seen)


@dataclass(frozen=True)
class Recipe:
    """How the head is trained: the default is what ships, the others are compared by `clasp train ablate`."""

    kind: str = FUSION  # of KINDS
    loss: str = LOSSES[0]
    real: bool = True  # with recorded speech
    pretrained: bool = True  # the word encoder comes trained on text
    written: bool = True  # half of every batch are written sentences


@dataclass(frozen=True)
class Material:
    """What the head learns from, in memory. `phones` (READINGS, time) are the ids heard in each rendering of an
    utterance, `utterance` (renderings,) is its row among the `pictures` (utterances, height, width) and in `answer`,
    its row in the bank of text vectors."""

    phones: list[np.ndarray]
    utterance: np.ndarray
    real: np.ndarray  # (renderings,) whether recorded
    pictures: Tensor
    answer: np.ndarray
    bank: Tensor
    made: written.Sentences
    confusions: np.ndarray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_inputs(parser)
    parser.add_argument("--out", type=Path, default=Path("runs/meaning"))
    parser.add_argument("--fusion", choices=KINDS, default=FUSION)
    parser.add_argument("--loss", choices=LOSSES, default=LOSSES[0])
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--batch", type=int, default=256, help="spoken utterances, and as many written sentences")
    parser.add_argument("--seed", type=int, default=0)


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Where the earlier stages left their results."""
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--heard", type=Path, default=Path("runs/heard"))
    parser.add_argument("--teacher", type=Path, default=Path("runs/teacher"))
    parser.add_argument("--text", type=Path, default=Path("runs/text"), help="the text encoder, which stays frozen")
    parser.add_argument("--words", type=Path, default=Path("runs/words"))


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    material, recipe = load(args), Recipe(args.fusion, args.loss)
    head = initialise(recipe, args.words)
    started = time.time()
    for step, loss in train(head, recipe, material, args):
        scores = validate(head, args)
        print(f"step {step} loss {loss:.3f} HITS@1 {scores} {time.time() - started:.0f} s", flush=True)
    return 0


def load(args: argparse.Namespace) -> Material:
    """The training split of the corpus as heard, the written sentences, and what both mean."""
    speech, heard = shards.load(args.corpus, "train"), hearing.load(args.heard, "train")
    texts, _ = load_teacher(args.teacher)
    return Material(
        phones=[readings(heard[place], READINGS).astype(np.uint8) for place in range(len(heard))],
        utterance=heard.utterance,
        real=np.char.startswith(speech.rows[heard.utterance, 3], "real:"),
        pictures=images(speech),
        answer=len(texts) + np.arange(len(speech)),
        bank=encoded(args.text, [*texts, *speech.rows[:, 1]], args.out / "bank.npz"),
        made=written.sentences(texts, data_folder(args.data), args.words / "sentences.npz"),
        confusions=np.load(args.heard / "confusions.npy"),
    )


def initialise(recipe: Recipe, trained: Path) -> MeaningHead:
    """The head before it hears anything; the runs of phones in its table are always those of the folder `trained`."""
    head = MeaningHead(recipe.kind)
    state = torch.load(trained / "checkpoint.pt", weights_only=True)["words"]
    if recipe.pretrained:
        head.words.load_state_dict(state)
    else:
        head.words.keys.copy_(state["keys"])
    return head


def train(
    head: MeaningHead, recipe: Recipe, material: Material, args: argparse.Namespace, every: int = 100
) -> Iterator[tuple[int, float]]:
    """Train for `args.steps` in all, from the last checkpoint in `args.out`; after `every` steps yields the number
    of steps done and their mean loss."""
    scale = Temperature()
    optimiser = torch.optim.AdamW([*head.parameters(), *scale.parameters()], lr=PEAK_RATE, weight_decay=0.02)
    checkpoint = Checkpoint(args.out, head=head, scale=scale, optimiser=optimiser)
    lengths = np.array([part.shape[1] for part in material.phones])
    usable = np.flatnonzero((lengths >= 4) & (recipe.real | ~material.real))
    order = usable[np.argsort(lengths[usable], kind="stable")]
    shelf, losses = words.shelve(material.made, np.arange(len(material.made))), []
    for step in range(checkpoint.resume(), args.steps):
        random = np.random.default_rng((args.seed, step))
        places = words.take([order], (1.0,), args.batch, random)
        rows = material.utterance[places]
        read = random.permutation(READINGS)[: READINGS // 2]
        phones, answers = [material.phones[place][read] for place in places], material.answer[rows]
        head.train()
        with autocast():
            said, fused = head(*words.pad(phones), material.pictures[torch.from_numpy(rows)].float() / 255)
            if recipe.written:
                others = words.take([shelf], (1.0,), args.batch, random)
                misheard = words.read(material.made, others, material.confusions, random)
                said = torch.cat([said, head.words(*words.pad(misheard))])
                answers = np.concatenate([answers, material.made.answer[others]])
        loss = meaning_loss(fused.float(), material.bank, answers[: args.batch], scale(), random, recipe.loss)
        if recipe.kind != "spectrogram":
            loss = loss + meaning_loss(said.float(), material.bank, answers, scale(), random, recipe.loss)
        losses.append(descend(loss, optimiser, learning_rate(step, args.steps, PEAK_RATE, WARM_UP)))
        if (step + 1) % every == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            yield step + 1, float(np.mean(losses))
            losses.clear()


@torch.inference_mode()
def validate(head: MeaningHead, args: argparse.Namespace) -> dict[str, float]:
    """HITS@1 speech to text over the validation split, of the fused vector and of the words alone, by engine."""
    speech, heard = shards.load(args.corpus, "validation"), hearing.load(args.heard, "validation")
    bank = encoded(args.text, list(speech.rows[:, 1]), args.out / "validation.npz")
    said, fused = vectors(head, speech, heard)
    rows = heard.utterance
    engines = np.array([f"{row[2]} {row[3].split(':')[0]}" for row in speech.rows[rows]])
    texts, scores = speech.rows[:, 1], {}
    for name, spoken in (("fused", fused), ("words", said)):
        right = texts[(spoken @ bank.T).argmax(1).numpy()] == texts[rows]
        scores |= {
            f"{name} {engine}": round(float(right[engines == engine].mean()), 3) for engine in np.unique(engines)
        }
    return scores


@torch.inference_mode()
def vectors(head: MeaningHead, speech: shards.Utterances, heard: hearing.Heard) -> tuple[Tensor, Tensor]:
    """Unit vectors of every rendering, by the words alone and fused, float32 (renderings, dim) each."""
    head.eval()
    phones = [readings(heard[place], READINGS) for place in range(len(heard))]
    said, fused = head(*words.pad(phones), images(speech)[torch.from_numpy(heard.utterance)].float() / 255)
    return functional.normalize(said, dim=-1), functional.normalize(fused, dim=-1)


def encoded(folder: Path, texts: list[str], cache: Path) -> Tensor:
    """Unit vectors of texts by the frozen text encoder, float32 (n, dim); kept in `cache`."""
    if cache.exists():
        with np.load(cache) as arrays:
            if len(arrays["vectors"]) == len(texts):
                return torch.from_numpy(arrays["vectors"].astype(np.float32))
    from sentence_transformers import SentenceTransformer

    encoder: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encoded = encoder.encode(texts, batch_size=128, normalize_embeddings=True, show_progress_bar=False)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, vectors=encoded.astype(np.float16))
    return torch.from_numpy(encoded)


def images(speech: shards.Utterances) -> Tensor:
    """Every utterance's spectrogram at the size the backbone sees, uint8 (n, height, width)."""
    size = tuple(SPECTROGRAM["size"])
    pictures = torch.zeros(len(speech), *size, dtype=torch.uint8)
    for row in range(len(speech)):
        pictures[row] = (draw(spectrogram(speech, row), size) * 255).round().clamp(0, 255).to(torch.uint8)
    return pictures
