"""The search index of a library: what finds the nearest of many unit vectors, and the file that keeps it.

An index is a cache of the database. What is doubtful about its file (missing, damaged, of an older
generation, another library's) raises StaleIndex, and whoever holds the vectors builds it anew.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol

import numpy as np

from clasp.files import sha256, whole_file
from index.vectors.hnsw import HnswIndex
from index.vectors.pq import PQIndex

INDEX_FILE, MANIFEST_FILE = "index.bin", "manifest.json"
KINDS = {kind.kind: kind for kind in (HnswIndex, PQIndex)}
HNSW_MOST = 10_000  # vectors; among more random ones the graph takes longer than a scan, and minutes to build


class StaleIndex(Exception):
    """A stored index that does not hold what the database holds; says why."""


class VectorIndex(Protocol):
    """Finds the nearest of many unit vectors. Never changes, so any number of threads may search it."""

    kind: str
    dim: int
    last: int  # the highest id it holds; 0 if none

    def __len__(self) -> int: ...

    def ids(self) -> np.ndarray:
        """All it holds, int64 (n,)."""

    def candidates(self, k: int) -> int:
        """How many of the vectors that it finds must be compared exactly for the `k` nearest to be among them."""

    def search(self, query: np.ndarray, k: int) -> np.ndarray:
        """Ids, int64 (≤ k,), of vectors near `query` (dim,), nearest first; fewer if no more were found."""

    def extended(self, ids: np.ndarray, vectors: np.ndarray) -> "VectorIndex":
        """An index of these vectors (n, dim), with new ids (n,), beside those of this one."""

    def write(self, path: Path) -> None:
        """Write it to a file; OSError if that does not succeed."""


@dataclass(frozen=True)
class Version:
    """The state of a library that an index holds."""

    model: str  # checksum
    generation: int
    commit: str


def empty_index(dim: int, expected: int) -> VectorIndex:
    """An index without vectors, of the kind that suits so many of them."""
    return HnswIndex(dim) if expected <= HNSW_MOST else PQIndex(dim)


def save_index(index: VectorIndex, folder: Path, version: Version) -> None:
    """Write an index and, after it, the manifest that vouches for it; each appears whole or not at all.

    Raises:
        OSError: if they cannot be written; what is there then is whole, or known to be stale.
    """
    if len(index) == 0:
        (folder / MANIFEST_FILE).unlink(missing_ok=True)
        (folder / INDEX_FILE).unlink(missing_ok=True)
        return
    with whole_file(folder / INDEX_FILE) as path:
        index.write(path)
        digest = sha256(path)
    facts = {"kind": index.kind, "dim": index.dim, "count": len(index), "sha256": digest}
    with whole_file(folder / MANIFEST_FILE) as path:
        path.write_text(json.dumps({**asdict(version), **facts}, indent=2) + "\n", encoding="utf-8")


def load_index(
    folder: Path, dim: int, ids: np.ndarray, known: Callable[[Version], bool]
) -> tuple[VectorIndex, Version]:
    """The index in `folder` and its version, if that is a `known` one and it holds all of `ids`, int64 (n,),
    ascending, up to its last. It may hold others, which were removed since.

    The libraries that read the file trust it, so one whose checksum differs from the manifest's is never given to them.

    Raises:
        StaleIndex: if it is anything else.
    """
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text())
        digest = sha256(folder / INDEX_FILE)
    except FileNotFoundError as error:
        raise StaleIndex(f"{Path(error.filename).name} is missing") from error
    except (OSError, ValueError) as error:
        raise StaleIndex(f"it cannot be read ({error})") from error
    expected = {"dim": dim, "sha256": digest}
    try:
        version = Version(**{field.name: manifest[field.name] for field in fields(Version)})
        wrong = [name for name, value in expected.items() if manifest[name] != value]
        wrong += [] if manifest["kind"] in KINDS else ["kind"]
        if not known(version):
            wrong.insert(0, "generation")
    except (KeyError, TypeError):
        wrong = ["manifest"]
    if wrong:
        raise StaleIndex(f"its {' and '.join(wrong)} does not match")
    try:
        index = KINDS[manifest["kind"]].read(folder / INDEX_FILE, dim)
    except (OSError, RuntimeError) as error:
        raise StaleIndex(f"it cannot be read ({error})") from error
    if len(index) != manifest.get("count") or not np.isin(ids[ids <= index.last], index.ids()).all():
        raise StaleIndex("it holds other segments")
    return index, version


def exact_search(matrix: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None) -> np.ndarray:
    """Rows, int64 (≤ k,), of `matrix`, float16 (n, dim), whose dot product with `query`, float32 (dim,), is largest,
    best first. Equal ones come in the order of the rows. With `allowed`, bool (n,), only those rows count.

    For many rows `pq.exact_scan` is faster.
    """
    rows = np.arange(len(matrix)) if allowed is None else np.flatnonzero(allowed)
    scores = (matrix if allowed is None else matrix[rows]).astype(np.float32) @ query
    if k < len(rows):
        least = np.partition(scores, len(rows) - k)[len(rows) - k]
        rows, scores = rows[scores >= least], scores[scores >= least]
    return rows[np.argsort(-scores, kind="stable")[:k]]
