"""Search of large libraries: a query is compared with every vector, first by a short code, then exactly.

A graph pays as long as few vectors lie near a query. Among a million random directions in 768 dimensions it would
have to look at so many that comparing all is faster, if each comparison is cheap: the code of a vector has 4 bits for
every two of its numbers (product quantisation), and faiss compares 32 codes at once from the processor's registers.
That takes 9 ms for a million, 192 MB, and seconds to build. The codes know nothing of a query, so one whose halves are
weighted anew (`Clasp.reweight`) is searched as well as any other.

faiss is loaded by large libraries only.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

CODED = 2  # numbers of a vector that share a code
BITS = 4
SAMPLE = 5_000  # vectors from which the codes are learned
BLOCK = 16_384  # vectors that are coded at a time
SPARE, PER_HIT = 300, 20  # so many candidates, and so many more for each hit, hold ≥ .98 of the nearest of a million
THREADS = 2  # that build an index


class PQIndex:
    """Codes of vectors, compared by dot product. Immutable: `extended` works on a copy."""

    kind = "scan"

    def __init__(self, dim: int, codes: Any = None) -> None:
        """An empty index of vectors of `dim` numbers, or one around faiss's IndexIDMap of an IndexPQFastScan."""
        self.dim = dim
        self._codes = codes
        self.last = int(self.ids().max(initial=0))

    def __len__(self) -> int:
        return 0 if self._codes is None else self._codes.ntotal

    def ids(self) -> np.ndarray:
        """All it holds, int64 (n,), in the order in which they came."""
        return np.empty(0, np.int64) if self._codes is None else faiss().vector_to_array(self._codes.id_map)

    def candidates(self, k: int) -> int:
        """How many of the vectors that it finds must be compared exactly for the `k` nearest to be among them."""
        return SPARE + PER_HIT * k

    def search(self, query: np.ndarray, k: int) -> np.ndarray:
        """Ids, int64 (≤ k,), of vectors whose codes are near `query` (dim,), nearest first."""
        if self._codes is None:
            return np.empty(0, np.int64)
        with _threads(1):  # two would wait for each other
            _, ids = self._codes.search(query[None].astype(np.float32), min(k, len(self)))
        return ids[0][ids[0] >= 0]

    def extended(self, ids: np.ndarray, vectors: np.ndarray) -> "PQIndex":
        """An index of these vectors (n, dim), with new ids (n,), beside those of this one.

        The codes are learned from the first vectors that an index is given.
        """
        if len(ids) == 0:
            return self
        library = faiss()
        with _threads(THREADS if sys.platform != "darwin" else 1):
            if self._codes is None:
                coder = library.IndexPQFastScan(self.dim, self.dim // CODED, BITS, library.METRIC_INNER_PRODUCT)
                coder.train(vectors[:: max(1, len(vectors) // SAMPLE)].astype(np.float32))
                codes = library.IndexIDMap(coder)
            else:
                codes = library.clone_index(self._codes)
            for start in range(0, len(ids), BLOCK):
                stop = start + BLOCK
                codes.add_with_ids(vectors[start:stop].astype(np.float32), ids[start:stop])
        return PQIndex(self.dim, codes)

    def write(self, path: Path) -> None:
        """Write it to a file.

        Raises:
            OSError: if that does not succeed.
        """
        path.write_bytes(faiss().serialize_index(self._codes).data)

    @classmethod
    def read(cls, path: Path, dim: int) -> "PQIndex":
        """The index in a file that `write` made; faiss trusts it.

        Raises:
            RuntimeError: if it is not one.
        """
        codes = faiss().deserialize_index(np.fromfile(path, np.uint8))
        if codes.d != dim:
            raise RuntimeError(f"its vectors have {codes.d} numbers")
        return cls(dim, codes)


def exact_scan(matrix: np.ndarray, query: np.ndarray, k: int, allowed: np.ndarray | None = None) -> np.ndarray:
    """Rows, int64 (≤ k,), of `matrix`, float16 (n, dim), whose dot product with `query`, float32 (dim,), is largest,
    best first. With `allowed`, bool (n,), only those rows count.

    It reads float16 as it is: 55 ms for a million vectors of 768 numbers, less where few are allowed.
    """
    library = faiss()
    matrix, query = np.ascontiguousarray(matrix), np.ascontiguousarray(query)
    half = library.ScalarQuantizer(matrix.shape[1], library.ScalarQuantizer.QT_fp16)
    chosen = None if allowed is None else library.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
    scanner = half.select_InvertedListScanner(library.METRIC_INNER_PRODUCT, None, True, chosen, False)
    scanner.set_query(library.swig_ptr(query))
    scanner.set_list(0, 0.0)
    k = min(k, len(matrix))
    scores, rows = np.full(k, -np.inf, np.float32), np.full(k, -1, np.int64)
    values = library.swig_ptr(matrix.view(np.uint8).reshape(-1))
    scanner.scan_codes(len(matrix), values, None, library.swig_ptr(scores), library.swig_ptr(rows), k)
    scanner.__swig_destroy__(scanner)  # the library leaves that to its caller
    found = rows >= 0
    scores, rows = scores[found], rows[found]
    return rows[np.lexsort((rows, -scores))]


def faiss() -> ModuleType:
    """faiss, loaded when it is first needed."""
    if sys.platform == "darwin":
        os.environ.setdefault("KMP_DUPLICATE_LIB_OK", "TRUE")  # torch brings an OpenMP of its own, too
    import faiss

    return faiss


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let the calling thread's work in faiss take so many; torch, which may share the runtime, keeps its own."""
    library = faiss()
    before = library.omp_get_max_threads()
    library.omp_set_num_threads(count)
    try:
        yield
    finally:
        library.omp_set_num_threads(before)
