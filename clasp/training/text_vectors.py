"""Vectors of texts by a frozen sentence encoder, computed once: what speech is trained towards."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clasp.text.sentence_encoder import mean_direction, plain
from clasp.training.checkpoint import autocast
from clasp.training.feature_cache import cache_folder, cached_features

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def text_vectors(
    encoder: "SentenceTransformer", texts: Sequence[str], folder: Path, *, average: bool = False
) -> np.ndarray:
    """Unit vectors of texts, float32 (texts, dim), kept in `folder`.

    Args:
        average: take the mean direction of two spellings, as `sentence_encoder.encode` does.

    Raises:
        DataError: if the disk has no room for them.
    """
    settings = {"encoder": str(encoder), "tokens": sorted(encoder.tokenizer.get_vocab().items())}
    spellings = [texts, [plain(text) for text in texts]] if average else [texts]
    size = 4 * len(spellings) * len(texts) * (encoder.get_embedding_dimension() or 0)

    def compute(some: list[str]) -> np.ndarray:
        with autocast():
            found = encoder.encode(some, batch_size=128, convert_to_tensor=True, show_progress_bar=False)
        vectors = found.float().cpu().numpy()
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    home = cache_folder(folder, {"encoder": str(encoder)}, settings, [encoder], size)
    vectors = cached_features(home, spellings, _checksum, str, compute, "texts").rows
    return mean_direction(vectors) if average else vectors


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
