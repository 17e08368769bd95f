"""The dense regions of a map, each with a name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.map.names import name_regions

GRID = 128  # cells along each side of the map
SMOOTH = (2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 11.0, 16.0)  # cells over which density is smoothed, finest first
REGIONS_MOST = 25
SHARE_LEAST, POINTS_LEAST = 0.008, 5  # of the points that are in a region, and how many these are


@dataclass(frozen=True)
class Region:
    """A dense part of a map."""

    name: str  # and what it is, and in English: see `index.map.names.Name`
    kind: str
    flat: list[float]  # x and y of its middle on the flat map
    solid: list[float]  # x, y and z of it on the one of three dimensions
    points: int  # how many there are
    english: str = ""


def find_regions(
    flat: np.ndarray,
    solid: np.ndarray,
    vectors: np.ndarray,
    texts: Sequence[str],
    categories: Sequence[str],
    languages: Sequence[str],
) -> tuple[list[Region], np.ndarray]:
    """The regions of a map, the largest first; those that nothing names are left out.

    Args:
        flat: positions of points, (n, 2), within [-1, 1].
        solid: the same, (n, 3).
        vectors: of the points, unit vectors (n, dim).
        texts: of the points (n,), '' where unknown; so with categories and languages.

    Returns:
        the regions, and in which of them each point lies, int16 (n,); -1: in none.
    """
    region = np.full(len(flat), -1, np.int16)
    if len(flat) < 2 * POINTS_LEAST:
        return [], region
    members = dense_parts(flat)
    names = name_regions(members, vectors, texts, categories, languages)
    found: list[Region] = []
    for rows, one in zip(members, names, strict=True):
        if one.name:
            region[rows] = len(found)
            middle, solid_middle = (np.median(positions[rows], axis=0).tolist() for positions in (flat, solid))
            found.append(Region(one.name, one.kind, middle, solid_middle, len(rows), one.english))
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
