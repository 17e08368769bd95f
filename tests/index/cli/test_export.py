"""`clasp export`, and what a library's transcripts are made of."""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pysubs2
import pytest

from clasp.speech.transcript import Transcript, Word
from index.cli.main import main
from index.exports.transcript import of_recordings, of_segments
from index.ingest import transcripts
from index.library import Library, Recording, Segment

WORDS = (Word("Bees", 4.1, 4.5, 0.9), Word("sleep.", 4.5, 5.0, 0.8))


@pytest.fixture
def folder(tmp_path: Path, model) -> Path:
    """A library of two recordings with transcripts, supplied and a machine's, and one without."""
    folder = tmp_path / "library"
    with Library.create(folder, model) as library:
        titles = {"harbour": "Hafen", "bees": "Bienen", "silent": "Stille"}
        recordings = [Recording(name, tmp_path / f"{name}.wav", title, 9.0) for name, title in titles.items()]
        segments = [
            Segment(0, "harbour", 4.0, 6.0, "It was late.", "en", "Bert"),
            Segment(0, "harbour", 0.0, 3.5, "We left at dawn.", "en", "Anna"),
            Segment(0, "bees", 4.0, 5.5, "", "en", "Anna"),
            Segment(0, "bees", 6.0, 7.0, "Supplied.", "en", "Anna"),
            Segment(0, "silent", 0.0, 1.0),
        ]
        stored = library.add(recordings, segments, np.eye(32, dtype=np.float32)[:5])
        machine = Transcript("Bees sleep.", "en", WORDS, -0.1)
        library.transcripts.store([stored[2].id], [machine], "base")
    return folder


def exported(folder: Path, *arguments: str) -> int:
    return main(["export", *arguments, "--library", str(folder)])


def test_supplied_transcripts_and_those_of_a_machine(folder: Path, model) -> None:
    with Library.open(folder, model) as library:
        harbour, bees = of_recordings(library, ["harbour", "bees", "harbour"])
        assert [(one.text, one.speaker) for one in harbour.utterances] == [
            ("We left at dawn.", "Anna"), ("It was late.", "Bert")
        ]  # fmt: skip
        assert [(one.text, one.words) for one in bees.utterances] == [("Bees sleep.", WORDS), ("Supplied.", ())]
        chosen = library.segments([4, 1, 3])
        harbour, bees = of_segments(library, [chosen[0], *reversed(chosen)])
        assert [one.id for one in harbour.segments] == [1] and [one.id for one in bees.segments] == [3, 4]


def test_a_file_for_each_recording_and_none_is_written_over(folder: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "new" / "subtitles"
    assert exported(folder, "--format", "srt", "--out", str(out)) == 1
    assert "Without a transcript: Stille" in capsys.readouterr().out
    assert sorted(one.name for one in out.iterdir()) == ["Bienen.srt", "Hafen.srt"]
    first, last = pysubs2.load(str(out / "Hafen.srt")).events
    assert (first.start, first.end, first.text) == (0, 3_500, "[Anna]: We left at dawn.")
    assert last.text == "[Bert]: It was late."
    (out / "Bienen.srt").write_text("mine")
    (out / "Hafen.srt").unlink()
    assert exported(folder, "--format", "srt", "--out", str(out)) == 2
    assert "Bienen.srt is there already" in capsys.readouterr().err
    assert [(one.name, one.read_text()) for one in out.iterdir()] == [("Bienen.srt", "mine")]


@pytest.mark.parametrize("name", ["vtt", "eaf", "TextGrid", "json", "txt"])
def test_a_recording_under_a_name_of_its_own_is_imported_again(folder: Path, tmp_path: Path, name: str, capsys) -> None:
    file = tmp_path / f"harbour.{name}"
    assert exported(folder, "harbour", "--format", name.lower(), "--out", str(file)) == 0
    assert capsys.readouterr().out.strip() == str(file)
    cues = transcripts.read(file).cues
    assert [(one.start, one.end, one.speaker, one.text) for one in cues] == [
        (0.0, 3.5, "Anna", "We left at dawn."), (4.0, 6.0, "Bert", "It was late.")
    ]  # fmt: skip


def test_one_file_for_all(folder: Path, tmp_path: Path) -> None:
    assert exported(folder, "--format", "csv", "--out", str(tmp_path)) == 1
    rows = list(csv.DictReader(io.StringIO((tmp_path / "transcripts.csv").read_text("utf-8-sig"))))
    assert [(row["title"], row["transcript"]) for row in rows][:2] == [
        ("Bienen", "Bees sleep."),
        ("Bienen", "Supplied."),
    ]
    assert [row["transcript"] for row in rows if row["title"] == "Stille"] == [""]
    assert exported(folder, "bees", "harbour", "--format", "json", "--out", str(tmp_path / "all.json")) == 0
    found = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert [word["word"] for word in found["segments"][0]["words"]] == ["Bees", "sleep."]
    assert [one["title"] for one in found["recordings"]] == ["Bienen", "Hafen"]
    assert exported(folder, "--format", "qdpx", "--out", str(tmp_path / "all.qdpx")) == 1
    with zipfile.ZipFile(tmp_path / "all.qdpx") as archive:
        assert len(archive.namelist()) == 3


def test_what_is_wrong_is_said(folder: Path, tmp_path: Path, capsys) -> None:
    assert exported(folder, "nothing", "--format", "srt") == 2
    assert "no recording 'nothing'" in capsys.readouterr().err
    assert exported(folder, "silent", "--format", "srt") == 2
    assert "no transcript to export yet" in capsys.readouterr().err
    assert exported(tmp_path / "none", "--format", "srt") == 2
    assert "no library" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert exported(folder, "bees", "--format", "srt", "--out", str(tmp_path / "file")) == 2
    assert "cannot be written" in capsys.readouterr().err
