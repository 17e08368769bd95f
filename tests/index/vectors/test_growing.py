"""A library that grows large, and is searched by other processes meanwhile."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from index.library import Library, Segment
from index.vectors.index_file import HNSW_MOST, MANIFEST_FILE


def exact(library: Library, query: np.ndarray, k: int = 10) -> list[int]:
    ids, vectors = library.vectors()
    return ids[np.argsort(-(vectors @ query))[:k]].tolist()


def recall(library: Library, queries: np.ndarray) -> float:
    shares = [{*library.candidates(query).ids.tolist()} & {*exact(library, query)} for query in queries]
    return sum(map(len, shares)) / 10 / len(queries)


def kind(folder: Path) -> str:
    return json.loads((folder / MANIFEST_FILE).read_text())["kind"]


def test_the_index_changes_its_kind_with_the_size(tmp_path, model, units, items, caplog):
    folder, queries = tmp_path / "library", units(40, 32, seed=1)
    recordings, _ = items(4)
    parts = (HNSW_MOST - 500, 400, 3_000, 3_000)
    kinds = ("hnsw", "hnsw", "scan", "scan")
    Library.create(folder, model).close()
    for number, (count, expected) in enumerate(zip(parts, kinds, strict=True)):
        with Library.open(folder, model) as library:
            segments = [Segment(0, recordings[number].id, n, n + 1, str(n)) for n in range(count)]
            library.add([recordings[number]], segments, units(count, 32, seed=10 + number))
            assert recall(library, queries) >= 0.98
        assert kind(folder) == expected
        with Library.open(folder, model) as library:
            assert recall(library, queries) >= 0.98
            assert (len(library), library._indexed.index.indexed) == (sum(parts[: number + 1]),) * 2
    with Library.open(folder, model) as library:
        library.remove(recordings[0].id)
        assert recall(library, queries) >= 0.98
    with Library.open(folder, model) as library:
        assert recall(library, queries) >= 0.98
        library.add([], [Segment(0, recordings[1].id, 9_000, 9_001, "last")], units(1, 32, seed=20))
        assert library.candidates(units(1, 32, seed=20)[0], 1).segments[0].text == "last"
    assert kind(folder) == "hnsw" and not caplog.records


WRITER = """
import sys
from pathlib import Path
import numpy as np
from index.library import Library
from index.vectors import search_index
from tests.index.conftest import Identity, one_each, random_units

search_index.UNINDEXED_MOST = 150
folder, count = Path(sys.argv[1]), int(sys.argv[2])
for part in range(3):
    with Library.open(folder, Identity()) as library:
        for first in range(500 + part * count, 500 + (part + 1) * count, 10):
            library.add(*one_each(10, first=first), random_units(10, 32, first))
"""

READER = """
import sys, time
from pathlib import Path
import numpy as np
from index.library import Library
from tests.index.conftest import Identity, random_units

folder, final = Path(sys.argv[1]), int(sys.argv[2])
parts = [random_units(500, 32, 0), *(random_units(10, 32, first) for first in range(500, final, 10))]
truth = np.concatenate(parts).astype(np.float16).astype(np.float32)
sizes, searches, nearest, until = set(), 0, 0, time.monotonic() + 120
while final not in sizes and time.monotonic() < until:
    with Library.open(folder, Identity()) as library:
        for _ in range(20):
            library.refresh()
            size = len(library)
            assert size % 10 == 0 and size >= max(sizes, default=0), "half a commit, or one undone"
            query = random_units(1, 32, searches + 1_000_000)[0]
            found = library.candidates(query, 10)
            rows = [int(segment.text) for segment in found.segments]
            scores = truth[:size] @ query
            assert np.allclose(found.vectors @ query, scores[rows], atol=1e-5), "a segment with another's vector"
            nearest += int((scores[rows] >= np.sort(scores)[-10]).sum())
            sizes.add(size)
            searches += 1
print(searches, len(sizes), nearest / 10 / searches)
assert final in sizes, "what was added never came"
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the index file of a library that is open cannot be replaced there")
def test_other_processes_search_while_one_adds(make, tmp_path):
    """Each time they look, they find what was committed then: no error, no wrong hit, next to all of the nearest."""
    make(500).close()
    folder, count = str(tmp_path / "library"), 400
    final = str(500 + 3 * count)
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, folder, final], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        writer = [sys.executable, "-c", WRITER, folder, str(count)]
        written = subprocess.run(writer, capture_output=True, text=True, check=False)
        outputs = [reader.communicate(timeout=180) for reader in readers]
    finally:
        for reader in readers:
            reader.kill()
    assert written.returncode == 0, written.stderr
    for reader, (output, errors) in zip(readers, outputs, strict=True):
        assert reader.returncode == 0, errors.decode()
        _, sizes, recall_seen = output.split()
        assert int(sizes) > 5  # they did see it grow
        assert float(recall_seen) > 0.99
