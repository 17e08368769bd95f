"""Nearest neighbours among unit vectors: HNSW for speed, exact search as the fallback and the oracle.

An index is a cache of the database. What is doubtful about its file (missing, damaged, of an older
generation, another library's) raises StaleIndex, and whoever holds the vectors builds it anew.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Protocol

import hnswlib
import numpy as np

from .files import sha256, whole_file

INDEX_FILE, MANIFEST_FILE = "hnsw.bin", "manifest.json"

LINKS = 32  # M: links per vector and layer; with 16 a search needs more than twice the effort
BUILD_EFFORT = 200  # efConstruction
MIN_EFFORT = 128


class StaleIndex(Exception):
    """A stored index that does not hold what the database holds; says why."""


class VectorIndex(Protocol):
    """Finds the nearest of many unit vectors. Never changes, so any number of threads may search it."""

    last: int  # the highest id it holds; 0 if none

    def __len__(self) -> int: ...

    def search(self, query: np.ndarray, k: int) -> np.ndarray:
        """Ids, int64 (≤ k,), of vectors near `query` (dim,), nearest first; fewer if no more were found."""

    def extended(self, ids: np.ndarray, vectors: np.ndarray) -> "VectorIndex":
        """An index of these vectors (n, dim), with new ids (n,), beside those of this one."""


@dataclass(frozen=True)
class Version:
    """The state of a library that an index holds."""

    model: str  # checksum
    generation: int
    commit: str


class HnswIndex:
    """Approximate search over hnswlib's graph, by cosine. Immutable: `extended` works on a copy."""

    def __init__(self, dim: int, graph: hnswlib.Index | None = None) -> None:
        """An empty index of vectors of `dim` numbers, or one around a graph."""
        self.dim = dim
        self._graph = graph
        self.last = 0
        if graph is not None:
            self.last = max(graph.get_ids_list(), default=0)
            graph.set_ef(search_effort(len(self)))  # hnswlib does not store it

    def __len__(self) -> int:
        return 0 if self._graph is None else self._graph.element_count

    def search(self, query: np.ndarray, k: int) -> np.ndarray:
        """Ids, int64 (≤ k,), of vectors near `query` (dim,), nearest first.

        Empty where the graph does not lead to min(k, n) vectors: search exactly then.
        """
        if self._graph is None:
            return np.empty(0, np.int64)
        try:
            ids, _ = self._graph.knn_query(query, k=min(k, len(self)), num_threads=1)
        except RuntimeError:  # hnswlib found fewer than it was asked for
            return np.empty(0, np.int64)
        return ids[0].astype(np.int64)

    def extended(self, ids: np.ndarray, vectors: np.ndarray) -> "HnswIndex":
        """An index of these vectors (n, dim), with new ids (n,), beside those of this one."""
        if len(ids) == 0:
            return self
        if self._graph is None:
            graph = hnswlib.Index("cosine", self.dim)
            graph.init_index(len(ids), M=LINKS, ef_construction=BUILD_EFFORT)
        else:
            graph = hnswlib.Index(self._graph)
            graph.resize_index(len(self) + len(ids))
        graph.add_items(vectors, ids)
        return HnswIndex(self.dim, graph)

    def save(self, folder: Path, version: Version) -> None:
        """Write the graph and, after it, the manifest that vouches for it; each appears whole or not at all.

        Raises:
            OSError: if they cannot be written; what is there then is whole, or known to be stale.
        """
        graph = self._graph
        if graph is None:
            (folder / MANIFEST_FILE).unlink(missing_ok=True)
            (folder / INDEX_FILE).unlink(missing_ok=True)
            return
        with whole_file(folder / INDEX_FILE) as path:
            graph.save_index(str(path))
            if path.stat().st_size != graph.index_file_size():  # hnswlib does not notice a full disk
                raise OSError("it was not written completely; is the disk full?")
            digest = sha256(path)
        manifest = {**asdict(version), "dim": self.dim, "count": len(self), "sha256": digest}
        with whole_file(folder / MANIFEST_FILE) as path:
            path.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(
        cls, folder: Path, dim: int, ids: np.ndarray, known: Callable[[Version], bool]
    ) -> tuple["HnswIndex", Version]:
        """The index in `folder` and its version, if that is a `known` one and it holds all of `ids`, int64 (n,),
        ascending, up to its last. It may hold others, which were removed since.

        hnswlib trusts its files, so one whose checksum differs from the manifest's is never given to it.

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
            if not known(version):
                wrong.insert(0, "generation")
        except (KeyError, TypeError):
            wrong = ["manifest"]
        if wrong:
            raise StaleIndex(f"its {' and '.join(wrong)} does not match")
        graph = hnswlib.Index("cosine", dim)
        try:
            graph.load_index(str(folder / INDEX_FILE))
        except RuntimeError as error:
            raise StaleIndex(f"it cannot be read ({error})") from error
        index = cls(dim, graph)
        if len(index) != manifest.get("count") or not np.isin(ids[ids <= index.last], graph.get_ids_list()).all():
            raise StaleIndex("it holds other segments")
        return index, version


def search_effort(count: int) -> int:
    """`ef`, how many candidates a search keeps, for an index of `count` vectors.

    It keeps recall@10 above .99 for random directions in 768 dimensions, the hardest there are: they need a share
    of the vectors that stays the same from a thousand to a hundred thousand. Speech needs far less.
    """
    return max(MIN_EFFORT, count // 12)


def exact_search(matrix: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None) -> np.ndarray:
    """Rows, int64 (≤ k,), of `matrix` (n, dim) whose dot product with `query` (dim,) is largest, best first.

    Equal ones come in the order of the rows. With `allowed`, bool (n,), only those rows count.
    """
    if allowed is None:
        rows, scores = np.arange(len(matrix)), matrix @ query
    else:
        rows = np.flatnonzero(allowed)
        few = 4 * len(rows) < len(matrix)  # copying a few rows costs less than multiplying all
        scores = matrix[rows] @ query if few else (matrix @ query)[rows]
    if k < len(rows):
        least = np.partition(scores, len(rows) - k)[len(rows) - k]
        rows, scores = rows[scores >= least], scores[scores >= least]
    return rows[np.argsort(-scores, kind="stable")[:k]]
