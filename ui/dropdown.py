"""A dropdown that looks the same on every tab, and whose choices may come later."""

from typing import Any

import gradio as gr


def dropdown(
    label: str,
    choices: list[tuple[str, str]] | None = None,
    value: str | None = None,
    *,
    labelled: bool = True,
    **options: Any,
) -> gr.Dropdown:
    """A dropdown with its label above it or, unless `labelled`, for screen readers only.

    The value may come before the choices do: handlers check for themselves whether it is one of them.
    """
    classes = ["dropdown"] if labelled else ["dropdown", "unlabelled"]
    made = gr.Dropdown(
        choices or [],
        value=value,
        label=label,
        elem_classes=classes,
        **{"filterable": False, "min_width": 130, **options},
    )
    made.preprocess = lambda value: value  # type: ignore[method-assign, assignment]
    return made
