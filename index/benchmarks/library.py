"""Speed, memory and recall of large libraries, for `python -m clasp benchmark --library`.

Vectors are random directions, the hardest to search there are: nothing lies near anything. Phones are random, too.
"""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.benchmarks.benchmark import TEXTS, Figure, milliseconds, timed

if TYPE_CHECKING:
    from clasp.model import Clasp
    from index.library import Library
    from index.vectors.search_index import SearchIndex

SEGMENTS, MILLION = 100_000, 1_000_000
PER_RECORDING = 20  # segments
BATCH = 10_000  # segments that are added at a time
PHONES = 60  # of a segment of 5 s
SHARES = {"0.1 %": 0.001, "5 %": 0.05, "30 %": 0.3}  # of the recordings; each is a category, and so is the rest
EARLY = 0.9  # share of the recordings from before 1990
QUERIES = 100


def library(model: "Clasp") -> list[Figure]:
    """A library of SEGMENTS: opening it, typed queries with and without filters, adding to it."""
    from index.filters import Filter
    from index.library import Library
    from index.search import encode, search

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "library"
        with Library.create(folder, model) as made:
            for first in range(0, SEGMENTS, BATCH):
                _add(made, model.dim, first, BATCH)
        began = time.perf_counter()
        opened = Library.open(folder, model)
        seconds = time.perf_counter() - began
        rows = [Figure(f"open a library of {SEGMENTS:,} segments", f"{seconds:.2f} s", "≤ 3 s", seconds <= 3)]
        with opened:
            filters = {"": Filter()} | {f", filter passes {name}": Filter(categories=(name,)) for name in SHARES}
            filters[f", filter passes {100 * EARLY:.0f} %"] = Filter(until="1989")
            for name, one in filters.items():

                def ask(number: int, one: Filter = one) -> None:
                    search(opened, model, encode(model, text=TEXTS[number % len(TEXTS)]), filters=one)

                rows.append(milliseconds(f"text query to hits{name}", timed(ask), 60 if name else 30))
            times = [_add(opened, model.dim, SEGMENTS + 20 * number, PER_RECORDING) for number in range(20)]
            rows.append(Figure(f"add {PER_RECORDING} segments to it", f"p50 {1000 * np.median(times):.1f} ms"))
    return rows


def index(count: int, dim: int) -> list[Figure]:
    """An index of `count` vectors: recall and speed as built, and with 10 % removed and 10 % added."""
    built, seconds = _indexed(count, dim)
    share, times = _recall(built)
    name = f"{count:,} random vectors"
    memory = (built.segments.vectors.nbytes + count * _bytes_each(built)) / 1e9
    rows = [
        Figure(f"recall@10, {name}", f"{share:.3f}", "≥ .95", share >= 0.95),
        milliseconds(f"search among {name}", times, 40),
        Figure("their vectors and index in memory", f"{memory:.2f} GB"),
        Figure("building their index", f"{seconds:.1f} s"),
    ]
    after, _ = _recall(_changed(built))
    rows.append(Figure("recall@10 with 10 % removed, 10 % added", f"{after:.3f}", "as before", after >= share - 0.01))
    return rows


def _add(library: "Library", dim: int, first: int, count: int) -> float:
    """Add segments, numbered from `first`, and return the seconds that took."""
    from index.library import Recording, Segment

    random = np.random.default_rng(first)
    kinds = [*SHARES, "the rest"]
    cuts = np.cumsum(list(SHARES.values()))
    recordings, segments = [], []
    for number in range(first // PER_RECORDING, (first + count) // PER_RECORDING):
        place = number * 0.6180339887 % 1  # evenly over [0, 1)
        kind, date = kinds[int(np.searchsorted(cuts, place, "right"))], "1980" if number % 10 < 10 * EARLY else "2000"
        name = f"recording {number}"
        facts: dict[str, Any] = {"language": "en", "speaker": f"voice {number % 500}", "category": kind}
        recordings.append(Recording(name, Path(f"{number}.ogg"), f"No. {number}", 100.0, **facts, date=date))
        segments += [Segment(0, name, 5.0 * n, 5.0 * n + 5, f"sentence {n}", **facts) for n in range(PER_RECORDING)]
    heard = random.integers(1, 60, (count, PHONES, 4, 2)).astype(np.uint8)
    vectors = _random(random, count, dim).astype(np.float32)
    began = time.perf_counter()
    library.add(recordings, segments, vectors, list(heard))
    return time.perf_counter() - began


def _random(random: np.random.Generator, count: int, dim: int) -> np.ndarray:
    """Random directions, float16 (count, dim)."""
    vectors = random.standard_normal((count, dim), np.float32)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def _indexed(count: int, dim: int) -> "tuple[SearchIndex, float]":
    """An index of random vectors, and the seconds that building it took."""
    from index.vectors.index_file import Version, empty_index
    from index.vectors.search_index import SearchIndex
    from index.vectors.segment_table import SegmentTable, VectorBuffer

    buffer = VectorBuffer(dim, count)
    for first in range(0, count, BATCH):
        buffer = buffer.appended(_random(np.random.default_rng(first), min(BATCH, count - first), dim))
    segments = SegmentTable(Version("", 0, ""), np.arange(1, count + 1), buffer, {})
    began = time.perf_counter()
    vector_index = empty_index(dim, count).extended(segments.ids, segments.vectors)
    return SearchIndex(segments, vector_index), time.perf_counter() - began


def _changed(built: "SearchIndex") -> "SearchIndex":
    """The same with every tenth vector removed, and as many others added."""
    from index.vectors.search_index import SearchIndex
    from index.vectors.segment_table import SegmentTable

    removed = built.segments.ids[::10]
    rest = built.segments.without(removed, built.segments.version)
    ids = built.vector_index.last + 1 + np.arange(len(removed))
    added = _random(np.random.default_rng(1), len(removed), rest.dim)
    changed = SegmentTable(rest.version, np.concatenate([rest.ids, ids]), rest.buffer.appended(added), {})
    return SearchIndex(changed, built.vector_index.extended(ids, added))


def _recall(built: "SearchIndex") -> tuple[float, np.ndarray]:
    """Share of the exact ten nearest that are found, and seconds of a query, (QUERIES,)."""
    from index.vectors.pq import exact_scan

    queries = _random(np.random.default_rng(2), QUERIES, built.segments.dim).astype(np.float32)
    exact = [exact_scan(built.segments.vectors, query, 10) for query in queries]
    shares, seconds = np.empty(QUERIES), np.empty(QUERIES)
    for number, query in enumerate(queries):
        began = time.perf_counter()
        found = built.nearest(query, 10, None)
        seconds[number] = time.perf_counter() - began
        shares[number] = len(np.intersect1d(found, exact[number])) / 10
    return float(shares.mean()), seconds


def _bytes_each(built: "SearchIndex") -> float:
    """Bytes that an index needs for a vector, measured by writing it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        built.vector_index.write(path)
        return path.stat().st_size / len(built.vector_index)
