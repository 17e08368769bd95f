"""How the page looks: colours, type and the style sheet, all served from here."""

from collections.abc import Iterable

import gradio as gr

from ui.script import STATIC, preloads

STYLE_SHEETS = (
    "common/frame",
    "common/fields",
    "search/query",
    "search/filters",
    "search/results",
    "search/moments",
    "map/drawing",
    "search/minimap",
    "map/map",
    "live/live",
    "library/library",
    "library/recordings",
    "library/sources",
    "about/about",
)

# One (light, dark) pair per category, found by maximising the smallest difference between any two of them, to
# full and to red-green deficient colour vision, at a contrast of 3:1 or more to the background.
PALETTE = (
    ("#a82428", "#b84744"),
    ("#623409", "#fe9331"),
    ("#bb7119", "#bf7a31"),
    ("#727800", "#bcc28d"),
    ("#385d2a", "#6fbd50"),
    ("#6a957e", "#82f2ba"),
    ("#054551", "#6995a0"),
    ("#25678f", "#39b2f9"),
    ("#1588d5", "#b6dbfb"),
    ("#0d1fb2", "#5071c6"),
    ("#987cd5", "#a076f2"),
    ("#924af3", "#b4a8d2"),
    ("#6e0276", "#f899fe"),
    ("#af2daf", "#9e649c"),
    ("#975e84", "#e565bf"),
)

# Another tab than the first is not to be seen late: the page waits for it, see address.js. Where an answer is to come,
# there is room for it from the beginning, see results.js. So is the map beside it, or not.
OPENING = """
  const given = new URLSearchParams(location.search), page = document.documentElement.dataset;
  if (given.get("tab")) page.opening = "";
  if (given.has("q") || given.has("like")) page.asked = "";
  if (localStorage.getItem("clasp-map") === "folded") page.folded = "";
"""

# A page without Gradio is light or dark before anything of it is seen, see theme.js
DRESS = """
  const chosen = localStorage.getItem("clasp-theme");
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.body.classList.toggle("dark", dark);
"""

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Noto Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """Gradio's variables, pointed at the page's own (see page.css), which know light from dark."""
    both = {
        "body_background_fill": "var(--paper)",
        "body_text_color": "var(--ink)",
        "body_text_color_subdued": "var(--soft)",
        "background_fill_primary": "var(--card)",
        "background_fill_secondary": "var(--sunk)",
        "block_background_fill": "transparent",
        "block_border_color": "var(--line)",
        "block_label_text_color": "var(--soft)",
        "block_label_background_fill": "transparent",
        "block_title_text_color": "var(--soft)",
        "border_color_primary": "var(--line)",
        "border_color_accent": "var(--accent)",
        "color_accent_soft": "var(--accent-soft)",
        "input_background_fill": "var(--card)",
        "input_background_fill_focus": "var(--card)",
        "input_border_color": "var(--edge)",
        "input_border_color_focus": "var(--accent)",
        "input_placeholder_color": "var(--soft)",
        "slider_color": "var(--accent)",
        "button_primary_background_fill": "var(--accent)",
        "button_primary_background_fill_hover": "var(--accent-strong)",
        "button_primary_text_color": "var(--on-accent)",
        "button_secondary_background_fill": "var(--card)",
        "button_secondary_background_fill_hover": "var(--sunk)",
        "button_secondary_text_color": "var(--ink)",
        "button_secondary_border_color": "var(--edge)",
        "error_text_color": "var(--ink)",
    }
    base = gr.themes.Base(font=SANS, font_mono=MONO, radius_size=gr.themes.sizes.radius_md)
    return base.set(
        color_accent="var(--accent)",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_shadow="none",
        input_shadow="none",
        input_shadow_focus="none",
        button_border_width="1px",
        **both,
        **{f"{name}_dark": value for name, value in both.items()},
    )


def head() -> str:
    """HTML for the page's head: the style sheet, which Gradio would rewrite if it were handed it, and the script."""
    return f"<style>{css()}</style>\n<script>{OPENING}</script>\n{preloads()}"


def css() -> str:
    """The style sheet: the category colours as --category-0 … --category-14, what is around the page, and the page,
    within Gradio's own classes, so that it takes precedence over what Gradio's components bring along."""
    return f"{_base()}\n.gradio-container .main .contain {{\n{_sheets(STYLE_SHEETS)}}}"


def sheet(*names: str) -> str:
    """The style sheet of a page without Gradio."""
    return f"{_base()}\n{_sheets(names)}"


def _base() -> str:
    light, dark = ("".join(f"--category-{n}: {pair[mode]};" for n, pair in enumerate(PALETTE)) for mode in (0, 1))
    return f":root {{{light}}} .dark {{{dark}}}\n{_sheets(['common/page'])}"


def _sheets(names: Iterable[str]) -> str:
    return "\n".join((STATIC / f"{name}.css").read_text(encoding="utf-8") for name in names)
