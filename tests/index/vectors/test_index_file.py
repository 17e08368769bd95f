import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clasp.files import sha256
from index.vectors.hnsw import HnswIndex
from index.vectors.index_file import (
    INDEX_FILE,
    MANIFEST_FILE,
    StaleIndex,
    VectorIndex,
    Version,
    exact_search,
    load_index,
    save_index,
)
from index.vectors.pq import PQIndex

VERSION = Version("model", 3, "c0ffee")
both_kinds = pytest.mark.parametrize("kind", [HnswIndex, PQIndex])


def naive(matrix: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray) -> list[int]:
    rows = [row for row in range(len(matrix)) if allowed[row]]
    return sorted(rows, key=lambda row: (-float(matrix[row] @ query), row))[:k]


def recall(index: HnswIndex, vectors: np.ndarray, queries: np.ndarray) -> float:
    """Share of the ten nearest by dot product that the index finds; ids are rows."""
    found = [set(index.search(query, 10)) & set(np.argsort(-(vectors @ query))[:10]) for query in queries]
    return sum(map(len, found)) / 10 / len(queries)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9, 1.0])
@pytest.mark.parametrize("k", [1, 10, 1_000])
def test_exact_search_is_a_full_sort(units, share, k):
    matrix = np.round(units(700, 16) * 8)  # whole numbers: there are ties, and sums are exact
    query, allowed = np.round(units(1, 16, seed=1)[0] * 8), np.random.default_rng(2).random(700) < share
    assert exact_search(matrix, query, k, allowed).tolist() == naive(matrix, query, k, allowed)
    if share == 1.0:
        assert exact_search(matrix, query, k).tolist() == naive(matrix, query, k, allowed)


def test_exact_search_of_nothing(units):
    assert exact_search(np.empty((0, 8), np.float32), units(1, 8)[0], 5).tolist() == []
    assert exact_search(units(3, 8), units(1, 8)[0], 5, np.zeros(3, bool)).tolist() == []


