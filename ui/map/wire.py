"""What a page fetches to draw a library's map: its points as bytes (see index/map/wire.py), with words for people."""

import gzip
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import ClaspError
from ui import labels
from ui.service import Service

if TYPE_CHECKING:
    from index.map.clusters import Region
    from index.map.map import Map

MOST = 50_000  # points that a page draws; of more, a sample
QUICK = 1  # gzip's level: half the bytes in a tenth of the time


def place(drawn: "Map", vector: np.ndarray) -> dict[str, list[float]]:
    """Where a query (dim,) lies on the flat map, and on the solid one.

    Raises:
        LibraryError: if the library was emptied or removed meanwhile.
    """
    flat, solid = drawn.place(vector)
    return {name: [round(float(one), 4) for one in at] for name, at in (("flat", flat), ("solid", solid))}


def packed(service: Service, key: str) -> bytes:
    """The map of the library that `key` stands for in addresses, gzip'd.

    Raises:
        ClaspError: if there is no such library, or it has no map.
    """
    library = service.library_of_key(key)
    drawn = service.map(library)
    if drawn is None:
        raise ClaspError("This library has no map yet: lay it out in the Map tab, or with `python -m clasp map`.")
    points = drawn.points(MOST)
    names = {name: facts.names for name, facts in points.facts.items()}
    return gzip.compress(
        points.packed(
            labels={
                "category": [labels.category(name) for name in names["category"]],
                "language": [labels.language(tag) for tag in names["language"]],
                "speaker": [labels.speaker(name) for name in names["speaker"]],
                "recording": [labels.title(title) for title in points.titles],
            },
            regions=[asdict(one) | {"name": _named(one)} for one in drawn.fitted.regions],
            measures=[asdict(one) for one in drawn.fitted.measures],
            sampled=drawn.sampled,
            stale=drawn.stale,
            of=len(drawn),
        ),
        QUICK,
    )


def _named(region: "Region") -> str:
    """The name of a region as a person writes it."""
    label = {"language": labels.language, "category": labels.category}.get(region.kind, str)
    return ", ".join(map(label, region.name.split(", ")))
