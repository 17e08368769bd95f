"""Six queries that show what the library can do: the first of assets/library/examples.tsv."""

import csv
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr

from clasp.paths import ASSETS

LIBRARY = ASSETS / "library"
COUNT = 6
KINDS = {  # in examples.tsv: on the page
    "words": "a sentence",
    "paraphrase": "in other words",
    "question": "a question",
    "cross-lingual": "another language",
    "moment": "a moment in a recording",
    "spoken": "spoken",
}


@dataclass(frozen=True)
class Example:
    """A query to try."""

    query: str
    language: str  # BCP-47
    kind: str  # see KINDS
    file: Path | None  # of a spoken one


def read() -> list[Example]:
    """The examples shown; none where the file is missing."""
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
    """The row of examples. `select` carries the number of the one pressed; their audio may be fetched."""
    chips = "".join(
        f'<li><button type="button" data-example="{n}">'
        f"<small>{escape(KINDS.get(example.kind, example.kind))}</small>"
        f'<span lang="{escape(example.language)}" dir="auto">{escape(example.query)}</span></button></li>'
        for n, example in enumerate(examples)
    )
    gr.set_static_paths([example.file for example in examples if example.file])
    return gr.HTML(
        html_template=f'<ul class="examples" aria-label="Examples to try">{chips}</ul>',
        js_on_load="""
element.addEventListener('click', (event) => {
  const chip = event.target.closest('[data-example]');
  if (!chip) return;
  clasp.busy();
  const index = Number(chip.dataset.example);
  trigger('select', { index, value: index });
});""",
        apply_default_css=False,
        elem_id="examples",
    )
