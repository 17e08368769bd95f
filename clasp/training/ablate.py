"""Compare recipes of the meaning stage under one budget, and weights between the two halves: one table.

    python -m clasp train ablate --out runs/ablations --steps 150

Every recipe has the same inputs, steps, batches and seed; then the model in `--model` is measured at several weights
of its meaning half. All figures are speech → text, on the validation split, whose texts are the pool; the test split
is not touched. The table (ablations.json, ablations.md) grows as recipes end; interrupted work goes on where it was.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import DataError
from ..evaluation.metrics import ranks, summary
from ..phone_encoder import pad
from . import hearing, meaning, shards
from .corpora import batched
from .files import write_text
from .meaning import Recipe
from .parallel import key
from .recogniser import spectrogram

if TYPE_CHECKING:
    from ..model import Clasp

RECIPES = (
    ("backbone", "speech alone (words)", Recipe(kind="words")),
    ("backbone", "spectrogram alone", Recipe(kind="spectrogram")),
    ("backbone", "both, concat", Recipe()),
    ("backbone", "both, gating", Recipe(kind="gating")),
    ("loss", "contrastive", Recipe(loss="contrastive")),
    ("loss", "Huber (LASP)", Recipe(loss="huber")),
    ("loss", "both", Recipe()),
    ("real speech", "with", Recipe()),
    ("real speech", "without", Recipe(real=False)),
    ("text-only training", "before, and within every batch", Recipe()),
    ("text-only training", "within every batch", Recipe(pretrained=False)),
    ("text-only training", "none", Recipe(pretrained=False, written=False)),
)
WEIGHTS = {1.0: "meaning alone", 0.9: "0.9", 0.7: "0.7", 0.5: "0.5", 0.3: "0.3", 0.1: "0.1", 0.0: "sound alone"}
SHOWN = {"hits@1": "HITS@1", "recall@10": "R@10", "mrr": "MRR"}
SAVE_EVERY = 25  # steps

Figures = dict[str, dict[str, float]]  # by group of utterances, then by metric


def add_arguments(parser: argparse.ArgumentParser) -> None:
    meaning.add_inputs(parser)
    parser.add_argument("--model", default="bundled", help="the model whose halves are weighed")
    parser.add_argument("--out", type=Path, default=Path("runs/ablations"))
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=128, help="spoken utterances, and as many written sentences")
    parser.add_argument("--seed", type=int, default=0)


def run(args: argparse.Namespace) -> int:
    args.out.mkdir(parents=True, exist_ok=True)
    table = _begun(args)
    recipes = {name_of(recipe): recipe for _, _, recipe in RECIPES}
    missing = {name: recipe for name, recipe in recipes.items() if name not in table["recipes"]}
    material = meaning.load(args) if missing else None
    for name, recipe in missing.items():
        table["recipes"][name] = trained(recipe, material, args, args.out / name)
        _write(table, args.out)
    import clasp

    model = clasp.load(args.model, device="cpu")
    if table["model"] != model.checksum:
        table |= {"model": model.checksum, "weights": weighed(model, args)}
        _write(table, args.out)
    return 0


def name_of(recipe: Recipe) -> str:
    """The recipe in words that may name a folder."""
    speech = "real" if recipe.real else "synthetic"
    text = ("pretrained-" if recipe.pretrained else "") + ("written" if recipe.written else "spoken")
    return f"{recipe.kind}-{recipe.loss}-{speech}-{text}"


def trained(recipe: Recipe, material: meaning.Material, args: argparse.Namespace, folder: Path) -> Figures:
    """Train one recipe and measure it; its checkpoint goes when its figures are there."""
    torch.manual_seed(args.seed)
    head = meaning.initialise(recipe, args.words)
    options = argparse.Namespace(**vars(args) | {"out": folder})
    for step, loss in meaning.train(head, recipe, material, options, SAVE_EVERY):
        print(f"{folder.name}: step {step} loss {loss:.3f}", flush=True)
    speech, heard = shards.load(args.corpus, "validation"), hearing.load(args.heard, "validation")
    written = meaning.encoded(args.text, list(speech.rows[:, 1]), args.out / "validation.npz")
    _, fused = meaning.vectors(head, speech, heard)
    found = figures(fused.numpy(), written.numpy(), speech, heard.utterance)
    (folder / "checkpoint.pt").unlink()
    folder.rmdir()
    return found


def weighed(model: "Clasp", args: argparse.Namespace) -> dict[str, Figures]:
    """Figures of a model with both halves, by the weight of the meaning."""
    speech = shards.load(args.corpus, "validation")
    rows = np.argsort(np.diff(speech.mel_starts), kind="stable")
    spoken = listen(model, speech, rows)
    written = model.encode_text(list(speech.rows[:, 1]), list(speech.rows[:, 2]))
    return {str(weight): figures(model.reweight(spoken, weight), written, speech, rows) for weight in WEIGHTS}


@torch.inference_mode()
def listen(model: "Clasp", speech: shards.Utterances, rows: np.ndarray) -> np.ndarray:
    """Meaning and sound side by side, unit rows each, of utterances known by spectrogram; float32 (rows, dim)."""
    parts = []
    for batch in batched(rows.tolist(), 32):
        mels = [spectrogram(speech, row) for row in batch]
        heard = model.speech.recognise(mels)
        meaning_half = model.speech.fuse(model.speech.pool_words(heard), mels)  # (batch, meaning_dim)
        sound_half = model.sound(*pad(heard), heard=True)  # (batch, sound_dim)
        parts.append(torch.cat([meaning_half, sound_half], 1).numpy())
    return np.concatenate(parts)


def figures(spoken: np.ndarray, written: np.ndarray, speech: shards.Utterances, rows: np.ndarray) -> Figures:
    """Figures of unit vectors (renderings, dim) of the utterances `rows` among those of all texts (utterances, dim)."""
    labels = np.array([key(text) for text in speech.rows[:, 1]])
    found = ranks(spoken, written, labels[rows].tolist(), labels.tolist())
    english = speech.rows[rows, 2] == "en"
    real = np.char.startswith(speech.rows[rows, 3], "real:")
    groups = {"synthetic English": english & ~real, "real English": english & real, "real, all languages": real}
    return {
        name: {"queries": int(chosen.sum()), "pool": len(written)} | summary(found[chosen])
        for name, chosen in groups.items()
        if chosen.any()
    }


def markdown(table: dict) -> str:
    """The table for reading; a recipe that has not ended yet is left out."""
    rows = [
        (question, name, table["recipes"][name_of(recipe)])
        for question, name, recipe in RECIPES
        if name_of(recipe) in table["recipes"]
    ]
    rows += [("weight of the meaning", WEIGHTS[float(weight)], found) for weight, found in table["weights"].items()]
    groups = list(dict.fromkeys(group for _, _, found in rows for group in found))
    head = ["", "", *(f"{group}: {metric}" for group in groups for metric in SHOWN.values())]
    lines = [f"Budget of every recipe: {table['steps']} steps of {table['batch']} utterances, seed {table['seed']}."]
    lines += ["", f"| {' | '.join(head)} |", "|" + " --- |" * 2 + " ---: |" * (len(head) - 2)]
    previous = ""
    for question, name, found in rows:
        numbers = [f"{found[group][metric]:.3f}" if group in found else "" for group in groups for metric in SHOWN]
        lines.append(f"| {question if question != previous else ''} | {name} | {' | '.join(numbers)} |")
        previous = question
    return "\n".join(lines) + "\n"


def _begun(args: argparse.Namespace) -> dict:
    """The table as far as it has come.

    Raises:
        DataError: if it was begun under another budget.
    """
    budget = {"steps": args.steps, "batch": args.batch, "seed": args.seed}
    path = args.out / "ablations.json"
    if not path.exists():
        return {**budget, "recipes": {}, "model": "", "weights": {}}
    table = json.loads(path.read_text())
    if {name: table[name] for name in budget} != budget:
        raise DataError(f"The table in {args.out} has another budget than {budget}: give another folder with --out.")
    return table


def _write(table: dict, folder: Path) -> None:
    for name, text in (("ablations.json", json.dumps(table, indent=1) + "\n"), ("ablations.md", markdown(table))):
        write_text(folder / name, text)
