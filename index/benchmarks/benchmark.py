"""Measure speed, memory and index quality on this machine, and print them beside what is asked for.

    python -m clasp benchmark
    python -m clasp benchmark --adding     # a recording of six hours; takes minutes
    python -m clasp benchmark --transcribing --clips 64
    python -m clasp benchmark --live       # the live search, with one visitor and with twenty; takes five minutes
    python -m clasp benchmark --moments    # of an hour and of a conversation; takes minutes
    python -m clasp benchmark --stages --clips 64
    python -m clasp benchmark --published --clips 16
    python -m clasp benchmark --scale 1_000_000    # a large library, embedded and in the Milvus of CLASP_INDEX

Times are of a warm process unless said; the app is started twice, and the second start counts.
"""

import argparse
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from clasp.errors import ClaspError
from clasp.paths import ROOT
from clasp.settings import current

if TYPE_CHECKING:
    from clasp.model import Clasp

WARM_UP, RUNS = 5, 100
START_LIMIT = 300.0  # seconds until a start of the app is given up
TEXTS = (
    "The ship was lost in the storm.",
    "When does the last train to the coast leave?",
    "She found an old letter behind the mirror.",
    "How do I keep bread fresh for a week?",
    "The committee voted to close the school.",
    "Nobody believed the boy who had seen the light.",
    "A cheap way to heat a small house in winter",
    "He sang so badly that the dog left the room.",
)


