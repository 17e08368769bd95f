"""Eight queries that show what the demo library can do: the first of assets/library/examples.tsv."""

import csv
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from clasp.paths import ASSETS
from ui import script
from ui.templates import render

LIBRARY = ASSETS / "library"
COUNT = 8
KINDS = {  # in examples.tsv: on the page
    "words": "Same words",
    "paraphrase": "Other words",
    "question": "A question",
    "cross-lingual": "Another language",
    "moment": "A moment in a recording",
    "name": "A name, as it sounds",
    "spoken": "Spoken",
}


@dataclass(frozen=True)
class Example:
    """A query to try."""

    query: str
    language: str  # BCP-47
    kind: str  # see KINDS
    file: Path | None  # of a spoken one


def read() -> list[Example]:
    """The examples; none if the file is missing."""
    path = LIBRARY / "examples.tsv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[:COUNT]
    return [
        Example(row["query"], row["language"], row["kind"], LIBRARY / row["file"] if row["file"] else None)
        for row in rows
    ]


def build(examples: list[Example]) -> gr.HTML:
    """The row of examples. `select` carries the number of the one that is pressed; their audio may be fetched."""
    gr.set_static_paths([example.file for example in examples if example.file])
    return gr.HTML(
        html_template=render("search/examples.html", examples=examples, kinds=KINDS),
        js_on_load=script.mount("search/examples", "select"),
        apply_default_css=False,
        elem_id="examples",
    )
