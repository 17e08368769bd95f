"""The about tab: what this is, what runs here, how well it works, and what becomes of what one says."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from clasp.errors import ClaspError
from index.guests import lifetime
from ui import labels
from ui.errors import sentence
from ui.service import Service

if TYPE_CHECKING:
    from clasp import Clasp

NAMED = 24  # languages that are listed; more are counted

TESTS = (  # row and column of the first table that a model's README has under "Measured": what the number says
    (
        "real English, speakers never trained on",
        "HITS@1 text→speech",
        "of typed English sentences find the recording that says them first, among {pool} real ones of speakers never "
        "heard in training.",
    ),
    (
        "paraphrases of real English, with transcripts",
        "HITS@1 text→speech",
        "of paraphrases, typed in other words, find the recording that means the same first, among {pool}.",
    ),
    (
        "paraphrases of real English, without transcripts",
        "HITS@1 text→speech",
        "of the same before anything is transcribed: by what the model hears alone.",
    ),
)
CUTOFF = (
    "of queries that have no answer in the library are still shown one. A probability is off by {off} on average, for "
    "short sentences."
)

WHAT = """
<p>CLASP finds the place in a recording where somebody says what you ask for: type a sentence or say one, in your own
words, and hear the utterances that say the same, each with the probability that it really does. What you add can be
searched at once; transcripts follow in the background and make the search better.</p>"""
HOW = """
<p>Speech is heard by Whisper's encoder, which knows 99 languages; small networks read its phones and their meaning.
Every sentence, spoken or written, becomes a vector of two halves. One stands for <em>what is meant</em>: a sentence
encoder for texts, and for speech what its phones and, once there is one, its transcript tell. It finds paraphrases and
translations. The other stands for <em>what is said</em>: the phones of speech as they are heard, those of a text by
the rules of its language. It finds names, rare words and the very same sentence in any voice. The control under the
query moves between the two.</p>
<p>A search has two stages. An index finds some hundred candidates by their vectors; then their sounds are laid beside
those of the query, one by one, and the hits are ranked by the probability that they say the same. Below a threshold
there is no strong match, and the page says so.</p>"""
LIMITS = """
<ul>
  <li>The same words are found in almost any voice. Other words for the same thing, and other languages, are found far
    better once the speech has a transcript.</li>
  <li>Transcripts are Whisper's: good in the large languages of Europe, poor in others, such as Persian and Hindi.</li>
  <li>It was tested on single sentences that were read aloud. Conversations, music behind a voice and voices that
    overlap are untested.</li>
  <li>The language of a query of one or two words is a guess.</li>
  <li>A probability is calibrated on short sentences: a good paraphrase may stay below the threshold. The nearest are
    shown on request.</li>
</ul>"""
SPOKEN = """
<p>A query is used for its search alone and written into no log. The sound of a spoken one is deleted within the hour;
what you say on the Live tab is kept by this page only, until you clear the list or leave. A typed query stands in the
page's address, so that it can be shared and your browser finds it again. The page asks no other machine for anything
and counts nobody.</p>"""
VISITOR = "<p>What you add can be found by you alone. It is deleted after {lifetime}.</p>"
OWNER = """
<p>What you add stays in its library until you remove it. Recordings that were uploaded are copied into the library's
folder; those that were named by their path stay where they are.</p>"""
KEYS = """
<dl class="keys">
  <div><dt><kbd>Tab</kbd></dt><dd>to the next control, back with <kbd>Shift</kbd></dd></div>
  <div><dt><kbd>Enter</kbd></dt><dd>in the query: search</dd></div>
  <div><dt><kbd>Space</kbd></dt><dd>on a hit's button: play and stop; on Live's: start and stop listening</dd></div>
  <div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>among the tabs: the next one; on the control under the query: towards
    meaning or sound; on a waveform: back and forth, with <kbd>Page ↑</kbd> <kbd>Page ↓</kbd> farther</dd></div>
  <div><dt><kbd>Esc</kbd></dt><dd>closes what is open</dd></div>
