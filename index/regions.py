"""The dense regions of a map, each named by the words that are typical of it, or by a category or language."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from unicodedata import category as letter_kind

import numpy as np

GRID = 128  # cells along each side of the map
SMOOTH = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0)  # cells over which density is smoothed, finest first
MOST = 25  # regions
SHARE, FEWEST = 0.008, 5  # of the points that are in a region at least, and how many these are at least
WORDS = 3  # of a name
LIFT = 3.0  # times as often as elsewhere in their language must typical words be said
SAID = 0.03  # share of the region's utterances that say one, and how many these are at least
TIMES = 3
MAJORITY = 0.6  # share of the region that has the category or language by which it is named


@dataclass(frozen=True)
class Region:
    """A dense part of a map."""

    name: str
    kind: str  # what the name is: "words", "category" or "language"
    plane: tuple[float, float]  # its middle on the flat map
    space: tuple[float, float, float]  # and on the other one
    points: int  # how many there are


def regions(
    plane: np.ndarray,
    space: np.ndarray,
    texts: Sequence[str],
    categories: Sequence[str],
    languages: Sequence[str],
) -> list[Region]:
    """The regions of a map, the largest first; those that nothing names are left out.

    Args:
        plane: positions of points, (n, 2), within [-1, 1].
        space: the same, (n, 3).
        texts: what each point says, '' where unknown; so with categories and languages.
    """
    if len(plane) < 2 * FEWEST:
        return []
    members = parts(plane)
    names = _names(members, texts, categories, languages)
    found = []
    for rows, (name, kind) in zip(members, names, strict=True):
        if name:
            flat, solid = np.median(plane[rows], axis=0), np.median(space[rows], axis=0)
            found.append(Region(name, kind, tuple(flat.tolist()), tuple(solid.tolist()), len(rows)))
    return found


def parts(plane: np.ndarray) -> list[np.ndarray]:
    """Rows of the points (n, 2) of each dense region, the largest first: each point goes uphill on the smoothed density
    to a peak, and those of one peak are one region. Smoothed as little as leaves no more than MOST."""
    from scipy.ndimage import gaussian_filter

    cells = ((np.clip(plane, -1, 1) + 1) / 2 * (GRID - 1)).round().astype(np.int64)
    cells = cells[:, 0] * GRID + cells[:, 1]
    counts = np.bincount(cells, minlength=GRID * GRID).reshape(GRID, GRID).astype(np.float64)
    least = max(FEWEST, round(SHARE * len(plane)))
    for width in SMOOTH:
        peaks = _peaks(gaussian_filter(counts, width, mode="constant"))[cells]
        tops, which, sizes = np.unique(peaks, return_inverse=True, return_counts=True)
        kept = np.flatnonzero(sizes >= least)
        if len(kept) <= MOST:
            break
    order = kept[np.argsort(-sizes[kept], kind="stable")][:MOST]
    return [np.flatnonzero(which == one) for one in order]


def words(text: str) -> set[str]:
    """The words of a text, in small letters: what stands between spaces, without the marks around it, and has a letter.

    They are all that is known of a language, so those of one that is written without spaces are whole clauses.
    """
    found = set()
    for token in text.casefold().split():
        kept = [place for place, letter in enumerate(token) if letter_kind(letter)[0] in "LMN"]
        word = token[kept[0] : kept[-1] + 1] if kept else ""
        if len(word) > 1 and any(letter.isalpha() for letter in word):
            found.add(word)
    return found


def _peaks(density: np.ndarray) -> np.ndarray:
    """For each cell of a square grid, the cell, int64 (cells,), at which one ends who always goes to the densest of the
    nine around."""
    size = len(density)
    padded = np.pad(density, 1, constant_values=-1)
    places = np.pad(np.arange(size * size).reshape(size, size), 1)
    best, upward = padded[1:-1, 1:-1].copy(), places[1:-1, 1:-1].copy()
    for row in range(3):
        for column in range(3):
            window = (slice(row, row + size), slice(column, column + size))
            higher = padded[window] > best
            best[higher], upward[higher] = padded[window][higher], places[window][higher]
    upward = upward.reshape(-1)
    while not np.array_equal(further := upward[upward], upward):
        upward = further
    return upward


def _names(
    members: Sequence[np.ndarray], texts: Sequence[str], categories: Sequence[str], languages: Sequence[str]
) -> list[tuple[str, str]]:
    """Name of each region and what it is; '' where nothing names it."""
    said = [words(text) for text in texts]
    spoken = Counter(languages)  # points of each language
    of_language: dict[str, Counter[str]] = defaultdict(Counter)  # points of it that say each word
    for language, one in zip(languages, said, strict=True):
        of_language[language].update(one)
    inside = [Counter(word for row in rows.tolist() for word in said[row]) for rows in members]
    average = sum(map(Counter.total, inside)) / max(1, len(inside))
    everywhere = sum((Counter(one) for one in of_language.values()), Counter())
    named = []
    for rows, counts in zip(members, inside, strict=True):
        here = Counter(languages[row] for row in rows.tolist())
        scores = {}
        for word, count in counts.items():
            if count < max(TIMES, SAID * len(rows)):
                continue
            expected = sum(number * of_language[one][word] / spoken[one] for one, number in here.items())
            if count >= LIFT * expected:  # class-based tf-idf, without what is said everywhere
                scores[word] = count * log(1 + average / everywhere[word])
        typical = sorted(scores, key=lambda word: (-scores[word], word))[:WORDS]
        if typical:
            named.append((", ".join(typical), "words"))
        else:
            named.append(_majority(rows, categories, "category") or _majority(rows, languages, "language") or ("", ""))
    return named


def _majority(rows: np.ndarray, values: Sequence[str], kind: str) -> tuple[str, str] | None:
    """The value that most rows have, if it tells them from the rest."""
    (value, count) = Counter(values[row] for row in rows.tolist()).most_common(1)[0]
    share, everywhere = count / len(rows), sum(one == value for one in values) / len(values)
    return (value, kind) if value and share >= MAJORITY and share > 1.5 * everywhere else None
