import numpy as np
import pytest

from index.map.fit import language_tells
from index.map.quality import shared
from index.meanings import meanings, without_languages


def accented(units, topics: np.ndarray, languages: np.ndarray, strength: float) -> np.ndarray:
    """Unit vectors (n, 16) of topics, each language moved to a side of its own."""
    vectors = units(len(topics), 16) + 0.7 * np.eye(16)[topics] + strength * np.eye(16)[8 + languages]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_the_meaning_is_the_first_part(units):
    vectors = units(5, 32)
    found = meanings(vectors, 16)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1) and found.dtype == np.float32
    assert found == pytest.approx(vectors[:, :16] / np.linalg.norm(vectors[:, :16], axis=1, keepdims=True))


def test_without_languages_neighbours_share_topics(units):
    topics, languages = np.arange(300) % 4, np.arange(300) // 4 % 3
    vectors = accented(units, topics, languages, 2.0)
    names, tags = [f"topic {one}" for one in topics], [("en-GB", "de", "zh")[one] for one in languages]
    found = without_languages(vectors, tags)
    assert shared(found, names)[0] > shared(vectors, names)[0] + 0.1
    assert shared(found, tags)[0] < shared(vectors, tags)[0] - 0.3
    assert np.linalg.norm(found, axis=1) == pytest.approx(1)
    assert found == pytest.approx(without_languages(vectors, [tag.replace("-GB", "") for tag in tags]))
    assert not language_tells(vectors, tags, names)


def test_languages_stay_where_they_tell_the_topic(units):
    languages = np.arange(300) % 3
    vectors = accented(units, np.zeros(300, int), languages, 2.0)
    tags = [("en", "de", "zh")[one] for one in languages]
    assert language_tells(vectors, tags, [f"topic {one}" for one in languages])
    assert not language_tells(vectors, tags, [""] * 300)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_vectors(units, count):
    vectors = units(count, 16)
    found = without_languages(vectors, ["en"] * count)
    assert found.shape == vectors.shape and np.isfinite(found).all()
