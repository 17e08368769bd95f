"""Fit the map of a library: lay out its speech and texts, name the dense regions, measure how good it is.

    python -m clasp map --library                # your own
    python -m clasp map --library interviews     # a name or a folder
    python -m clasp map                          # the one that ships

It is stored in the library's folder. The map that was there stays until then, and the new one begins from it, so that
it stays recognisable. Ctrl-C leaves all as it was.
"""

import argparse
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from clasp.errors import LibraryError
from clasp.paths import ROOT
from clasp.settings import current
from index.map.fit import Writer, fit, fitted_map
from index.map.map import MAP_FILE, Fitted


class Fitting:
    """A map that is being fitted by a process of its own, so that searching goes on meanwhile.

    Attributes:
        share: how far it is, 0 to 1.
        doing: what it is doing.
        error: why it failed; '' as long as it has not.
    """

    def __init__(self, folder: Path, model: str = "bundled") -> None:
        """Begin to fit the map of the library in `folder`, which the model in this folder has made."""
        self.share, self.doing, self.error = 0.0, "starting", ""
        self._cancelled = False
        command = [sys.executable, "-W", "ignore", "-m", "clasp", "map", "--library", str(folder.absolute())]
        self._process = subprocess.Popen(
            [*command, "--model", str(Path(model).absolute()) if Path(model).is_dir() else model],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="fitting", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether it is still at work; afterwards the map is there, or `error` says why it is not."""
        return self._reader.is_alive()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for its end, at most `timeout` seconds. Returns whether it has ended."""
        self._reader.join(timeout)
        return not self.running

    def cancel(self) -> None:
        """End it; the map stays as it was."""
        self._cancelled = True
        self._process.terminate()
        self._reader.join()

    def _read(self) -> None:
        last = ""
        with self._process as process:
            for line in process.stdout:
                percent, mark, doing = line.partition("%  ")
                if mark and percent.strip().isdecimal():
                    self.share, self.doing = int(percent) / 100, doing.strip()
                elif line.strip():
                    last = line.strip()
        if self._cancelled:
            self.error = "It was cancelled."
        elif process.returncode != 0:
            self.error = last.removeprefix("clasp: ") or f"It ended with code {process.returncode}."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp map`."""
    parser.add_argument(
        "--library", nargs="?", const="", metavar="NAME|FOLDER",
        help="map this library; without a name: your own (default: the one that ships)",
    )  # fmt: skip
    parser.add_argument("--model", help="a model folder (default: $CLASP_MODEL, or the bundled model)")


def run(args: argparse.Namespace) -> int:
    """Fit a map and store it; say what is on it and how good it is."""
    import clasp
    from index.library import Library
    from index.paths import DEMO, open_library, place

    if args.library not in (None, DEMO):
        Library.must_exist(place(args.library or None))  # before the model: errors come at once
    settings = current()
    model = clasp.load(args.model or settings.model, settings.device or None)
    if args.library is None:
        fitted = _fit_demo(model)
    else:
        with open_library(model, args.library or None) as library:
            if library.read_only:
                raise LibraryError("The library that ships is for searching only: map it without --library.")
            fitted = fit(library, model, _Line())
    print(summary(fitted))
    return 0


def summary(fitted: Fitted) -> str:
    """What is on a map, and its measures, for reading."""
    points = 2 * len(fitted.keys) - int(np.isnan(fitted.flat[:, 1, 0]).sum())
    laid_out = f"; {fitted.sampled:,} of them laid out, the others placed among these" if fitted.sampled else ""
    lines = [f"{len(fitted.keys):,} utterances, {points:,} points{laid_out}."]
    lines += [f"{one.points:7,}  {one.name}" for one in fitted.regions]
    for one in fitted.measures:
        chance = "" if one.chance is None else f" (chance: {one.chance:.2f})"
        lines.append(f"{one.name} {one.value:.3f}{chance}. {one.meaning}")
    return "\n".join(lines)


class _Line:
    """Tells how far it is: a terminal in one line that changes, whoever else reads in a line per percent."""

    def __init__(self) -> None:
        self._last = ""
        self._terminal = sys.stdout.isatty()

    def __call__(self, share: float, doing: str) -> None:
        line = f"{100 * share:3.0f} %  {doing}"
        if line == self._last:
            return
        self._last = line
        if self._terminal:
            print(f"\r{line:60}", end="" if share < 1 else "\n", flush=True)
        else:
            print(line, flush=True)


def _fit_demo(model: Writer) -> Fitted:
    from index import demo

    vectors = demo.shipped(demo.DEMO, model) or demo.embed_demo(model)
    speech, text = (one.astype(np.float32) for one in (vectors.speech, vectors.text))
    speech, text = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (speech, text))
    segments = demo.read(demo.DEMO)[1]
    fitted = fitted_map(vectors.model, segments, speech, text, np.arange(len(text)), tell=_Line())
    fitted.save(demo.DEMO / MAP_FILE)
    return fitted
