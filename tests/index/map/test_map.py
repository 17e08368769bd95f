from dataclasses import replace

import numpy as np
import pytest

from clasp.errors import LibraryError
from index.library import Recording, Segment
from index.map.clusters import Region
from index.map.layout import MAP_FILE, MapLayout, segment_keys
from index.map.library_map import LibraryMap
from index.map.quality import Measure
from index.map.umap import NEIGHBOURS, SHARPNESS
from index.map.wire import NOWHERE, ONE, from_bytes
from tests.index.conftest import Identity
from tests.threads import meanwhile

MEANING = Identity.meaning_dim
REGION = Region("lentils, soup", "words", [0.5, -0.25], [0.5, -0.25, 0.0], 12)
MEASURE = Measure("alignment", 0.71, 2.0, "Ça va: the nearer, the better.")


def stored(library, model: str = "a" * 64) -> MapLayout:
    """Random places of all segments, stored with a library; every third text has none."""
    segments, random = library.segments(), np.random.default_rng(5)
    flat = random.uniform(-1, 1, (len(segments), 2, 2)).astype(np.float32)
    solid = random.uniform(-1, 1, (len(segments), 2, 3)).astype(np.float32)
    flat[::3, 1], solid[::3, 1] = np.nan, np.nan
    region = np.arange(len(segments), dtype=np.int16) % 2 - 1
    layout = MapLayout(model, segment_keys(segments), flat, solid, region, 0, [REGION], [MEASURE])
    layout.save(library.folder / MAP_FILE)
    return layout


