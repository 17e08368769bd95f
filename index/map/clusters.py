"""The dense regions of a map, each named by the words that are typical of it, or by a category or language."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from unicodedata import category as letter_kind

import numpy as np

GRID = 128  # cells along each side of the map
SMOOTH = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0)  # cells over which density is smoothed, finest first
REGIONS_MOST = 25
SHARE_LEAST, POINTS_LEAST = 0.008, 5  # of the points that are in a region, and how many these are
NAME_WORDS = 3
LIFT = 3.0  # times as often as elsewhere in their language must typical words occur
TEXTS_SHARE, TEXTS_LEAST = 0.02, 3  # of the region's texts that have one, and how many these are at least
COMMON, RARE = 0.015, 5  # a word that more of a language's texts have must be at home here
MAJORITY = 0.6  # share of the region that has the category or language by which it is named


@dataclass(frozen=True)
class Region:
    """A dense part of a map."""

    name: str  # up to three of them, after one another with commas between
    kind: str  # what they are: "words", "category" or "language"
    flat: list[float]  # x and y of its middle on the flat map
    solid: list[float]  # x, y and z of it on the one of three dimensions
    points: int  # how many there are


def find_regions(
    flat: np.ndarray,
    solid: np.ndarray,
    texts: Sequence[str],
    categories: Sequence[str],
    languages: Sequence[str],
) -> tuple[list[Region], np.ndarray]:
    """The regions of a map, the largest first; those that nothing names are left out.

    Args:
        flat: positions of points, (n, 2), within [-1, 1].
        solid: the same, (n, 3).
        texts: of the points (n,), '' where unknown; so with categories and languages.

    Returns:
        the regions, and in which of them each point lies, int16 (n,); -1: in none.
    """
    region = np.full(len(flat), -1, np.int16)
    if len(flat) < 2 * POINTS_LEAST:
        return [], region
    members = dense_parts(flat)
    names = _names(members, texts, categories, languages)
    found: list[Region] = []
    for rows, (name, kind) in zip(members, names, strict=True):
        if name:
            region[rows] = len(found)
            middle, solid_middle = (np.median(one[rows], axis=0).tolist() for one in (flat, solid))
            found.append(Region(name, kind, middle, solid_middle, len(rows)))
    return found, region


def dense_parts(flat: np.ndarray) -> list[np.ndarray]:
    """Rows of the points (n, 2) of each dense region, the largest first: each point goes uphill on the smoothed density
    to a peak, and those of one peak are one region. Smoothed as little as leaves no more than REGIONS_MOST."""
    from scipy.ndimage import gaussian_filter

    cells = ((np.clip(flat, -1, 1) + 1) / 2 * (GRID - 1)).round().astype(np.int64)
    cells = cells[:, 0] * GRID + cells[:, 1]
    counts = np.bincount(cells, minlength=GRID * GRID).reshape(GRID, GRID).astype(np.float64)
    least = max(POINTS_LEAST, round(SHARE_LEAST * len(flat)))
    for width in SMOOTH:
        peaks = _peaks(gaussian_filter(counts, width, mode="constant"))[cells]
        _, which, sizes = np.unique(peaks, return_inverse=True, return_counts=True)
        large = np.flatnonzero(sizes >= least)
        if len(large) <= REGIONS_MOST:
            break
    order = large[np.argsort(-sizes[large], kind="stable")][:REGIONS_MOST]
    return [np.flatnonzero(which == one) for one in order]


def words(text: str) -> set[str]:
    """The words of a text, in small letters: what stands between spaces, without the marks around it, has a letter and
    is not very short.

    They are all that is known of a language, so those of one that is written without spaces are whole clauses.
    """
    found = set()
    for token in text.casefold().split():
        letters = [place for place, letter in enumerate(token) if letter_kind(letter)[0] in "LMN"]
        word = token[letters[0] : letters[-1] + 1] if letters else ""
        if len(word) > (2 if word.isascii() else 1) and any(letter.isalpha() for letter in word):
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
    each_once = dict.fromkeys(zip(languages, texts, strict=True))
    words_of = {one: words(one[1]) for one in each_once}
    inside = [dict.fromkeys((languages[row], texts[row]) for row in rows.tolist()) for rows in members]
    spoken = Counter(language for language, _ in words_of)  # texts of each language
    everywhere = Counter((one[0], word) for one, found in words_of.items() for word in found)  # that have a word
    counts = [Counter((one[0], word) for one in each for word in words_of[one]) for each in inside]
    average = sum(map(Counter.total, counts)) / max(1, len(counts))
    named = []
    for rows, each, count in zip(members, inside, counts, strict=True):
        here = Counter(language for language, _ in each)
        scores = {}
        for (language, word), times in count.items():
            total = everywhere[language, word]
            common = total > max(RARE, COMMON * spoken[language]) and times < total / 2
            elsewhere = here[language] * total / spoken[language]  # times it would occur here if it were everywhere
            if times >= max(TEXTS_LEAST, TEXTS_SHARE * len(each)) and times >= LIFT * elsewhere and not common:
                scores[word] = times * log(1 + average / total)  # class-based tf-idf
        typical = sorted(scores, key=lambda word: (-scores[word], word))[:NAME_WORDS]
        named.append(
            _home(rows, languages)
            or (typical and (", ".join(typical), "words"))
            or _majority(rows, categories, "category")
            or _majority(rows, languages, "language")
            or ("", "")
        )
    return named


def _home(rows: np.ndarray, languages: Sequence[str]) -> tuple[str, str] | None:
    """The languages that are spoken here and hardly elsewhere, if they are those of most rows."""
    here, spoken = Counter(languages[row] for row in rows.tolist()), Counter(languages)
    home = [one for one in here if one and 2 * here[one] >= spoken[one] and 2 * spoken[one] < len(languages)]
    if sum(here[one] for one in home) < MAJORITY * len(rows):
        return None
    return ", ".join(sorted(home, key=lambda one: (-here[one], one))[:NAME_WORDS]), "language"


def _majority(rows: np.ndarray, values: Sequence[str], kind: str) -> tuple[str, str] | None:
    """The value that most rows have, if it tells them from the rest."""
    (value, count) = Counter(values[row] for row in rows.tolist()).most_common(1)[0]
    share, everywhere = count / len(rows), sum(one == value for one in values) / len(values)
    return (value, kind) if value and share >= MAJORITY and share > 1.5 * everywhere else None
