"""Libraries opened without the model that made them: enough to look after them, not to search them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from index.library import Library


@dataclass(frozen=True)
class StoredModel:
    """What a library says of the model that made it."""

    checksum: str
    dim: int
    meaning_dim: int = 0  # not known: the vectors cannot be searched


def open_stored(folder: Path) -> "Library":
    """Open the library in `folder`, whatever model made it.

    Raises:
        LibraryError: if there is none, or it is damaged.
    """
    from index.library import Library
    from index.store.database import Database

    Library.must_exist(folder)
    database = Database(folder)
    checksum, dim = database.model() or ("", 0)
    database.close()
    return Library.open(folder, StoredModel(checksum, dim))
