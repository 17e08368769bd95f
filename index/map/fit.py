"""Fit the map of a library: lay out its speech and texts, name the dense regions, measure how good it is.

    fit(library, model, tell=lambda share, doing: print(f"{share:.0%} {doing}"))
    shown = Map.load(library)

It takes minutes and both cores: a server has it done by another process, see `fitting`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from clasp.errors import ClaspError, LibraryError
from index.map.clusters import regions
from index.map.map import MAP_FILE, Fitted, Map, keys
from index.map.quality import measures
from index.map.umap import SEED, Tell, lay_out, part, placed, silent
from index.search import LONGEST_QUERY

if TYPE_CHECKING:
    from index.library import Library
    from index.records import Segment

LAID_OUT = 50_000  # points; of more, a sample is laid out and the others are placed among it
BATCH = 256  # texts encoded between two signs of life


class Writer(Protocol):
    """What fitting needs of a model."""

    checksum: str

    def encode_text(self, texts: list[str], languages: list[str] | None = None) -> np.ndarray: ...


def fit(library: "Library", model: Writer, tell: Tell = silent) -> Fitted:
    """Fit the map of a library and store it; `Map.load` opens it. What `tell` raises ends the work, and nothing is
    stored.

    Raises:
        LibraryError: if the library is empty, or its folder cannot be written.
    """
    ids, vectors = library.vectors()
    segments = {one.id: one for one in library.segments()}
    there = np.isin(ids, list(segments))
    listed, vectors = [segments[number] for number in ids[there].tolist()], vectors[there]
    if not listed:
        raise LibraryError("The library has nothing to show on a map yet: add recordings first.")
    tell(0.0, "reading the texts")
    written = np.array([n for n, one in enumerate(listed) if _has_words(one.text)], np.int64)
    text = encoded(model, [listed[row] for row in written.tolist()], part(tell, 0, 0.35))
    fitted = fitted_map(model.checksum, listed, vectors, text, written, _before(library, listed), part(tell, 0.35, 1))
    fitted.save(library.folder / MAP_FILE)
    return fitted


def encoded(model: Writer, segments: "Sequence[Segment]", tell: Tell = silent) -> np.ndarray:
    """Vectors of the texts of segments, float32 (n, dim); each text is encoded once, in its language or, where that is
    unknown to the model, in the one it looks like."""
    texts = [(one.language, one.text[:LONGEST_QUERY]) for one in segments]
    by_language: dict[str, list[str]] = defaultdict(list)
    for language, text in sorted(set(texts), key=lambda one: len(one[1])):  # short with short: less is padded
        by_language[language].append(text)
    found: dict[tuple[str, str], np.ndarray] = {}
    count = len(set(texts))
    for language, each in by_language.items():
        for start in range(0, len(each), BATCH):
            batch = each[start : start + BATCH]
            vectors = _encoded(model, batch, language)
            found |= {(language, one): vector for one, vector in zip(batch, vectors, strict=True)}
            tell(len(found) / count, "reading the texts")
    return np.array([found[one] for one in texts], np.float32)


def fitted_map(
    model: str,
    segments: "Sequence[Segment]",
    speech: np.ndarray,
    text: np.ndarray,
    written: np.ndarray,
    start: tuple[np.ndarray, np.ndarray] | None = None,
    tell: Tell = silent,
) -> Fitted:
    """The map of segments.

    Args:
        model: checksum of the one that made the vectors.
        speech: unit vectors of the segments, float32 (n, dim).
        text: unit vectors of the texts of some, float32 (m, dim).
        written: which ones, rows, int64 (m,), ascending.
        start: positions to begin from, (n, 2, 2) and (n, 2, 3), of speech and text; NaN where a text has none.
    """
    count = len(segments)
    vectors = np.concatenate([speech, text.reshape(-1, speech.shape[1])])
    owners = np.concatenate([np.arange(count), written])  # which segment each point is of
    is_text = np.arange(len(owners)) >= count
    chosen = _sample(owners, count)
    begin = None if start is None else tuple(_flat(one, owners[chosen], is_text[chosen]) for one in start)
    both = np.empty((len(vectors), 5), np.float32)
    share = 0.9 if chosen.all() else 0.6
    both[chosen] = np.concatenate(lay_out(vectors[chosen], begin, part(tell, 0, share)), axis=1)
    if not chosen.all():
        both[~chosen] = placed(vectors[~chosen], vectors[chosen], both[chosen], part(tell, share, 0.9))
    tell(0.9, "naming and measuring")
    flat, solid = both[:, :2], both[:, 2:]
    facts = [[getattr(segments[row], name) for row in owners.tolist()] for name in ("text", "category", "language")]
    named, where = regions(flat, solid, *facts)
    measured = measures(speech, vectors[count:], written, facts[1][:count], flat, solid)
    shaped = []
    for positions in (flat, solid):
        pairs = np.full((count, 2, positions.shape[1]), np.nan, np.float32)
        pairs[:, 0], pairs[written, 1] = positions[:count], positions[count:]
        shaped.append(pairs)
    tell(1.0, "done")
    sampled = 0 if chosen.all() else int(chosen.sum())
    return Fitted(model, keys(segments), *shaped, where[:count], sampled, named, measured)


def _encoded(model: Writer, texts: list[str], language: str) -> np.ndarray:
    if language:
        try:
            return model.encode_text(texts, [language] * len(texts))
        except ClaspError:  # it does not speak this language
            pass
    return model.encode_text(texts)


def _has_words(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _before(library: "Library", segments: "Sequence[Segment]") -> tuple[np.ndarray, np.ndarray] | None:
    """Positions of segments, (n, 2, 2) and (n, 2, 3), on the map that is there; None if there is none to begin from."""
    try:
        shown = Map.load(library)
        if shown.of_another_model or shown.stale > len(segments) / 2:
            return None
        points = shown.points()
    except LibraryError:
        return None
    rows = np.searchsorted(points.ids, [one.id for one in segments]).clip(max=len(points.ids) - 1)
    return points.flat[rows], points.solid[rows]


def _flat(pairs: np.ndarray, owners: np.ndarray, is_text: np.ndarray) -> np.ndarray:
    """Positions (p, d) of points, from pairs (n, 2, d) of speech and text; a text without a place is where the speech
    is."""
    positions = pairs[owners, is_text.astype(int)]
    return np.where(np.isnan(positions), pairs[owners, 0], positions)


def _sample(owners: np.ndarray, count: int) -> np.ndarray:
    """Which points to lay out, bool: all of them, or those of as many segments, by chance, as there is room for."""
    if len(owners) <= LAID_OUT:
        return np.ones(len(owners), bool)
    order = np.random.default_rng(SEED).permutation(count)
    sizes = np.bincount(owners, minlength=count)[order]
    chosen = np.zeros(count, bool)
    chosen[order[np.cumsum(sizes) <= LAID_OUT]] = True
    return chosen[owners]
