"""Adapting a tiny model to two dozen recordings: what is held out, what is written, and what is refused."""

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from clasp import Waveform, load
from clasp.errors import DataError, ModelError
from clasp.training import adapt, adaptation_data, adaptation_report
from clasp.training.checkpoint import descend
from clasp.training.data import demo, synthesis
from clasp.training.data.clips import Clip, letters, split_of

SENTENCES = [
    "The ship was lost in the storm.", "Bread is baked before dawn.", "She never answered his letters.",
    "The committee voted against the tax.", "A cat slept on the warm stones.", "Nobody believed the old sailor.",
    "The train leaves at nine.", "Snow fell all night long.", "He painted the fence green.",
    "Rain drums on the roof.", "The museum opens on Sunday.", "They sang until morning.",
    "Her garden is full of roses.", "We crossed the river by boat.", "The judge read the verdict aloud.",
    "My brother repairs old clocks.", "The soup needs more salt.", "Children laughed in the yard.",
    "The road ends at the lighthouse.", "His answer surprised everyone.", "The library closes early today.",
    "A stranger knocked at the door.", "The engine would not start.", "They bought apples at the market.",
]  # fmt: skip
GENERAL = [f"Number {word} is called." for word in ("one", "two", "three", "four", "five", "six", "seven", "eight")]


