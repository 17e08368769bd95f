"""Measure the live search of the app: how soon an utterance is answered, alone and with many visitors at once.

    python -m clasp benchmark --live    # one visitor says twenty sentences; then twenty speak for two minutes

The app runs in a process of its own. Each visitor is a WebSocket that sends sentences of the demo library in real
time, as the page does.
"""

import asyncio
import csv
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.errors import ClaspError
from clasp.paths import ASSETS, ROOT
from index.benchmarks.benchmark import START_LIMIT, Figure

CHUNK = 0.08  # seconds, as the page sends it
PAUSE = 1.5  # seconds after a sentence
NOISE = 0.0005  # of the microphone
UTTERANCES = 20
VISITORS, SECONDS = 20, 120
SETTLED, GROWTH = 30, 50  # seconds after which memory should not grow by more MB


@dataclass
class Sentence:
    """One that is said; times are in seconds since the visitor began."""

    text: str
    start: float
    end: float
    lit: float | None = None  # seconds from its start until the light was on
    delay: float | None = None  # seconds from its end to what it finds
    found: str = ""  # the first hit


@dataclass
class Visitor:
    """What one visitor says and gets."""

    sentences: list[Sentence] = field(default_factory=list)
    guesses: int = 0
    dropped: int = 0
    problems: list[str] = field(default_factory=list)


def live(model: str) -> list[Figure]:
    """Measure one visitor, then many."""
    spoken = _recordings()
    with _app(model) as (port, process):
        alone = asyncio.run(_visit(port, spoken[:UTTERANCES]))
        rows = _rows("one visitor", [alone], asked=True)
        visitors, memory = asyncio.run(_together(port, process, spoken))
    settled = memory[min(SETTLED, len(memory) - 1)]
    growth = memory[-1] - settled
    return [
        *rows,
        *_rows(f"{VISITORS} visitors", visitors),
        Figure(
            f"{VISITORS} visitors: memory after {SETTLED} s, and later", f"{settled:.0f} MB, {growth:+.0f} MB",
            f"≤ +{GROWTH} MB", not growth > GROWTH,
        ),
    ]  # fmt: skip


def _rows(who: str, visitors: list[Visitor], asked: bool = False) -> list[Figure]:
    sentences = [sentence for one in visitors for sentence in one.sentences]
    delays = [one.delay for one in sentences if one.delay is not None]
    lights = [one.lit for one in sentences if one.lit is not None]
    right = sum(one.found == one.text for one in sentences)
    guesses, dropped = (sum(getattr(one, name) for one in visitors) for name in ("guesses", "dropped"))
    problems = [problem for one in visitors for problem in one.problems]

    def times(what: str, seconds: list[float], most: int) -> Figure:
        middle, high = (1000 * np.percentile(seconds, share) if seconds else np.nan for share in (50, 95))
        limits = (f"≤ {most} ms", bool(high <= most)) if asked else ()
        return Figure(f"{who}: {what}, p50 and p95", f"{middle:.0f} and {high:.0f} ms", *limits)

    return [
        times("end of speech to hits", delays, 700),
        times("speech to light", lights, 200),
        Figure(
            f"{who}: sentences answered", f"{len(delays)} of {len(sentences)}", "all", len(delays) == len(sentences)
        ),
        Figure(f"{who}: the first hit is what was said", f"{right} of {len(sentences)}"),
        Figure(f"{who}: guesses shown, dropped", f"{guesses}, {dropped}"),
        Figure(f"{who}: errors", "; ".join(sorted(set(problems))) or "none", "none", not problems),
    ]


async def _together(port: int, process: int, spoken: list[tuple[str, np.ndarray]]) -> tuple[list[Visitor], list[float]]:
    """All visitors, and the app's memory in MB, every second."""
    tasks = []
    for number in range(VISITORS):
        tasks.append(asyncio.create_task(_visit(port, spoken[number:] + spoken[:number], SECONDS)))
        await asyncio.sleep(0.37)  # nobody speaks in time with another
    memory = []
    while not all(task.done() for task in tasks):
        memory.append(_memory(process))
        await asyncio.sleep(1)
    return await asyncio.gather(*tasks), memory


