"""Train the meaning half of the speech route: words, spectrogram and their fusion, on audio.

    python -m clasp train meaning --text runs/text --words runs/words --heard runs/heard --out runs/meaning

The word encoder, trained on text, now reads phones as the recogniser really heard them; the spectrogram backbone
sees the utterance; the fusion of both meets the vector of the frozen text encoder. Written sentences stay in every
batch, for vocabulary.
"""

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import fusion
from ..speech_encoder import SpectrogramBackbone, draw
from ..word_encoder import WordEncoder
from . import corpus, hearing, words, written
from .checkpoint import Checkpoint, autocast, descend, learning_rate
from .contrast import Temperature
from .corpora import data_folder
from .recogniser import spectrogram
from .teacher import load_teacher

if TYPE_CHECKING:
    pass

SPECTROGRAM = {
    "size": [40, 96],
    "backbone": {"model_type": "resnet", "num_channels": 1, "embedding_size": 16, "hidden_sizes": [16, 32, 64, 128],
                 "depths": [1, 1, 1, 1], "layer_type": "basic"},
}  # fmt: skip
FUSION = "concat"
PEAK_RATE, WARM_UP = 1e-3, 50


class MeaningHead(nn.Module):
    """Word encoder, spectrogram backbone and fusion, as the speech encoder combines them."""

    def __init__(self, kind: str = FUSION):
        super().__init__()
        self.words = WordEncoder(**words.WORDS, dim=words.DIM)
        self.spectrogram = SpectrogramBackbone(**SPECTROGRAM)
        self.fusion = fusion.build(kind, words.DIM, self.spectrogram.dim, words.DIM)
        if kind == "concat":  # the correction starts from nothing
            nn.init.zeros_(self.fusion.mix[-1].weight)
            nn.init.zeros_(self.fusion.mix[-1].bias)

    def forward(self, phones: Tensor, lengths: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """Words alone for every row (batch, dim), and fused (images, dim) for the first rows, that have images."""
        said = self.words(phones, lengths)
        heard = said[: len(images)]
        return said, heard + self.fusion(heard, self.spectrogram.features(images))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--corpus", type=Path, default=Path("runs/corpus"))
    parser.add_argument("--heard", type=Path, default=Path("runs/heard"))
    parser.add_argument("--teacher", type=Path, default=Path("runs/teacher"))
    parser.add_argument(
        "--text", type=Path, default=Path("runs/text"), help="the text encoder, which stays frozen"
    )
    parser.add_argument("--words", type=Path, default=Path("runs/words"))
    parser.add_argument("--out", type=Path, default=Path("runs/meaning"))
    parser.add_argument("--fusion", choices=tuple(fusion.FUSIONS), default=FUSION)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument(
        "--batch", type=int, default=256, help="spoken utterances, and as many written sentences"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    torch.manual_seed(args.seed)
    speech, heard = corpus.load(args.corpus, "train"), hearing.load(args.heard, "train")
    texts, _ = load_teacher(args.teacher)
    bank = encoded(args.text, [*texts, *speech.rows[:, 1]], args.out / "bank.npz")
    made = written.sentences(texts, data_folder(args.data), args.words / "sentences.npz")
    confusions = np.load(args.heard / "confusions.npy")
    head, scale = MeaningHead(args.fusion), Temperature()
    head.words.load_state_dict(torch.load(args.words / "checkpoint.pt", weights_only=True)["words"])
    parameters = [*head.parameters(), *scale.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=0.02)
    checkpoint = Checkpoint(args.out, head=head, scale=scale, optimiser=optimiser)
    pictures = images(speech)
    usable = np.flatnonzero(np.diff(heard.starts) >= 4)
    order = usable[np.argsort(np.diff(heard.starts)[usable], kind="stable")]
    shelf = words.shelve(made, np.arange(len(made)))
    started, losses = time.time(), []
    for step in range(checkpoint.resume(), args.steps):
        random = np.random.default_rng((args.seed, step))
        places = words.take([order], (1.0,), args.batch, random)
        rows = heard.utterance[places]
        others = words.take([shelf], (1.0,), args.batch, random)
        phones = [heard[place].argmax(-1) for place in places]
        phones += words.read(made, others, confusions, random)
        head.train()
        with autocast():
            said, fused = head(*words.pad(phones), pictures[torch.from_numpy(rows)].float() / 255)
        answers = np.concatenate([len(texts) + rows, made.answer[others]])
        loss = words.meaning_loss(fused.float(), bank, answers[: args.batch], scale(), random)
        loss = loss + words.meaning_loss(said.float(), bank, answers, scale(), random)
        rate = learning_rate(step, args.steps, PEAK_RATE, WARM_UP)
        losses.append(descend(loss, optimiser, rate))
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            checkpoint.save(step + 1)
            scores = validate(head, args)
            print(
                f"step {step + 1} loss {np.mean(losses):.3f} HITS@1 {scores} {time.time() - started:.0f} s",
                flush=True,
            )
            losses.clear()
    return 0


@torch.inference_mode()
def validate(head: MeaningHead, args: argparse.Namespace) -> dict[str, float]:
    """HITS@1 speech to text over the validation split, of the fused vector and of the words alone, by engine."""
    head.eval()
    speech, heard = corpus.load(args.corpus, "validation"), hearing.load(args.heard, "validation")
    bank = encoded(args.text, list(speech.rows[:, 1]), args.out / "validation.npz")
    phones = [heard[place].argmax(-1) for place in range(len(heard))]
    rows = heard.utterance
    said, fused = head(*words.pad(phones), images(speech)[torch.from_numpy(rows)].float() / 255)
    engines = np.array([f"{row[2]} {row[3].split(':')[0]}" for row in speech.rows[rows]])
    texts, scores = speech.rows[:, 1], {}
    for name, vectors in (("fused", fused), ("words", said)):
        right = texts[(functional.normalize(vectors, dim=-1) @ bank.T).argmax(1).numpy()] == texts[rows]
        scores |= {
            f"{name} {engine}": round(float(right[engines == engine].mean()), 3)
            for engine in np.unique(engines)
        }
    return scores


def encoded(folder: Path, texts: list[str], cache: Path) -> Tensor:
    """Unit vectors of texts by the frozen text encoder, float32 (n, dim); kept in `cache`."""
    if cache.exists():
        with np.load(cache) as arrays:
            if len(arrays["vectors"]) == len(texts):
                return torch.from_numpy(arrays["vectors"].astype(np.float32))
    from sentence_transformers import SentenceTransformer

    encoder: SentenceTransformer = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    vectors = encoder.encode(texts, batch_size=128, normalize_embeddings=True, show_progress_bar=False)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, vectors=vectors.astype(np.float16))
    return torch.from_numpy(vectors)


def images(speech: corpus.Utterances) -> Tensor:
    """Every utterance's spectrogram at the size the backbone sees, uint8 (n, height, width)."""
    size = tuple(SPECTROGRAM["size"])
    pictures = torch.zeros(len(speech), *size, dtype=torch.uint8)
    for row in range(len(speech)):
        pictures[row] = (draw(spectrogram(speech, row), size) * 255).round().clamp(0, 255).to(torch.uint8)
    return pictures
