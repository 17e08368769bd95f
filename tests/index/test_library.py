import logging
import os
import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import DataError, LibraryError
from index.filters import Filter
from index.library import FILES, Candidates, Library, Recording, Segment
from index.meanings import meanings
from index.store.schema import DATABASE_FILE
from index.vectors import search_index
from index.vectors.hnsw import GRAPH_FILES, INDEX_FILES, UNINDEXED_MOST
from tests.threads import at_once, meanwhile


def oracle(library: Library, query: np.ndarray, k: int, passes=lambda segment: True) -> list[int]:
    """Ids of the `k` segments that pass nearest by meaning, then of those nearest by sound, by comparing all."""
    ids, vectors = library.vectors()
    passing = [segment.id for segment in library.segments() if passes(segment)]
    found = []
    for half in (slice(0, 16), slice(16, 32)):
        cosines = vectors[:, half] @ query[half] / np.linalg.norm(vectors[:, half], axis=1)
        scores = dict(zip(ids.tolist(), cosines.tolist(), strict=True))
        found += sorted(passing, key=lambda number: -scores[number])[:k]
    return list(dict.fromkeys(found))


def found(candidates: Candidates) -> list[int]:
    return candidates.ids.tolist()


def test_search_finds_what_comparing_all_finds(make, units):
    library = make(400)
    for query in units(50, 32, seed=1):
        assert found(library.candidates(query, 10)) == oracle(library, query, 10)


def test_candidates_come_with_their_segments_and_vectors(make, units):
    library = make(400)
    vectors = dict(zip(*(array.tolist() for array in library.vectors()), strict=True))
    candidates = library.candidates(units(1, 32, seed=1)[0], 20)
    assert candidates.vectors.dtype == np.float32
    for segment, vector in zip(candidates.segments, candidates.vectors, strict=True):
        assert segment == library.segment(segment.id) and vector.tolist() == vectors[segment.id]


def test_a_half_without_content_finds_nothing(make, units):
    library = make(400)
    for half in (slice(0, 16), slice(16, 32)):
        query = np.zeros(32, np.float32)
        query[half] = units(1, 16, seed=1)[0]
        _, vectors = library.vectors()
        cosines = vectors[:, half] @ query[half] / np.linalg.norm(vectors[:, half], axis=1)
        assert found(library.candidates(query, 20)) == (np.argsort(-cosines)[:20] + 1).tolist()
    assert found(library.candidates(np.zeros(32), 20)) == []


FILTERS = (
    {"categories": ["news"]},
    {"categories": ["news", "fiction"]},
    {"languages": ("pt-BR",)},
    {"languages": {"en", "de"}, "categories": {"hobbies", "news", "fiction"}},
    {"categories": [], "languages": None},
)


@pytest.fixture(params=[300, 6_000], ids=["compared one by one", "by the index"])
def count(request, monkeypatch):
    """How many segments; a filter passes a third, or more."""
    monkeypatch.setattr(search_index, "EXACT_BELOW", 1_500)
    return request.param


def test_filters(make, units, count):
    library = make(count)
    for filters in FILTERS:
        categories, languages = filters.get("categories"), filters.get("languages")

        def passes(segment: Segment, categories=categories, languages=languages) -> bool:
            return (not categories or segment.category in categories) and (
                not languages or segment.language in languages
            )

        for query in units(5, 32, seed=1):
            expected = oracle(library, query, 10, passes)
            assert found(library.candidates(query, 10, filters=Filter(**filters))) == expected, filters


def test_filters_by_voice_recording_and_date(make, units, items, count):
    library = make(count)
    recordings, segments = items(10, first=count)
    tags = ("harbour", "Harbour, oral history", "")
    dated = [replace(one, date=f"19{60 + n}-0{1 + n % 2}", tags=tags[n % 3]) for n, one in enumerate(recordings)]
    library.add(dated, segments, units(10, 32, seed=2))
    dates, tagged = ({one.id: getattr(one, fact) for one in dated} for fact in ("date", "tags"))
    assert library.tags() == ["Harbour", "oral history"]
    cases = {
        Filter(speakers=("voice 1", "voice 3")): lambda one: one.speaker in ("voice 1", "voice 3"),
        Filter(recordings=("recording 7", f"recording {count + 1}")): (
            lambda one: one.recording in ("recording 7", f"recording {count + 1}")
        ),
        Filter(since="1963"): lambda one: dates.get(one.recording, "") >= "1963",
        Filter(since="1962-02-05", until="1965-01"): lambda one: dates.get(one.recording) in ("1963-02", "1964-01"),
        Filter(speakers=("voice 1",), since="1960", until="1962"): (
            lambda one: one.speaker == "voice 1" and "1960" <= dates.get(one.recording, "")[:4] <= "1962"
        ),
        Filter(tags=("HARBOUR",)): lambda one: tagged.get(one.recording, "") != "",
        Filter(tags=("oral_history", "sea"), since="1963"): (
            lambda one: "oral" in tagged.get(one.recording, "") and dates[one.recording] >= "1963"
        ),
    }
    query = units(1, 32, seed=1)[0]
    for filters, passes in cases.items():
        assert found(library.candidates(query, 10, filters=filters)) == oracle(library, query, 10, passes), filters


