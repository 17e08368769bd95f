"""Edit distances and the alignments that have them."""

import numpy as np

from clasp.phones.edit_distance import align, edit_distance


def test_edit_distance_and_alignment_agree_with_each_other() -> None:
    draw = np.random.default_rng(0)
    assert edit_distance(np.array([1, 2, 3]), np.array([1, 3])) == 1
    assert edit_distance(np.array([1, 2]), np.array([3, 4, 5])) == 3
    assert edit_distance(*(np.array(text.split(), object) for text in ("the ship sank", "a ship"))) == 2
    for _ in range(30):
        first, second = (draw.integers(1, 5, draw.integers(0, 12)) for _ in range(2))
        pairs = align(first, second)
        assert sum(a != b for a, b in pairs) == edit_distance(first, second)
        assert [a for a, _ in pairs if a] == first.tolist()
        assert [b for _, b in pairs if b] == second.tolist()
