"""The examples in the docstrings do what they say, with the model and the demo library that ship."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PUBLIC = {  # what has to have an example
    "clasp.model.load", "clasp.audio.decode.decode", "clasp.model.Clasp.encode_text", "clasp.model.Clasp.encode_speech",
    "index.library", "index.search",
}  # fmt: skip


def modules() -> list[str]:
    """The modules whose docstrings have examples."""
    files = [path for package in ("clasp", "index", "ui") for path in (ROOT / package).rglob("*.py")]
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files if ">>> " in path.read_text("utf-8")
    ]
    return sorted(name.removesuffix(".__init__") for name in names)


def examples(module: str) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module), module)
    return [test for test in found if test.examples]


@pytest.mark.parametrize("module", modules())
def test_examples_do_what_they_say(module: str, loaded: None):
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    report: list[str] = []
    for test in examples(module):
        runner.run(test, out=report.append)
    assert runner.tries > 0 and runner.failures == 0, "".join(report)


def test_what_is_public_has_an_example():
    shown = {test.name for module in modules() for test in examples(module)}
    assert shown >= PUBLIC
