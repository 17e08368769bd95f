"""CLASP on the command line: say it or type it, and hear the sentence that says the same.

    python -m clasp search "the ship was lost in the storm"
    python -m clasp search --speech question.wav
    python -m clasp serve
    python -m clasp search --help

Every command explains itself like this one.
"""

import argparse
import errno
import importlib
import io
import os
import sys
from pathlib import Path

import clasp
from clasp.errors import ClaspError

COMMANDS = {  # name: (module with add_arguments(parser) and run(args) -> exit code, what it does)
    "search": ("index.cli.search", "find utterances that say the same as a text or a recording"),
    "add": ("index.cli.add", "add your own recordings to a library"),
    "watch": ("index.cli.watch", "add recordings to a library as they come into a folder"),
    "feed": ("index.cli.feed", "add the episodes of podcast feeds to a library as they come out"),
    "saved": ("index.cli.saved", "save searches that are run on whatever is new in a library"),
    "listen": ("index.cli.listen", "find what says the same as you do, while you speak"),
    "library": ("index.cli.library", "list, edit, remove, check, export and import recordings of a library"),
    "export": ("index.cli.export", "write what is said in recordings as subtitles, texts, annotations and edit lists"),
    "serve": ("app", "open the app in the browser"),
    "evaluate": ("clasp.evaluation.evaluate", "measure the model on held-out speech and text"),
    "mteb": ("clasp.evaluation.mteb_model", "measure the model on the speech retrieval tasks of MTEB"),
    "benchmark": ("index.benchmarks.benchmark", "measure speed and memory on this machine"),
    "weights": ("clasp.speech.whisper_weights", "fetch and check the weights of Whisper, by which CLASP hears"),
    "convert": ("clasp.published.convert", "turn a published fusion module into safetensors"),
    "calibrate": ("clasp.evaluation.calibrate", "fit the probabilities of a model's scores"),
    "paper": ("clasp.evaluation.paper", "train and measure the recipe of the paper on real backbones"),
    "corpus": ("clasp.training.data.corpus", "build the training corpus"),
    "train": ("clasp.training.train", "train the model"),
    "demo": ("clasp.training.data.demo", "build the demo library"),
    "settings": ("clasp.settings", "show every limit and place that can be set"),
    "map": ("index.cli.map", "fit the map of a library"),
}

FULL = (errno.ENOSPC, errno.EDQUOT)
LEFT = 141  # exit code where whoever reads has left (`| head`), as of any program that SIGPIPE ends


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Returns its exit code; 2 where it failed, with one line on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # a console that has not all letters shows those it has
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except ClaspError as error:
        print(f"clasp: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        _write_nowhere()
        return LEFT
    except OSError as error:
        if error.errno not in FULL:
            raise
        _write_nowhere()
        print(f"clasp: The output cannot be written ({error.strerror}): make room for it.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _run(arguments: list[str]) -> int:
    installed = Path(sys.argv[0]).stem == "clasp"  # the command, not `python -m clasp`
    parser = argparse.ArgumentParser(
        "clasp" if installed else "python -m clasp",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"CLASP {clasp.__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        command = subparsers.add_parser(name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name in arguments[:1]:  # only the module of the command at hand is loaded
            module = importlib.import_module(module_name)
            command.description = module.__doc__
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    return options.run(options)


def _write_nowhere() -> None:
    """What is still to be written is lost without a further word, also when Python ends."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
