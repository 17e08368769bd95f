"""Fit the map of a library in a process of its own.

    process = FitProcess(library.folder)
    while not process.wait(0.5):
        print(process.share, process.doing)

Searching goes on meanwhile.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

from clasp.paths import ROOT


class FitProcess:
    """A map that is being fitted by another process: `python -m clasp map`.

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
        self._reader = threading.Thread(target=self._read, name="fit-map", daemon=True)
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
            for line in process.stdout or ():
                percent, mark, doing = line.partition("%  ")
                if mark and percent.strip().isdecimal():
                    self.share, self.doing = int(percent) / 100, doing.strip()
                elif line.strip():
                    last = line.strip()
        if self._cancelled:
            self.error = "It was cancelled."
        elif process.returncode != 0:
            self.error = last.removeprefix("clasp: ") or f"It ended with code {process.returncode}."
