"""The recipe of the paper (arXiv 2412.13071) on real backbones, trained and measured here: `python -m clasp paper`.

    python -m clasp paper --json figures.json

Brown sentences in 15 categories, spoken by synthesizers, are learned towards the frozen sentence encoder, by contrast,
from two views of the same speech: what a pretrained speech backbone (Whisper base, frozen, its mean over time) makes of
it, and its spectrogram, drawn at one size whatever the duration, which a small image backbone learns to see from
nothing (no pretrained one is at hand). Both are fused as the paper does, by concatenation and by gating; for comparison
one of the views is left blank. Held-out sentences are then found by the paper's protocol, and by the model itself.

Features, spectrograms and transcripts are computed once and kept under runs/eval. This is research: nothing of it is
shipped.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.audio.mel import log_mel as spectrogram
from clasp.device import best_device, cpu_has_bfloat16
from clasp.evaluation import metrics, recognizers, synthetic_sets, utterances
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import Text
from clasp.evaluation.systems import Direct, Fused, System, Transcribed
from clasp.evaluation.tables import Table, share
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance
from clasp.model import Clasp
from clasp.speech import fusion
from clasp.speech.fused_encoder import SpectrogramBackbone, draw
from clasp.speech.whisper_encoder import LONGEST, WhisperEncoder, log_mel
from clasp.training.checkpoint import descend, learning_rate
from clasp.training.data.corpora import data_folder
from clasp.training.data.synthesis import TRAINING_VOICES
from clasp.training.feature_cache import CachedFeatures, cached_features
from clasp.training.losses import Temperature, symmetric
from clasp.training.text_vectors import text_vectors

SIZE = (64, 192)  # of a spectrogram in pixels: mel bins and time
IMAGE = {  # a residual network, small enough to learn from some thousand pictures on a CPU
    "model_type": "resnet", "num_channels": 1, "embedding_size": 16, "hidden_sizes": [32, 64, 128],
    "depths": [1, 1, 1], "layer_type": "basic",
}  # fmt: skip
WAYS = {  # name: fusion, and which of the views are seen
    "speech alone": ("concat", True, False),
    "spectrogram alone": ("concat", False, True),
    "concatenation": ("concat", True, True),
    "gating": ("gating", True, True),
}
BATCH, EPOCHS, PATIENCE, RATE, DECAY = 256, 30, 6, 1e-3, 0.02
WARM_UP = 50  # steps
AT_ONCE = 256  # utterances that are measured together
PUBLISHED = (  # what the authors' notebooks print for all of their test set, and for its Brown sentences
    ("the paper, all of its 11,411", {"queries": 11_065, "hits@1": 0.9400, "mrr": 0.9553, "mean_rank": 7.71}),
    ("the paper, Brown among them", {"queries": 8_519, "hits@1": 0.9448, "mrr": 0.9595, "mean_rank": 3.69}),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp paper`."""
    parser.add_argument("--model", default="bundled", help="a model folder, whose sentence encoder is learned towards")
    parser.add_argument("--data", help="the folder of training data (default: $CLASP_DATA or ./data)")
    parser.add_argument("--sentences", type=int, default=4_000, help="to train on (default: 4,000)")
    parser.add_argument("--asr", metavar="NAME", default="base",
                        help="the recognizer of the model's transcripts (default: base); none: without")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")


def run(args: argparse.Namespace) -> int:
    """Compute features, train every way, measure, print tables. Returns 0."""
    from clasp.model import load

    asr = None if args.asr == "none" else args.asr
    figures = measure(load(args.model), data_folder(args.data), args.sentences, asr)
    for table in tables(figures):
        Console(width=120).print(table.rich(), "")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