@pytest.mark.parametrize("date", ["yesterday", "19", "1962-13", "1962-02-30"])
def test_a_date_that_is_none(date):
    with pytest.raises(DataError, match="is no date"):
        Filter(since=date)


def test_a_filter_that_leaves_only_what_is_far(tmp_path, model, units, items, count):
    """Many pass, but none among the nearest: the index cannot help."""
    recordings, segments = items(count)
    query = units(1, 32, seed=1)[0]
    vectors = units(count, 32)
    order = np.argsort(-(vectors @ query))
    half = [
        Segment(0, one.recording, 0, 2, one.text, "en" if n < count // 2 else "de") for n, one in enumerate(segments)
    ]
    with Library.create(tmp_path / "library", model) as library:
        library.add(recordings, half, vectors[order])
        candidates = library.candidates(query, 10, filters=Filter(languages=("de",)))
        assert found(candidates) == oracle(library, query, 10, lambda segment: segment.language == "de")


def test_unknown_filters_find_nothing(make, units):
    assert found(make(10).candidates(units(1, 32)[0], filters=Filter(categories=("weather",)))) == []


def test_more_hits_than_there_are(make, units):
    library, query = make(12), units(1, 32, seed=1)[0]
    assert found(library.candidates(query, 500)) == oracle(library, query, 12)
    assert len(found(library.candidates(query, 500, filters=Filter(categories=("news",))))) == 3


def test_an_empty_library(make, units, tmp_path, model):
    library = make(0)
    query = units(1, 32)[0]
    assert library.segments() == found(library.candidates(query)) == []
    assert found(library.candidates(query, filters=Filter(categories=("news",)))) == []
    assert (len(library), library.categories(), library.languages()) == (0, [], [])
    library.close()
    with Library.open(tmp_path / "library", model) as library:
        assert found(library.candidates(query)) == []


@pytest.mark.parametrize(
    ("vector", "k"),
    [
        (np.ones(31), 5),
        (np.ones((1, 31)), 5),
        (np.ones((1, 1, 32)), 5),
        (np.full(32, np.nan), 5),
        (np.ones(32), 0),
        (np.ones(32), -1),
    ],
)
def test_queries_that_make_no_sense(make, vector, k):
    with pytest.raises(LibraryError):
        make(5).candidates(vector, k)


def test_what_it_holds(make, items, tmp_path):
    library = make(8)
    assert len(library) == 8
    assert library.categories() == ["fiction", "hobbies", "news"]
    assert library.languages() == ["de", "en", "pt-BR"]
    segments = library.segments()
    assert [segment.text for segment in segments] == [str(number) for number in range(8)]
    assert segments[3].name == "recording 3@0.00"
    recording = library.recording("recording 3")
    assert recording == Recording(
        "recording 3", tmp_path / "library/audio/3.ogg", "No. 3", 2.0, "en", "voice 3", "", "3"
    )
    for lookup in (lambda: library.recording("recording 8"), lambda: library.segment(99)):
        with pytest.raises(LibraryError, match="There is no"):
            lookup()


def test_neighbours_of_a_segment(tmp_path, model, units):
    with Library.create(tmp_path / "library", model) as library:
        one, other = (Recording(name, Path(f"{name}.wav"), name, 20.0) for name in ("one", "other"))
        times = [(4.0, 8.0), (0.0, 5.0), (8.0, 9.0), (12.0, 19.0)]
        stored = library.add([one, other], [Segment(0, name, *time) for time in times for name in ("other", "one")],
                             units(8, 32))  # fmt: skip
        spans = [[(near.start, near.end) for near in side] for side in library.context(stored[5], count=2)]
        assert spans == [[(0.0, 5.0), (4.0, 8.0)], [(12.0, 19.0)]]
        assert library.context(stored[3]) == ([], [stored[1]])


def test_the_envelope_of_a_recording(make, items, units):
    library = make(2)
    assert library.envelope("recording 0").tolist() == []
    library.finish("recording 0", 2.0, np.array([0, 7, 255], np.uint8))
    assert library.envelope("recording 0").tolist() == [0, 7, 255]
    library.remove("recording 0")
    library.add(*items(1), units(1, 32))
    assert library.envelope("recording 0").tolist() == []


def test_audio(tmp_path, model, units):
    elsewhere = tmp_path / "elsewhere.wav"
    recordings = [Recording("near", Path("near.ogg"), "", 9.0), Recording("far", elsewhere, "", 9.0)]
    segments = [Segment(0, "near", 1.5, 4.0), Segment(0, "far", 0.0, 9.0)]
    with Library.create(tmp_path / "library", model, audio=tmp_path / "audio") as library:
        near, far = library.add(recordings, segments, units(2, 32))
        with pytest.raises(LibraryError, match=r"near\.ogg"):
            library.audio(near)
        (tmp_path / "audio").mkdir()
        for path in (tmp_path / "audio/near.ogg", elsewhere):
            path.touch()
        assert library.audio(near) == (tmp_path / "audio/near.ogg", 1.5, 4.0)
        assert library.audio(far) == (elsewhere, 0.0, 9.0)


def test_reopened(make, units, tmp_path, model, caplog):
    library = make(200)
    queries = units(20, 32, seed=1)
    before = [found(library.candidates(query, 5)) for query in queries]
    library.close()
    with Library.open(tmp_path / "library", model) as library:
        assert [found(library.candidates(query, 5)) for query in queries] == before
    assert not caplog.records


def test_adding_more(make, items, units, tmp_path, model):
    library = make(100)
    vectors = units(50, 32, seed=1)
    recordings, segments = items(50, first=100)
    stored = library.add(recordings, segments, vectors)
    assert [one.id for one in stored] == list(range(101, 151))
    later = library.add([], [Segment(0, "recording 3", 2.0, 3.5, "later")], units(1, 32, seed=2))
    assert library.add([], [], np.empty((0, 32))) == []
    library.close()
    with Library.open(tmp_path / "library", model) as library:
        assert len(library) == 151
        assert [library.candidates(vector, 1).segments[0] for vector in vectors] == stored
        assert library.candidates(units(1, 32, seed=2)[0], 1).segments[0] == later[0]
        for query in units(20, 32, seed=3):
            assert found(library.candidates(query, 10)) == oracle(library, query, 10)


WRONG = {
    "known recording": ([Recording("recording 3", Path("x"), "", 1.0)], [], 0),
    "known segment": ([], [Segment(0, "recording 3", 0.0, 2.0)], 1),
    "unknown recording": ([], [Segment(0, "nowhere", 0.0, 2.0)], 1),
    "backwards": ([], [Segment(0, "recording 3", 5.0, 4.0)], 1),
    "before the start": ([], [Segment(0, "recording 3", -1.0, 4.0)], 1),
    "not a time": ([], [Segment(0, "recording 3", float("nan"), 4.0)], 1),
    "no duration": ([Recording("new", Path("x"), "", 0.0)], [], 0),
    "too few vectors": ([], [Segment(0, "recording 3", 5.0, 6.0)], 0),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_adding_is_all_or_nothing(make, items, units, tmp_path, model, wrong):
    library = make(20)
    recordings, segments, count = wrong
    good_recordings, good_segments = items(5, first=20)
    before = library.segments()
    with pytest.raises(LibraryError):
        library.add(good_recordings + recordings, good_segments + segments, units(5 + count, 32, seed=1))
    assert library.segments() == before
    assert len(library.candidates(units(1, 32)[0], 99).segments) == 20
    library.add(good_recordings, good_segments, units(5, 32, seed=1))  # nothing of them is in the way
    library.close()
    with Library.open(tmp_path / "library", model) as library:
        assert len(library) == 25


@pytest.mark.parametrize("vectors", [np.ones((1, 32)), np.zeros((1, 32)), np.full((1, 32), np.nan), np.ones((1, 8))])
def test_vectors_that_are_not_of_unit_length(make, vectors):
    with pytest.raises(LibraryError, match="unit"):
        make(5).add([], [Segment(0, "recording 3", 5.0, 6.0)], vectors)


def test_another_model_is_refused(make, tmp_path, model):
    make(5).close()
    for other in (type(model)(checksum="b" * 64), type(model)(dim=64)):
        with pytest.raises(LibraryError, match=r"another model.*cannot be compared"):
            Library.open(tmp_path / "library", other)
    assert len(Library.open(tmp_path / "library", model)) == 5


def test_nothing_is_made_by_opening(tmp_path, model):
    with pytest.raises(LibraryError, match="There is no library"):
        Library.open(tmp_path / "nowhere", model)
    assert not (tmp_path / "nowhere").exists()


def test_nothing_is_overwritten_by_creating(make, tmp_path, model):
    make(5).close()
    with pytest.raises(LibraryError, match="already"):
        Library.create(tmp_path / "library", model)


def test_a_lost_or_damaged_database_is_never_an_empty_library(make, tmp_path, model):
    make(200).close()
    database = tmp_path / "library" / DATABASE_FILE
    content = database.read_bytes()
    half = bytearray(content)
    half[len(half) // 2 :] = os.urandom(len(half) // 2)
    for damaged in (b"", b"not a database" * 100, content[:5_000], bytes(half)):
        database.write_bytes(damaged)
        with pytest.raises(LibraryError, match="restore"):
            Library.open(tmp_path / "library", model)
    database.unlink()
    with pytest.raises(LibraryError, match="restore"):
        Library.open(tmp_path / "library", model)
    database.write_bytes(content)
    assert len(Library.open(tmp_path / "library", model)) == 200


@pytest.mark.parametrize("vector", [b"", b"\0" * 64, b"\xff" * 64])
def test_a_damaged_vector_is_noticed(make, tmp_path, model, vector):
    make(20).close()
    with sqlite3.connect(tmp_path / "library" / DATABASE_FILE) as database:
        database.execute("UPDATE vectors SET vector = ? WHERE segment = 7", (vector,))
    with pytest.raises(LibraryError, match="damaged"):
        Library.open(tmp_path / "library", model)


def test_a_database_of_a_newer_version(make, tmp_path, model):
    make(5).close()
    with sqlite3.connect(tmp_path / "library" / DATABASE_FILE) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(LibraryError, match="newer"):
        Library.open(tmp_path / "library", model)


def test_a_library_that_was_never_finished(tmp_path, model):
    folder = tmp_path / "library"
    folder.mkdir()
    sqlite3.connect(folder / DATABASE_FILE).execute("CREATE TABLE begun (x)")
    with pytest.raises(LibraryError, match="never finished"):
        Library.open(folder, model)


def swap(folder: Path, other: Path) -> None:
    for name in INDEX_FILES:
        (folder / name).write_bytes((other / name).read_bytes())


DAMAGE = {
    "deleted": lambda folder, _: (folder / GRAPH_FILES[0]).unlink(),
    "one byte": lambda folder, _: (folder / GRAPH_FILES[0]).write_bytes(
        (folder / GRAPH_FILES[0]).read_bytes()[:-1] + b"\x7f"
    ),
    "another library's index": swap,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_is_built_anew_with_one_line(make, units, tmp_path, model, caplog, damage):
    library = make(200)
    make(200, "other", seed=9).close()
    query = units(1, 32, seed=1)[0]
    before = found(library.candidates(query, 10))
    library.close()
    damage(tmp_path / "library", tmp_path / "other")
    with caplog.at_level(logging.INFO), Library.open(tmp_path / "library", model) as library:
        assert found(library.candidates(query, 10)) == before
    assert [record.message.startswith("Building the search index") for record in caplog.records] == [True]
    caplog.clear()
    Library.open(tmp_path / "library", model).close()  # it was stored again
    assert not caplog.records


def test_an_older_index_is_brought_up_to_date(make, items, units, tmp_path, model, caplog):
    make(100).close()
    older = [(path, path.read_bytes()) for path in (tmp_path / "library" / name for name in INDEX_FILES)]
    with Library.open(tmp_path / "library", model) as library:
        library.add(*items(100, first=100), units(100, 32, seed=1))
    for path, content in older:
        path.write_bytes(content)
    with Library.open(tmp_path / "library", model) as library:
        assert library.candidates(units(100, 32, seed=1)[50], 1).segments[0].text == "150"
    assert "generation" in caplog.text


def test_a_copy_that_went_its_own_way(make, items, units, tmp_path, model, caplog):
    """Two copies of a library, with as many commits and segments since: their indexes are not interchangeable."""
    make(50).close()
    (tmp_path / "copy").mkdir()
    for path in (tmp_path / "library").iterdir():
        (tmp_path / "copy" / path.name).write_bytes(path.read_bytes())
    for seed, name in enumerate(("library", "copy"), start=1):
        with Library.open(tmp_path / name, model) as library:
            library.add(*items(50, first=50), units(50, 32, seed=seed))
    swap(tmp_path / "library", tmp_path / "copy")
    with Library.open(tmp_path / "library", model) as library:
        assert library.candidates(units(50, 32, seed=1)[7], 1).segments[0].text == "57"
    assert "anew" in caplog.text


def test_two_of_one_library_at_once(make, items, units, tmp_path, model):
    first = make(10)
    with Library.open(tmp_path / "library", model) as second:
        second.add(*items(10, first=10), units(10, 32, seed=1))
        first.add(*items(10, first=20), units(10, 32, seed=2))  # takes up what the other added
        assert [len(second), len(first)] == [20, 30]
    assert first.candidates(units(10, 32, seed=1)[4], 1).segments[0].text == "14"
    first.close()
    with Library.open(tmp_path / "library", model) as library:
        assert len(library) == 30


def test_reading_while_another_process_writes(make, units, tmp_path, model):
    make(10).close()
    other = sqlite3.connect(tmp_path / "library" / DATABASE_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM segments")
    with Library.open(tmp_path / "library", model) as library:  # does not wait, and sees what is committed
        assert library.candidates(units(10, 32)[3], 1).segments[0].text == "3"
    other.execute("ROLLBACK")
    other.close()


def test_searching_while_adding(make, items, units, tmp_path):
    """Every answer is right for some moment: k hits in order, each with its own similarity; none is lost."""
    library = make(200)
    queries = units(8, 32, seed=1)
    queries[:, 16:] = 0  # by meaning alone
    batches = [units(20, 32, seed=10 + number) for number in range(15)]
    everything = np.concatenate([units(200, 32), *batches])
    truth = meanings(everything.astype(np.float16), 16)

    def search(query: np.ndarray) -> list[int]:
        least, candidates = len(library), library.candidates(query, 10)
        rows = [int(segment.text) for segment in candidates.segments]
        scores = (meanings(candidates.vectors, 16) @ query[:16]).tolist()
        assert np.allclose(scores, truth[rows] @ query[:16], atol=1e-6)
        assert len(set(rows)) == 10 and scores == sorted(scores, reverse=True)
        assert len(library) >= least and scores[-1] >= np.sort(truth[:least] @ query[:16])[-10] - 1e-6
        return rows

    with meanwhile(*(partial(search, query) for query in queries)):
        for number, batch in enumerate(batches):
            library.add(*items(20, first=200 + 20 * number), batch)
            assert library.candidates(batch[7], 1).segments[0].text == str(207 + 20 * number)
    for query in queries:
        assert search(query) == np.argsort(-(truth @ query[:16]))[:10].tolist()


def test_adding_from_many_threads(make, items, units, tmp_path, model):
    library = make(0)

    def add(number: int) -> None:
        for first in range(100 * number, 100 * number + 50, 10):
            library.add(*items(10, first=first), units(10, 32, seed=first))

    at_once(*(partial(add, number) for number in range(6)))
    library.close()
    with Library.open(tmp_path / "library", model) as library:
        assert len(library) == 300
        assert library.candidates(units(10, 32, seed=340)[3], 1).segments[0].text == "343"


def removed(library: Library, numbers: range) -> None:
    library.remove(*(f"recording {number}" for number in numbers))


@pytest.mark.parametrize("count", [60, UNINDEXED_MOST + 500])  # compared one by one, and by the index
def test_what_was_removed_is_no_longer_found(make, items, units, tmp_path, model, count):
    make(count).close()
    queries = units(20, 32, seed=1)
    with Library.open(tmp_path / "library", model) as library:
        removed(library, range(0, 40, 2))
        library.add(*items(30, first=count), units(30, 32, seed=2))
        removed(library, range(count, count + 5))
        for query in [*queries, *units(10, 32, seed=2)]:
            assert found(library.candidates(query, 10)) == oracle(library, query, 10)
            german = found(library.candidates(query, 10, filters=Filter(languages=("de",))))
            assert german == oracle(library, query, 10, lambda segment: segment.language == "de")
        before = [found(library.candidates(query, 10)) for query in queries]
        assert len(library) == len(library.segments()) == count + 5
        with pytest.raises(LibraryError, match="There is no recording"):
            library.remove("recording 2")
    with Library.open(tmp_path / "library", model) as library:
        assert [found(library.candidates(query, 10)) for query in queries] == before


def test_everything_removed(make, units, tmp_path, model):
    library = make(5)
    removed(library, range(5))
    assert (len(library), found(library.candidates(units(1, 32)[0]))) == (0, [])
    library.close()
    with Library.open(tmp_path / "library", model) as library:
        assert found(library.candidates(units(1, 32)[0])) == []


def test_removing_gives_the_space_back(make, tmp_path):
    library = make(100)
    database = tmp_path / "library" / DATABASE_FILE
    library._database.insert([Recording("big", Path("x"), "", 1.0, text="x" * 10**7)], [], np.empty((0, 32)), [])
    library.remove("big")
    assert database.stat().st_size < 10**6


def test_removing_deletes_only_the_librarys_own_copy(tmp_path, model, units):
    original = tmp_path / "original.wav"
    copy = tmp_path / "library" / FILES / "abc.wav"
    with Library.create(tmp_path / "library", model) as library:
        copy.parent.mkdir()
        for path in (original, copy):
            path.touch()
        library.add([Recording("a", original, "", 1.0), Recording("b", Path(FILES, "abc.wav"), "", 1.0)], [],
                    np.empty((0, 32)))  # fmt: skip
        library.remove("a")
        library.remove("b")
    assert original.exists() and not copy.exists()


def test_edited(make, units, tmp_path, model):
    library, query = make(12), units(12, 32)[3]
    library.edit(
        "recording 3", title="Night", language="pt-PT", category="reminiscences of a long life", date="1999-12-31",
        tags="sea; night ; Sea",
    )  # fmt: skip
    for opened in (library, Library.open(tmp_path / "library", model)):
        recording = opened.recording("recording 3")
        assert (recording.title, recording.language, recording.date) == ("Night", "pt-PT", "1999-12-31")
        filters = Filter(categories=("reminiscences of a long life",), languages=("pt-PT",))
        assert [one.recording for one in opened.candidates(query, 5, filters=filters).segments] == ["recording 3"]
        assert "reminiscences of a long life" in opened.categories()
        assert recording.tags == "sea, night" and opened.tags() == ["night", "sea"]
        assert found(opened.candidates(query, 5, filters=Filter(tags=("night",)))) == [4]
    with pytest.raises(LibraryError, match="There is no recording"):
        library.edit("recording 99", title="x")
    with pytest.raises(ValueError, match="text"):
        library.edit("recording 3", text="x")


def test_what_another_one_wrote_is_taken_up(make, items, units, tmp_path, model):
    first = make(30)
    with Library.open(tmp_path / "library", model) as second:
        removed(second, range(10))
        second.add(*items(10, first=30), units(10, 32, seed=1))
        query = units(30, 32)[4]
        assert "4" not in [one.text for one in first.candidates(query, 5).segments]  # it notices what is gone
        first.refresh()
        assert len(first) == 30 and found(first.candidates(query, 9)) == found(second.candidates(query, 9))
        removed(second, range(10, 12))
        first.add(*items(5, first=40), units(5, 32, seed=2))
        assert len(first) == 33


def test_searching_while_adding_and_removing(make, items, units):
    """32 threads: no error; what always is there is always found, and nothing is found that never was there."""
    library = make(300)
    stays = units(300, 32)[250:]

    def search(row: int) -> None:
        segments = library.candidates(stays[row], 10).segments
        assert segments[0].text == str(250 + row) and 10 <= len(segments) < 20

    with meanwhile(*(partial(search, row) for row in range(32))):
        for number in range(6):
            library.add(*items(10, first=300 + 10 * number), units(10, 32, seed=10 + number))
            removed(library, range(20 * number, 20 * number + 5))
    assert len(library) == 300 + 60 - 30


def test_a_closed_library_says_so(make, units):
    library = make(5)
    library.close()
    with pytest.raises(LibraryError, match="closed"):
        library.candidates(units(1, 32)[0])
