"""The points of a library's map as the page fetches them: bytes (see index/map/wire.py), with labels for people."""

import gzip
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from clasp.errors import ClaspError
from ui import labels
from ui.service import Service

if TYPE_CHECKING:
    from index.map.clusters import Region
    from index.map.library_map import LibraryMap
    from index.search import Query

MOST = 50_000  # points that a page draws: a sample, if there are more
MEASURES = {  # what a person reads above the measures of `index.map.quality`
    "same_category_meaning": "Neighbours by meaning share the category",
    "same_category_map": "Neighbours on the map share the category",
    "same_language_meaning": "Neighbours by meaning share the language",
    "same_language_map": "Neighbours on the map share the language",
    "trustworthiness_flat": "Near in 2D is near in meaning",
    "trustworthiness_solid": "Near in 3D is near in meaning",
    "alignment": "Speech lies near to its text",
    "uniformity": "The space is used evenly",
}
QUICK = 1  # gzip's level: half the bytes in a tenth of the time


def place(drawn: "LibraryMap", query: "Query") -> dict[str, list[float]]:
    """The place of a query on the flat map, and on the solid one.

    Raises:
        LibraryError: if the library was emptied or removed meanwhile.
    """
    flat, solid = drawn.locate(query.vector, spoken=query.text is None and query.segment is None)
    return {name: [round(float(one), 4) for one in at] for name, at in (("flat", flat), ("solid", solid))}


def packed(service: Service, key: str) -> bytes:
    """The map of the library that `key` stands for in URLs, gzipped.

    Raises:
        ClaspError: if there is no such library, or it has no map.
    """
    library = service.library_of_key(key)
    drawn = service.map(library)
    if drawn is None:
        raise ClaspError("This library has no map yet: create one in the Map tab, or with `python -m clasp map`.")
    points = drawn.points(MOST)
    names = {name: column.names for name, column in points.columns.items()}
    return gzip.compress(
        points.to_bytes(
            labels={
                "category": [labels.category(name) for name in names["category"]],
                "language": [labels.language(tag) for tag in names["language"]],
                "speaker": list(names["speaker"]),
                "recording": [labels.title(title) for title in points.titles],
                "date": [labels.period(name) for name in names["date"]],
            },
            regions=[asdict(one) | {"name": _named(one)} for one in drawn.layout.regions],
            measures=[
                asdict(one) | {"name": MEASURES.get(one.name, one.name.replace("_", " "))}
                for one in drawn.layout.measures
            ],
            threads=drawn.threads(points.ids),
            sampled=drawn.layout.sampled,
            stale=drawn.stale,
            of=len(drawn),
        ),
        QUICK,
    )


def _named(region: "Region") -> str:
    """The name of a region as a person writes it."""
    written: dict[str, Callable[[str], str]] = {"language": labels.language, "category": labels.category}
    label = written.get(region.kind, str)
    return ", ".join(map(label, region.name.split(", ")))