@dataclass(frozen=True)
class Examples:
    """Utterances of one split with what is learned from them."""

    utterances: Sequence[Utterance]
    views: CachedFeatures  # (n, speech features + pixels)
    vectors: Tensor  # (n, dim), unit rows, of their texts

    def parts(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Speech features (rows, features) and spectrograms (rows, height, width) in [0, 1]."""
        both = torch.from_numpy(self.views.rows[rows]).float()
        speech, pixels = both.tensor_split([both.shape[1] - SIZE[0] * SIZE[1]], 1)
        return speech, pixels.unflatten(1, SIZE)


def measure(
    model: Clasp, data: Path, sentences: int, asr: str | None = None, cache: Path = utterances.CACHE
) -> dict[str, Any]:
    """Train every way and measure it, and the model: figures by the paper's protocol, and by category.

    Args:
        sentences: to train on; a tenth as many are for validation.
        asr: the recognizer of the model's transcripts, see `recognizers.load`; None is none.

    Raises:
        DataError: if data or a synthesizer is missing.
        ModelError: if the weights of Whisper are not to be had.
    """
    counts = {"train": sentences, "validation": sentences // 10, "test": synthetic_sets.POOL}
    chosen = {split: synthetic_sets.brown(data, split, count, TRAINING_VOICES) for split, count in counts.items()}
    utterances.prepare([one for split in chosen.values() for one in split], cache)
    splits = {split: _examples(made, model, cache) for split, made in chosen.items()}
    test = splits["test"]
    ways = []
    for name, (kind, hears, sees) in WAYS.items():
        torch.manual_seed(0)
        network = TwoViews(kind, splits["train"], hears, sees)
        print(f"{name}:", flush=True)
        epoch = train(network, splits["train"], splits["validation"])
        ways.append({"system": name, "epochs": epoch, **report(embed(network, test), test.vectors.numpy(), test)})
    encodings = Encodings(model, cache)
    systems: list[System] = [Direct(encodings)]
    if asr is not None:
        transcripts = Transcripts(recognizers.load(asr), cache)
        systems += [Transcribed(encodings, transcripts), Fused(encodings, transcripts)]
    for system in systems:
        texts = system.encode_text([Text(one.text, one.language) for one in test.utterances])
        figures = report(system.encode_speech(test.utterances), texts, test)
        ways.append({"system": f"CLASP, {system.name}", **figures})
    return {"sentences": {split: len(made) for split, made in chosen.items()}, "ways": ways}


class TwoViews(nn.Module):
    """The paper's fusion of two views of speech, one of which may be blank."""

    def __init__(self, kind: str, examples: Examples, hears: bool, sees: bool) -> None:
        super().__init__()
        self.hears, self.sees = hears, sees
        self.image = SpectrogramBackbone(IMAGE, SIZE)
        speech_dim = examples.parts(np.arange(1))[0].shape[1]
        self.normal = nn.BatchNorm1d(speech_dim, affine=False)  # the backbone's features have very different scales
        self.fusion = fusion.build(kind, speech_dim, self.image.dim, examples.vectors.shape[1])

    def forward(self, speech: Tensor, pixels: Tensor) -> Tensor:
        """(batch, features), (batch, height, width) -> (batch, dim), unit rows."""
        speech = self.normal(speech) if self.hears else torch.zeros_like(speech)
        seen = self.image.features(pixels) if self.sees else torch.zeros(len(pixels), self.image.dim)
        return functional.normalize(self.fusion(speech, seen), dim=-1)


def train(network: TwoViews, examples: Examples, validation: Examples) -> int:
    """Train until the MRR of the validation split gets no better; the network has its best weights then.

    Returns:
        The epoch that had them, from 1.
    """
    scale = Temperature()
    optimiser = torch.optim.AdamW([*network.parameters(), *scale.parameters()], weight_decay=DECAY)
    count, best, best_epoch, weights = len(examples.utterances), -1.0, 0, network.state_dict()
    batches = -(-count // BATCH)
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(count)
        network.train()
        for number, rows in enumerate(np.array_split(order, batches)):
            vectors = network(*examples.parts(rows))
            loss = symmetric(vectors, examples.vectors[rows], scale(), torch.from_numpy(rows))
            step = epoch * batches + number
            descend(loss, optimiser, learning_rate(step, EPOCHS * batches, RATE, WARM_UP))
        score = report(embed(network, validation), validation.vectors.numpy(), validation)["mrr"]
        print(f"epoch {epoch + 1}: MRR of the validation split {score:.3f}", flush=True)
        if score > best:
            best, best_epoch = score, epoch + 1
            weights = {name: value.clone() for name, value in network.state_dict().items()}
        if epoch + 1 - best_epoch >= PATIENCE:
            break
    network.load_state_dict(weights)
    return best_epoch


@torch.inference_mode()
def embed(network: TwoViews, examples: Examples) -> np.ndarray:
    """Vectors of speech, float32 (n, dim), unit rows."""
    network.eval()
    parts = np.array_split(np.arange(len(examples.utterances)), -(-len(examples.utterances) // AT_ONCE))
    return torch.cat([network(*examples.parts(rows)) for rows in parts]).numpy()


def report(speech: np.ndarray, texts: np.ndarray, examples: Examples) -> dict[str, Any]:
    """Figures by the paper's protocol, from speech (n, dim) to texts (n, dim); and of each category among all texts."""
    gold = np.arange(len(speech))
    ranks = metrics.ranks(speech, texts, gold.tolist(), gold.tolist(), ties="optimistic")
    categories = np.array([one.category for one in examples.utterances])
    by_category = {
        name: {"queries": int((categories == name).sum()), **metrics.summary(ranks[categories == name])}
        for name in np.unique(categories).tolist()
    }
    return {**metrics.published(speech, texts, gold), "categories": by_category}


def tables(figures: dict[str, Any]) -> list[Table]:
    """For reading, the paper's own figures beside."""
    counts = ", ".join(f"{count:,} {split}" for split, count in figures["sentences"].items())
    rows = [*((row["system"], row) for row in figures["ways"]), *PUBLISHED]
    whole = [
        (
            name, f"{row['queries']:,}", share(row["hits@1"]), share(row["mrr"]), f"{row['mean_rank']:.1f}",
            share(row.get("hits@1_of_100")),
        )
        for name, row in rows
    ]  # fmt: skip
    ways = figures["ways"]
    divided = [
        (category, str(found["queries"]), *(_hits_and_mrr(way["categories"][category]) for way in ways))
        for category, found in ways[0]["categories"].items()
    ]
    title = f"The paper's recipe, speech→text ({counts})"
    by_category = "HITS@1 and MRR by category, among all texts"
    return [
        Table(title, ("system", "queries", "HITS@1", "MRR", "mean rank", "soft HITS@1"), whole),
        Table(by_category, ("category", "queries", *(way["system"] for way in ways)), divided),
    ]


def _hits_and_mrr(figures: dict[str, float]) -> str:
    return f"{share(figures['hits@1'])} {share(figures['mrr'])}"


def _examples(made: Sequence[Utterance], model: Clasp, cache: Path) -> Examples:
    """Utterances with their views and the vectors of their texts, from the cache where it has them."""
    device = best_device()
    backbone = WhisperEncoder.pretrained().to(device)
    if device.type == "cuda" or cpu_has_bfloat16():
        backbone = backbone.to(torch.bfloat16)

    def load(one: Utterance) -> Waveform:
        return next(utterances.waveforms([one], cache))

    @torch.inference_mode()
    def views(waveforms: list[Waveform]) -> np.ndarray:
        rows = []
        for one in waveforms:
            samples = torch.from_numpy(one.samples[: LONGEST * SAMPLE_RATE])
            (hidden,) = backbone([log_mel(samples.to(device))])  # (frames, features)
            picture = draw(torch.from_numpy(spectrogram(samples.numpy())), SIZE)
            rows.append(torch.cat([hidden.float().mean(0).cpu(), picture.flatten()]))
        return torch.stack(rows).numpy().astype(np.float16)

    folder = cache / f"views-{SIZE[0]}x{SIZE[1]}"
    folder.mkdir(parents=True, exist_ok=True)
    features = cached_features(folder, [list(made)], _checksum, load, views, "speech features and spectrograms")
    texts = text_vectors(model.text, [one.text for one in made], cache / "texts")
    return Examples(made, features, torch.from_numpy(texts))


def _checksum(one: Utterance) -> str:
    return hashlib.sha256(repr(one).encode()).hexdigest()
