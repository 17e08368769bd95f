"""A dropdown as every tab has them: one look, and choices that may be told later."""

from typing import Any

import gradio as gr


def choice(
    label: str, choices: list[tuple[str, str]] | None = None, value: str | None = None, **more: Any
) -> gr.Dropdown:
    """A dropdown; the value may come before the choices do, so that who takes it sees for themselves what it is."""
    classes = ["choice", *more.pop("elem_classes", [])]
    made = gr.Dropdown(choices or [], value=value, label=label, elem_classes=classes, **{"filterable": False, **more})
    made.preprocess = lambda value: value
    return made