</dl>"""
LICENCES = """
<p>The model was trained on public speech and text, all of which may be used commercially: its card,
<code>assets/model/README.md</code>, names them with their licences. It hears by Whisper base (MIT) and reads by
multilingual-e5-small (MIT). The sounds of a text come from espeak-ng (GPL-3.0). The sentences of the demo library were
written for this project, and its voices are synthetic.</p>"""
PROGRAMS = """
<p>Searches can be <a href="gradio_api/info">called from a program</a>. Assistants find them as tools of an MCP
server, at this page's address followed by <code>gradio_api/mcp/</code>. On the command line there is
<code>python -m clasp search "the ship was lost in the storm"</code>.</p>"""

WAIT = '<dl class="{kind} wait" aria-hidden="true">' + "<div><dt></dt><dd></dd></div>" * 4 + "</dl>"  # what is to come


def build(service: Service, visit: gr.BrowserState, tab: gr.Tab) -> None:
    """Lay out the tab; called inside it. What depends on model and libraries comes when it is opened."""
    waiting = page(service, WAIT.format(kind="running"), WAIT.format(kind="measures"))
    view = gr.HTML(waiting, js_on_load=None, apply_default_css=False)

    def show(secret: str) -> str:
        try:
            model = service.opened().model
            return page(service, runs(service, model, secret), measures(model))
        except Exception as error:
            said = f'<p class="notice" role="alert">{escape(sentence(error, "the about tab"))}</p>'
            return page(service, said, "")

    tab.select(show, visit, view, api_visibility="private", show_progress="hidden")


def page(service: Service, running: str, measured: str) -> str:
    """All of it."""
    where = "<p>Everything happens on this computer: nothing leaves it.</p>" if service.local else ""
    sections = {
        "What it does": WHAT,
        "How": HOW,
        "What runs here": running,
        "How well": measured,
        "Limits": LIMITS,
        "Privacy": where + SPOKEN + (VISITOR.format(lifetime=lifetime()) if service.read_only else OWNER),
        "Keys": KEYS,
        "From a program": PROGRAMS,
        "Licences": LICENCES,
    }
    return (
        '<article class="about">'
        + "".join(f"<section><h2>{title}</h2><div>{text}</div></section>" for title, text in sections.items() if text)
        + "</article>"
    )


def runs(service: Service, model: "Clasp", visit: str) -> str:
    """What runs here: the model, what it knows, where it computes, and what can be searched."""
    from clasp.device import parameters_of  # loads torch, which the start of the page does not wait for

    halves = f"{model.meaning_dim} of meaning, {model.sound_dim} of sound" if model.sound_dim else "meaning alone"
    weights = sum(parameters_of(part) for part in (model.text, model.speech, model.sound) if part)
    facts = [
        ("Model", f"{service.model_name}, {weights / 1e6:,.0f} million weights"),
        ("Vectors", f"{model.dim} numbers: {halves}"),
        ("Text", _languages(model.languages)),
        ("Computes on", f"{_device(model)}, {str(model.precision).removeprefix('torch.')}"),
    ]
    for title, name in service.libraries(visit):
        try:
            library = service.library(name, visit)
            size = f"{labels.count(len(library.recordings()), 'recording')}, {labels.count(len(library), 'utterance')}"
        except ClaspError:  # the Library tab says why
            size = "cannot be opened"
        facts.append((title, size))
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(fact)}</dd></div>" for name, fact in facts if fact)
    problem = f'<p class="notice">{escape(service.problem)}</p>' if service.problem else ""
    return f'{problem}<dl class="running">{listed}</dl>'


def measures(model: "Clasp") -> str:
    """What was measured with a model, as its own files tell."""
    table = tests(model.folder / "README.md") if model.folder is not None else {}
    found = []
    for name, column, what in TESTS:
        row = table.get(name, {})
        if row.get(column):
            pool = int(row["pool (queries)"].split()[0])
            found.append((f"{100 * float(row[column]):.0f} %", what.format(pool=f"{pool:,}")))
    calibration = model.calibration
    off = calibration.directions["text"].measured.get("ece")
    if off is not None:
        found.append((f"{100 * calibration.false_match_rate:.0f} %", CUTOFF.format(off=f"{100 * off:.0f} %")))
    if not found:
        return "<p>Nothing has been measured with this model: <code>python -m clasp evaluate</code> does it.</p>"
    listed = "".join(f"<div><dt>{number}</dt><dd>{escape(what)}</dd></div>" for number, what in found)
    return f'<dl class="measures">{listed}</dl>'


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
