"""Fitting a map, with UMAP."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from clasp.errors import LibraryError, ModelError
from index.library import Library, Recording, Segment
from index.map import fit
from index.map.fit import encode_texts, fit_map
from index.map.layout import MAP_FILE, MapLayout
from index.map.library_map import LibraryMap
from index.map.quality import trustworthiness
from index.map.umap import interpolate, lay_out

DIM, TOPICS, EACH = 32, 4, 30
NAMES = ("lentils", "captain", "budget", "nebula")


@dataclass
class Scribe:
    """Knows the topic of a text by its first word; speech and text of a topic are near, with a gap between them."""

    checksum: str = "a" * 64
    dim: int = DIM
    meaning_dim: int = DIM // 2
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def encode_text(self, texts: list[str], languages: list[str] | None = None) -> np.ndarray:
        if languages and "tlh" in languages:
            raise ModelError("Nobody speaks it.")
        self.asked += [*zip(texts, languages or [None] * len(texts), strict=True)]
        topics = [NAMES.index(text.split()[0]) for text in texts]
        return vectors_of(topics, seed=len(texts), gap=0.5)


def vectors_of(topics: list[int], seed: int, gap: float = 0.0) -> np.ndarray:
    """Unit vectors, float32 (n, DIM), near the direction of each topic."""
    middles = np.random.default_rng(0).standard_normal((TOPICS + 1, DIM))
    noise = np.random.default_rng(seed).standard_normal((len(topics), DIM))
    vectors = middles[topics] + gap * middles[TOPICS] + 0.3 * noise
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def fill(library: Library, topics: list[int], name: str = "talk", seed: int = 1) -> None:
    """Add a recording whose segments have topics; every fifth is not written down."""
    segments = [
        Segment(0, name, 2.0 * n, 2.0 * n + 1, f"{NAMES[topic]} number {n}" if n % 5 else "", "en", "", NAMES[topic])
        for n, topic in enumerate(topics)
    ]
    library.add([Recording(name, library.folder / f"{name}.ogg", name, 999.0)], segments, vectors_of(topics, seed))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Four topics."""
    library = Library.create(tmp_path_factory.mktemp("fit") / "library", Scribe())
    fill(library, [n % TOPICS for n in range(TOPICS * EACH)])
    return library


@pytest.fixture(scope="module")
def reported() -> list[tuple[float, str]]:
    return []


@pytest.fixture(scope="module")
def fitted(library: Library, reported: list[tuple[float, str]]) -> MapLayout:
    """Its map, fitted once: UMAP takes a while to start."""
    return fit_map(library, Scribe(), lambda share, doing: reported.append((share, doing)))


def by_topic(positions: np.ndarray, topics: np.ndarray) -> float:
    """Share of points (n, d) whose nearest other one is of the same topic."""
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return float((topics[distances.argmin(axis=1)] == topics).mean())


@pytest.mark.parametrize("dimensions", [2, 3])
def test_fitted_points_lie_near_their_like(library: Library, fitted: MapLayout, dimensions: int):
    shown = LibraryMap.load(library)
    points = shown.points()
    positions = points.flat if dimensions == 2 else points.solid
    assert positions.shape == (TOPICS * EACH, 2, dimensions) and positions.dtype == np.float32
    assert np.nanmax(np.abs(positions)) == pytest.approx(1)
    written = np.array([bool(text) for text in points.texts])
    assert (np.isfinite(positions).all(axis=2) == np.stack([np.ones_like(written), written], axis=1)).all()
    topics = np.arange(TOPICS * EACH) % TOPICS
    both = np.concatenate([positions[:, 0], positions[written, 1]])
    assert by_topic(both, np.concatenate([topics, topics[written]])) > 0.95
    assert (shown.stale, shown.layout.sampled) == (0, 0)


def test_what_is_said_of_it(fitted: MapLayout, reported: list[tuple[float, str]]):
    assert [share for share, _ in reported] == sorted(share for share, _ in reported)
    assert reported[0][0] == 0 and reported[-1] == (1.0, "done") and len(reported) > 500
    assert list(dict.fromkeys(doing for _, doing in reported)) == [
        "reading the texts", "comparing all with all", "laying out the flat map", "laying out the solid map",
        "naming and measuring", "done",
    ]  # fmt: skip
    found = {one.name: one.value for one in fitted.measures}
    assert found["trustworthiness_flat"] > 0.8 and found["same_category_map"] > 0.9 and 0 < found["alignment"] < 1
    assert {one.name.split(", ")[0] for one in fitted.regions} <= {*NAMES} and len(fitted.regions) >= TOPICS


def test_the_same_again_without_a_map_to_begin_from(library: Library, fitted: MapLayout, tmp_path):
    again = Library.create(tmp_path / "again", Scribe())
    fill(again, [n % TOPICS for n in range(TOPICS * EACH)])
    found = fit_map(again, Scribe())
    assert np.array_equal(found.flat, fitted.flat, equal_nan=True) and np.array_equal(found.keys, fitted.keys)
    assert np.array_equal(found.solid, fitted.solid, equal_nan=True) and found.measures == fitted.measures


