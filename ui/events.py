"""Events of components, as every tab connects and reads them."""

from typing import Any

import gradio as gr

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # for no program; without a spinner

Updates = dict[Any, Any]  # new values, by component


def event_data(event: gr.EventData) -> dict[str, Any]:
    """What a script sends with an event."""
    return event._data if isinstance(event._data, dict) else {}
