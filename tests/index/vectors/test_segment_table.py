"""What searching needs in memory, beside the database."""

import numpy as np

from index.library import Library
from index.vectors.segment_table import VectorBuffer


def test_rows_are_appended_without_moving_and_never_change(units):
    vectors = units(1_000, 16).astype(np.float16)
    rows = VectorBuffer(16, 100).appended(vectors[:100])
    kept = [(rows, rows[:])]
    for start in range(100, 1_000, 7):
        rows = rows.appended(vectors[start : start + 7])
        kept.append((rows, rows[:]))
    assert np.array_equal(rows[:], vectors)
    assert all(np.array_equal(one[:], copy) for one, copy in kept)
    assert len({id(one._memory) for one, _ in kept}) < 10


def test_two_continuations_of_the_same_rows(units):
    vectors = units(30, 16).astype(np.float16)
    rows = VectorBuffer(16, 100).appended(vectors[:10])
    one, other = rows.appended(vectors[10:20]), rows.appended(vectors[20:])
    assert np.array_equal(one[:], vectors[:20])
    assert np.array_equal(other[:], np.concatenate([vectors[:10], vectors[20:]]))


def test_only_some_rows(units):
    vectors = units(50, 16).astype(np.float16)
    rows, kept = VectorBuffer(16).appended(vectors), np.arange(50) % 3 == 0
    fewer = rows.selected(kept)
    assert np.array_equal(fewer[:], vectors[kept]) and np.array_equal(rows[:], vectors)
    assert np.array_equal(fewer.appended(vectors[:2])[:], np.concatenate([vectors[kept], vectors[:2]]))
    assert len(rows.selected(np.zeros(50, bool))[:]) == 0


def test_any_changes_of_rows(units):
    """Against arrays that are copied each time; memory holds not much more than what is there."""
    random, vectors = np.random.default_rng(0), units(5_000, 16).astype(np.float16)
    rows, expected = VectorBuffer(16, 100), vectors[:0]
    for step in range(400):
        before, change, few = (rows, expected), random.integers(4), vectors[10 * step : 10 * step + 10]
        if change == 0 and len(expected) > 20:
            places = random.choice(len(expected), 10, replace=False)
            expected = expected.copy()
            expected[places], rows = few, rows.replaced(places, few)
        elif change == 1:
            stays = random.random(len(expected)) < 0.9
            rows, expected = rows.selected(stays), expected[stays]
        else:
            rows, expected = rows.appended(few), np.concatenate([expected, few])
        assert np.array_equal(rows[:], expected) and np.array_equal(before[0][:], before[1])
        assert np.array_equal(rows.half(slice(8))[:], expected[:, :8])
        assert len(rows._memory.array) <= max(150, 2.5 * (len(expected) + 10))


def test_removing_few_copies_nothing(units):
    rows = VectorBuffer(16).appended(units(100, 16).astype(np.float16))
    few, most = rows.selected(np.arange(100) >= 5), rows.selected(np.arange(100) >= 50)
    assert few._memory is rows._memory and len(most._memory.array) == 75


def same(one: Library, other: Library) -> bool:
    first, second = one._indexed.index.segments, other._indexed.index.segments
    named = [
        {name: [column.names[code] for code in column.codes] for name, column in each.columns.items()}
        for each in (first, second)
    ]
    return (
        first.version == second.version
        and np.array_equal(first.ids, second.ids)
        and np.array_equal(first.vectors[:], second.vectors[:])
        and named[0] == named[1]
    )


def test_the_table_in_memory_is_what_opening_reads(make, items, units, tmp_path, model):
    """After any sequence of changes: by the one that made them, by one that follows, by one that opens."""
    random = np.random.default_rng(0)
    library = make(50)
    present, first = list(range(50)), 50
    with Library.open(tmp_path / "library", model) as follower:
        for step in range(30):
            change = random.integers(3)
            if change == 0:
                count = int(random.integers(1, 20))
                library.add(*items(count, first=first), units(count, 32, seed=first))
                present += range(first, first + count)
                first += count
            else:
                number = present[int(random.integers(len(present)))]
                if change == 1:
                    library.remove(f"recording {number}")
                    present.remove(number)
                else:
                    library.edit(f"recording {number}", category=f"kind {step % 5}", date=f"19{step:02}", title="x")
            if step % 4 == 0:
                follower.refresh()
                assert same(library, follower)
            with Library.open(tmp_path / "library", model) as opened:
                assert same(library, opened)
    assert {name for name in library.categories() if name.startswith("kind")}


def test_lengths_are_made_one_before_they_are_stored(tmp_path, model, units, items):
    with Library.create(tmp_path / "library", model) as library:
        library.add(*items(20), units(20, 32) * np.float32(1.004))
        assert np.allclose(np.linalg.norm(library.vectors()[1], axis=1), 1, atol=2e-4)
