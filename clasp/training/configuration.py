"""A training as a TOML file: a table for every stage, in their order, with the options that the stage takes.

    [recognizer]
    steps = 7_000

    [release]
    out = "runs/model"

Stages that are finished are recorded in `runs/<name of the file>.finished.json` and not run again, unless their
options have changed, what they wrote is gone, or a stage before them has been run again.
"""

import argparse
import importlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import tomlkit
from tomlkit.exceptions import TOMLKitError

from clasp.errors import DataError
from clasp.files import write_text

STAGES = {  # name: module with add_arguments(parser) and run(args) -> exit code
    "text": "clasp.training.sentence.train",
    "features": "clasp.training.speech_features",
    "recognizer": "clasp.training.recognizer",
    "decode": "clasp.training.decode_corpus",
    "sound": "clasp.training.sound",
    "ngrams": "clasp.training.ngrams",
    "meaning": "clasp.training.meaning",
    "release": "clasp.training.release",
    "gate": "clasp.training.gate",
    "speaker": "clasp.training.speaker",
    "adapt": "clasp.training.adapt",
    "published": "clasp.training.published.train",
}
COMMANDS = {
    "corpus": "clasp.training.data.corpus",
    "calibrate": "clasp.evaluation.calibrate",
}  # of their own, and stages too
RECORDS = Path("runs")


class StageParser(argparse.ArgumentParser):
    """The parser of a stage, whose name is the last word of `prog`; its module is loaded when it is needed."""

    def parse_known_args(  # type: ignore[override]  # of all that argparse takes, what the command line gives
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse does, for the options of the stage."""
        if self.get_default("stage") is None:
            name = self.prog.split()[-1]
            module = importlib.import_module((STAGES | COMMANDS)[name])
            self.description = module.__doc__
            module.add_arguments(self)
            self.set_defaults(stage=module.run)
        return super().parse_known_args(args, namespace)


class Planned(NamedTuple):
    """A stage of a configuration: its options as they are stated, and as its module takes them."""

    stated: list[str]
    options: argparse.Namespace


def run_stages(path: Path) -> int:
    """Run the stages of the file `path`. Returns 0, or the exit code of the stage that failed.

    Raises:
        DataError: if the file has an unknown stage or an option that the stage does not take; before any stage is run.
    """
    stages = read(path)
    record = RECORDS / f"{path.stem}.finished.json"
    finished = json.loads(record.read_text("utf-8")) if record.exists() else {}
    for place, (name, (stated, options)) in enumerate(stages.items()):
        out = getattr(options, "out", None)
        if name in finished and finished[name]["options"] == stated and (out is None or out.exists()):
            print(f"{path.name}: [{name}] was finished {finished[name]['time']}", flush=True)
            continue
        for later in list(stages)[place:]:
            finished.pop(later, None)
        _record(record, finished)
        print(f"{path.name}: [{name}]", flush=True)
        code = options.stage(options)
        if code != 0:
            return code
        finished[name] = {"options": stated, "time": time.strftime("%Y-%m-%d %H:%M")}
        _record(record, finished)
    return 0


def read(path: Path) -> dict[str, Planned]:
    """The stages of a configuration, in their order.

    Raises:
        DataError: as `run_stages`.
    """
    try:
        tables = tomlkit.parse(path.read_text("utf-8")).unwrap()
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise DataError(f"{path} cannot be read as TOML: {error}") from error
    known = STAGES | COMMANDS
    for name, options in tables.items():
        if name not in known or not isinstance(options, dict):
            raise DataError(f"{path}: {name!r} is no stage: write a table [stage] for any of {', '.join(known)}.")
    if not tables:
        raise DataError(f"{path} names no stage: write a table [stage] for any of {', '.join(known)}.")
    return {name: _planned(path, name, options) for name, options in tables.items()}


def _planned(path: Path, name: str, options: dict[str, Any]) -> Planned:
    """A stage with its options, checked by its own parser."""
    parser = _CheckingParser(path, name)
    stated: list[str] = []
    for key, value in options.items():
        option = f"--{key.replace('_', '-')}"
        if isinstance(value, list):
            stated += [option, *map(str, value)]
        elif value is True:
            stated.append(option)
        elif value is False or not isinstance(value, str | int | float):
            parser.error(
                f"{key} is {value!r}: expected a text, a number, a list, or true; leave out what is not wanted"
            )
        else:
            stated.append(f"{option}={value}")
    return Planned(stated, parser.parse_args(stated))


class _CheckingParser(StageParser):
    """Raises what argparse would print, with the place in the configuration."""

    def __init__(self, path: Path, name: str):
        super().__init__(name, add_help=False, allow_abbrev=False)
        self.path = path

    def error(self, message: str) -> NoReturn:
        """Raises DataError."""
        raise DataError(f"{self.path}, [{self.prog}]: {message}. See: python -m clasp train {self.prog} --help")


def _record(path: Path, finished: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(finished, indent=1) + "\n")
