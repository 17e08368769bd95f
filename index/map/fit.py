"""Fit the map of a library: lay out its speech and texts by what they mean, name the dense regions, measure how good it
is.

    fit_map(library, model, progress=lambda share, doing: print(f"{share:.0%} {doing}"))
    shown = LibraryMap.load(library)

It takes minutes and both cores: a server has it done by another process, see `index.map.worker`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import ClaspError, LibraryError
from index.map.clusters import find_regions
from index.map.layout import MAP_FILE, MapLayout, segment_keys
from index.map.library_map import LibraryMap
from index.map.quality import measure_map, shared
from index.map.umap import SEED, Progress, interpolate, lay_out, no_progress, subprogress
from index.meanings import meanings, without_languages
from index.model import TextEncoder
from index.search import LONGEST_QUERY

if TYPE_CHECKING:
    from index.library import Library
    from index.records import Segment

LAID_OUT_MOST = 50_000  # points; of more, a sample is laid out and the others are placed among it
FACTS = ("transcript", "category", "language")  # of the points, by which regions are named
BATCH = 256  # texts encoded between two signs of life


def fit_map(library: "Library", model: TextEncoder, progress: Progress = no_progress) -> MapLayout:
    """Fit the map of a library and store it; `LibraryMap.load` opens it. What `progress` raises ends the work, and
    nothing is stored.

    Raises:
        LibraryError: if the library is empty, or its folder cannot be written.
    """
    ids, vectors = library.vectors()
    by_id = {one.id: one for one in library.segments()}
    there = np.isin(ids, list(by_id))
    segments, vectors = [by_id[number] for number in ids[there].tolist()], vectors[there]
    if not segments:
        raise LibraryError("The library has nothing to show on a map yet: add recordings first.")
    progress(0.0, "reading the texts")
    with_text = np.array([n for n, one in enumerate(segments) if _has_words(one.text)], np.int64)
    text = encode_texts(model, [segments[row] for row in with_text.tolist()], subprogress(progress, 0, 0.35))
    speech, text = (meanings(one.reshape(-1, model.dim), model.meaning_dim) for one in (vectors, text))
    start = _present_positions(library, segments)
    layout = fit_layout(model.checksum, segments, speech, text, with_text, start, subprogress(progress, 0.35, 1))
    layout.save(library.folder / MAP_FILE)
    return layout


def encode_texts(model: TextEncoder, segments: "Sequence[Segment]", progress: Progress = no_progress) -> np.ndarray:
    """Vectors of the texts of segments, float32 (n, dim); each text is encoded once, in its language or, where that is
    unknown to the model, in the one it looks like."""
    texts = [(one.language, one.text[:LONGEST_QUERY]) for one in segments]
    by_language: dict[str, list[str]] = defaultdict(list)
    for language, text in sorted(set(texts), key=lambda one: len(one[1])):  # short with short: less is padded
        by_language[language].append(text)
    encoded: dict[tuple[str, str], np.ndarray] = {}
    count = len(set(texts))
    for language, each in by_language.items():
        for first in range(0, len(each), BATCH):
            batch = each[first : first + BATCH]
            vectors = _encode_batch(model, batch, language)
            encoded |= {(language, one): vector for one, vector in zip(batch, vectors, strict=True)}
            progress(len(encoded) / count, "reading the texts")
    return np.array([encoded[one] for one in texts], np.float32)


def fit_layout(
    model: str,
    segments: "Sequence[Segment]",
    speech: np.ndarray,
    text: np.ndarray,
    with_text: np.ndarray,
    start: tuple[np.ndarray, np.ndarray] | None = None,
    progress: Progress = no_progress,
) -> MapLayout:
    """The layout of segments.

    Args:
        model: checksum of the one that made the vectors.
        speech: meanings of the segments, unit vectors, float32 (n, dim).
        text: those of the texts of some, float32 (m, dim).
        with_text: which ones, rows, int64 (m,), ascending.
        start: positions to begin from, (n, 2, 2) and (n, 2, 3), of speech and text; NaN where a text has none.
    """
    count = len(segments)
    categories, languages = ([getattr(one, name) for one in segments] for name in ("category", "language"))
    if not language_tells(speech, languages, categories):
        speech = without_languages(speech, languages)
        text = without_languages(text, [languages[row] for row in with_text.tolist()])
    vectors = np.concatenate([speech, text])
    owners = np.concatenate([np.arange(count), with_text])  # which segment each point is of
    is_text = np.arange(len(owners)) >= count
    chosen = _sample(owners, count)
    begin = None
    if start is not None:
        first, second = (_of_points(one, owners[chosen], is_text[chosen]) for one in start)
        begin = first, second
    both = np.empty((len(vectors), 5), np.float32)
    share = 0.9 if chosen.all() else 0.6
    both[chosen] = np.concatenate(lay_out(vectors[chosen], begin, subprogress(progress, 0, share)), axis=1)
    if not chosen.all():
        report = subprogress(progress, share, 0.9)
        both[~chosen] = interpolate(vectors[~chosen], vectors[chosen], both[chosen], report)
    progress(0.9, "naming and measuring")
    flat, solid = both[:, :2], both[:, 2:]
    facts = [[getattr(segments[row], name) for row in owners.tolist()] for name in FACTS]
    regions, region = find_regions(flat, solid, vectors, *facts)
    measures = measure_map(speech, text, with_text, categories, languages, flat, solid)
    flat_pairs, solid_pairs = (_of_segments(positions, count, with_text) for positions in (flat, solid))
    progress(1.0, "done")
    sampled = 0 if chosen.all() else int(chosen.sum())
    return MapLayout(model, segment_keys(segments), flat_pairs, solid_pairs, region[:count], sampled, regions, measures)


def language_tells(vectors: np.ndarray, languages: Sequence[str], categories: Sequence[str]) -> bool:
    """Whether more neighbours share a category while the vectors still tell languages apart, as where each language
    has topics of its own."""
    before, without = (shared(one, categories)[0] for one in (vectors, without_languages(vectors, languages)))
    return before is not None and without is not None and before > without


def _encode_batch(model: TextEncoder, texts: list[str], language: str) -> np.ndarray:
    if language:
        try:
            return model.encode_text(texts, [language] * len(texts))
        except ClaspError:  # it does not speak this language
            pass
    return model.encode_text(texts)


def _has_words(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _present_positions(library: "Library", segments: "Sequence[Segment]") -> tuple[np.ndarray, np.ndarray] | None:
    """Positions of segments, (n, 2, 2) and (n, 2, 3), on the map that is there; None if there is none to begin from."""
    try:
        present = LibraryMap.load(library)
        if present.of_another_model or present.stale > len(segments) / 2:
            return None
        points = present.points()
    except LibraryError:
        return None
    rows = np.searchsorted(points.ids, [one.id for one in segments]).clip(max=len(points.ids) - 1)
    return points.flat[rows], points.solid[rows]


def _of_points(pairs: np.ndarray, owners: np.ndarray, is_text: np.ndarray) -> np.ndarray:
    """Positions (p, d) of points, from pairs (n, 2, d) of speech and text; a text without a place is where the speech
    is."""
    positions = pairs[owners, is_text.astype(int)]
    return np.where(np.isnan(positions), pairs[owners, 0], positions)


def _of_segments(positions: np.ndarray, count: int, with_text: np.ndarray) -> np.ndarray:
    """Pairs, float32 (count, 2, d), of speech and text, from the positions (count + m, d) of points; NaN without."""
    pairs = np.full((count, 2, positions.shape[1]), np.nan, np.float32)
    pairs[:, 0], pairs[with_text, 1] = positions[:count], positions[count:]
    return pairs


def _sample(owners: np.ndarray, count: int) -> np.ndarray:
    """Which points to lay out, bool: all of them, or those of as many segments, by chance, as there is room for."""
    if len(owners) <= LAID_OUT_MOST:
        return np.ones(len(owners), bool)
    order = np.random.default_rng(SEED).permutation(count)
    sizes = np.bincount(owners, minlength=count)[order]
    chosen = np.zeros(count, bool)
    chosen[order[np.cumsum(sizes) <= LAID_OUT_MOST]] = True
    return chosen[owners]
