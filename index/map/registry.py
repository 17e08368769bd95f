"""The maps of open libraries, each loaded when it is first wanted and again when another one has been fitted."""

import logging
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from clasp.errors import LibraryError
from index.map.layout import MAP_FILE
from index.map.library_map import LibraryMap

if TYPE_CHECKING:
    from index.library import Library

log = logging.getLogger(__name__)

FileVersion = tuple[int, int, int]  # inode, time of change, size: it is another file if any of these differs


class MapRegistry:
    """Maps by library; any number of threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._maps: WeakKeyDictionary[Library, tuple[FileVersion, LibraryMap | None]] = WeakKeyDictionary()

    def get(self, library: "Library") -> LibraryMap | None:
        """The map of a library as it was fitted last; None where there is none, or none that can be used."""
        try:
            file = (library.folder / MAP_FILE).stat()
        except OSError:
            return None
        version = file.st_ino, file.st_mtime_ns, file.st_size
        with self._lock:
            known = self._maps.get(library)
            if known is None or known[0] != version:
                known = self._maps[library] = version, _load(library)
            return known[1]


def _load(library: "Library") -> LibraryMap | None:
    try:
        return LibraryMap.load(library)
    except LibraryError as error:
        log.warning("%s", error)
        return None