async def _visit(port: int, spoken: list[tuple[str, np.ndarray]], most: float = np.inf) -> Visitor:
    """Say all of it, or what can be said in `most` seconds."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException
    from websockets.typing import Origin

    visitor = Visitor()
    sound = _stream(visitor, spoken, most)
    try:
        async with connect(f"ws://127.0.0.1:{port}/live", origin=Origin(f"http://127.0.0.1:{port}")) as link:
            await link.send(json.dumps({"rate": SAMPLE_RATE, "library": "demo"}))
            while "left" not in json.loads(await link.recv()):
                pass
            began = time.monotonic()
            listening = asyncio.create_task(_listen(link, visitor, began))
            size = round(CHUNK * SAMPLE_RATE)
            for number in range(len(sound) // size):
                await asyncio.sleep(max(0.0, began + (number + 1) * CHUNK - time.monotonic()))
                await link.send(sound[number * size : (number + 1) * size].tobytes())
            await link.send('{"stop": true}')
            await asyncio.wait_for(listening, 30)
    except (WebSocketException, OSError, asyncio.TimeoutError) as error:
        visitor.problems.append(f"{type(error).__name__}: {error}")
    return visitor


async def _listen(link: Any, visitor: Visitor, began: float) -> None:
    """Take what comes back."""
    async for frame in link:
        message, now = json.loads(frame), time.monotonic() - began
        visitor.dropped = message.get("dropped", visitor.dropped)
        if message.get("voiced"):
            for one in visitor.sentences:
                if one.lit is None and one.start <= now < one.end:
                    one.lit = now - one.start
        if spoken := message.get("said"):
            visitor.guesses += not spoken["final"]
            visitor.problems += [spoken["problem"]] if spoken["problem"] else []
            middle = (spoken["start"] + spoken["end"]) / 2
            for one in visitor.sentences:
                if spoken["final"] and one.start <= middle <= one.end:
                    one.found = one.found if one.found == one.text or not spoken["hits"] else spoken["hits"][0]["text"]
                    one.delay = now - one.end  # of its last part, if it was cut


def _stream(visitor: Visitor, spoken: list[tuple[str, np.ndarray]], most: float) -> np.ndarray:
    """Sentences with pauses, int16 (n,); the visitor notes when each is said."""
    random = np.random.default_rng(0)

    def pause() -> np.ndarray:
        return random.normal(0, NOISE, round(PAUSE * SAMPLE_RATE))

    parts, length = [pause()], PAUSE
    for text, sound in spoken:
        end = length + len(sound) / SAMPLE_RATE
        if end + PAUSE > most:
            break
        visitor.sentences.append(Sentence(text, length, end))
        parts += [sound, pause()]
        length = end + PAUSE
    return (32_767 * np.concatenate(parts).clip(-1, 1)).astype("<i2")


def _recordings() -> list[tuple[str, np.ndarray]]:
    """Texts and sound, float (n,), of English sentences of the demo library, without the silence around them."""
    library = ASSETS / "library"
    with (library / "metadata.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    chosen = [row for row in rows if row["language"] == "en" and row["kind"] == "sentence"][:: len(rows) // 60]
    spoken = []
    for row in chosen:
        samples = decode(library / row["file"]).samples
        loud = np.flatnonzero(np.abs(samples) > 0.03 * np.abs(samples).max())
        spoken.append((row["text"], samples[loud[0] : loud[-1]]))
    return spoken


@contextmanager
def _app(model: str) -> Iterator[tuple[int, int]]:
    """The app, ready to answer: its port and the number of its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"HOST": "127.0.0.1", "PORT": str(port), "CLASP_MODEL": model, "CLASP_READ_ONLY": "0"}
    output: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=os.environ | settings, **output)
    try:
        began = time.monotonic()
        while not _answers(port):
            if app.poll() is not None or time.monotonic() - began > START_LIMIT:
                raise ClaspError("The app did not start: run `python app.py` to see why.")
            time.sleep(0.5)
        yield port, app.pid
    finally:
        app.terminate()
        app.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/map/demo", timeout=START_LIMIT):
            return True
    except urllib.error.HTTPError:  # without a map, but open
        return True
    except OSError:
        return False


def _memory(process: int) -> float:
    """Resident MB of a process, where the system tells (Linux)."""
    try:
        with open(f"/proc/{process}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024
    except OSError:
        return float("nan")
