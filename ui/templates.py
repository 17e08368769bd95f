"""HTML from Jinja templates: ui/templates/*.html, and <tab>/*.html from the templates folder of each tab.

>>> notice("There is no library called <b>.")
'<p class="notice" role="alert">There is no library called &lt;b&gt;.</p>'
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from ui import audio, downloads, labels
from ui.recording import address

UI = Path(__file__).parent
FOLDERS = ("search", "live", "map", "library", "about", "recording")

_environment = Environment(
    loader=ChoiceLoader(
        [
            FileSystemLoader(UI / "templates"),
            PrefixLoader({name: FileSystemLoader(UI / name / "templates") for name in FOLDERS}),
        ]
    ),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.globals |= {"address": address, "audio": audio, "downloads": downloads, "labels": labels}


def render(name: str, **values: Any) -> str:
    """A template filled with values, which are escaped."""
    return _environment.get_template(name).render(values)


def macro(name: str, called: str) -> Callable[..., str]:
    """A macro of a template, which gives HTML."""
    return getattr(_environment.get_template(name).module, called)


def notice(message: str, *, good: bool = False) -> str:
    """One sentence on what went wrong or, if `good`, on what was done."""
    return render("notice.html", message=message, good=good)
