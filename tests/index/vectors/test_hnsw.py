import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clasp.files import sha256
from index.vectors.hnsw import GRAPH_FILES, INDEX_FILES, MANIFEST_FILE, HnswIndex, StaleIndex
from index.vectors.protocol import Version, halves_of
from tests.index.vectors.tables import VERSION, clusters, nearest, replaced, table

HALVES = halves_of(24, 12)


def index_of(vectors: np.ndarray, ids: np.ndarray | None = None) -> HnswIndex:
    """Of vectors with two halves of one size."""
    return HnswIndex(halves_of(vectors.shape[1], vectors.shape[1] // 2)).extended(table(vectors, ids))


def recall(index: HnswIndex, vectors: np.ndarray, queries: np.ndarray) -> float:
    """Share of the ten nearest by each half that the index finds; ids are rows + 1."""
    shares = []
    for number, half in enumerate(index.halves):
        for query in queries[:, half]:
            found = index.search(number, query, 10) - 1
            shares.append(len({*found.tolist()} & {*nearest(vectors[:, half], query, 10)}) / 10)
    return float(np.mean(shares))


@pytest.mark.parametrize("count", [10, 900, 2_000])
def test_recall_of_random_directions(units, count):
    vectors, queries = units(count, 768), units(30, 768, seed=1)
    index = index_of(vectors)
    assert recall(index, vectors, queries) >= 0.97
    assert index.search(1, vectors[count // 2, 384:], 1) == [count // 2 + 1]


@pytest.mark.slow
def test_recall_of_100_000_that_lie_in_clusters():
    vectors = clusters(100_000, 768, 2_000, seed=1)
    queries = clusters(100_000, 768, 2_000, seed=1)[:100].astype(np.float32)
    assert recall(index_of(vectors), vectors, queries) >= 0.98


def test_larger_graphs_are_searched_with_more_effort(units, monkeypatch):
    vectors, queries = units(4_000, 64), units(30, 64, seed=1)
    monkeypatch.setattr("index.vectors.hnsw.EFFORT", 10)
    monkeypatch.setattr("index.vectors.hnsw.VECTORS_PER_CANDIDATE", 400)
    least = recall(index_of(vectors), vectors, queries)
    monkeypatch.setattr("index.vectors.hnsw.VECTORS_PER_CANDIDATE", 20)
    assert recall(index_of(vectors), vectors, queries) > least + 0.1


def test_a_model_without_sound_has_one_graph(units, tmp_path):
    vectors = units(300, 24)
    index = HnswIndex(halves_of(24, 24)).extended(table(vectors))
    assert index.search(0, vectors[40], 1) == [41]
    index.save(tmp_path, VERSION)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((MANIFEST_FILE, GRAPH_FILES[0]))
    assert (
        HnswIndex.load(tmp_path, halves_of(24, 24), np.arange(1, 301), VERSION.__eq__)[0].search(0, vectors[40], 1)
        == 41
    )


def test_an_index_is_extended_by_copying(units):
    vectors = units(300, 24)
    small = index_of(vectors[:100])
    large = small.extended(table(vectors))
    assert (len(small), len(large)) == (100, 300)
    assert {*small.search(0, vectors[150, :12], 100)} == {*range(1, 101)}
    assert large.search(0, vectors[150, :12], 1) == large.search(1, vectors[150, 12:], 1) == [151]
    assert {*large.search(1, vectors[0, 12:], 300)} == {*range(1, 301)}


def test_what_was_replaced_is_put_in_its_new_place(units):
    """The whole of a library, as when its transcripts come."""
    before, vectors, queries = units(700, 64), units(700, 64, seed=2), units(30, 64, seed=1)
    index, rows = index_of(before), np.arange(700)
    later = replaced(table(before), rows, vectors)
    assert index.lacks(later).all() and not index.lacks(table(before)).any()
    extended = index.extended(later)
    assert not extended.lacks(later).any() and len(extended) == 700
    assert recall(extended, vectors.astype(np.float16), queries) >= 0.97
    assert recall(index, before.astype(np.float16), queries) >= 0.97  # which is as it was


def test_extending_stops_in_order(units, monkeypatch):
    monkeypatch.setattr("index.vectors.hnsw.BLOCK", 100)
    vectors, asked = units(1_000, 24), []
    some = table(vectors[:400])
    later = replaced(table(vectors), np.arange(50), units(50, 24, seed=1))

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 3

    first = HnswIndex(HALVES).extended(some, stop)
    assert (len(first), first.last) == (300, 300) and first.lacks(some).sum() == 100
    asked.clear()
    second = first.extended(later, stop)
    assert (len(second), second.lacks(later).sum()) == (600, 450)  # new ones come first
    assert not second.extended(later).lacks(later).any()


def test_much_was_removed(units):
    vectors = units(500, 24)
    index, rest = index_of(vectors), table(vectors).without(np.arange(1, 151), VERSION)
    assert len(index.extended(table(vectors).without(np.arange(1, 51), VERSION))) == 500
    assert {*index.extended(rest).ids().tolist()} == {*range(151, 501)}


def test_more_neighbours_than_there_are(units):
    vectors = units(7, 24)
    assert HnswIndex(HALVES).search(0, vectors[0, :12], 5).tolist() == []
    found = index_of(vectors).search(0, vectors[3, :12], 50)
    assert (found - 1).tolist() == nearest(vectors[:, :12], vectors[3, :12], 7)


def test_a_thousand_equal_vectors(units):
    index = index_of(np.repeat(units(1, 24), 1_000, axis=0))
    found = index.search(0, units(1, 24)[0, :12], 1_000)  # their graph need not be connected
    assert len(found) in (0, 1_000) and len(set(found)) == len(found)


def load(folder: Path, ids: np.ndarray) -> tuple[HnswIndex, Version]:
    return HnswIndex.load(folder, HALVES, ids, VERSION.__eq__)


def test_saved_and_loaded(units, tmp_path):
    vectors, ids = units(700, 24), np.arange(700) * 3 + 1
    index = index_of(vectors, ids)
    index.save(tmp_path, VERSION)
    loaded, version = load(tmp_path, ids)
    assert version == VERSION and (loaded.last, loaded.generation) == (2_098, 3)
    for query in units(20, 24, seed=1):
        for half, part in enumerate(HALVES):
            assert loaded.search(half, query[part], 10).tolist() == index.search(half, query[part], 10).tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(INDEX_FILES)
    manifest = json.loads((tmp_path / MANIFEST_FILE).read_text())
    assert (manifest["generation"], manifest["count"], manifest["model"]) == (3, 700, "model")
    assert sorted(loaded.ids()) == ids.tolist()
    HnswIndex(HALVES).save(tmp_path, VERSION)
    assert list(tmp_path.iterdir()) == []


def truncate(folder: Path) -> None:
    os.truncate(folder / GRAPH_FILES[1], (folder / GRAPH_FILES[1]).stat().st_size // 2)


def flip(folder: Path) -> None:
    content = bytearray((folder / GRAPH_FILES[1]).read_bytes())
    content[len(content) // 3] ^= 16
    (folder / GRAPH_FILES[1]).write_bytes(content)


def edit(**values: object):
    def edit_manifest(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST_FILE).read_text())
        (folder / MANIFEST_FILE).write_text(json.dumps(manifest | values))

    return edit_manifest


DAMAGE = {
    "truncated": truncate,
    "one bit": flip,
    "empty": lambda folder: os.truncate(folder / GRAPH_FILES[1], 0),
    "no index": lambda folder: (folder / GRAPH_FILES[1]).unlink(),
    "no manifest": lambda folder: (folder / MANIFEST_FILE).unlink(),
    "garbled manifest": lambda folder: (folder / MANIFEST_FILE).write_bytes(b"\xff{"),
    "another manifest": lambda folder: (folder / MANIFEST_FILE).write_text("[1, 2]"),
    "model": edit(model="other"),
    "generation": edit(generation=2),
    "commit": edit(commit="deadbeef"),
    "count": edit(count=699),
    "sha256": edit(sha256={name: "0" * 64 for name in GRAPH_FILES}),
    "one graph of another one": lambda folder: (folder / GRAPH_FILES[1]).write_bytes(
        (folder / GRAPH_FILES[0]).read_bytes()
    ),
    "dims": edit(dims=[24]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_doubtful_file_is_not_loaded(units, tmp_path, damage):
    index_of(units(700, 24)).save(tmp_path, VERSION)
    damage(tmp_path)
    with pytest.raises(StaleIndex):
        load(tmp_path, np.arange(1, 701))


def test_a_file_that_only_looks_right_is_not_loaded(units, tmp_path):
    """Its checksum is that of the manifest, but another library wrote it."""
    index_of(units(700, 24)).save(tmp_path, VERSION)
    for name in GRAPH_FILES:
        (tmp_path / name).write_bytes(b"not an index" * 100)
    edit(sha256={name: sha256(tmp_path / name) for name in GRAPH_FILES})(tmp_path)
    with pytest.raises(StaleIndex, match="cannot be read"):
        load(tmp_path, np.arange(1, 701))


def test_an_index_of_other_segments_is_not_loaded(units, tmp_path):
    index_of(units(700, 24), np.arange(1, 701) * 2).save(tmp_path, VERSION)
    with pytest.raises(StaleIndex, match="other segments"):
        load(tmp_path, np.arange(700))
    assert len(load(tmp_path, np.arange(10, 1_200) * 2)[0]) == 700  # some were removed, others added


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from tests.index.vectors.tables import VERSION
from tests.index.vectors.test_hnsw import index_of

index = index_of(np.eye(1_000, 24, dtype=np.float32) + np.float32(0.1))
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    index.save(Path(sys.argv[1]), VERSION)
except OSError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file sizes")
def test_a_full_disk_leaves_the_old_index(units, tmp_path):
    index_of(units(50, 24)).save(tmp_path, VERSION)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "full" in done.stdout or "too large" in done.stdout
    assert len(load(tmp_path, np.arange(1, 51))[0]) == 50
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(INDEX_FILES)
