"""Configurations: what they run, in which order, what is not run again, and where a mistake is."""

import argparse
import re
import sys
import types
from pathlib import Path

import pytest

from clasp.errors import DataError
from clasp.training import configuration
from index.cli import main as command_line

SHIPPED = Path(configuration.__file__).parent / "configs"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[argparse.Namespace]:
    """Two stages that only note that they ran; the second fails where it is told to."""
    calls: list[argparse.Namespace] = []

    def stage(name: str) -> types.ModuleType:
        module = types.ModuleType(f"stage_{name}", f"The stage {name}.")

        def add_arguments(parser: argparse.ArgumentParser) -> None:
            parser.add_argument("--out", type=Path, default=tmp_path / name)
            parser.add_argument("--steps", type=int, default=1)
            parser.add_argument("--voices", nargs="+", choices=("a", "b"))
            parser.add_argument("--fail", action="store_true")
            parser.add_argument("--needed", required=name == "second")

        def run(args: argparse.Namespace) -> int:
            calls.append(argparse.Namespace(name=name, **vars(args)))
            args.out.mkdir(exist_ok=True)
            return 3 if args.fail else 0

        module.add_arguments, module.run = add_arguments, run
        return module

    for name in ("first", "second"):
        monkeypatch.setitem(sys.modules, f"stage_{name}", stage(name))
    monkeypatch.setattr(configuration, "STAGES", {"first": "stage_first", "second": "stage_second", "lost": "nowhere"})
    monkeypatch.chdir(tmp_path)
    return calls


def train(text: str) -> int:
    Path("mine.toml").write_text(text)
    return command_line.main(["train", "--config", "mine.toml"])


def test_stages_run_in_the_order_of_the_file_and_once(ran: list[argparse.Namespace], tmp_path: Path) -> None:
    text = '[second]\nneeded = "x"\n\n[first]\nsteps = 5\nvoices = ["a", "b"]\n'
    assert train(text) == 0
    assert [(call.name, call.steps, call.voices) for call in ran] == [("second", 1, None), ("first", 5, ["a", "b"])]
    assert train(text) == 0
    assert len(ran) == 2
    (tmp_path / "first").rmdir()  # what the last stage wrote is gone
    assert train(text) == 0
    assert [call.name for call in ran[2:]] == ["first"]
    assert train(text.replace('"x"', '"y"')) == 0  # a stage changes: those after it run again
    assert [call.name for call in ran[3:]] == ["second", "first"]


def test_a_stage_that_fails_ends_the_run_and_is_run_again(ran: list[argparse.Namespace]) -> None:
    text = '[first]\nfail = true\n[second]\nneeded = "x"\n'
    assert train(text) == 3
    assert train(text) == 3
    assert [call.name for call in ran] == ["first", "first"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[third]\n", "'third' is no stage"),
        ("first = 3\n", "'first' is no stage"),
        ("", "names no stage"),
        ("[first]\nstep = 3\n", r"\[first\]: unrecognized arguments: --step=3"),
        ('[first]\nsteps = "many"\n', r"\[first\]: argument --steps: invalid int value: 'many'"),
        ("[first]\nsteps = 2.5\n", r"\[first\]: argument --steps: invalid int value"),
        ("[first]\nsteps = true\n", r"\[first\]: argument --steps: expected one argument"),
        ("[first]\nfail = false\n", r"\[first\]: fail is False"),
        ('[first]\nvoices = ["c"]\n', r"\[first\]: argument --voices: invalid choice"),
        ("[first.inner]\nsteps = 1\n", r"\[first\]: inner is"),
        ("[second]\n", r"\[second\]: the following arguments are required: --needed"),
        ("[first]\nsteps = \n", r"cannot be read as TOML.*line 2"),
    ],
)
def test_a_mistake_is_named_before_anything_runs(text: str, place: str, ran: list[argparse.Namespace]) -> None:
    if text and "second" not in text:
        text += '[second]\nneeded = "x"\n'
    Path("mine.toml").write_text(text)
    with pytest.raises(DataError, match=place):
        configuration.run_stages(Path("mine.toml"))
    assert not ran


def test_a_missing_configuration_is_said(capsys: pytest.CaptureFixture[str], ran: list[argparse.Namespace]) -> None:
    assert command_line.main(["train", "--config", "none.toml"]) == 2
    assert "none.toml cannot be read" in capsys.readouterr().err


def test_a_stage_is_run_by_its_name_and_no_other_is_loaded(ran: list[argparse.Namespace]) -> None:
    assert command_line.main(["train", "first", "--steps", "7"]) == 0  # "lost" cannot be imported
    assert [(call.name, call.steps) for call in ran] == [("first", 7)]


@pytest.mark.parametrize("words", [[], ["--config", "mine.toml", "first"], ["third"], ["first", "--unknown"]])
def test_a_command_without_sense_ends_with_its_usage(words: list[str], ran: list[argparse.Namespace]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.main(["train", *words])
    assert ended.value.code == 2
    assert not ran


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_configurations_are_what_their_stages_take(path: Path) -> None:
    stages = configuration.read(path)
    assert all(callable(planned.options.stage) for planned in stages.values())
    if path.stem == "bundled":
        assert list(stages) == [
            "corpus", "text", "features", "recognizer", "decode", "sound", "ngrams", "meaning", "release", "gate",
            "speaker", "calibrate",
        ]  # fmt: skip
        assert str(stages["release"].options.out) == stages["calibrate"].options.model != "assets/model"


@pytest.mark.parametrize("page", ["README.md", "docs/training.md"])
def test_every_command_that_a_page_names_is_there(page: str) -> None:
    text = (Path(__file__).parents[3] / page).read_text(encoding="utf-8")
    named = re.findall(r"python -m clasp ([a-z]+)(?: ([a-z]+)\b)?", text)
    assert len(named) > 2
    assert {command for command, _ in named} <= command_line.COMMANDS.keys()
    assert {stage for command, stage in named if command == "train" and stage} <= configuration.STAGES.keys()
