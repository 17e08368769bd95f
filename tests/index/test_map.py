import numpy as np
import pytest

from clasp.errors import LibraryError
from index.library import Segment
from index.map import MAP_FILE, NEIGHBOURS, SHARPNESS, Map, fit, save


def mapped(library, model: str = "a" * 64, drop: int = 0) -> np.ndarray:
    """Store random positions with a library; returns those of speech, (n, 2)."""
    names = np.array([segment.name for segment in library.segments()])[drop:]
    positions = np.random.default_rng(5).uniform(-1, 1, (2 * len(names), 2)).astype(np.float32)
    save(library.folder / MAP_FILE, model, names, positions)
    return positions[: len(names)]


def test_fitted_points_lie_near_their_like():
    """Two topics, each spoken and written, with a gap between speech and text as encoders have it."""
    random = np.random.default_rng(0)
    topics, gap = random.standard_normal((2, 24)), random.standard_normal(24)
    topic = np.repeat([0, 1], 30)
    speech = topics[topic] + 0.3 * random.standard_normal((60, 24))
    text = topics[topic] + 0.3 * gap + 0.3 * random.standard_normal((60, 24))
    positions = fit(speech.astype(np.float16), text.astype(np.float16))
    assert positions.shape == (120, 2) and positions.dtype == np.float32
    assert np.abs(positions).max() == pytest.approx(1)
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (np.tile(topic, 2)[distances.argmin(axis=1)] == np.tile(topic, 2)).mean() > 0.95
    assert np.array_equal(fit(speech.astype(np.float16), text.astype(np.float16)), positions)


def test_places_of_segments(make):
    library = make(30)
    positions = mapped(library)
    shown = Map.load(library)
    ids = [segment.id for segment in library.segments()]
    assert np.array_equal(shown.places(ids), positions)
    assert np.array_equal(shown.places([ids[7], ids[2]]), positions[[7, 2]])
    assert shown.places([]).shape == (0, 2)
    assert shown.spoken.tolist() == [True] * 30 + [False] * 30
    assert shown.names.tolist() == [segment.name for segment in library.segments()] * 2


def test_a_query_lies_among_its_neighbours(make, units):
    library = make(300)
    positions = mapped(library)
    shown = Map.load(library)
    _, vectors = library.vectors()
    for query in units(10, 32, seed=1):
        scores = vectors @ query
        nearest = np.argsort(-scores)[:NEIGHBOURS]
        weights = np.exp(scores[nearest] / SHARPNESS)
        expected = (weights[:, None] * positions[nearest]).sum(axis=0) / weights.sum()
        assert shown.place(query) == pytest.approx(expected, abs=1e-4)
    assert np.linalg.norm(shown.place(vectors[40]) - positions[40]) < 0.01  # what it is itself


def test_a_library_smaller_than_the_neighbourhood(make, units):
    library = make(3)
    positions = mapped(library)
    x, y = Map.load(library).place(units(1, 32, seed=1)[0])
    assert (positions.min(axis=0) <= (x, y)).all() and ((x, y) <= positions.max(axis=0)).all()


def test_a_map_without_all_segments(make, units):
    library = make(30)
    mapped(library, drop=1)
    with pytest.raises(LibraryError, match="lacks 1 of 30"):
        Map.load(library)
    mapped(library)
    library.add([], [Segment(0, "recording 3", 2.0, 3.0)], units(1, 32, seed=1))
    with pytest.raises(LibraryError, match="lacks 1 of 31"):
        Map.load(library)


@pytest.mark.parametrize("content", [None, b"", b"PK\3\4 and no more"])
def test_no_usable_map(make, content):
    library = make(3)
    if content is not None:
        (library.folder / MAP_FILE).write_bytes(content)
    with pytest.raises(LibraryError, match="python -m clasp map"):
        Map.load(library)


def test_a_map_of_another_model_is_shown_with_a_warning(make, caplog):
    library = make(30)
    positions = mapped(library, model="b" * 64)
    ids = [segment.id for segment in library.segments()]
    assert np.array_equal(Map.load(library).places(ids), positions)
    assert "another model" in caplog.text
