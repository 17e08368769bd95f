import numpy as np
import pytest

from index.map.clusters import REGIONS_MOST, dense_parts, find_regions
from index.map.names import words

TOPICS = {
    (-0.8, -0.8): "the lentils simmer in the pot with soup {}",
    (0.8, -0.8): "the captain steered the ship past reef {}",
    (-0.8, 0.8): "the council voted on the budget {}",
    (0.8, 0.8): "the nebula shines through the telescope {}",
}


def scattered(middles, each: int = 60, width: float = 0.06) -> tuple[np.ndarray, np.ndarray]:
    """Points around middles, (n, 2) and (n, 3), in that order."""
    random = np.random.default_rng(0)
    flat = np.repeat(np.array(middles), each, axis=0) + width * random.standard_normal((each * len(middles), 2))
    flat = flat.clip(-1, 1).astype(np.float32)
    return flat, np.concatenate([flat, flat[:, :1]], axis=1)


def test_regions_are_dense_and_named_by_their_words():
    flat, solid = scattered(list(TOPICS))
    texts = [text.format(n) for text in TOPICS.values() for n in range(60)]
    found, where = find_regions(flat, solid, solid, texts, [""] * 240, ["en"] * 240)
    assert len(found) == 4
    assert found == find_regions(flat, solid, solid, texts, [""] * 240, ["en"] * 240)[0]
    assert np.bincount(where + 1, minlength=5)[1:].tolist() == [one.points for one in found]
    for number, one in enumerate(found):
        assert np.median(flat[where == number], axis=0) == pytest.approx(one.flat)
    for (x, y), text in TOPICS.items():
        (one,) = (one for one in found if np.hypot(one.flat[0] - x, one.flat[1] - y) < 0.1)
        assert one.solid == pytest.approx([x, y, x], abs=0.1) and one.kind == "words" and 55 <= one.points <= 60
        assert set(one.name.split(", ")) <= words(text) - {"the"}


def test_a_region_without_words_is_named_by_its_category_or_language():
    flat, solid = scattered(list(TOPICS))
    categories = ["news"] * 60 + [""] * 180
    languages = ["en"] * 60 + ["de"] * 60 + ["fr", "it"] * 30 + ["en"] * 60
    found, _ = find_regions(flat, solid, solid, [""] * 240, categories, languages)
    names = {tuple(np.round(one.flat).astype(int).tolist()): (one.name, one.kind) for one in found}
    assert names == {
        (-1, -1): ("news", "category"),
        (1, -1): ("de", "language"),
        (-1, 1): ("fr, it", "language"),
        (1, 1): ("en", "language"),
    }


def test_one_language_does_not_name_all():
    flat, solid = scattered(list(TOPICS))
    assert find_regions(flat, solid, solid, ["the same"] * 240, ["all"] * 240, ["en"] * 240)[0] == []
    assert find_regions(flat[:3], solid[:3], solid[:3], ["one", "two", "three"], [""] * 3, ["en"] * 3)[0] == []


def test_every_point_goes_uphill():
    random = np.random.default_rng(1)
    middles = random.uniform(-0.9, 0.9, (12, 2))
    flat, _ = scattered(middles, 200, 0.03)
    found = dense_parts(flat)
    owners = np.repeat(np.arange(12), 200)
    for rows in found:
        assert (
            np.bincount(owners[rows]).max() > 0.6 * len(rows) or len(rows) > 200
        )  # of one middle, or of two that meet
    assert len(np.unique(np.concatenate(found))) == sum(map(len, found)) > 2_200
    assert [len(rows) for rows in found] == sorted(map(len, found), reverse=True)


def test_there_are_never_too_many():
    flat = np.random.default_rng(0).uniform(-1, 1, (5_000, 2)).astype(np.float32)
    assert 5 <= len(dense_parts(flat)) <= REGIONS_MOST
    assert len(dense_parts(np.zeros((50, 2), np.float32))) == 1
