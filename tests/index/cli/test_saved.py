"""`python -m clasp saved`, with a tiny model."""

import shutil
from pathlib import Path
from typing import get_args

import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.calibration import Calibration, Direction, MatchProbability
from index.cli.main import main

DIRECTIONS = get_args(Direction)
ANYTHING = MatchProbability(5.0, 1.0, 0.0, 1.0, 0.0, 0.0, threshold=0.5, possible=0.2)


def test_a_search_is_saved_and_forgotten(
    tmp_path: Path, tiny_folder: Path, utterances: list[Waveform], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    model = shutil.copytree(tiny_folder, tmp_path / "model")
    Calibration(dict.fromkeys(DIRECTIONS, ANYTHING), false_match_rate=0.5).save(model / "calibration.json")
    monkeypatch.setenv("CLASP_MODEL", str(model))
    monkeypatch.setenv("CLASP_TRANSCRIBER", "none")
    library = ["--library", str(tmp_path / "library")]
    recording = tmp_path / "ship.wav"
    soundfile.write(recording, utterances[1].samples, SAMPLE_RATE)
    assert main(["saved", "list", *library]) == 2
    assert main(["saved", "add", "Ships", "the ship was lost", *library]) == 0
    assert main(["saved", "add", "Ships", "the ship was lost", *library]) == 2
    assert main(["saved", "add", "Spoken", "--speech", str(recording), *library]) == 0
    assert "is run on what is added" in capsys.readouterr().out
    assert main(["add", str(recording), *library]) == 0
    assert "Saved searches have found something new: " in capsys.readouterr().out
    assert main(["saved", "list", *library]) == 0
    assert "Spoken: 1 found, 1 not seen yet (spoken)" in capsys.readouterr().out
    assert main(["saved", "show", "Spoken", *library]) == 0
    assert "(new)\n      ship, " in capsys.readouterr().out
    assert main(["saved", "show", "Spoken", *library]) == 0
    assert "(new)" not in capsys.readouterr().out
    assert main(["saved", "remove", "Spoken", *library]) == 0
    assert main(["saved", "show", "Spoken", *library]) == 2
    assert "no saved search called 'Spoken'" in capsys.readouterr().err
