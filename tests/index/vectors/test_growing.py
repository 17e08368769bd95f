"""A library that grows large, and is searched by other processes meanwhile."""

import subprocess
import sys

import numpy as np
import pytest

from index.library import Library
from index.vectors import hnsw
from index.vectors.protocol import halves_of
from tests.index.vectors.tables import nearest

HALVES = halves_of(32, 16)


def recall(library: Library, queries: np.ndarray) -> float:
    ids, vectors = library.vectors()
    shares = []
    for query in queries:
        found = {*library.candidates(query).ids.tolist()}
        shares += [len(found & {*ids[nearest(vectors[:, half], query[half], 10)].tolist()}) for half in HALVES]
    return sum(shares) / 10 / len(shares)


def test_graphs_are_extended_in_the_background(tmp_path, model, units, items, monkeypatch, caplog):
    """Adding does not wait for them; what they lack is found all the same, and the next opening has them."""
    monkeypatch.setattr(hnsw, "UNINDEXED_MOST", 300)
    folder, queries = tmp_path / "library", units(40, 32, seed=1)
    with Library.create(folder, model) as library:
        for number in range(8):
            library.add(*items(200, first=200 * number), units(200, 32, seed=10 + number))
            assert recall(library, queries) >= 0.98
        extending = library._indexed._extending
        assert extending is not None
        extending.join()
        assert library._indexed.index.lacking.sum() <= 300 and recall(library, queries) >= 0.98
    with Library.open(folder, model) as library:
        assert not library._indexed.index.lacking.any() and recall(library, queries) >= 0.98
    (folder / hnsw.MANIFEST_FILE).unlink()
    with Library.open(folder, model) as library:
        assert recall(library, queries) >= 0.98  # while they are built anew
        library._indexed._extending.join()
        assert not library._indexed.index.lacking.any()
    assert [record.message.startswith("Building the search index") for record in caplog.records] == [True]
    caplog.clear()
    Library.open(folder, model).close()
    assert not caplog.records


def test_closing_does_not_wait_for_graphs_that_are_built_anew(make, tmp_path, model, monkeypatch):
    make(900).close()
    (tmp_path / "library" / hnsw.MANIFEST_FILE).unlink()
    monkeypatch.setattr(hnsw, "UNINDEXED_MOST", 300)
    monkeypatch.setattr(hnsw, "BLOCK", 10)
    library = Library.open(tmp_path / "library", model)
    library._indexed._stop = True  # as if it were closed after a moment
    library._indexed._extending.join()
    library.close()
    assert len(library) == 900


WRITER = """
import sys
from pathlib import Path
import numpy as np
from index.library import Library
from index.vectors import hnsw
from tests.index.conftest import Identity, one_each, random_units

hnsw.UNINDEXED_MOST = 150
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
from index.meanings import meanings
from tests.index.conftest import Identity, random_units

folder, final = Path(sys.argv[1]), int(sys.argv[2])
parts = [random_units(500, 32, 0), *(random_units(10, 32, first) for first in range(500, final, 10))]
truth = meanings(np.concatenate(parts).astype(np.float16), 16)
sizes, searches, nearest, until = set(), 0, 0, time.monotonic() + 120
while final not in sizes and time.monotonic() < until:
    with Library.open(folder, Identity()) as library:
        for _ in range(20):
            library.refresh()
            size = len(library)
            assert size % 10 == 0 and size >= max(sizes, default=0), "half a commit, or one undone"
            query = random_units(1, 32, searches + 1_000_000)[0]
            query[16:] = 0  # by meaning alone
            found = library.candidates(query, 10)
            rows = [int(segment.text) for segment in found.segments]
            scores = truth[:size] @ query[:16]
            assert np.allclose(meanings(found.vectors, 16) @ query[:16], scores[rows], atol=1e-5), "another's vector"
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
