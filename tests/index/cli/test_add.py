"""`python -m clasp add`, with the model that ships and synthesised speech: exit codes, the summary, Ctrl-C."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.training.data.synthesis import Voice, speak
from index.cli.main import main

ROOT = Path(__file__).parents[3]
TEXTS = (
    "The ferry did not leave the harbour because of the fog.",
    "My grandmother baked her bread with rye from the mill across the river.",
    "Nobody had told the driver that the bridge would be closed until Thursday.",
)


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    return [speak(text, Voice("espeak", "en-us", "en")).samples for text in TEXTS]


pytestmark = pytest.mark.usefixtures("loaded")


@pytest.fixture(autouse=True)
def no_transcriber(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not what is tested."""
    monkeypatch.setenv("CLASP_TRANSCRIBER", "none")


def write(path: Path, clips: list[np.ndarray]) -> Path:
    gap = np.zeros(SAMPLE_RATE, np.float32)
    soundfile.write(path, np.concatenate([gap, *(part for clip in clips for part in (clip, gap))]), SAMPLE_RATE)
    return path


def test_some_files_are_broken_silent_or_known(tmp_path: Path, clips: list[np.ndarray], capsys):
    folder, library = tmp_path / "in", ["--library", str(tmp_path / "library")]
    folder.mkdir()
    for number, clip in enumerate(clips):
        write(folder / f"{number}.flac", [clip])
    write(folder / "quiet.wav", [np.zeros(3 * SAMPLE_RATE, np.float32)])
    (folder / "broken.webm").write_bytes(b"not a film")
    (folder / "line\nbreak.ogg").write_bytes(b"OggS")
    assert main(["add", str(folder), *library]) == 1
    out, err = capsys.readouterr()
    first, *rest = out.splitlines()
    assert err == "" and first.startswith("6 of 6 files: 3 added (3 utterances, 0.")
    assert first.endswith(" times as fast as it lasts), 1 without speech, 2 not readable.")
    assert rest[0] == f"  without speech: {folder / 'quiet.wav'}"
    assert rest[1].startswith(f"  not added: {folder}/broken.webm: broken.webm is not a recording that can be read")
    assert rest[2].startswith(f"  not added: {folder}/line�break.ogg: ") and len(rest) == 4
    assert rest[3] == f"3 utterances in {tmp_path / 'library'}"
    for broken in ("broken.webm", "line\nbreak.ogg"):
        (folder / broken).unlink()
    assert main(["add", str(folder), *library]) == 0
    assert capsys.readouterr().out.startswith("4 of 4 files: 0 added (0 utterances, 0.1 min of sound")
    for text, number in zip(TEXTS, range(3), strict=True):
        assert main(["search", text, *library]) == 0
        assert main(["search", text, "--json", *library]) == 0
        assert f'"file": "{folder / str(number)}.flac"' in capsys.readouterr().out.split('"hits"')[1].split("}")[0]


def test_what_is_said_is_written_down(tmp_path: Path, clips: list[np.ndarray], capsys, monkeypatch):
    library = ["--library", str(tmp_path / "library")]
    write(tmp_path / "talk.flac", clips)
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "supplied.flac", clips[:1])
    (tmp_path / "in" / "supplied.txt").write_text(TEXTS[0])
    assert main(["add", str(tmp_path / "talk.flac"), "--no-transcripts", *library]) == 0
    capsys.readouterr()
    assert main(["search", TEXTS[1], "--json", *library]) == 0
    hit = json.loads(capsys.readouterr().out)["hits"][0]
    assert (hit["transcript"], hit["transcript_source"], hit["confidence"]) == ("", "", None)
    monkeypatch.setenv("CLASP_TRANSCRIBER", "no such thing")
    assert main(["add", str(tmp_path / "in"), *library]) == 0
    assert "Nothing is transcribed: There is no transcriber 'no such thing'" in capsys.readouterr().out
    monkeypatch.setenv("CLASP_TRANSCRIBER", "base")
    assert main(["library", "transcribe", *library]) == 0
    assert "3 of 3 utterances transcribed (0." in capsys.readouterr().out
    assert main(["search", TEXTS[1], "--json", *library]) == 0
    hit = json.loads(capsys.readouterr().out)["hits"][0]
    assert "baked" in hit["transcript"] and hit["transcript_source"] == "machine" and 0.3 < hit["confidence"] < 1
    assert main(["search", TEXTS[0], "--json", *library]) == 0
    sources = {one["transcript_source"]: one["transcript"] for one in json.loads(capsys.readouterr().out)["hits"]}
    assert sources["supplied"] == TEXTS[0]
    assert main(["search", TEXTS[1], *library]) == 0
    assert "(transcribed by machine, " in capsys.readouterr().out
    assert main(["add", str(tmp_path / "in"), *library]) == 0
    assert "transcribed" not in capsys.readouterr().out  # there is nothing left to do


@pytest.mark.parametrize(
    ("paths", "error"), [(["nowhere"], "There is no "), (["empty"], "There is no recording to add")]
)
def test_nothing_to_add(tmp_path: Path, capsys, paths: list[str], error: str):
    (tmp_path / "empty").mkdir()
    assert main(["add", *(str(tmp_path / path) for path in paths), "--library", str(tmp_path / "library")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"clasp: {error}") and err.count("\n") == 1
    assert not (tmp_path / "library").exists()


@pytest.mark.skipif(os.name == "nt", reason="there, Ctrl-C is no signal")
@pytest.mark.slow
def test_stopped_by_the_keyboard_it_goes_on(tmp_path: Path, clips: list[np.ndarray]):
    """Two recordings are stored, the third partly, when Ctrl-C comes."""
    folder, library = tmp_path / "in", tmp_path / "library"
    folder.mkdir()
    for name, count in (("1", 1), ("2", 2), ("3", 90)):
        write(folder / f"{name}.flac", [clips[number % 3][number:] for number in range(count)])
    often = "from index.ingest import encoded_file as one; one.COMMIT_SECONDS = 5; from index.cli.main import main"
    program = [sys.executable, "-W", "ignore", "-c", f"import sys; {often}; sys.exit(main())"]
    command = [*program, "add", str(folder), "--library", str(library)]
    options = {"cwd": ROOT, "text": True}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=_heeds_the_keyboard, **options,  # noqa: PLW1509 - it only sets a signal
    )  # fmt: skip
    while process.poll() is None and _counts(library)[1] < 20:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err == ""
    assert "2 of 3 files: 2 added" in out and "run it again to go on" in out
    done, kept = _counts(library)
    assert done == 2 and 20 <= kept < 93
    again = subprocess.run(command, capture_output=True, check=True, **options)
    assert f"3 of 3 files: 1 added ({93 - kept} utterances, " in again.stdout and "2 known before" in again.stdout
    assert _counts(library) == (3, 93)


def _heeds_the_keyboard() -> None:
    """Whoever runs in the background of a shell, as these tests may, ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _counts(library: Path) -> tuple[int, int]:
    """Recordings that are done, and segments; none as long as there is no library."""
    path = library / "library.db"
    if not path.exists():
        return 0, 0
    with closing(sqlite3.connect(path)) as database:
        try:
            return database.execute(
                "SELECT (SELECT sum(done) FROM recordings), (SELECT count(*) FROM segments)"
            ).fetchone()
        except sqlite3.OperationalError:  # it is being made
            return 0, 0
