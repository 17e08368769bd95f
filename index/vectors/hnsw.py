"""Approximate search by two graphs (HNSW, hnswlib): one of meanings, one of sounds.

Each finds the nearest by one half, so that whatever weight a query gives them, the graphs stay as they are. They are
stored in files beside the database. What is doubtful about these (missing, damaged, of an unknown generation, another
library's) raises StaleIndex, and whoever has the vectors builds them anew.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import MappingProxyType

import hnswlib
import numpy as np

from clasp.files import sha256, whole_file
from index.vectors.protocol import Version
from index.vectors.segment_table import SegmentTable

GRAPH_FILES, MANIFEST_FILE = ("meaning.hnsw", "sound.hnsw"), "manifest.json"
INDEX_FILES = (MANIFEST_FILE, *GRAPH_FILES)
NOTHING: Mapping[str, Collection[str]] = MappingProxyType({})
LINKS = 16  # M: links per vector and layer
BUILD_EFFORT = 200  # efConstruction
EFFORT = 200  # ef, how many candidates a search keeps, at least
VECTORS_PER_CANDIDATE = 500  # at most: the larger a graph, the more of it must be looked at to find as many
BLOCK = 500  # vectors that are added at a time
UNINDEXED_MOST = 2_000  # new segments are compared one by one until they are more, or the library is closed
REMOVED_MOST = 0.2  # share of an index that may have been removed before it is built anew


class StaleIndex(Exception):
    """A stored index that does not hold what the database holds; says why."""


class HnswIndex:
    """Graphs of the halves of vectors, compared by cosine. It never changes: `extended` works on a copy.

    Attributes:
        filters: whether searches heed names: they do not.
        trouble: none.
        last: the highest id that it holds; 0 if none.
        generation: of the library, up to which vectors that were replaced are those of now.
    """

    filters, trouble = False, ""

    def __init__(self, halves: Sequence[slice], graphs: Sequence[hnswlib.Index] = (), generation: int = 0) -> None:
        """An empty index of vectors with these halves, or one around graphs."""
        self.halves = tuple(halves)
        self.generation = generation
        self._graphs = tuple(graphs)
        self.last = int(self.ids().max(initial=0))
        for graph in graphs:
            graph.set_ef(max(EFFORT, len(self) // VECTORS_PER_CANDIDATE))  # hnswlib does not store it

    def __len__(self) -> int:
        return self._graphs[0].element_count if self._graphs else 0

    def ids(self) -> np.ndarray:
        """All it holds, int64 (n,), in no order."""
        return np.array(self._graphs[0].get_ids_list() if self._graphs else [], np.int64)

    def lacks(self, segments: SegmentTable) -> np.ndarray:
        """Which of the segments it does not hold, or not with the vector of now, bool (n,)."""
        return (segments.ids > self.last) | (segments.replaced > self.generation)

    def is_behind(self, version: Version, lacking: int) -> bool:
        """Whether it lacks so many segments that it is worth extending."""
        return lacking > UNINDEXED_MOST

    def search(
        self, half: int, query: np.ndarray, k: int, names: Mapping[str, Collection[str]] = NOTHING
    ) -> np.ndarray:
        """Ids, int64 (≤ k,), of segments near in a half (0: meaning, 1: sound) to that of a query, nearest first.

        Empty where the graph does not lead to min(k, n) vectors: search exactly then.
        """
        if not self._graphs:
            return np.empty(0, np.int64)
        try:
            ids, _ = self._graphs[half].knn_query(query, k=min(k, len(self)), num_threads=1)
        except RuntimeError:  # hnswlib found fewer than it was asked for
            return np.empty(0, np.int64)
        return ids[0].astype(np.int64)

    def extended(self, segments: SegmentTable, stop: Callable[[], bool] = lambda: False) -> "HnswIndex":
        """An index that holds all of these segments, or fewer if it is told to `stop`. It is built anew where much of
        this one was removed."""
        there = int(np.searchsorted(segments.ids, self.last, "right"))
        if len(self) - there > REMOVED_MOST * len(self):
            return HnswIndex(self.halves).extended(segments, stop)
        rows = np.flatnonzero(self.lacks(segments))[::-1]
        rows = np.concatenate([rows[rows >= there][::-1], rows[rows < there]])  # new ones first, in the order of ids
        if not len(rows):
            return HnswIndex(self.halves, self._graphs, segments.version.generation)
        graphs = [self._copy(half, len(segments) - there) for half in range(len(self.halves))]
        for start in range(0, len(rows), BLOCK):
            if start and stop():
                return HnswIndex(self.halves, graphs, self.generation)
            block = rows[start : start + BLOCK]
            for graph, half in zip(graphs, self.halves, strict=True):
                graph.add_items(segments.vectors[block, half].astype(np.float32), segments.ids[block])
        return HnswIndex(self.halves, graphs, segments.version.generation)

    def save(self, folder: Path, version: Version) -> None:
        """Write the graphs and, after them, the manifest that vouches for them; each appears whole or not at all.

        Raises:
            OSError: if they cannot be written; what is there then is whole, or known to be stale.
        """
        (folder / "index.bin").unlink(missing_ok=True)  # of earlier versions
        if len(self) == 0:
            for name in INDEX_FILES:
                (folder / name).unlink(missing_ok=True)
            return
        digests = {}
        for name, graph in zip(GRAPH_FILES, self._graphs, strict=False):
            with whole_file(folder / name) as path:
                graph.save_index(str(path))
                if path.stat().st_size != graph.index_file_size():  # hnswlib does not notice a full disk
                    raise OSError("it was not written completely; is the disk full?")
                digests[name] = sha256(path)
        with whole_file(folder / MANIFEST_FILE) as path:
            facts = {**asdict(version), "dims": self._dims, "count": len(self), "sha256": digests}
            path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(
        cls, folder: Path, halves: Sequence[slice], ids: np.ndarray, known: Callable[[Version], bool]
    ) -> "tuple[HnswIndex, Version]":
        """The index in `folder` and its version, if that is a `known` one and it holds all of `ids`, int64 (n,),
        ascending, up to its last. It may hold others, which were removed since.

        hnswlib trusts its files, so one whose checksum differs from the manifest's is never given to it.

        Raises:
            StaleIndex: if it is anything else.
        """
        empty = cls(halves)
        names = GRAPH_FILES[: len(halves)]
        try:
            manifest = json.loads((folder / MANIFEST_FILE).read_text())
            digests = {name: sha256(folder / name) for name in names}
        except FileNotFoundError as error:
            raise StaleIndex(f"{Path(error.filename).name} is missing") from error
        except (OSError, ValueError) as error:
            raise StaleIndex(f"it cannot be read ({error})") from error
        try:
            version = Version(**{field.name: manifest[field.name] for field in fields(Version)})
            expected = {"dims": empty._dims, "sha256": digests}
            wrong = [name for name, value in expected.items() if manifest[name] != value]
            if not known(version):
                wrong.insert(0, "generation")
        except (KeyError, TypeError):
            wrong = ["manifest"]
        if wrong:
            raise StaleIndex(f"its {' and '.join(wrong)} does not match")
        graphs = [hnswlib.Index("cosine", dim) for dim in empty._dims]
        try:
            for name, graph in zip(names, graphs, strict=True):
                graph.load_index(str(folder / name))
        except RuntimeError as error:
            raise StaleIndex(f"it cannot be read ({error})") from error
        index = cls(halves, graphs, version.generation)
        held = [np.sort(graph.get_ids_list()) for graph in graphs]
        if (
            any(len(one) != manifest.get("count") or not np.array_equal(one, held[0]) for one in held)
            or not np.isin(ids[ids <= index.last], held[0]).all()
        ):
            raise StaleIndex("it holds other segments")
        return index, version

    @property
    def _dims(self) -> list[int]:
        """Numbers of each half."""
        return [half.stop - half.start for half in self.halves]

    def _copy(self, half: int, more: int) -> hnswlib.Index:
        """A graph of a half, with room for so many more."""
        if self._graphs:
            graph = hnswlib.Index(self._graphs[half])
            graph.resize_index(len(self) + more)
            return graph
        graph = hnswlib.Index("cosine", self._dims[half])
        graph.init_index(more, M=LINKS, ef_construction=BUILD_EFFORT)
        return graph
