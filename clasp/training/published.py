"""Train the published architecture (arXiv 2412.13071): two frozen backbones, fused towards a frozen text encoder.

    python -m clasp train published --data SpeechBrown --out runs/published

The hidden states of any speech encoder of transformers, and the features of any image encoder that sees the
spectrogram (clasp/backbones.py), are computed once for every clip and kept; then the fusion of both is trained on
them, in minutes on a GPU. Interrupted work goes on where it was. `OUT/model` is a model folder for `clasp.load`,
`OUT/figures.json` says what it finds on the held-out split.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import backbones, fusion
from ..errors import DataError, ModelError
from ..evaluation.metrics import ranks, summary
from ..model import Clasp
from ..settings import current
from ..speech_encoder import SpeechEncoder
from . import readers
from .checkpoint import Checkpoint, autocast, descend, learning_rate
from .clips import Clip, letters
from .contrast import LOSSES, PUBLISHED, Temperature, huber, symmetric
from .features import Features, extract

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WARM_UP, EVERY = 100, 200  # steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, default=Path("SpeechBrown"), help="recordings and what they say, in any "
                        "layout that clasp.training.readers knows")  # fmt: skip
    parser.add_argument("--speech", default="facebook/hubert-large-ls960-ft", help="name or folder of the backbone")
    parser.add_argument("--image", default="google/efficientnet-b7", help="name or folder of the backbone")
    parser.add_argument("--size", type=int, default=600, help="height and width of the spectrogram in pixels")
    parser.add_argument("--text", default="sentence-transformers/LaBSE", help="name or folder of the text encoder")
    parser.add_argument("--fusion", choices=tuple(fusion.FUSIONS), default="concat")
    parser.add_argument("--loss", choices=LOSSES, default="contrastive")
    parser.add_argument("--temperature", choices=("learned", "published"), default="learned",
                        help="published: similarities are multiplied by 0.07")  # fmt: skip
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--batch", type=int, default=1_024)
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--features", type=Path, help="folder of the backbones' features (default: in --out)")
    parser.add_argument("--out", type=Path, default=Path("runs/published"))
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    reading = readers.read(args.data)
    print(reading.summary(), *reading.left_out, sep="\n", flush=True)
    clips, split = reading.clips, np.array([clip.split for clip in reading.clips])
    counts = {name: int((split == name).sum()) for name in ("train", "validation", "test")}
    if min(counts.values()) < 2:
        raise DataError(f"{args.data} has clips {counts}: every split needs two or more.")
    torch.manual_seed(args.seed)
    text = text_encoder(args.text, device)
    encoder = assemble(args.speech, args.image, args.size, args.fusion, text.get_embedding_dimension()).to(device)
    backbones = {"speech": args.speech, "image": args.image, "size": args.size}
    features = extract(encoder, clips, args.features or args.out / "features", backbones)
    pairs = Pairs(features, *meanings(clips, text), np.array([letters(clip.text) for clip in clips]))
    rows = {name: np.flatnonzero(split == name) for name in counts}
    started = time.time()
    for step, loss in train(encoder.fusion, pairs, rows["train"], args):
        hits = {
            way: round(found["hits@1"], 3) for way, found in figures(encoder.fusion, pairs, rows["validation"]).items()
        }
        print(f"step {step} loss {loss:.3f} HITS@1 {hits} {time.time() - started:.0f} s", flush=True)
    report = {"clips": counts, "left_out": len(reading.left_out), "test": figures(encoder.fusion, pairs, rows["test"])}
    (args.out / "figures.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report), flush=True)
    languages = sorted({clip.language for clip in clips})
    config = {"languages": languages, "spoken_languages": languages, "speech_encoder": encoder.config}
    Clasp(text, encoder, None, config | {"phone_encoder": None}, device=device).save(args.out / "model")
    return 0


@dataclass(frozen=True)
class Pairs:
    """Clips as the fusion meets them: features, unit text vectors (texts, dim), which of them each clip means
    (clips,), and what equal texts have in common (clips,)."""

    features: Features
    vectors: Tensor
    means: np.ndarray
    labels: np.ndarray


def text_encoder(name: str, device: torch.device) -> "SentenceTransformer":
    """The frozen text encoder of this name or in this folder.

    Raises:
        ModelError: if there is none.
    """
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(name, device=str(device), local_files_only=current().offline)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"No text encoder {name!r}: give the name or the folder of a sentence-transformers model."
        ) from error


def assemble(speech: str, image: str, size: int, kind: str, dim: int) -> SpeechEncoder:
    """A speech encoder with two trained backbones, by name or folder, and a fusion that knows nothing yet.

    Raises:
        ModelError: if a backbone is missing, or does not take speech or images.
    """
    hears, features = backbones.load(speech, "speech")
    sees, _ = backbones.load(image, "image")
    config = {
        "dim": dim,
        "speech": {"phones": False, "backbone": hears.config.to_dict(), "features": features},
        "spectrogram": {"size": [size, size], "backbone": sees.config.to_dict()},
        "fusion": kind,
    }
    return SpeechEncoder(config, hears, sees).eval()


def meanings(clips: list[Clip], text: "SentenceTransformer") -> tuple[Tensor, np.ndarray]:
    """Unit vectors of the distinct texts, float32 (texts, dim), and the row of each clip's, (clips,)."""
    texts, rows = np.unique([clip.text for clip in clips], return_inverse=True)
    vectors = text.encode(texts.tolist(), batch_size=128, normalize_embeddings=True, convert_to_tensor=True)
    return vectors.float().clone(), rows


