"""The sentence encoder alone: translations found among FLORES sentences, between English and every other language."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clasp.evaluation import metrics
from clasp.evaluation.results import Result
from clasp.evaluation.utterances import label
from clasp.training.data import parallel
from clasp.training.sentence.pairs import LANGUAGES

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

POOL = 1000
BATCH = 32


def translations(encoder: "SentenceTransformer", data: Path, most: int = POOL) -> Iterator[Result]:
    """Translation retrieval between English and each other language that FLORES has, both ways.

    Args:
        most: sentences of each other language. They are asked of all English sentences up to POOL, and those of all of
            them.
    """
    found: dict[str, dict[str, str]] = {}
    for pair in parallel.read(data / "parallel", parallel.FLORES, LANGUAGES):
        found.setdefault(pair.english, {})[pair.language] = pair.other
    english = list(found)[:POOL]
    vectors, labels = encode(encoder, english), [label(text) for text in english]
    for language in LANGUAGES:
        rows = np.array([row for row, text in enumerate(english) if language in found[text]][:most])
        if not len(rows):
            continue
        texts = [found[english[row]][language] for row in rows]
        theirs, their_labels = encode(encoder, texts), [label(text) for text in texts]
        name, title = f"translation-{language}", f"sentence encoder, {language} and English"
        ranks = metrics.ranks(theirs, vectors, [labels[row] for row in rows], labels)
        yield Result(name, title, "other→English", len(english), ranks)
        ranks = metrics.ranks(vectors[rows], theirs, their_labels, their_labels)
        yield Result(name, title, "English→other", len(texts), ranks)


def encode(encoder: "SentenceTransformer", texts: list[str]) -> np.ndarray:
    """Vectors of texts, float32 (n, dim), unit rows."""
    return encoder.encode(texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
