"""The page's script: the ES modules under static/, as Gradio's components and events call them.

Their addresses have a version in them, which changes with what they say: browsers keep them for good, and never an old
one beside a new one. Gradio loads no module for a component, so each one is imported where it is called.
"""

import json
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from clasp.paths import package_folder

STATIC = Path(__file__).parent / "static"
MODULES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))


def _root() -> str:
    digest = sha256(version("plotly").encode())
    for name in MODULES:
        digest.update(name.encode() + (STATIC / name).read_bytes())
    return f"static-{digest.hexdigest()[:12]}"


ROOT = _root()  # of the modules' addresses, relative to the page's


def plotly() -> Path:
    """Plotly's own script, as its package carries it: `plotly.js` among the modules, see drawing.js."""
    return package_folder("plotly") / "package_data" / "plotly.min.js"


def preloads() -> str:
    """HTML for the page's head: the modules come while Gradio puts the page together."""
    elsewhere = ("live/microphone.js", "recording/")  # in a worklet, and on a page of its own
    names = (name for name in MODULES if not name.startswith(elsewhere))
    return "\n".join(f'<link rel="modulepreload" href="{ROOT}/{name}">' for name in names)


def module(name: str) -> str:
    """JavaScript: the promise of a module, such as "search/results"."""
    return f'import(new URL("{ROOT}/{name}.js", document.baseURI))'


def mount(name: str, *events: str, function: str = "mount") -> str:
    """JavaScript that a gr.HTML runs when it is on the page: hands it to a function of a module, see types.d.ts.
    `events` are those that the module triggers; Gradio knows of them because they stand here."""
    component = "{ element, props, watch, trigger }"
    return f"{module(name)}.then((module) => module.{function}({component})); // {', '.join(map(json.dumps, events))}"


def call(name: str, function: str, *first: str) -> str:
    """JavaScript for an event: calls a function of a module with what the event is given, after some texts."""
    given = ", ".join([*map(json.dumps, first), "...given"])
    return f"async (...given) => (await {module(name)}).{function}({given})"
