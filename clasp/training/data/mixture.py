"""Several corpora as one training set, with so many clips of each as a configuration asks for."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

from clasp.errors import DataError
from clasp.training.data import readers
from clasp.training.data.clips import Clip, SkippedRow, remove_leaks

Corpora = list[list[Clip]]


def read(
    paths: Sequence[Path], train: Sequence[int] = (), test: Sequence[int] = ()
) -> tuple[Corpora, list[SkippedRow]]:
    """The clips of every corpus, and the rows that cannot be used.

    No sentence that is held out in one corpus is learned from another. Which clips are taken, their ids decide.

    Args:
        paths: in any layout that clasp.training.data.readers knows.
        train: at most so many clips of each corpus to learn from; () for all.
        test: so many of each to test with, () for all; where there are fewer, clips of the validation split, which
            are not learned from either, make up for them.

    Raises:
        DataError: if a corpus cannot be read, or the numbers are not one for each.
    """
    for name, counts in (("train", train), ("test", test)):
        if counts and len(counts) != len(paths):
            raise DataError(f"There are {len(counts)} numbers of {name} clips for {len(paths)} corpora: give one each.")
    readings = [readers.read(path) for path in paths]
    for path, reading in zip(paths, readings, strict=True):
        print(f"{path}: {reading.summary()}", flush=True)
    everything = [clip for reading in readings for clip in reading.clips]
    leaks = {id(clip) for clip in remove_leaks(everything)[1]}
    corpora = [[clip for clip in reading.clips if id(clip) not in leaks] for reading in readings]
    skipped = [row for reading in readings for row in reading.skipped]
    skipped += [SkippedRow(clip.place, "its sentence is held out in another corpus") for clip in everything
                if id(clip) in leaks]  # fmt: skip
    for number, clips in enumerate(corpora):
        corpora[number] = sized(clips, train[number] if train else None, test[number] if test else None)
    return corpora, skipped


def sized(clips: list[Clip], train: int | None, test: int | None) -> list[Clip]:
    """The clips, in their order, of a corpus with so many of them in the training and in the test split."""
    chosen = {
        split: sorted((clip for clip in clips if clip.split == split), key=_drawn)
        for split in ("train", "validation", "test")
    }
    if test is not None:
        lacking = max(0, test - len(chosen["test"]))
        borrowed = [replace(clip, split="test") for clip in chosen["validation"][:lacking]]
        chosen["validation"] = chosen["validation"][lacking:]
        chosen["test"] = [*chosen["test"][:test], *borrowed]
    chosen["train"] = chosen["train"][:train]
    places = {(clip.path, clip.member): place for place, clip in enumerate(clips)}
    return sorted((clip for split in chosen.values() for clip in split), key=lambda one: places[one.path, one.member])


def spans(corpora: Corpora) -> list[range]:
    """Where the clips of each corpus are among all of them."""
    return [range(*ends) for ends in pairwise(accumulate(map(len, corpora), initial=0))]


def _drawn(clip: Clip) -> str:
    return hashlib.sha256(f"{clip.corpus}/{clip.id}".encode()).hexdigest()