def neighbours_mean(query: np.ndarray, vectors: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Where a query lies, by the definition: what is nearest by meaning counts."""
    meaning, query = vectors[:, :MEANING], query[:MEANING]
    scores = (meaning @ query) / np.linalg.norm(meaning, axis=1) / np.linalg.norm(query)
    nearest = np.argsort(-scores)[:NEIGHBOURS]
    weights = np.exp(scores[nearest] / SHARPNESS)
    return (weights[:, None] * positions[nearest]).sum(axis=0) / weights.sum()


def more(library, units, count: int, first: int = 0, seed: int = 9) -> list[Segment]:
    """New segments, in a recording of their own."""
    recording = Recording(f"late {first}", library.folder / "late.ogg", "Late", 600.0)
    new = [Segment(0, f"late {first}", 2.0 * n, 2.0 * n + 1, f"late {n}", "en", "", "news") for n in range(count)]
    return library.add([recording], new, units(count, 32, seed=seed))


def test_segments_lie_where_they_were_laid_out(make):
    library = make(30)
    layout = stored(library)
    shown = LibraryMap.load(library)
    points = shown.points()
    assert points.ids.tolist() == [segment.id for segment in library.segments()] and len(shown) == 30
    assert np.array_equal(points.flat, layout.flat, equal_nan=True)
    assert np.array_equal(points.solid, layout.solid, equal_nan=True)
    assert (shown.stale, shown.layout.sampled, shown.of_another_model) == (0, 0, False)
    assert shown.layout.regions == [REGION] and shown.layout.measures == [MEASURE]


def test_a_query_lies_among_its_neighbours(make, items, units):
    library = make(0)
    halves = units(300, MEANING), units(300, 32 - MEANING, seed=8)  # of one length, as a model makes them
    library.add(*items(300), np.concatenate(halves, axis=1) / np.sqrt(2))
    layout = stored(library)
    shown = LibraryMap.load(library)
    _, vectors = library.vectors()
    for query in units(10, 32, seed=1):
        for place, positions in zip(shown.locate(query), (layout.flat, layout.solid), strict=True):
            assert place == pytest.approx(neighbours_mean(query, vectors, positions[:, 0]), abs=1e-4)
    assert np.linalg.norm(shown.locate(vectors[40])[0] - layout.flat[40, 0]) < 0.01  # what it is itself


def test_a_library_smaller_than_the_neighbourhood(make, units):
    library = make(3)
    positions = stored(library).flat[:, 0]
    (x, y), _ = LibraryMap.load(library).locate(units(1, 32, seed=1)[0])
    assert (positions.min(axis=0) <= (x, y)).all() and ((x, y) <= positions.max(axis=0)).all()


def test_what_is_added_lies_among_its_neighbours_and_the_others_stay(make, units):
    library = make(300)
    layout = stored(library)
    _, vectors = library.vectors()
    shown = LibraryMap.load(library)
    more(library, units, 20)
    assert shown.refresh() and shown.stale == 20 and len(shown) == 320
    assert not shown.refresh()
    before = shown.points()
    assert np.array_equal(before.flat[:300], layout.flat, equal_nan=True)
    for query, place in zip(units(20, 32, seed=9), before.flat[300:, 0], strict=True):
        assert place == pytest.approx(neighbours_mean(query, vectors, layout.flat[:, 0]), abs=1e-3)
    assert np.isnan(before.flat[300:, 1]).all()  # their texts come with the next fit
    more(library, units, 5, first=1, seed=10)  # those that were placed stay, too
    after = shown.points()
    assert np.array_equal(after.solid[300:320, 0], before.solid[300:, 0])
    assert after.ids.tolist() == list(range(1, 326)) and shown.stale == 25
    assert LibraryMap.load(library).points().flat[300:, 0] == pytest.approx(after.flat[300:, 0], abs=1e-5)


def test_a_query_finds_what_was_added_since(make, units):
    library = make(30)
    stored(library)
    shown = LibraryMap.load(library)
    more(library, units, 1)
    place, _ = shown.locate(units(1, 32, seed=9)[0])
    assert place == pytest.approx(shown.points().flat[-1, 0], abs=0.01)
    assert shown.stale == 1


def test_what_is_removed_disappears(make, units):
    library = make(30)
    layout = stored(library)
    shown = LibraryMap.load(library)
    library.remove("recording 4")
    assert shown.points().ids.tolist() == [1, 2, 3, 4, *range(6, 31)] and shown.stale == 0
    assert np.array_equal(shown.points().solid[4, 0], layout.solid[5, 0])
    assert np.abs(shown.locate(units(1, 32, seed=3)[0])[0]).max() <= 1
    for one in library.recordings():
        library.remove(one.id)
    assert len(LibraryMap.load(library)) == 0 and shown.locate(units(1, 32, seed=3)[0])[0].tolist() == [0, 0]
    assert from_bytes(shown.points().to_bytes())[0]["count"] == 0


def test_its_version_is_that_of_what_it_shows(make, units):
    library = make(30)
    stored(library)
    shown = LibraryMap.load(library)
    before = shown.version
    assert LibraryMap.load(library).version == before  # the same, though loaded once more
    other = make(30, "other")
    stored(other)
    seen = {before, LibraryMap.load(other).version}
    changes = [
        lambda: more(library, units, 1),
        lambda: library.edit("late 0", title="Later"),
        lambda: library.remove("late 0"),  # as many as at first
        lambda: stored(library, model="b" * 64),
    ]
    for number, change in enumerate(changes, start=3):
        change()
        seen.add((LibraryMap.load(library) if number == 6 else shown).version)
        assert len(seen) == number


def test_it_outlives_the_database(make):
    """The same recordings, added in another order, have other ids."""
    first = make(20)
    layout = stored(first)
    second = make(0, "second")
    for one in reversed(first.segments()):
        recording = replace(first.recording(one.recording), sha256="")
        second.add([recording], [replace(one, id=0)], first.vector(one.id)[None])
    (second.folder / MAP_FILE).write_bytes((first.folder / MAP_FILE).read_bytes())
    shown = LibraryMap.load(second)
    assert shown.stale == 0 and np.array_equal(shown.points().flat[:, 0], layout.flat[::-1, 0])


def test_a_map_of_other_segments(make):
    library = make(5)
    stored(library)
    other = make(0, "other")
    other.add([Recording("new", library.folder / "a.ogg", "New", 9.0)], [Segment(0, "new", 0, 2)], np.eye(32)[:1])
    (other.folder / MAP_FILE).write_bytes((library.folder / MAP_FILE).read_bytes())
    with pytest.raises(LibraryError, match="none of the 1 utterances"):
        LibraryMap.load(other)


@pytest.mark.parametrize("content", [None, b"", b"PK\3\4 and no more"])
def test_no_usable_map(make, content):
    library = make(3)
    if content is not None:
        (library.folder / MAP_FILE).write_bytes(content)
    with pytest.raises(LibraryError, match="python -m clasp map"):
        LibraryMap.load(library)


def test_a_damaged_map_is_one_clear_error(make):
    """Whatever happens to the file, it is usable or it is said that it is not."""
    library = make(8)
    stored(library)
    path, random = library.folder / MAP_FILE, np.random.default_rng(0)
    whole, refused = path.read_bytes(), 0
    for _ in range(400):
        broken = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 4)):
            broken[place] = random.integers(256)
        path.write_bytes(bytes(broken[: random.integers(len(whole))] if random.random() < 0.2 else broken))
        try:
            LibraryMap.load(library).points()
        except LibraryError as error:
            assert "fit it with" in str(error)
            refused += 1
    assert refused > 300


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": np.zeros(7, np.uint64)},
        {"keys": np.zeros(8, np.int32)},
        {"flat": np.zeros((8, 2), np.float32)},
        {"flat": np.full((8, 2, 2), np.nan, np.float32)},
        {"solid": np.full((8, 2, 3), 7, np.float32)},
        {"region": np.zeros(8, np.int16)},
        {"region": np.full(8, -1, np.int32)},
        {"facts": np.array(b"[]")},
        {"facts": np.array(b'{"sampled": 0, "regions": [{"name": 1}], "measures": []}')},
    ],
)
def test_a_map_whose_columns_are_wrong(make, wrong):
    library = make(8)
    layout = stored(library)
    columns = {"model": "a" * 64, "keys": layout.keys, "flat": layout.flat, "solid": layout.solid}
    columns["region"] = np.full(8, -1, np.int16)
    facts = np.array(b'{"sampled": 0, "regions": [], "measures": []}')
    np.savez(library.folder / MAP_FILE, **({"facts": facts} | columns))
    assert len(LibraryMap.load(library)) == 8
    np.savez(library.folder / MAP_FILE, **({"facts": facts} | columns | wrong))
    with pytest.raises(LibraryError, match=r"map\.npz is damaged"):
        LibraryMap.load(library)


def test_a_map_of_another_model_is_shown_with_a_warning(make, caplog):
    library = make(30)
    layout = stored(library, model="b" * 64)
    shown = LibraryMap.load(library)
    assert np.array_equal(shown.points().flat[:, 0], layout.flat[:, 0]) and shown.of_another_model
    assert "another model" in caplog.text


def test_columns_for_a_page(make):
    library = make(30)
    layout = stored(library)
    head, columns = from_bytes(LibraryMap.load(library).points().to_bytes(measures=[1]))
    assert head["count"] == 30 and head["measures"] == [1] and head["text"] == [str(n) for n in range(30)]
    for n, segment in enumerate(library.segments()):
        assert columns["id"][n] == segment.id
        assert (columns["start"][n], columns["end"][n]) == (segment.start, segment.end)
        for fact in ("category", "language", "speaker", "recording"):
            assert head["names"][fact][columns[fact][n]] == getattr(segment, fact)
        assert head["titles"][columns["recording"][n]] == f"No. {n}"
    for name, size in (("flat", 2), ("solid", 3)):
        expected = getattr(layout, name)
        assert columns[name].reshape(30, size) / ONE == pytest.approx(expected[:, 0], abs=2e-5)
        texts = columns[f"{name}_text"].reshape(30, size)
        assert (texts[::3] == NOWHERE).all()
        written = np.arange(30) % 3 != 0
        assert texts[written] / ONE == pytest.approx(expected[written, 1], abs=2e-5)
    assert np.array_equal(columns["region"], layout.region)
    assert all(first % columns[name].itemsize == 0 for name, (_, first, _) in head["columns"].items())
    assert head["names"]["category"] == sorted(head["names"]["category"])
    library.edit("recording 3", category="fiction")
    assert LibraryMap.load(library).points().columns["category"].present() == ["fiction", "hobbies", "news"]


def test_dates_are_months_or_what_is_longer(make):
    library = make(30)
    stored(library)

    def dates(*given: str) -> list[str]:
        for n in range(30):
            library.edit(f"recording {n}", date=given[n % len(given)])
        return list(LibraryMap.load(library).points().columns["date"].present())

    assert dates("1962-05-01", "1962-05-30", "1961-12", "1962", "") == ["1961-12", "1962", "1962-05"]
    assert dates(*(f"{1990 + n // 3}-0{1 + n % 3}" for n in range(30))) == [str(year) for year in range(1990, 2000)]
    assert dates(*(str(1900 + 4 * n) for n in range(30))) == [f"{1900 + 10 * n}"[:3] for n in range(12)]
    assert dates(*(str(1850 + 5 * n) for n in range(30))) == ["18", "19"]


def test_read_while_recordings_come_and_go(make, units):
    library = make(50)
    stored(library)
    shown = LibraryMap.load(library)

    def read() -> None:
        shown.locate(units(1, 32, seed=4)[0])
        points = shown.points()
        assert len(points.ids) == len(points.flat) == len(points.texts) and np.isfinite(points.flat[:, 0]).all()

    with meanwhile(*[read] * 3):
        for n in range(8):
            more(library, units, 3, first=n, seed=n)
            library.remove(f"late {n}" if n % 2 else f"recording {n}")
    assert len(shown.points().ids) == len(library) and shown.stale == 12