def test_fitted_anew_it_takes_in_what_was_added(fitted: MapLayout, tmp_path):
    library = Library.create(tmp_path / "library", Scribe())
    fill(library, [n % TOPICS for n in range(TOPICS * EACH)])
    fitted.save(library.folder / MAP_FILE)
    fill(library, [0, 1, 2, 3] * 5, "late", seed=2)
    shown = LibraryMap.load(library)
    assert shown.stale == 20 and np.isnan(shown.points().flat[-19:-15, 1]).all()
    fit_map(library, Scribe())
    again = LibraryMap.load(library)
    assert again.stale == 0 and np.isfinite(again.points().flat[-19:-15, 1]).all()
    assert by_topic(again.points().solid[:, 0], np.arange(140) % TOPICS) > 0.95


def test_laid_out_anew_it_stays_recognizable(fitted: MapLayout):
    random = np.random.default_rng(0)
    vectors = random.standard_normal((250, 3)) @ random.standard_normal((3, DIM))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    former = np.concatenate(lay_out(vectors[:200]), axis=1)
    start = np.concatenate([former, interpolate(vectors[200:], vectors[:200], former)])
    begin = (start[:, :2], start[:, 2:])
    for positions, before in zip(lay_out(vectors, begin), begin, strict=True):
        assert np.corrcoef(positions.ravel(), before.ravel())[0, 1] > 0.9
        assert trustworthiness(vectors, positions) > trustworthiness(vectors, before) - 0.01


def test_of_many_points_a_sample_is_laid_out(library: Library, fitted: MapLayout, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "LAID_OUT_MOST", 120)
    other = Library.create(tmp_path / "library", Scribe())
    fill(other, [n % TOPICS for n in range(TOPICS * EACH)])
    found = fit_map(other, Scribe())
    assert 110 <= found.sampled <= 120
    shown = LibraryMap.load(other)
    assert shown.layout.sampled == found.sampled and shown.stale == 0
    assert by_topic(shown.points().flat[:, 0], np.arange(TOPICS * EACH) % TOPICS) > 0.95


def test_stopped_by_whoever_is_told(fitted: MapLayout, tmp_path):
    library = Library.create(tmp_path / "library", Scribe())
    fill(library, [n % TOPICS for n in range(40)])
    for moment in (
        "reading the texts",
        "comparing all with all",
        "laying out the flat map",
        "laying out the solid map",
    ):

        def report(_: float, doing: str, moment: str = moment) -> None:
            if doing == moment:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fit_map(library, Scribe(), report)
        assert {path.name for path in library.folder.glob("*map*")} == set()


@pytest.mark.parametrize("count", [1, 2, 3, 9, 17])
def test_small_libraries(fitted: MapLayout, tmp_path, count: int):
    library = Library.create(tmp_path / "library", Scribe())
    fill(library, [n % TOPICS for n in range(count)])
    fit_map(library, Scribe())
    points = LibraryMap.load(library).points()
    assert np.isfinite(points.flat[:, 0]).all() and np.isfinite(points.solid[:, 0]).all()


def test_the_same_vector_many_times(fitted: MapLayout, tmp_path):
    library = Library.create(tmp_path / "library", Scribe())
    segments = [Segment(0, "talk", 2.0 * n, 2.0 * n + 1) for n in range(50)]
    recording = Recording("talk", library.folder / "talk.ogg", "Talk", 999.0)
    library.add([recording], segments, np.repeat(np.eye(DIM, dtype=np.float32)[:1], 50, axis=0))
    fit_map(library, Scribe())
    points = LibraryMap.load(library).points()
    assert np.isfinite(points.flat[:, 0]).all() and np.isnan(points.flat[:, 1]).all()


def test_nothing_to_show(tmp_path):
    library = Library.create(tmp_path / "library", Scribe())
    with pytest.raises(LibraryError, match="add recordings first"):
        fit_map(library, Scribe())


def test_texts_are_read_once_and_in_their_language():
    scribe, some = Scribe(), Segment(1, "talk", 0, 1, "lentils one", "en")
    segments = [some, replace(some, start=2), replace(some, language="tlh"), replace(some, text="budget", language="")]
    shares: list[float] = []
    vectors = encode_texts(scribe, segments, lambda share, doing: shares.append(share))
    assert sorted(scribe.asked, key=str) == [("budget", None), ("lentils one", "en"), ("lentils one", None)]
    assert np.array_equal(vectors[0], vectors[1]) and vectors.shape == (4, DIM) and shares[-1] == 1
    assert vectors[3] @ vectors_of([2], 1, 0.5)[0] > 0.5
    assert encode_texts(scribe, []).shape[0] == 0
