"""Levenshtein: how many insertions, deletions and substitutions turn one sequence into another, and which."""

import numpy as np


def edit_distance(first: np.ndarray, second: np.ndarray) -> int:
    """Least number of edits between two sequences, (n,) and (m,), of phone ids or of words."""
    return int(_costs(first, second)[-1, -1])


def align(first: np.ndarray, second: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of ids, above 0, of an alignment of two sequences with the fewest edits; 0 stands for no partner."""
    costs = _costs(first, second)
    row, column, pairs = len(first), len(second), []
    while row or column:
        here = costs[row, column]
        if row and column and here == costs[row - 1, column - 1] + (first[row - 1] != second[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((int(first[row]), int(second[column])))
        elif row and here == costs[row - 1, column] + 1:
            row -= 1
            pairs.append((int(first[row]), 0))
        else:
            column -= 1
            pairs.append((0, int(second[column])))
    return pairs[::-1]


def _costs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Edits between the beginnings of both, int32 (n + 1, m + 1)."""
    costs = np.zeros((len(first) + 1, len(second) + 1), np.int32)
    costs[0] = offsets = np.arange(len(second) + 1)
    for row, item in enumerate(first, 1):
        changed = np.minimum(costs[row - 1, :-1] + (second != item), costs[row - 1, 1:] + 1)
        costs[row] = np.minimum.accumulate(np.concatenate([[row], changed]) - offsets) + offsets
    return costs
