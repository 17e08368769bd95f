"""A dropdown as every tab has them: one look, and choices that may be told later."""

from typing import Any

import gradio as gr


def dropdown(
    label: str,
    choices: list[tuple[str, str]] | None = None,
    value: str | None = None,
    *,
    labelled: bool = True,
    **more: Any,
) -> gr.Dropdown:
    """A dropdown, its label above it or only read out. The value may come before the choices do: who takes it sees for
    themselves whether it is one."""
    classes = ["dropdown"] if labelled else ["dropdown", "unlabelled"]
    made = gr.Dropdown(
        choices or [], value=value, label=label, elem_classes=classes, **{"filterable": False, "min_width": 130, **more}
    )
    made.preprocess = lambda value: value
    return made
