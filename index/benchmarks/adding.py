"""How fast recordings are added, without transcripts and with them, and in how much memory: one of many hours, spoken
here, added by the command line."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from rich.console import Console
from rich.progress import Progress

from clasp.paths import ROOT
from clasp.text.espeak import RATE, speak
from clasp.training.data.synthesis import VARIANTS
from index.benchmarks.benchmark import Figure

HOURS = 6.0
PAUSES = (0.4, 2.5)  # seconds between two sentences, at least and at most
SPEED, TRANSCRIBED, MEMORY = 60, 30, 1.6  # times as fast as it lasts, and gigabytes: what is asked for
PART = 6  # of the hours, so many times fewer are added with transcripts
WATCHED = 0.5  # seconds between two looks at the memory


def adding(model: str, hours: float = HOURS) -> list[Figure]:
    """Speed from end to end, the start of the program included, and memory (Linux only) of adding a recording."""
    return _added(model, hours, SPEED, "--no-transcripts") + _added(model, hours / PART, TRANSCRIBED)


def _added(model: str, hours: float, asked: int, *options: str) -> list[Figure]:
    """Rows of one recording of so many hours, added with these options."""
    with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
        file = Path(folder, "recording.flac")
        seconds = _record(file, 3_600 * hours)
        command = [sys.executable, "-m", "clasp", "add", str(file), "--library", str(Path(folder, "library"))]
        command += options
        began, most = time.perf_counter(), 0.0
        with subprocess.Popen(command, cwd=ROOT, env=os.environ | {"CLASP_MODEL": model}, stdout=sys.stderr) as process:
            while process.poll() is None:
                most = max(most, _peak(process.pid))
                time.sleep(WATCHED)
        taken = time.perf_counter() - began
    speed = seconds / taken
    how = "without transcripts" if options else "with transcripts"
    what = f"add a recording of {hours:g} h {how} ({taken:.0f} s)"
    rows = [Figure(what, f"{speed:.0f} times as fast as it lasts", f"≥ {asked} times", speed >= asked)]
    if most:
        rows.append(Figure("memory that this takes, at most", f"{most:.2f} GB", f"≤ {MEMORY} GB", most <= MEMORY))
    return rows


def _record(path: Path, seconds: float) -> float:
    """Speak sentences, each differently each time, with pauses between. Returns the seconds that they last."""
    draw, written = np.random.default_rng(0), 0
    progress = Progress(console=Console(stderr=True), transient=True)
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file, progress:
        task = progress.add_task("Speaking", total=seconds)
        for text in _sentences():
            voice = "en-us" + str(draw.choice(VARIANTS))
            samples, _ = speak(text, voice, rate=int(draw.integers(140, 220)), pitch=int(draw.integers(20, 80)))
            samples = np.append(samples, np.zeros(round(RATE * draw.uniform(*PAUSES)), np.int16))
            file.write(samples)
            written += len(samples)
            progress.update(task, completed=written / RATE)
            if written >= seconds * RATE:
                return written / RATE
    raise AssertionError


def _sentences() -> Iterator[str]:
    """Of the demo library, in English, over and over."""
    from index.demo import DEMO, read

    texts = list(dict.fromkeys(one.text for one in read(DEMO)[1] if one.language == "en"))
    while True:
        yield from texts


def _peak(process: int) -> float:
    """Gigabytes (10⁹ bytes) that a process held at most, 0 where /proc does not tell."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except OSError:
        found = None
    return int(found[1]) * 1024 / 1e9 if found else 0.0
