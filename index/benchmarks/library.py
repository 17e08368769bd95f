"""Speed, memory and recall of large libraries, for `python -m clasp benchmark --library`.

Vectors are drawn from the distribution that has the mean and the covariance of the demo library's. Phones are random.
"""

import tempfile
import time
from collections.abc import Callable
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

    draw = _drawn(model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "library"
        with Library.create(folder, model) as made:
            for first in range(0, SEGMENTS, BATCH):
                _add(made, draw, first, BATCH)
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
            times = [_add(opened, draw, SEGMENTS + 20 * number, PER_RECORDING) for number in range(20)]
            rows.append(Figure(f"add {PER_RECORDING} segments to it", f"p50 {1000 * np.median(times):.1f} ms"))
    return rows


def index(count: int, model: "Clasp") -> list[Figure]:
    """An index of `count` vectors: recall and speed as built, and with 10 % removed and 10 % added."""
    draw = _drawn(model)
    vectors = draw(0, count)
    began = time.perf_counter()
    built = indexed(vectors, model.meaning_dim)
    seconds = time.perf_counter() - began
    share, times = recall(built, draw(2, QUERIES).astype(np.float32))
    name = f"{count:,} vectors"
    rows = [
        Figure(f"recall@10 by meaning and by sound, {name}", f"{share:.3f}", "≥ .95", share >= 0.95),
        milliseconds(f"both searches among {name}", times, 40),
        Figure("their vectors and graphs in memory", f"{(built.segments.vectors.nbytes + _bytes(built)) / 1e9:.2f} GB"),
        Figure("building their graphs", f"{seconds:.0f} s"),
    ]
    after, _ = recall(_changed(built, draw), draw(2, QUERIES).astype(np.float32))
    rows.append(Figure("recall@10 with 10 % removed, 10 % added", f"{after:.3f}", "as before", after >= share - 0.01))
    return rows


def _add(library: "Library", draw: Callable[[int, int], np.ndarray], first: int, count: int) -> float:
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
    vectors = draw(first, count).astype(np.float32)
    began = time.perf_counter()
    library.add(recordings, segments, vectors, list(heard))
    return time.perf_counter() - began


def _drawn(model: "Clasp") -> Callable[[int, int], np.ndarray]:
    """Draws vectors like those of the demo library, by a seed and their number: float16 (count, dim)."""
    from index.demo import open_demo

    with open_demo(model) as library:
        known = library.vectors()[1]
    mean, spread = known.mean(axis=0), (known - known.mean(axis=0)) / np.sqrt(len(known))

    def draw(seed: int, count: int) -> np.ndarray:
        random, blocks = np.random.default_rng(seed), []
        for first in range(0, count, BATCH):
            weights = random.standard_normal((min(BATCH, count - first), len(known)), np.float32)
            blocks.append(unit_halves(mean + weights @ spread, model.meaning_dim))
        return np.concatenate(blocks)

    return draw


def unit_halves(vectors: np.ndarray, meaning_dim: int) -> np.ndarray:
    """Vectors of unit length whose halves weigh the same, float16 (n, dim)."""
    halves = [part for part in np.split(vectors, [meaning_dim], axis=1) if part.shape[1]]
    halves = [part / np.linalg.norm(part, axis=1, keepdims=True) / np.sqrt(len(halves)) for part in halves]
    return np.concatenate(halves, axis=1).astype(np.float16)


def indexed(vectors: np.ndarray, meaning_dim: int) -> "SearchIndex":
    """An index of vectors (n, dim)."""
    from index.vectors.hnsw import HnswIndex
    from index.vectors.protocol import Version, halves_of
    from index.vectors.search_index import SearchIndex
    from index.vectors.segment_table import SegmentTable, VectorBuffer

    count, dim = vectors.shape
    buffer = VectorBuffer(dim, count).appended(vectors)
    segments = SegmentTable(Version("", 0, ""), np.arange(1, count + 1), buffer, {}, np.zeros(count, np.int64))
    halves = halves_of(dim, meaning_dim)
    return SearchIndex(segments, halves, HnswIndex(halves)).extended()


def recall(built: "SearchIndex", queries: np.ndarray, k: int = 10) -> tuple[float, np.ndarray]:
    """Share of the exact `k` nearest by each half that are found, and seconds of a query, (queries,)."""
    from index.vectors.exact import exact_search

    vectors, shares, seconds = built.segments.vectors, [], np.empty(len(queries))
    for number, query in enumerate(queries):
        began = time.perf_counter()
        found = built.nearest(query, k, None)
        seconds[number] = time.perf_counter() - began
        for half in built.halves:
            shares.append(np.isin(exact_search(vectors[:, half], query[half], k), found).mean())
    return float(np.mean(shares)), seconds


def _changed(built: "SearchIndex", draw: Callable[[int, int], np.ndarray]) -> "SearchIndex":
    """The same with every tenth vector removed, and as many others added."""
    from index.vectors.segment_table import SegmentTable

    removed = built.segments.ids[::10]
    rest = built.segments.without(removed, built.segments.version)
    ids = np.concatenate([rest.ids, built.segments.ids[-1] + 1 + np.arange(len(removed))])
    buffer = rest.buffer.appended(draw(1, len(removed)))
    return built.updated(SegmentTable(rest.version, ids, buffer, {}, np.zeros(len(ids), np.int64))).extended()


def _bytes(built: "SearchIndex") -> int:
    """What the graphs take, measured by writing them."""
    with tempfile.TemporaryDirectory() as folder:
        built.vector_index.save(Path(folder), built.segments.version)
        return sum(path.stat().st_size for path in Path(folder).iterdir())
