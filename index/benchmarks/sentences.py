"""Vectors of real sentences, and of any number of others like them.

known = sentences(model, Path("data/parallel"))
known.drawn(0, 10_000, meaning_dim=384)
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from clasp.evaluation import utterances
from clasp.phones.alignment import pack
from clasp.training.data import parallel
from index.files import load_arrays, save_arrays

if TYPE_CHECKING:
    from clasp.model import Clasp

SOURCES = ("laser_tatoeba_v1", "tico19", "xcopa", "storybooks_ccby")  # of everyday life, health and stories
SENTENCES = 4_000  # that are encoded
QUERIES = 100
NOISE = 0.7  # of the spread of the sentences


@dataclass(frozen=True, eq=False)
class Sentences:
    """Encoded sentences, and queries: what some of them are in another language."""

    texts: list[str]
    phones: list[np.ndarray]  # packed, of each
    vectors: np.ndarray  # float32 (n, dim), unit rows
    queries: np.ndarray  # float32 (QUERIES, dim), unit rows

    @cached_property
    def _spread(self) -> np.ndarray:
        """What makes standard normal rows vary like the vectors, float32 (dim, dim)."""
        values, axes = np.linalg.eigh(np.cov(self.vectors.T))
        return (np.sqrt(values.clip(0))[:, None] * axes.T).astype(np.float32)

    def drawn(self, first: int, count: int, meaning_dim: int) -> np.ndarray:
        """Vectors of the utterances from number `first` on, float32 (count, dim), unit rows whose halves weigh the
        same: of the sentences, and then of others that are made of these by noise with their own covariance."""
        noise = np.random.default_rng(first).standard_normal((count, len(self._spread)), np.float32) @ self._spread
        noise[: max(0, len(self.vectors) - first)] = 0
        vectors = self.vectors[np.arange(first, first + count) % len(self.vectors)] + NOISE * noise
        halves = [half for half in np.split(vectors, [meaning_dim], axis=1) if half.shape[1]]
        halves = [half / np.linalg.norm(half, axis=1, keepdims=True) / np.sqrt(len(halves)) for half in halves]
        return np.concatenate(halves, axis=1)


def sentences(model: "Clasp", folder: Path, cache: Path = utterances.CACHE) -> Sentences:
    """Some of the parallel text in `folder`, half of them English, and translations as queries; encoded once.

    Raises:
        DataError: if the text is not there.
    """
    file = cache / f"sentences-{model.checksum[:12]}.npz"
    if not file.is_file():
        pairs = [pair for source in SOURCES for pair in parallel.read(folder, source, parallel.LANGUAGES)]
        mixed = (pairs[number] for number in np.random.default_rng(0).permutation(len(pairs)).tolist())
        each_once = {pair.english: pair for pair in mixed}.values()
        sides = [((pair.english, "en"), (pair.other, pair.language)) for pair in [*each_once][:SENTENCES]]
        texts, languages = zip(*(side[number % 2] for number, side in enumerate(sides)), strict=True)
        asked, asked_in = zip(*(side[1 - number % 2] for number, side in enumerate(sides[:QUERIES])), strict=True)
        Console(stderr=True).print(f"Encoding {len(texts):,} sentences …")
        encoded = model.encode_text(list(texts), list(languages), return_phones=True)
        phones = [pack(one) for one in encoded.phones]
        ends, queries = np.cumsum([*map(len, phones)]), model.encode_text(list(asked), list(asked_in))
        cache.mkdir(parents=True, exist_ok=True)
        save_arrays(
            file, texts=np.array(texts), phones=np.concatenate(phones), ends=ends, vectors=encoded.vectors,
            queries=queries,
        )  # fmt: skip
    stored, packed, ends, vectors, queries = load_arrays(file, "texts", "phones", "ends", "vectors", "queries")
    return Sentences(stored.tolist(), np.split(packed, ends[:-1]), vectors, queries)