@dataclass(frozen=True)
class Figure:
    """One line of the table; `passed` is None where nothing is asked for."""

    what: str
    measured: str
    asked: str = ""
    passed: bool | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp benchmark`."""
    parser.add_argument("--model", default="bundled", help="a model folder (default: the bundled model)")
    parser.add_argument("--scale", type=int, nargs="?", const=100_000, metavar="N", help="measure a library of N "
                        "utterances (default: 100,000), and nothing else; needs the training data")  # fmt: skip
    parser.add_argument("--adding", action="store_true", help="measure adding a long recording, and nothing else")
    parser.add_argument("--live", action="store_true", help="measure the live search, and nothing else")
    parser.add_argument("--transcribing", action="store_true", help="measure transcripts, and nothing else")
    parser.add_argument("--moments", action="store_true", help="measure how surely moments of a long recording are "
                        "found, and nothing else; needs the training data")  # fmt: skip
    parser.add_argument("--stages", action="store_true", help="measure hearing stage by stage, and nothing else")
    parser.add_argument("--published", action="store_true", help="the same of the published architecture, with random "
                        "weights")  # fmt: skip
    parser.add_argument("--clips", type=int, default=8, help="utterances for --stages, --published and, of each "
                        "language, --transcribing (default: 8)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Measure what is asked for, or the usual, and print the table. Returns 0."""
    if args.scale is not None:
        from clasp import load
        from index.benchmarks.scale import scale

        print(scale(load(args.model), args.scale, current().index))
        return 0
    where, measured = _measured(args)
    machine = ", ".join(filter(None, (platform.machine(), f"{os.cpu_count()} cores", where)))
    Console(width=110).print(table(measured, machine))
    return 0


def _measured(args: argparse.Namespace) -> tuple[str, list[Figure]]:
    """Where the model ran, as far as that tells something, and what was measured."""
    from clasp import load
    from index.benchmarks import adding, live, moments, published, stages, transcribing

    alone: dict[str, Callable[[], tuple[str, list[Figure]]]] = {
        "adding": lambda: ("", adding.adding(args.model)),
        "live": lambda: ("", live.live(args.model)),
        "moments": lambda: ("", moments.measure(args.model)),
        "transcribing": lambda: ("", transcribing.transcribing(args.clips)),
        "published": lambda: published.measure(args.clips),
        "stages": lambda: stages.measure(load(args.model), stages.spoken(args.clips)),
    }
    for name, measured in alone.items():
        if getattr(args, name):
            return measured()
    model, progress = load(args.model), Console(stderr=True)
    rows: list[Figure] = []
    for what, measure in (
        ("encoding", partial(encoding, model)),
        ("searching", partial(searching, model)),
        ("starting the app", partial(starting, args.model)),
    ):
        progress.print(f"Measuring {what} …")
        rows += measure()
    return str(model.device), rows


def encoding(model: "Clasp") -> list[Figure]:
    """Time to encode a clip of 5 s."""
    from clasp.audio.decode import SAMPLE_RATE, Waveform, from_samples
    from clasp.text.espeak import RATE, speak

    whole = from_samples(np.concatenate([speak(text, "en-us")[0] for text in TEXTS]), RATE).samples
    length = 5 * SAMPLE_RATE
    clips = [Waveform(whole[start : start + length]) for start in range(0, len(whole) - length, SAMPLE_RATE)]
    one = timed(lambda number: model.encode_speech([clips[number % len(clips)]]))
    return [milliseconds("encode a 5 s clip", one, 60)]


def searching(model: "Clasp") -> list[Figure]:
    """Time from a typed query to its hits, in process."""
    from index.demo import open_demo
    from index.search import encode, search

    library = open_demo(model)
    times = timed(lambda number: search(library, model, encode(model, text=TEXTS[number % len(TEXTS)])))
    return [milliseconds("text query to hits", times, 25)]


def starting(model: str) -> list[Figure]:
    """Seconds from the start of the app to its first answered query, and its memory then."""
    start_app(model)
    seconds, memory = start_app(model)
    rows = [Figure("app start to first answered query", f"{seconds:.1f} s", "≤ 20 s", seconds <= 20)]
    if memory is not None:
        rows.append(Figure("resident memory of the app", f"{memory:.2f} GB", "≤ 1.2 GB", memory <= 1.2))
    return rows


def start_app(model: str) -> tuple[float, float | None]:
    """Start the app, ask one query, stop it: seconds taken, and gigabytes resident (Linux only).

    Raises:
        ClaspError: if it ends or does not answer.
    """
    from gradio_client import Client  # before the clock starts

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = model if model == "bundled" else str(Path(model).resolve())
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "CLASP_MODEL": name}
    began = time.perf_counter()
    app = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not _listens(port):
            if app.poll() is not None or time.perf_counter() - began > START_LIMIT:
                raise ClaspError("The app did not start: run `python app.py` to see why.")
            time.sleep(0.05)
        Client(f"http://127.0.0.1:{port}", verbose=False).predict(TEXTS[0], api_name="/search_text")
        seconds = time.perf_counter() - began
        return seconds, resident(app.pid)
    finally:
        app.terminate()
        app.wait()


def timed(call: Callable[[int], object]) -> np.ndarray:
    """Seconds, (RUNS,), of calls after WARM_UP others."""
    for number in range(WARM_UP):
        call(number)
    seconds = np.empty(RUNS)
    for number in range(RUNS):
        began = time.perf_counter()
        call(number)
        seconds[number] = time.perf_counter() - began
    return seconds


def milliseconds(what: str, seconds: np.ndarray, limit: float) -> Figure:
    """A row of median and 95th percentile; the median is what is asked for."""
    middle, high = 1000 * np.percentile(seconds, [50, 95])
    return Figure(what, f"p50 {middle:.1f} ms, p95 {high:.1f} ms", f"p50 ≤ {limit:g} ms", bool(middle <= limit))


def table(rows: list[Figure], machine: str) -> Table:
    """The rows for reading."""
    shown = Table("measure", "here", "asked for", "", title=f"Benchmark on {machine}")
    for row in rows:
        verdict = {None: "", True: "[green]pass", False: "[red]above"}[row.passed]
        shown.add_row(row.what, row.measured, row.asked, verdict)
    return shown


def resident(process: int) -> float | None:
    """Gigabytes (10⁹ bytes) of memory a process holds, None where /proc does not tell."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    return int(found[1]) * 1024 / 1e9 if found else None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