@pytest.mark.parametrize("count", [1, 10, 900, 2_000, pytest.param(20_000, id="20k", marks=pytest.mark.slow)])
def test_recall_of_random_directions(units, count):
    vectors, queries = units(count, 768), units(100, 768, seed=1)
    index = HnswIndex(768).extended(np.arange(count), vectors)
    if count >= 10:
        assert recall(index, vectors, queries) >= 0.99
    assert index.search(vectors[count // 2], 1) == [count // 2]


@pytest.mark.slow
def test_recall_of_100_000_random_directions(units):
    vectors, queries = units(100_000, 768), units(100, 768, seed=1)
    index = HnswIndex(768).extended(np.arange(100_000), vectors)
    assert recall(index, vectors, queries) >= 0.99


def test_an_index_is_extended_by_copying(units):
    vectors = units(300, 24)
    small = HnswIndex(24).extended(np.arange(100), vectors[:100])
    large = small.extended(np.arange(1_000, 1_200), vectors[100:])
    assert (len(small), len(large)) == (100, 300)
    assert set(small.search(vectors[150], 100)) == set(range(100))
    assert large.search(vectors[150], 1) == [1_050]
    assert set(large.search(vectors[0], 300)) == {*range(100), *range(1_000, 1_200)}


def test_more_neighbours_than_there_are(units):
    vectors = units(7, 24)
    assert HnswIndex(24).search(vectors[0], 5).tolist() == []
    index = HnswIndex(24).extended(np.arange(7), vectors)
    assert index.search(vectors[3], 50).tolist() == naive(vectors, vectors[3], 7, np.ones(7, bool))


def test_a_thousand_equal_vectors(units):
    index = HnswIndex(24).extended(np.arange(1_000), np.repeat(units(1, 24), 1_000, axis=0))
    found = index.search(units(1, 24)[0], 1_000)  # their graph need not be connected
    assert len(found) in (0, 1_000) and len(set(found)) == len(found)


def load(folder: Path, ids: np.ndarray) -> tuple[VectorIndex, Version]:
    return load_index(folder, 24, ids, lambda version: version == VERSION)


@both_kinds
def test_saved_and_loaded(units, tmp_path, kind):
    vectors, ids = units(700, 24), np.arange(700) * 3
    index = kind(24).extended(ids, vectors)
    save_index(index, tmp_path, VERSION)
    loaded, version = load(tmp_path, ids)
    assert version == VERSION and loaded.last == 2_097 and type(loaded) is kind
    for query in units(20, 24, seed=1):
        assert loaded.search(query, 10).tolist() == index.search(query, 10).tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == [INDEX_FILE, MANIFEST_FILE]
    manifest = json.loads((tmp_path / MANIFEST_FILE).read_text())
    assert (manifest["generation"], manifest["count"], manifest["model"]) == (3, 700, "model")
    assert sorted(loaded.ids()) == ids.tolist()
    more = loaded.extended(np.array([1]), units(1, 24, seed=2))
    assert 1 in more.search(units(1, 24, seed=2)[0], 5)


def truncate(folder: Path) -> None:
    os.truncate(folder / INDEX_FILE, (folder / INDEX_FILE).stat().st_size // 2)


def flip(folder: Path) -> None:
    content = bytearray((folder / INDEX_FILE).read_bytes())
    content[len(content) // 3] ^= 16
    (folder / INDEX_FILE).write_bytes(content)


def edit(**values: object):
    def edit_manifest(folder: Path) -> None:
        manifest = json.loads((folder / MANIFEST_FILE).read_text())
        (folder / MANIFEST_FILE).write_text(json.dumps(manifest | values))

    return edit_manifest


DAMAGE = {
    "truncated": truncate,
    "one bit": flip,
    "empty": lambda folder: os.truncate(folder / INDEX_FILE, 0),
    "no index": lambda folder: (folder / INDEX_FILE).unlink(),
    "no manifest": lambda folder: (folder / MANIFEST_FILE).unlink(),
    "garbled manifest": lambda folder: (folder / MANIFEST_FILE).write_bytes(b"\xff{"),
    "another manifest": lambda folder: (folder / MANIFEST_FILE).write_text("[1, 2]"),
    "model": edit(model="other"),
    "generation": edit(generation=2),
    "commit": edit(commit="deadbeef"),
    "count": edit(count=699),
    "sha256": edit(sha256="0" * 64),
    "unknown kind": edit(kind="tree"),
}


@both_kinds
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_doubtful_file_is_not_loaded(units, tmp_path, damage, kind):
    save_index(kind(24).extended(np.arange(700), units(700, 24)), tmp_path, VERSION)
    damage(tmp_path)
    with pytest.raises(StaleIndex):
        load(tmp_path, np.arange(700))


@both_kinds
def test_a_file_that_only_looks_right_is_not_loaded(units, tmp_path, kind):
    """Its checksum is that of the manifest, but another library wrote it."""
    save_index(kind(24).extended(np.arange(700), units(700, 24)), tmp_path, VERSION)
    (tmp_path / INDEX_FILE).write_bytes(b"not an index" * 100)
    edit(sha256=sha256(tmp_path / INDEX_FILE))(tmp_path)
    with pytest.raises(StaleIndex, match="cannot be read"):
        load(tmp_path, np.arange(700))


@both_kinds
def test_an_index_of_other_segments_is_not_loaded(units, tmp_path, kind):
    save_index(kind(24).extended(np.arange(700) * 2, units(700, 24)), tmp_path, VERSION)
    with pytest.raises(StaleIndex, match="other segments"):
        load(tmp_path, np.arange(700))
    assert len(load(tmp_path, np.arange(10, 1_200) * 2)[0]) == 700  # some were removed, others added


FULL_DISK = """
import resource, sys
from pathlib import Path
import numpy as np
from index.vectors.index_file import KINDS, Version, save_index

vectors = np.eye(1_000, 24, dtype=np.float32) + np.float32(0.1)
index = KINDS[sys.argv[2]](24).extended(np.arange(1_000), vectors)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    save_index(index, Path(sys.argv[1]), Version("model", 4, "beef"))
except OSError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file sizes")
@both_kinds
def test_a_full_disk_leaves_the_old_index(units, tmp_path, kind):
    save_index(HnswIndex(24).extended(np.arange(50), units(50, 24)), tmp_path, VERSION)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), kind.kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "full" in done.stdout or "too large" in done.stdout
    assert len(load(tmp_path, np.arange(50))[0]) == 50
    assert sorted(path.name for path in tmp_path.iterdir()) == [INDEX_FILE, MANIFEST_FILE]
