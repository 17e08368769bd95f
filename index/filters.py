"""Which segments count in a search: those of some categories, languages, voices, recordings, and dates."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import LibraryError

if TYPE_CHECKING:
    from .contents import Contents

DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
COLUMNS = {"categories": "category", "languages": "language", "voices": "voice", "recordings": "recording"}


@dataclass(frozen=True)
class Filter:
    """What a segment must be; nothing is asked where a field is empty.

    Dates are those of the recordings, ISO 8601 of any precision, both ends included: "1962", "1962-05", "1962-05-01".
    They are compared as precisely as both are known.
    """

    categories: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # BCP-47, as the library has them
    voices: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()  # ids
    since: str = ""
    until: str = ""

    def __post_init__(self) -> None:
        for name in COLUMNS:
            object.__setattr__(self, name, tuple(getattr(self, name) or ()))
        for date in (self.since, self.until):
            if date and not DATE.fullmatch(date):
                raise LibraryError(f"{date!r} is no date: write a year, 1962-05 or 1962-05-01.")

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def allowed(self, contents: "Contents") -> np.ndarray | None:
        """Which segments pass, bool (n,); None if nothing is asked."""
        passing: list[np.ndarray] = []
        for name, column in COLUMNS.items():
            if wanted := frozenset(getattr(self, name)):
                passing.append(_where(contents, column, wanted.__contains__))
        if self.since or self.until:
            passing.append(_where(contents, "date", self._dated))
        return np.logical_and.reduce(passing) if passing else None

    def _dated(self, date: str) -> bool:
        later = not self.since or date[: len(self.since)] >= self.since[: len(date)]
        return bool(date) and later and (not self.until or date[: len(self.until)] <= self.until[: len(date)])


def _where(contents: "Contents", column: str, holds: Callable[[str], bool]) -> np.ndarray:
    """Rows, bool (n,), of which the fact in a column holds."""
    facts = contents.facts[column]
    return np.array([*map(holds, facts.names), False])[facts.codes]  # the last: for a library without names
