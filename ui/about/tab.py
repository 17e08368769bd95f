"""The About tab: what this is, what runs here, how well it works, and what happens to what one says."""

from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from clasp.errors import ClaspError
from clasp.settings import current
from index.guests import lifetime
from ui import labels, script
from ui.errors import error_message
from ui.events import QUIET
from ui.service import Service
from ui.templates import render

if TYPE_CHECKING:
    from clasp import Clasp

NAMED = 24  # languages that are listed; more are counted

POOL = 1_000  # recordings that every test of the card is about
TESTS = (  # row and column of the first table that a model's README has under "Measured": what the number says
    (
        "its own words",
        "search with transcripts",
        f"of typed English sentences have the recording that says them as the first hit, among {POOL:,} of people who "
        "are not in the training data.",
    ),
    (
        "in other words",
        "search with transcripts",
        f"of sentences in other words have the recording that means the same as the first hit, among these {POOL:,}.",
    ),
    (
        "in other words",
        "search without",
        "of them do so before anything is transcribed, from the sound alone.",
    ),
)
FALSE_MATCHES = (
    "of queries without an answer in the library get a strong match nevertheless. Probabilities are off by {off} on "
    "average, for short sentences."
)

Facts = list[tuple[str, str]]


def build(service: Service, token: gr.BrowserState, tab: gr.Tab) -> None:
    """Lay out the tab; called inside it. What depends on model and libraries comes when it is opened."""
    view = gr.HTML(page(service), js_on_load=script.mount("about/about"), apply_default_css=False)

    def load(guest: str) -> str:
        try:
            model = service.opened().model
            return page(service, running(service, model, guest), measured(model))
        except Exception as error:
            return page(service, [], [], error_message(error, "the about tab"))

    tab.select(load, token, view, **QUIET)


def page(service: Service, facts: Facts | None = None, measures: Facts | None = None, problem: str = "") -> str:
    """All of it; facts and measures that are None are still to come."""
    return render(
        "about/about.html",
        local=service.local,
        webhook=bool(current().webhook),
        read_only=service.read_only,
        lifetime=lifetime(),
        facts=facts,
        measures=measures,
        problem=problem or service.problem,
    )


def running(service: Service, model: "Clasp", token: str) -> Facts:
    """What runs here: the model, what it knows, where it computes, and what can be searched."""
    from clasp.device import parameters_of  # loads torch, which the start of the page does not wait for

    halves = f"{model.meaning_dim} for meaning, {model.sound_dim} for sound" if model.sound_dim else "meaning alone"
    parameters = sum(parameters_of(part) for part in (model.text, model.speech, model.sound) if part)
    facts = [
        ("Model", f"{service.model_name}, {parameters / 1e6:,.0f} million parameters"),
        ("Vectors", f"{model.dim} dimensions: {halves}"),
        ("Text", _languages(model.languages)),
        ("Device", f"{_device(model)}, {str(model.precision).removeprefix('torch.')}"),
    ]
    for title, name in service.libraries(token):
        try:
            library = service.library(name, token)
            size = f"{labels.count(len(library.recordings()), 'recording')}, {labels.count(len(library), 'utterance')}"
        except ClaspError:  # the Library tab says why
            size = "cannot be opened"
        facts.append((title, size))
    return [(name, fact) for name, fact in facts if fact]


def measured(model: "Clasp") -> Facts:
    """What was measured with a model, according to its own files."""
    table = tests(model.folder / "README.md") if model.folder is not None else {}
    found = []
    for name, column, sentence in TESTS:
        if share := table.get(name, {}).get(column):
            found.append((labels.percent(float(share)), sentence))
    calibration = model.calibration
    off = calibration.directions["text"].measured.get("ece")
    if off is not None:
        sentence = FALSE_MATCHES.format(off=labels.percent(off))
        found.append((labels.percent(calibration.false_match_rate), sentence))
    return found


def tests(card: Path) -> dict[str, dict[str, str]]:
    """The first table under the heading "Measured" of a model's README: cells by the names of row and column."""
    if not card.is_file():
        return {}
    lines = iter(card.read_text(encoding="utf-8").partition("\n## Measured\n")[2].splitlines())
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip(" *") for cell in line.strip("|").split("|")])
        elif rows:
            break
    return {row[0]: dict(zip(rows[0], row, strict=False)) for row in rows[2:]}


def _languages(tags: tuple[str, ...] | list[str]) -> str:
    """ "2 languages: English, French"; "" for none."""
    if not tags:
        return ""
    names = f": {', '.join(sorted(map(labels.language, tags)))}" if len(tags) <= NAMED else ""
    return labels.count(len(tags), "language") + names


def _device(model: "Clasp") -> str:
    """The name of the GPU, or the kind of what there is instead."""
    import torch

    if model.device.type == "cuda":
        return f"{torch.cuda.get_device_name(model.device)} ({model.device})"
    return {"cpu": "CPU", "mps": "GPU (mps)"}.get(model.device.type, model.device.type)
