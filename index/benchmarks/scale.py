"""What a large library takes and what its index finds, for `python -m clasp benchmark --scale`.

A library of vectors like those of real sentences is made and searched, changed and searched again: with the graphs in
memory, which are then split into shards, and where CLASP_INDEX names a Milvus server, with that.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import track

from clasp.errors import ClaspError
from clasp.evaluation.tables import share
from clasp.phones.alignment import SHORTLIST
from clasp.text.words import words
from clasp.training.data.corpora import data_folder
from index.benchmarks import benchmark
from index.benchmarks.benchmark import resident
from index.benchmarks.recall import BEST, cosines, recall
from index.benchmarks.sentences import Sentences, sentences
from index.filters import Filter
from index.library import Library, Recording, Segment
from index.model import EmbeddingModel
from index.store.schema import DATABASE_FILE
from index.vectors.hnsw import INDEX_FILES, HnswIndex
from index.vectors.milvus import MilvusIndex
from index.vectors.search_index import SearchIndex

if TYPE_CHECKING:
    from clasp.model import Clasp

LEAST = 1_000  # utterances
PER_RECORDING = 100
BATCH = 10_000  # utterances that are added at a time
SHARES = {"0.1 %": 0.001, "1 %": 0.01, "10 %": 0.1, "50 %": 0.5}  # of the recordings; each is a category
CALLERS = 32
SECONDS = 20.0  # that they search
MEANWHILE = 4  # callers while recordings are added
CHANGED = 10  # one recording of so many is removed, and another one added
SHARDS = 16
WAIT = 600.0  # seconds for an answer of the server

Column = dict[str, str]  # figures by what they measure


@dataclass(frozen=True)
class _Model:
    """What a library must know of its model."""

    checksum: str
    dim: int
    meaning_dim: int


def scale(model: "Clasp", count: int, milvus: str) -> str:
    """Tables, in Markdown, of a library of `count` utterances.

    Args:
        milvus: address of a server, as CLASP_INDEX has it; '': there is none.

    Raises:
        ClaspError: if these are fewer than LEAST.
        DataError: if the parallel text is not there.
        LibraryError: if the server cannot be used.
    """
    if count < LEAST:
        raise ClaspError(f"A library of {count:,} utterances is not large: give {LEAST:,} or more.")
    return measure(model, sentences(model, data_folder() / "parallel"), count, milvus)


def measure(model: EmbeddingModel, known: Sentences, count: int, milvus: str) -> str:
    """The same of sentences that are encoded; figures go to stderr as they come, for this may take hours."""
    made: dict[str, Column] = {}
    found: dict[str, Column] = {}
    count = -(-count // PER_RECORDING) * PER_RECORDING
    engines = {"embedded": "", "Milvus": milvus} if milvus else {"embedded": ""}
    for engine, address in engines.items():
        with tempfile.TemporaryDirectory(prefix="clasp-") as temporary:
            folder = Path(temporary, "library")
            if address:
                MilvusIndex.patience = WAIT  # however slow an answer is, it is measured
            made[engine] = _logged(_created(folder, model, known, count, address))
            made[engine] |= _logged(_opened(folder, model, count, address))
            with Library.open(folder, model, milvus=address) as library:
                found[engine] = _logged(_searched(library, known))
                if not address:
                    shards = _logged(_sharded(library, known.queries))
                made[engine] |= _logged(_changed(library, known, count))
                found[f"{engine}, changed"] = _logged(_searched(library, known))
                if isinstance(index := library.search_index.vector_index, MilvusIndex):
                    index.drop()
    return "\n\n".join([
        table(f"{count:,} utterances", made),
        table(f"candidates: p50, p95 (of one core); recall@{BEST}", found),
        table(f"{SHARDS} shards", {"embedded": shards}),
    ])  # fmt: skip


def table(what: str, columns: dict[str, Column]) -> str:
    """Columns in Markdown."""
    names = dict.fromkeys(name for column in columns.values() for name in column)
    lines = [[what, *columns], ["---"] * (1 + len(columns))]
    rows = [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    lines += [row for row in rows if any(row[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def add(library: Library, known: Sentences, first: int, count: int) -> None:
    """Add the utterances from number `first` on, both multiples of PER_RECORDING."""
    cuts = np.cumsum(list(SHARES.values()))
    recordings, segments = [], []
    for number in range(first // PER_RECORDING, (first + count) // PER_RECORDING):
        name, place = f"recording {number}", number * 0.6180339887 % 1  # evenly over [0, 1)
        category = [*SHARES, "the rest"][int(np.searchsorted(cuts, place, "right"))]
        facts: dict[str, Any] = {"speaker": f"speaker {number % 500}", "category": category}
        recordings.append(Recording(name, Path(f"{number}.ogg"), name, 5.0 * PER_RECORDING, **facts))
        segments += [Segment(0, name, 5.0 * n, 5.0 * n + 4, **facts) for n in range(PER_RECORDING)]
    sources = np.arange(first, first + count) % len(known.texts)
    segments = [replace(one, text=known.texts[source]) for one, source in zip(segments, sources, strict=True)]
    vectors = known.drawn(first, count, library.meaning_dim)
    library.add(recordings, segments, vectors, [known.phones[source] for source in sources])


def _created(folder: Path, model: EmbeddingModel, known: Sentences, count: int, milvus: str) -> Column:
    """Make a library with its index, and measure what that takes."""
    server = _server_memory() if milvus else None
    began, busy = time.perf_counter(), time.process_time()
    with Library.create(folder, model, milvus=milvus, server="") as library:
        for first in track(range(0, count, BATCH), "Adding", console=Console(stderr=True), transient=True):
            add(library, known, first, min(BATCH, count - first))
        _settle(library)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    graphs = sum(file.stat().st_size for name in INDEX_FILES if (file := folder / name).is_file())
    return {
        "stored and indexed in": f"{seconds:.0f} s",
        "of that, of one core here": f"{1e3 * busy / count:.1f} ms an utterance",
        "database": f"{(folder / DATABASE_FILE).stat().st_size / count / 1e3:.1f} kB an utterance",
        "graphs on the disk": f"{graphs / count / 1e3:.1f} kB an utterance" if graphs else "",
        "memory of the server": _grown(server, _server_memory() if milvus else None, count),
    }


def _opened(folder: Path, model: EmbeddingModel, count: int, milvus: str) -> Column:
    """Open it in a process of its own, whose memory nothing else has grown."""
    stands_for = _Model(model.checksum, model.dim, model.meaning_dim)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        seconds, before, after = process.submit(_open, folder, stands_for, milvus).result()
    return {"opened in": f"{seconds:.1f} s", "memory of a process": _grown(before, after, count)}


def _open(folder: Path, model: _Model, milvus: str) -> tuple[float, float | None, float | None]:
    """Seconds until a library is open, and the memory of this process before and after, in gigabytes."""
    before, began = resident(os.getpid()), time.perf_counter()
    with Library.open(folder, model, milvus=milvus, read_only=True):
        return time.perf_counter() - began, before, resident(os.getpid())


def _changed(library: Library, known: Sentences, count: int) -> Column:
    """Remove one recording of CHANGED, and add as many while others search."""
    numbers = range(1, count // PER_RECORDING, CHANGED)
    began = time.perf_counter()
    library.remove(*(f"recording {number}" for number in numbers))
    removed = len(numbers) * PER_RECORDING / (time.perf_counter() - began)
    with _callers(library, known.queries, MEANWHILE) as times:
        began = time.perf_counter()
        for first in range(count, count + len(numbers) * PER_RECORDING, PER_RECORDING):
            add(library, known, first, PER_RECORDING)
        added = len(numbers) * PER_RECORDING / (time.perf_counter() - began)
    _settle(library)
    return {
        "10 % removed": f"{removed:,.0f} utterances a second",
        f"10 % added while {MEANWHILE} search": f"{added:,.0f} utterances a second",
        "their searches meanwhile, p50, p95": _milliseconds(times),
    }


def _searched(library: Library, known: Sentences) -> Column:
    """Speed and recall of finding candidates; also by the words of sentences that are there, and with filters."""
    queries = known.queries
    scores = cosines(library.search_index, queries)
    column = {"one caller": _asked(library, queries, scores, Filter())}
    asked = [words(text) for text in known.texts[: len(queries)]]
    by_words = benchmark.timed(
        lambda number: library.candidates(queries[number % len(asked)], SHORTLIST, words=asked[number % len(asked)])
    )
    column["one caller, with full text"] = _milliseconds(by_words)
    with _callers(library, queries, CALLERS) as times:
        time.sleep(SECONDS)
    column[f"{CALLERS} callers"] = f"{_milliseconds(times)}; {len(times) / SECONDS:.0f} a second"
    for name in SHARES:
        if name in library.categories():
            column[f"one caller, filter passes {name}"] = _asked(library, queries, scores, Filter(categories=(name,)))
    return column


def _asked(library: Library, queries: np.ndarray, scores: np.ndarray, filters: Filter) -> str:
    """What one caller finds, and how fast."""
    index = library.search_index
    allowed, names = filters.allowed(index.segments), filters.names(index.segments)
    rows = np.arange(len(library)) if allowed is None else np.flatnonzero(allowed)
    found = [index.nearest(query, SHORTLIST, allowed, names) for query in queries]
    busy = time.process_time()
    times = benchmark.timed(
        lambda number: library.candidates(queries[number % len(queries)], SHORTLIST, filters=filters)
    )
    busy = (time.process_time() - busy) / (benchmark.WARM_UP + benchmark.RUNS)
    return f"{_milliseconds(times)} ({1e3 * busy:.1f}); {share(recall(scores, found, rows))}"


def _sharded(library: Library, queries: np.ndarray) -> Column:
    """The same utterances in shards, each with graphs of its own, of whose candidates the nearest are taken."""
    whole, shards = library.search_index, []
    shard_of = np.random.default_rng(0).permutation(len(library)) % SHARDS
    began = time.perf_counter()
    for number in range(SHARDS):
        others = whole.segments.ids[shard_of != number]
        segments = whole.segments.without(others, whole.segments.version)
        shards.append(SearchIndex(segments, whole.halves, HnswIndex(whole.halves)).extended())
    seconds = (time.perf_counter() - began) / SHARDS
    times, found = np.empty((len(queries), SHARDS)), []
    for query, spent in zip(queries, times, strict=True):
        rows = []
        for number, shard in enumerate(shards):
            began = time.perf_counter()
            rows.append(np.searchsorted(whole.segments.ids, shard.segments.ids[shard.nearest(query, SHORTLIST, None)]))
            spent[number] = time.perf_counter() - began
        found.append(np.concatenate(rows))
    return {
        "graphs of one built in": f"{seconds:.1f} s",
        "one searched, p50, p95": _milliseconds(times.ravel()),
        "the slowest for each query, p50, p95": _milliseconds(times.max(axis=1)),
        f"recall@{BEST} of all together": share(recall(cosines(whole, queries), found, np.arange(len(library)))),
    }


@contextmanager
def _callers(library: Library, queries: np.ndarray, count: int) -> Iterator[list[float]]:
    """Threads that search meanwhile, one query after another; the seconds of each search."""
    times: list[float] = []
    done = threading.Event()

    def search(first: int) -> None:
        for query in cycle(np.roll(queries, first, axis=0)):
            if done.is_set():
                return
            began = time.perf_counter()
            library.candidates(query, SHORTLIST)
            times.append(time.perf_counter() - began)

    with ThreadPoolExecutor(count) as threads:
        searching = [threads.submit(search, number) for number in range(count)]
        try:
            yield times
        finally:
            done.set()
    for one in searching:
        one.result()


def _settle(library: Library) -> None:
    """Wait until everything is in the graphs; a server builds its own later, when it is told that this was all."""
    library.store_index()
    if isinstance(index := library.search_index.vector_index, MilvusIndex):
        index.wait_until_built()


def _server_memory() -> float | None:
    """Gigabytes that a Milvus server takes on this machine, None if there is none."""
    for file in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):  # others may end
            if file.read_text() == "milvus\n":
                return resident(int(file.parent.name))
    return None


def _logged(column: Column) -> Column:
    """The same figures, once they are on stderr."""
    for name, figure in column.items():
        if figure:
            print(f"{name}: {figure}", file=sys.stderr)
    return column


def _milliseconds(seconds: Sequence[float] | np.ndarray) -> str:
    middle, high = 1e3 * np.percentile(seconds, [50, 95])
    return f"{middle:.1f}, {high:.1f} ms"


def _grown(before: float | None, after: float | None, count: int) -> str:
    """What memory, in gigabytes, has grown by."""
    return "" if before is None or after is None else f"{1e6 * (after - before) / count:.1f} kB an utterance"
