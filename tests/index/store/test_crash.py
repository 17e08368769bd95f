"""Stopped at any point: what was committed is found, nothing half-written is, and the work can be finished."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.training.data.synthesis import Voice, speak

ROOT = Path(__file__).parents[3]
EXITS, KILLS, ANEW, WRITTEN = 8, 4, 4, 6
MANY_EXITS, MANY_KILLS = 240, 60

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class Harness:
    """The program crash.py and its answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        clip = speak("The ferry did not leave the harbour because of the fog.", Voice("espeak", "en-us", "en")).samples
        gap = np.zeros(SAMPLE_RATE, np.float32)
        files = []
        for number, count in enumerate((1, 4, 2)):
            files.append(folder / f"{number}.wav")
            samples = np.concatenate([gap, *[clip.astype(np.float32), gap] * count])[number * 999 :]
            soundfile.write(files[-1], samples, SAMPLE_RATE)
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.index.store.crash", *map(str, files)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def ask(self, library: Path, do: str, **options: float) -> dict:
        self._process.stdin.write(json.dumps({"library": str(library), "do": do, **options}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(600)


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("crash"))
    yield harness
    harness.close()


@pytest.fixture(scope="module")
def whole(harness: Harness) -> dict:
    """What the library holds when nothing goes wrong, and how many points there are."""
    counted = harness.ask(harness.folder / "counted", "count")
    held = harness.ask(harness.folder / "counted", "check")
    assert "error" not in counted and "error" not in held, (counted, held)
    return held | counted


def survives(harness: Harness, whole: dict, do: str, **options: float) -> bool:
    """Stop the work, look at what is there, finish it. Returns whether it was stopped."""
    library = harness.folder / f"{do}-{'-'.join(map(str, options.values()))}"
    stopped = harness.ask(library, do, **options)["status"] != 0
    held = harness.ask(library, "check")
    assert "error" not in held, (options, held)
    for recording, count in held["recordings"].items():
        assert count <= whole["recordings"].get(recording, 0), options
    finished = harness.ask(library, "finish")
    assert finished.get("recordings") == whole["recordings"], (options, finished)
    shutil.rmtree(library)
    return stopped


def test_it_has_many_points(whole: dict):
    assert whole["points"] > 60 and whole["segments"] == 7


@pytest.mark.parametrize("case", range(EXITS))
def test_stopped_at_a_write(harness: Harness, whole: dict, case: int):
    at = 1 + case * (whole["points"] - 1) // (EXITS - 1)
    assert survives(harness, whole, "exit", at=at)


@pytest.mark.parametrize("case", range(KILLS))
def test_killed_at_any_time(harness: Harness, whole: dict, case: int):
    survives(harness, whole, "kill", after=0.02 + 0.13 * case)


@pytest.fixture(scope="module")
def before_and_after(harness: Harness, whole: dict) -> tuple[dict, dict, int]:
    """What a library holds before and after it is embedded with another model, and how many points that has."""
    old = harness.ask(harness.folder / "counted", "check", reembed=True)
    shutil.copytree(harness.folder / "counted", harness.folder / "anew")
    points = harness.ask(harness.folder / "anew", "count", reembed=True)["points"]
    new = harness.ask(harness.folder / "anew", "check", reembed=True)
    assert "error" not in old | new and old["model"] != new["model"] and old["ids"] == new["ids"], (old, new)
    return old, new, points


def is_one_or_the_other(harness: Harness, before_and_after: tuple[dict, dict, int], do: str, **options: float) -> None:
    """Stop embedding anew, look at what is there, finish it."""
    old, new, _ = before_and_after
    library = harness.folder / f"anew-{do}-{'-'.join(map(str, options.values()))}"
    shutil.copytree(harness.folder / "counted", library)
    harness.ask(library, do, reembed=True, **options)
    held = harness.ask(library, "check", reembed=True)
    del held["status"]
    assert held in [{name: value for name, value in one.items() if name != "status"} for one in (old, new)], options
    finished = harness.ask(library, "finish", reembed=True)
    assert finished == new, options
    shutil.rmtree(library)


@pytest.mark.parametrize("case", range(ANEW))
def test_stopped_while_embedded_anew(harness: Harness, before_and_after: tuple[dict, dict, int], case: int):
    at = 1 + case * (before_and_after[2] - 1) // (ANEW - 1)
    is_one_or_the_other(harness, before_and_after, "exit", at=at)


@pytest.fixture(scope="module")
def transcribed(harness: Harness, whole: dict) -> dict:
    """What a library holds once it is transcribed, and how many points that has."""
    shutil.copytree(harness.folder / "counted", harness.folder / "transcribed")
    points = harness.ask(harness.folder / "transcribed", "count", transcribe=True)["points"]
    held = harness.ask(harness.folder / "transcribed", "check")
    assert "error" not in held and len(held["transcripts"]) == held["segments"] == whole["segments"], held
    return held | {"points": points}


def goes_on_transcribing(harness: Harness, transcribed: dict, do: str, **options: float) -> int:
    """Stop it, look at what is there, finish it. Returns how many transcripts were there."""
    library = harness.folder / f"transcribed-{do}-{'-'.join(map(str, options.values()))}"
    shutil.copytree(harness.folder / "counted", library)
    harness.ask(library, do, transcribe=True, **options)
    held = harness.ask(library, "check")
    assert "error" not in held and held["ids"] == transcribed["ids"], (options, held)
    assert held["transcripts"].items() <= transcribed["transcripts"].items(), (options, held)
    finished = harness.ask(library, "finish", transcribe=True)
    assert finished | {"points": transcribed["points"]} == transcribed, (options, finished)
    shutil.rmtree(library)
    return len(held["transcripts"])


def test_stopped_while_transcribed(harness: Harness, transcribed: dict):
    """What was stored is there, and never less the later it was stopped."""
    counts = []
    for case in range(WRITTEN):
        at = 1 + case * (transcribed["points"] - 1) // (WRITTEN - 1)
        counts.append(goes_on_transcribing(harness, transcribed, "exit", at=at))
    assert counts == sorted(counts) and counts[-1] == transcribed["segments"] > counts[0]


@pytest.mark.parametrize("case", range(2))
def test_killed_while_transcribed(harness: Harness, transcribed: dict, case: int):
    goes_on_transcribing(harness, transcribed, "kill", after=0.03 + 0.05 * case)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_stopped_at_every_write_while_embedded_anew(harness: Harness, before_and_after: tuple[dict, dict, int]):
    for at in range(1, before_and_after[2] + 1):
        is_one_or_the_other(harness, before_and_after, "exit", at=at)
    for case in range(20):
        is_one_or_the_other(harness, before_and_after, "kill", after=0.02 + 0.01 * case)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_stopped_at_every_write_and_killed_often(harness: Harness, whole: dict):
    points = np.unique(np.linspace(1, whole["points"], MANY_EXITS).astype(int)).tolist()
    assert all(survives(harness, whole, "exit", at=at) for at in points)
    for case in range(MANY_KILLS + MANY_EXITS - len(points)):
        survives(harness, whole, "kill", after=0.01 + 0.02 * case)
