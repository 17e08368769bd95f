"""The filters of a search as dropdowns, for the Search and Live tabs: what a library offers to choose from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import gradio as gr

from index.languages import primary
from ui import labels
from ui.dropdown import dropdown
from ui.links import SearchSettings

if TYPE_CHECKING:
    from index.library import Library

PLURALS = {  # of those with a dropdown; dates are typed
    "category": "categories", "language": "languages", "speaker": "speakers", "recording": "recordings", "tag": "tags",
}  # fmt: skip
NAMES = tuple(PLURALS)


@dataclass(frozen=True)
class Offer:
    """What can be chosen, as labels and values, and whether that is a choice: not if all recordings are the same."""

    choices: list[tuple[str, str]]
    is_choice: bool


def offers(library: "Library | None", settings: SearchSettings) -> dict[str, Offer]:
    """By filter; "date" stands for both dates."""
    recordings = library.recordings() if library else []
    counts = library.counts() if library else {}
    tags = [(one, one) for one in library.tags()] if library else []
    several = [one for one in recordings if counts.get(one.id, 0) > 1 or one.id == settings.recording]
    titles = [(labels.title(one.title), one.id) for one in several]

    def values(name: str, label: Callable[[str], str], more: Sequence[str] = ()) -> Offer:
        found = {getattr(one, name) for one in recordings} | set(more)
        return Offer(sorted((label(value), value) for value in found if value), len(found) > 1)

    return {
        "category": values("category", lambda name: labels.category(name).capitalize()),
        "language": _languages({one.language for one in recordings}),
        "speaker": values("speaker", str, library.speakers() if library else ()),
        "recording": Offer(titles, bool(titles) and len(recordings) > 1),
        "tag": Offer(tags, len({one.tags for one in recordings}) > 1),
        "date": values("date", str),
    }


def _languages(tags: set[str]) -> Offer:
    """Each language once, and its variants if there are several."""
    kinds = {kind: [tag for tag in tags if primary(tag) == kind] for kind in map(primary, tags - {""})}
    values = {kind: labels.language(kind) for kind in kinds}
    values |= {tag: labels.variant(tag) for each in kinds.values() if len(each) > 1 for tag in each if "-" in tag}
    return Offer(sorted((label, tag) for tag, label in values.items()), len(values) + ("" in tags) > 1)


def build(name: str, *, labelled: bool = False, **options: bool) -> gr.Dropdown:
    """A filter, to be filled by `update`."""
    return dropdown(name.capitalize(), [(_all(name), "")], "", labelled=labelled, **options)


def update(name: str, offer: Offer, value: str) -> gr.Dropdown:
    """A filter with what a library offers for it; hidden if that is no choice."""
    return gr.Dropdown([(_all(name), ""), *offer.choices], value=value, visible=offer.is_choice or bool(value))


def applicable(settings: SearchSettings, found: dict[str, Offer]) -> SearchSettings:
    """The settings without the filters that mean nothing in a library, of which these are the `offers`."""
    known = {name: {value for _, value in found[name].choices} for name in NAMES}
    lost = [name for name in NAMES if getattr(settings, name) not in known[name]]
    lost += [] if found["date"].is_choice else ["since", "until"]
    return settings.without(*lost)


def _all(name: str) -> str:
    return f"All {PLURALS[name]}"
