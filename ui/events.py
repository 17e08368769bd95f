"""Events of components, as every tab connects and reads them."""

from typing import Any

import gradio as gr

QUIET = {"api_visibility": "private", "show_progress": "hidden"}  # no program may call it, no spinner covers the page

Updates = dict[Any, Any]  # new values, by component


def event_data(event: gr.EventData) -> dict[str, Any]:
    """What a script sends with an event."""
    return event._data if isinstance(event._data, dict) else {}
