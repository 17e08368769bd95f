"""`clasp watch`, as a process of its own with the bundled model."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from index.cli.main import main

ROOT = Path(__file__).parents[3]
SPOKEN = sorted((ROOT / "assets" / "library" / "queries").glob("*"))


def test_what_comes_into_the_folder_is_added(tmp_path: Path) -> None:
    folder, library = tmp_path / "folder", tmp_path / "library"
    folder.mkdir()
    command = [sys.executable, "-m", "clasp", "watch", folder, "--library", library, "--every", "0.3"]
    environment = os.environ | {"CLASP_TRANSCRIBER": "none"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            assert "Watching" in watching.stdout.readline()
            (folder / "question.ogg").write_bytes(SPOKEN[0].read_bytes())
            assert "1 added" in watching.stdout.readline()
            (folder / "question.ogg").unlink()
            gone = next(line for line in watching.stdout if "is gone" in line)
            assert "question.ogg" in gone and "stays in the library" in gone
        finally:
            watching.send_signal(signal.SIGINT)
            assert watching.wait(30) == 0


def test_a_folder_that_is_not_there_is_an_error_at_once(tmp_path: Path, capsys) -> None:
    started = time.monotonic()
    assert main(["watch", str(tmp_path / "nowhere")]) == 2
    assert "There is no" in capsys.readouterr().err and time.monotonic() - started < 5
