"""Train the published architecture (arXiv 2412.13071): two frozen backbones, fused towards a frozen text encoder.

    python -m clasp train published --data SpeechBrown cv-corpus-4/en fleurs/en_us --out runs/published

The hidden states of any speech encoder of transformers, and the features of any image encoder that sees the
spectrogram (clasp/speech/backbones.py), are computed once for every clip; then the fusion of both is trained on them,
in minutes on a GPU. Interrupted work goes on where it was. `OUT/model` is a model folder for `clasp.load`; its
`card.json` says what it was trained on and what it finds on the held-out split.
"""

import argparse
import errno
import hashlib
import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from clasp.device import chosen_device
from clasp.errors import DataError, ModelError
from clasp.files import write_text
from clasp.model import Clasp
from clasp.published import efficientnet
from clasp.settings import current
from clasp.speech import backbones, fusion
from clasp.speech.fused_encoder import FusedSpeechEncoder
from clasp.training.data import mixture
from clasp.training.data.clips import Clip, letters
from clasp.training.losses import LOSSES
from clasp.training.published import features
from clasp.training.published.fusion import Pairs, report, train
from clasp.training.text_vectors import text_vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LEAST = 4  # clips in a batch
LEARNING = ("fusion", "loss", "temperature", "epochs", "batch", "rate", "decay", "schedule", "patience", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp train published`."""
    parser.add_argument("--data", type=Path, nargs="+", default=[Path("SpeechBrown")], help="recordings and what they "
                        "say, in any layout that training/data/readers.py knows; of several corpora, each")  # fmt: skip
    parser.add_argument("--train-clips", type=int, nargs="+", default=[], help="at most so many of each corpus")
    parser.add_argument("--test-clips", type=int, nargs="+", default=[], help="so many of each corpus")
    parser.add_argument("--speech", default="facebook/hubert-large-ls960-ft", help="name or folder of the backbone")
    parser.add_argument("--image", default="google/efficientnet-b7", help="name or folder of the backbone, or "
                        "torchvision's weights of EfficientNet-B7 (.pth, with --picture figure)")  # fmt: skip
    parser.add_argument("--picture", choices=("mel", "figure"), default="mel", help="what it sees: a mel spectrogram, "
                        "of which it gives features, or the paper's figure, of which it gives classes")  # fmt: skip
    parser.add_argument("--size", type=int, default=600, help="height and width of the mel spectrogram in pixels")
    parser.add_argument("--text", default="sentence-transformers/LaBSE", help="name or folder of the text encoder")
    parser.add_argument("--fusion", choices=tuple(fusion.FUSIONS), default="concat")
    parser.add_argument("--loss", choices=LOSSES, default="contrastive")
    parser.add_argument("--temperature", choices=("learned", "published"), default="learned",
                        help="published: similarities are multiplied by 0.07")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--patience", type=int, default=10, help="epochs without better validation that end it")
    parser.add_argument("--batch", type=int, default=1_024, help="clips that are told apart from each other")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.02, help="of the weights")
    parser.add_argument("--schedule", choices=("cosine", "published"), default="cosine",
                        help="of the learning rate; published: times 0.4 after every 100 epochs")  # fmt: skip
    parser.add_argument("--features", type=Path, help="folder of the backbones' features (default: in --out)")
    parser.add_argument("--out", type=Path, default=Path("runs/published"))
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    """Compute features, train, measure, write."""
    try:
        return _run(args)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise DataError(f"The disk of {args.out} is full: make room and run the command again.") from error


def _run(args: argparse.Namespace) -> int:
    if args.batch < LEAST or min(args.epochs, args.patience) < 1:
        raise DataError(f"A batch is of {LEAST} clips or more; epochs and patience are 1 or more.")
    corpora, skipped = mixture.read(args.data, args.train_clips, args.test_clips)
    clips = [clip for corpus in corpora for clip in corpus]
    split = np.array([clip.split for clip in clips])
    rows = {name: np.flatnonzero(split == name) for name in ("train", "validation", "test")}
    if min(map(len, rows.values())) < 2:
        raise DataError(f"The clips are {_counted(clips)}: two or more of each are needed.")
    print(*skipped, sep="\n", flush=True)
    torch.manual_seed(args.seed)
    device = chosen_device(current().device)
    text = text_encoder(args.text, device)
    dim = text.get_embedding_dimension()
    assert dim is not None, "every sentence encoder has a dimension"
    encoder = assemble(args, dim).to(device)
    pairs, made_of = _pairs(encoder, text, corpora, args.features or args.out / "features")
    _begin(args, made_of, clips)
    started = time.time()
    for epoch in train(encoder.fusion, pairs, rows["train"], rows["validation"], args):
        hits = {way: round(found["hits@1"], 3) for way, found in epoch.metrics.items()}
        took = time.time() - started
        print(f"epoch {epoch.number} loss {epoch.loss:.3f} HITS@1 {hits} {took:.0f} s", flush=True)
    names = [str(path) for path in args.data]
    members = {name: np.array(span) for name, span in zip(names, mixture.spans(corpora), strict=True)}
    card = {
        "clips": {name: _counted(corpus) for name, corpus in zip(names, corpora, strict=True)},
        "skipped": len(skipped),
        "options": _options(args) | {name: str(getattr(args, name)) for name in ("speech", "image", "text")},
        "test": report(encoder.fusion, pairs, rows["test"], members),
    }
    languages = sorted({clip.language for clip in clips})
    config = {"languages": languages, "speech_encoder": encoder.config, "phone_encoder": None}
    _write(args.out / "model", Clasp(text, encoder, None, config, device=device), card)
    print(json.dumps(card["test"], ensure_ascii=False), flush=True)
    return 0


def text_encoder(name: str, device: torch.device) -> "SentenceTransformer":
    """The frozen text encoder of this name or in this folder.

    Raises:
        ModelError: if there is none.
    """
    from sentence_transformers import SentenceTransformer

    try:
        text = SentenceTransformer(name, device=str(device), local_files_only=current().offline)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"No text encoder {name!r}: give the name or the folder of a sentence-transformers model."
        ) from error
    text.encode(["a"])  # what it is saved as depends on whether it was used, and all vectors may be cached already
    return text


def assemble(args: argparse.Namespace, dim: int) -> FusedSpeechEncoder:
    """A speech encoder with two trained backbones and a fusion that knows nothing yet, towards texts of `dim`.

    Raises:
        ModelError: if a backbone is missing, or does not take speech or images.
    """
    speech, settings = backbones.load(args.speech, "speech")
    figure = args.picture == "figure"
    if figure and Path(args.image).suffix == ".pth":
        image: backbones.Backbone = efficientnet.read(Path(args.image))
    else:
        image = backbones.load(args.image, "image", classify=figure)[0]
    picture = {"figure": True} if figure else {"size": [args.size, args.size]}
    config = {
        "dim": dim,
        "speech": {"backbone": speech.config.to_dict(), "features": settings},
        "spectrogram": picture | {"backbone": image.config.to_dict()},
        "fusion": args.fusion,
    }
    return FusedSpeechEncoder(config | ({"unit_inputs": True} if figure else {}), speech, image).eval()


def _pairs(
    encoder: FusedSpeechEncoder, text_encoder: "SentenceTransformer", corpora: mixture.Corpora, folder: Path
) -> tuple[Pairs, str]:
    """All clips with what the frozen networks make of them; and a checksum of the features of their speech."""
    clips = [clip for corpus in corpora for clip in corpus]
    texts = {text: number for number, text in enumerate(dict.fromkeys(clip.text for clip in clips))}
    speech = features.of_recordings(encoder, corpora, folder)
    pairs = Pairs(
        features=speech.rows,
        speech_dim=encoder.speech_dim,
        unit=bool(encoder.config.get("unit_inputs")),
        texts=torch.from_numpy(text_vectors(text_encoder, list(texts), folder)).to(encoder.device),
        text_of=np.array([texts[clip.text] for clip in clips]),
        labels=np.array([letters(clip.text) for clip in clips]),
    )
    return pairs, speech.checksum


def _begin(args: argparse.Namespace, made_of: str, clips: list[Clip]) -> None:
    """Write down what is trained here.

    Raises:
        DataError: if it is something else already.
    """
    texts = json.dumps([(clip.text, clip.split) for clip in clips])
    begun = _options(args) | {"clips": hashlib.sha256(f"{made_of} {texts}".encode()).hexdigest()}
    path = args.out / "options.json"
    args.out.mkdir(parents=True, exist_ok=True)
    if path.exists() and json.loads(path.read_text("utf-8")) != begun:
        raise DataError(
            f"{args.out} holds a training of other clips, by other backbones or with other options: delete "
            f"{path} and {args.out / 'checkpoint.pt'}, or give another folder with --out."
        )
    write_text(path, json.dumps(begun, indent=1) + "\n")


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """What decides, beside the features, how the fusion ends."""
    return {name: getattr(args, name) for name in LEARNING}


def _write(folder: Path, model: Clasp, card: dict[str, Any]) -> None:
    """Write the model and its card, and only then put it in the place of an older one."""
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    model.save(unfinished)
    write_text(unfinished / "card.json", json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)


def _counted(clips: list[Clip]) -> dict[str, int]:
    """How many clips every split has."""
    splits = Counter(clip.split for clip in clips)
    return {name: splits[name] for name in ("train", "validation", "test")}
