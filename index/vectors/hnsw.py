"""Approximate search over hnswlib's graph: for libraries up to some thousand segments.

Among random directions in 768 dimensions, the hardest case there is, a search has to look at a share of all vectors
that stays the same from a thousand of them to a hundred thousand: 2.4 ms among 10,000, 38 ms among 100,000.
"""

from pathlib import Path

import hnswlib
import numpy as np

LINKS = 32  # M: links per vector and layer; with 16 a search needs more than twice the effort
BUILD_EFFORT = 200  # efConstruction
MIN_EFFORT = 128


class HnswIndex:
    """A graph of vectors, compared by cosine. Immutable: `extended` works on a copy."""

    kind = "hnsw"

    def __init__(self, dim: int, graph: hnswlib.Index | None = None) -> None:
        """An empty index of vectors of `dim` numbers, or one around a graph."""
        self.dim = dim
        self._graph = graph
        self.last = int(self.ids().max(initial=0))
        if graph is not None:
            graph.set_ef(search_effort(len(self)))  # hnswlib does not store it

    def __len__(self) -> int:
        return 0 if self._graph is None else self._graph.element_count

    def ids(self) -> np.ndarray:
        """All it holds, int64 (n,), in no order."""
        return np.array([] if self._graph is None else self._graph.get_ids_list(), np.int64)

    def candidates(self, k: int) -> int:
        """`k`: it compares the vectors themselves."""
        return k

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
        graph.add_items(vectors.astype(np.float32), ids)
        return HnswIndex(self.dim, graph)

    def write(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            OSError: if that does not succeed.
        """
        assert self._graph is not None, "an empty index is not written"
        self._graph.save_index(str(path))
        if path.stat().st_size != self._graph.index_file_size():  # hnswlib does not notice a full disk
            raise OSError("it was not written completely; is the disk full?")

    @classmethod
    def read(cls, path: Path, dim: int) -> "HnswIndex":
        """The index in a file that `write` made; hnswlib trusts it.

        Raises:
            RuntimeError: if it is not one.
        """
        graph = hnswlib.Index("cosine", dim)
        graph.load_index(str(path))
        return cls(dim, graph)


def search_effort(count: int) -> int:
    """`ef`, how many candidates a search keeps, for an index of `count` vectors.

    It keeps recall@10 above .99 for random directions in 768 dimensions, which need a share of the vectors that stays
    the same. Speech needs far less.
    """
    return max(MIN_EFFORT, count // 12)