def speak(path: Path, text: str, voice: str = "en-us") -> None:
    soundfile.write(path, synthesis.speak(text, synthesis.Voice("espeak", voice, "en")).samples, 16_000)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dozen recordings by six speakers, and a row that names no recording."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = [("file", "text", "speaker"), ("nowhere.wav", "This one is missing.", "s0")]
    for number, text in enumerate(SENTENCES):
        speak(folder / f"{number}.wav", text)
        rows.append((f"{number}.wav", text, f"s{number % 6}"))
    with (folder / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "pairs.csv"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo library of eight recordings."""
    folder = tmp_path_factory.mktemp("library")
    lines = ["\t".join(("id", "file", "language", "speaker", "voice", "room", "category", "kind", "duration", "text"))]
    for number, text in enumerate(GENERAL):
        speak(folder / f"{number}.wav", text, "en-us+f3")
        lines.append("\t".join((f"g{number}", f"{number}.wav", "en", "", "f3", "", "news", "sentence", "1", text)))
    (folder / "metadata.tsv").write_text("\n".join(lines) + "\n")
    assert [file.text for file in demo.read(folder / "metadata.tsv", demo.File)] == GENERAL
    return folder


@pytest.fixture(scope="module")
def model_folder(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old") / "model"
    shutil.copytree(tiny_folder, folder)
    (folder / "calibration.json").write_text('{"of": "the old model"}')
    return folder


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, library: Path) -> None:
    """Six steps, and a model of random weights may lose what it never found."""
    for name, value in _settings(library).items():
        monkeypatch.setattr(adapt, name, value)


def _settings(library: Path) -> dict[str, object]:
    return {"LIBRARY": library, "SECONDS": 20.0, "PASSES": 3, "SAVE_EVERY": 1,
            "MAX_LOSS": {"general": 1.0, "yours": 1.0}}  # fmt: skip


def arguments(table: Path, model: Path, out: Path, minutes: float = 10) -> argparse.Namespace:
    return argparse.Namespace(csv=table, out=out, model=str(model), language="en", minutes=minutes)


def pairs(count: int, speakers: int, texts: int, split: str | None = None) -> list[Clip]:
    clips = []
    for number in range(count):
        text = f"Sentence {number // speakers if texts < count else number}."
        clips.append(Clip(f"{number}", text, "en", "", split or split_of(letters(text)), "", "c",
                          f"s{number % speakers}", Path("x")))  # fmt: skip
    return clips


def test_whole_speakers_are_held_out_with_their_sentences() -> None:
    mine, asked = adaptation_report.hold_out(pairs(200, speakers=20, texts=200))
    assert {clip.speaker for clip in mine}.isdisjoint(clip.speaker for clip in asked)
    assert {clip.text for clip in mine}.isdisjoint(clip.text for clip in asked)
    assert len(mine) + len(asked) == 200
    assert 40 <= len(asked) <= 60


@pytest.mark.parametrize(("speakers", "texts"), [(2, 200), (20, 10)])
def test_sentences_are_held_out_where_speakers_cannot_be(speakers: int, texts: int) -> None:
    """With two speakers, or twenty who all read the same ten sentences."""
    mine, asked = adaptation_report.hold_out(pairs(200, speakers, texts))
    assert {clip.text for clip in mine}.isdisjoint(clip.text for clip in asked)
    assert {clip.speaker for clip in mine} == {clip.speaker for clip in asked}
    assert len(mine) + len(asked) == 200
    assert 40 <= len(asked) <= 60


def test_the_splits_of_the_table_are_kept() -> None:
    clips = pairs(30, 6, 30, split="train")
    clips[3:8] = [Clip(**{**vars(clip), "split": "validation"}) for clip in clips[3:8]]
    mine, asked = adaptation_report.hold_out(clips)
    assert [clip.id for clip in asked] == ["3", "4", "5", "6", "7"]
    assert len(mine) == 25


def test_general_speech_is_either_repeated_or_measured(library: Path) -> None:
    replay, guard = adaptation_report.general_speech(library)
    assert sorted(clip.text for clip in [*replay, *guard]) == sorted(GENERAL)
    assert replay
    assert guard
    replay, guard = adaptation_report.general_speech(demo.LIBRARY)
    assert {clip.text for clip in replay}.isdisjoint(clip.text for clip in guard)
    assert 0.2 < len(guard) / (len(replay) + len(guard)) < 0.3


def test_the_voice_behind_is_five_decibels_fainter() -> None:
    draw = np.random.default_rng(0)
    first, second = (Waveform(0.1 * draw.standard_normal(size).astype(np.float32)) for size in (8_000, 3_000))
    both = adaptation_report._with_background(first, second)
    ratio = np.mean(first.samples**2) / np.mean((both.samples - first.samples) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(5, abs=0.01)


def test_figures_are_those_of_the_whole_matrix(tiny, table: Path) -> None:
    clips = [
        Clip(f"{number}", text, "en", "", "train", "", "c", "", table.parent / f"{number}.wav")
        for number, text in enumerate(SENTENCES[:9])
    ]
    figures = adaptation_report.measure(tiny, clips[:4], clips[4:])
    texts = tiny.encode_text([clip.text for clip in clips], ["en"] * 9)
    speech = tiny.encode_speech([adaptation_report.decode(clip.path) for clip in clips])
    for way, scores in (("speech→text", speech @ texts.T), ("text→speech", texts @ speech.T)):
        places = [1 + int((scores[row] > scores[row, row]).sum()) for row in range(4)]
        assert figures[way]["hits@1"] == np.mean([place == 1 for place in places])
        assert figures[way]["mrr"] == pytest.approx(np.mean([1 / place for place in places]))
        assert figures[way]["queries"] == 4
    meaning = tiny.halves(speech)[0] @ tiny.halves(texts)[0].T
    right = [meaning[row].argmax() == row for row in range(4)]
    assert figures["speech→text"]["meaning_hits@1"] == np.mean(right)
    assert figures["phones"]["error_rate"] > 0.5  # of random weights


def test_examples_are_learned(tiny, table: Path) -> None:
    clips = [
        Clip(f"{number}", text, "en", "", "train", "", "c", "", table.parent / f"{number}.wav")
        for number, text in enumerate(SENTENCES[:8])
    ]
    by_text = adaptation_data.examples(clips, tiny.speech)
    pseudo = adaptation_data.examples(clips, tiny.speech, pseudo_labels=True)
    for source in (by_text, pseudo):
        assert [example.frames for example in source] == sorted(example.frames for example in source)
    assert all(example.frame_labels is None and len(example.renderings) == 3 for example in by_text)
    assert all(len(example.frame_labels[0]) == -(-example.frames // 2) for example in pseudo)
    first = adaptation_data.draw_batch([by_text, pseudo], 6, step=1)
    again = adaptation_data.draw_batch([by_text, pseudo], 6, step=1)
    assert [id(example) for example in first] == [id(example) for example in again]
    assert 2 <= len(first) <= 12
    assert {example.frame_labels is None for example in first} == {True, False}
    for source in (by_text, pseudo):
        recognizer = adapt.copy.deepcopy(tiny.speech.recognizer)
        optimiser = torch.optim.AdamW(recognizer.parameters(), lr=3e-3)
        losses = [
            descend(
                adaptation_data.loss(recognizer, adaptation_data.draw_batch([source], 12, step), step), optimiser, 3e-3
            )
            for step in range(25)
        ]
        assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


@pytest.mark.usefixtures("settings")
def test_an_adapted_model_is_complete_and_its_text_side_unchanged(
    table: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "mine"
    assert adapt.run(arguments(table, model_folder, out)) == 0
    printed = capsys.readouterr().out
    assert "pairs.csv line 2" in printed
    assert "1 rows left out" in printed
    old, new = load(model_folder), load(out)
    assert new.checksum != old.checksum
    np.testing.assert_array_equal(new.encode_text(SENTENCES[:3]), old.encode_text(SENTENCES[:3]))
    wave = adaptation_report.decode(table.parent / "0.wav")
    assert np.abs(new.encode_speech([wave]) - old.encode_speech([wave])).max() > 1e-4
    assert (out / "calibration.json").read_text() == '{"of": "the old model"}'
    card = json.loads((out / "card.json").read_text())
    assert card["from"] == old.checksum
    assert card["pairs"] + card["held_out"] == len(SENTENCES)
    assert card["before"].keys() == card["after"].keys() == {"yours", "general"}
    assert f"{card['after']['yours']['speech→text']['hits@1']:.3f}" in (out / "README.md").read_text()
    assert [path.name for path in out.parent.iterdir()] == ["mine"]


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("speech", ["general", "yours"])
def test_nothing_is_written_where_less_is_found(
    speech: str, table: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setitem(adapt.MAX_LOSS, speech, -1.1)
    assert adapt.run(arguments(table, model_folder, tmp_path / "mine")) == 1
    printed = capsys.readouterr().out
    assert f"With 25% of what was learned, HITS@1 of {speech} falls" in printed
    assert "Nothing was written" in printed
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("settings")
@pytest.mark.slow
def test_killed_training_resumes_exactly(table: Path, model_folder: Path, library: Path, tmp_path: Path) -> None:
    assert adapt.run(arguments(table, model_folder, tmp_path / "whole")) == 0
    code = "\n".join([
        "import argparse, sys, time; from pathlib import Path; from clasp.training import adapt",
        *(f"adapt.{name} = {str(value)!r}" for name, value in _settings(library).items() if name == "LIBRARY"),
        "adapt.LIBRARY = Path(adapt.LIBRARY)",
        *(f"adapt.{name} = {value!r}" for name, value in _settings(library).items() if name != "LIBRARY"),
        "quick = adapt.descend",
        "adapt.descend = lambda *rest: (time.sleep(0.5), quick(*rest))[1]",
        "table, model, out = sys.argv[1:]",
        "adapt.run(argparse.Namespace(csv=Path(table), out=Path(out), model=model, language='en', minutes=10))",
    ])  # fmt: skip
    command = [sys.executable, "-c", code, str(table), str(model_folder), str(tmp_path / "parts")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=Path(adapt.__file__).parents[2], env=os.environ)
    state = tmp_path / "parts.part" / "checkpoint.pt"
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    steps = json.loads((state.parent / "plan.json").read_text())["steps"]
    assert 0 < torch.load(state, weights_only=True)["step"] < steps
    assert not (tmp_path / "parts").exists()

    with pytest.raises(DataError, match=r"unfinished adaptation"):
        adapt.run(arguments(table, model_folder, tmp_path / "parts", minutes=5))
    assert adapt.run(arguments(table, model_folder, tmp_path / "parts")) == 0
    for name in ("speech.safetensors", "sound.safetensors", "config.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.usefixtures("settings")
def test_what_cannot_be_adapted_is_said(
    table: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_published
) -> None:
    with pytest.raises(DataError, match=r"gone\.csv"):
        adapt.run(arguments(tmp_path / "gone.csv", model_folder, tmp_path / "mine"))
    few = tmp_path / "few.csv"
    rows = [f"{table.parent / f'{number}.wav'},{SENTENCES[number]}" for number in range(15)]
    few.write_text("\n".join(["file,text", *rows]))
    with pytest.raises(DataError, match=r"15 usable pairs.*at least 20"):
        adapt.run(arguments(few, model_folder, tmp_path / "mine"))
    with pytest.raises(DataError, match=r"few\.csv is there already"):
        adapt.run(arguments(table, model_folder, few))
    with pytest.raises(DataError, match="is there already"):
        adapt.run(arguments(table, model_folder, tmp_path))
    with pytest.raises(ModelError, match="No model"):
        adapt.run(arguments(table, tmp_path / "none", tmp_path / "mine"))
    tiny_published.save(tmp_path / "published")
    with pytest.raises(ModelError, match="recognizes no sounds"):
        adapt.run(arguments(table, tmp_path / "published", tmp_path / "mine"))
    with pytest.raises(DataError, match="more --minutes"):
        adapt.run(arguments(table, model_folder, tmp_path / "mine", minutes=0.001))
    shutil.rmtree(tmp_path / "mine.part", ignore_errors=True)
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1_000))
    with pytest.raises(DataError, match="MB left"):
        adapt.run(arguments(table, model_folder, tmp_path / "mine"))
    assert not (tmp_path / "mine").exists()
