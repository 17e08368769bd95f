"""What a library can find now, and the index of it that is kept in the folder for the next opening."""

import logging
from collections.abc import Callable
from pathlib import Path

from index.vectors.index_file import StaleIndex, VectorIndex, Version, empty_index, load_index, save_index
from index.vectors.segment_table import SegmentTable
from index.vectors.snapshot import Snapshot

log = logging.getLogger(__name__)

FOLDED = 2_000  # new segments are compared one by one until they are more, or the library is closed
REMOVED = 0.2  # share of an index that may have been removed before it is built anew


class Current:
    """The present snapshot of a library. Any number of threads may search it; one at a time may change it.

    Attributes:
        snapshot: it is swapped, and never changes itself.
        stored: whether the folder has the index of what was written here.
    """

    def __init__(self, folder: Path, dim: int, contents: SegmentTable, knows: Callable[[Version], bool]) -> None:
        """Begin with the index in `folder`; `knows` tells whether the library was once of a version."""
        self._folder = folder
        self._dim = dim
        self.stored = True
        self._replaced = contents.replaced  # of the vectors that are in the index
        self.snapshot = Snapshot(contents, self._loaded(contents, knows))

    def take(self, contents: SegmentTable, *, written_here: bool = True) -> None:
        """Search these contents from now on; who wrote them stores their index."""
        self.snapshot = self._indexed(contents, FOLDED)
        self.stored = self.stored and not written_here

    def store(self) -> None:
        """Write the index to the folder, if that lacks something."""
        if not self.stored:
            self.snapshot = self._indexed(self.snapshot.contents, 0)
            self._save(self.snapshot.index, self.snapshot.contents.version)
            self.stored = True

    def _indexed(self, contents: SegmentTable, most: int) -> Snapshot:
        """A snapshot of contents in which no more than `most` are not in the index."""
        index = self.snapshot.index
        if contents.replaced > self._replaced:  # it would look for vectors that are there no more
            index, self._replaced = empty_index(self._dim, len(contents.ids)), contents.replaced
        snapshot = Snapshot(contents, index)
        if len(contents.ids) - snapshot.indexed > most:
            return Snapshot(contents, self._extended(snapshot))
        return snapshot

    def _extended(self, snapshot: Snapshot) -> VectorIndex:
        """An index of all contents: the present one with what it lacks, or a new one if much of it was removed, or
        another kind suits so many."""
        contents, index, indexed = snapshot.contents, snapshot.index, snapshot.indexed
        fresh = empty_index(self._dim, len(contents.ids))
        if len(index) - indexed > REMOVED * len(index) or index.kind != fresh.kind:
            index, indexed = fresh, 0
        return index.extended(contents.ids[indexed:], contents.vectors[indexed:])

    def _loaded(self, contents: SegmentTable, knows: Callable[[Version], bool]) -> VectorIndex:
        """The index in the folder with what it lacks, or a new one where it is of no use."""
        index = empty_index(self._dim, len(contents.ids))
        if len(contents.ids) == 0:
            return index
        try:
            stored, version = load_index(self._folder, self._dim, contents.ids, knows)
            if version == contents.version:
                return stored
            generations = (version.generation, contents.version.generation)
            log.warning("Bringing the search index of %s from generation %d to %d.", self._folder, *generations)
            if contents.replaced <= version.generation:
                index = stored
        except StaleIndex as reason:
            log.warning("Building the search index of %s anew: %s.", self._folder, reason)
        index = self._extended(Snapshot(contents, index))
        self._save(index, contents.version)
        return index

    def _save(self, index: VectorIndex, version: Version) -> None:
        try:
            save_index(index, self._folder, version)
        except OSError as error:  # it is made anew at the next start
            log.warning("The search index of %s could not be stored: %s.", self._folder, error)
