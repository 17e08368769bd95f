"""Fit the map of a library: lay out its speech and texts, name the dense regions, measure how good it is.

    python -m clasp map --library                # your own
    python -m clasp map --library interviews     # a name or a folder
    python -m clasp map                          # the one that ships

It is stored in the library's folder. The map that was there stays until then, and the new one begins from it, so that
it stays recognizable. Ctrl-C leaves all as it was.
"""

import argparse
import sys
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import LibraryError
from index.map.fit import fit_layout, fit_map
from index.map.layout import MAP_FILE, MapLayout
from index.meanings import meanings

if TYPE_CHECKING:
    from clasp import Clasp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp map`."""
    parser.add_argument(
        "--library", nargs="?", const="", metavar="NAME|FOLDER",
        help="map this library; without a name: your own (default: the one that ships)",
    )  # fmt: skip
    parser.add_argument("--model", help="a model folder (default: $CLASP_MODEL, or the bundled model)")


def run(args: argparse.Namespace) -> int:
    """Fit a map and store it; say what is on it and how good it is."""
    import clasp
    from index.library import Library
    from index.paths import DEMO, library_folder, open_library

    if args.library not in (None, DEMO):
        Library.must_exist(library_folder(args.library or None))  # before the model: errors come at once
    model = clasp.load(args.model)
    if args.library is None:
        layout = _fit_demo(model)
    else:
        with open_library(model, args.library or None) as library:
            if library.read_only:
                raise LibraryError("The library that ships is for searching only: map it without --library.")
            layout = fit_map(library, model, _ProgressLine())
    print(summary(layout))
    return 0


def summary(layout: MapLayout) -> str:
    """What is on a map, and its measures, for reading."""
    points = 2 * len(layout.keys) - int(np.isnan(layout.flat[:, 1, 0]).sum())
    laid_out = f"; {layout.sampled:,} of them laid out, the others placed among these" if layout.sampled else ""
    lines = [f"{len(layout.keys):,} utterances, {points:,} points{laid_out}."]
    lines += [f"{one.points:7,}  {one.name}" for one in layout.regions]
    for one in layout.measures:
        chance = "" if one.chance is None else f" (chance: {one.chance:.2f})"
        lines.append(f"{one.name} {one.value:.3f}{chance}. {one.meaning}")
    return "\n".join(lines)


class _ProgressLine:
    """Says how far it is: to a terminal in one line that changes, to whoever else reads in a line per percent."""

    def __init__(self) -> None:
        self._last = ""
        self._terminal = sys.stdout.isatty()

    def __call__(self, share: float, doing: str) -> None:
        line = f"{100 * share:3.0f} %  {doing}"
        if line == self._last:
            return
        self._last = line
        if self._terminal:
            print(f"\r{line:60}", end="" if share < 1 else "\n", flush=True)
        else:
            print(line, flush=True)


def _fit_demo(model: "Clasp") -> MapLayout:
    from index import demo

    vectors = demo.shipped(demo.DEMO, model) or demo.embed_demo(model)
    speech, text = (meanings(one, model.meaning_dim) for one in (vectors.speech, vectors.text))
    segments = demo.read(demo.DEMO)[1]
    layout = fit_layout(vectors.model, segments, speech, text, np.arange(len(text)), progress=_ProgressLine())
    layout.save(demo.DEMO / MAP_FILE)
    return layout