def train(head: nn.Module, pairs: Pairs, rows: np.ndarray, args: argparse.Namespace) -> Iterator[tuple[int, float]]:
    """Train the fusion on `rows` from the last checkpoint; after EVERY steps yields how many are done, and the loss."""
    device = pairs.vectors.device
    scale = Temperature(PUBLISHED if args.temperature == "published" else None).to(device)
    optimiser = torch.optim.AdamW([*head.parameters(), *scale.parameters()], lr=args.rate, weight_decay=0.02)
    checkpoint = Checkpoint(args.out, head=head, scale=scale, optimiser=optimiser)
    batch, losses = min(args.batch, len(rows)), []
    for step in range(checkpoint.resume(), args.steps):
        torch.manual_seed(args.seed + step)  # the dropout of a step is the same on every device, resumed or not
        chosen = np.random.default_rng((args.seed, step)).choice(rows, batch, replace=False)
        head.train()
        with autocast():
            fused = fuse(head, pairs, chosen)
        answers = torch.from_numpy(pairs.means[chosen]).to(device)
        loss = pair_loss(fused.float(), pairs.vectors[answers], answers, scale(), args.loss)
        losses.append(descend(loss, optimiser, learning_rate(step, args.steps, args.rate, WARM_UP)))
        if (step + 1) % EVERY == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            yield step + 1, float(np.mean(losses))
            losses.clear()


def fuse(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> Tensor:
    """Fused features of clips, (rows, dim), not normalised."""
    speech, image = pairs.features[rows].to(pairs.vectors.device).tensor_split([pairs.features.speech_dim], 1)
    return head(speech, image)


def pair_loss(fused: Tensor, texts: Tensor, groups: Tensor, scale: Tensor, kind: str) -> Tensor:
    """Contrast within the batch, where all of a group (equal texts) are right; distance to the text; or both."""
    contrast = symmetric(functional.normalize(fused, dim=-1), texts, scale, groups) if kind != "huber" else 0
    return contrast + (huber(fused, texts) if kind != "contrastive" else 0)


@torch.inference_mode()
def figures(head: nn.Module, pairs: Pairs, rows: np.ndarray) -> dict[str, dict[str, float]]:
    """Figures of the clips `rows` against their texts, both ways; equal texts are all correct."""
    head.eval()
    parts = [fuse(head, pairs, part) for part in np.array_split(rows, -(-len(rows) // 1_024))]
    spoken = functional.normalize(torch.cat(parts), dim=-1).cpu().numpy()
    texts, first = np.unique(pairs.labels[rows], return_index=True)
    written = pairs.vectors.cpu().numpy()[pairs.means[rows[first]]]  # (texts, dim)
    labels = pairs.labels[rows].tolist()
    return {
        "speech→text": {"pool": len(texts)} | summary(ranks(spoken, written, labels, texts.tolist())),
        "text→speech": {"pool": len(rows)} | summary(ranks(written, spoken, texts.tolist(), labels)),
    }
