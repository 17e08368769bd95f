"""Which segments count in a search: those of some categories, languages, speakers, recordings, tags and dates."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import DataError
from index import dates, languages
from index.metadata import plain_name

if TYPE_CHECKING:
    from index.vectors.segment_table import Categorical, SegmentTable

COLUMNS = {
    "categories": "category", "languages": "language", "speakers": "speaker", "recordings": "recording", "tags": "tags",
}  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """What a segment must be; nothing is asked where a field is empty.

    Languages, categories and dates are given as a person writes them (see `index.metadata`); "en" lets en-US pass.
    Dates are those of the recordings, of any precision, both ends included: "1962", "May 1962", "1962-05-01". They are
    compared as precisely as both are known.

    Raises:
        DataError: if a date is none, or could be two.
    """

    categories: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # BCP-47; what is no language stays as it is: the library says that it has none
    speakers: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()  # ids
    tags: tuple[str, ...] = ()  # of the recordings, any of them
    since: str = ""
    until: str = ""
    segments: tuple[int, ...] = ()  # ids

    def __post_init__(self) -> None:
        for name in COLUMNS:
            object.__setattr__(self, name, tuple(getattr(self, name) or ()))
        object.__setattr__(self, "languages", tuple(map(_language, self.languages)))
        for name in ("since", "until"):
            object.__setattr__(self, name, dates.iso(getattr(self, name) or ""))

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def allowed(self, segments: "SegmentTable") -> np.ndarray | None:
        """Which segments pass, bool (n,); None if nothing is asked."""
        passing = [_rows_where(segments.columns[column], holds) for column, holds in self._conditions().items()]
        if self.segments:
            passing.append(np.isin(segments.ids, self.segments))
        return np.logical_and.reduce(passing) if passing else None

    def names(self, segments: "SegmentTable") -> dict[str, list[str]]:
        """The names that pass, by column, of the columns of which something is asked."""
        return {
            column: [name for name in segments.columns[column].names if holds(name)]
            for column, holds in self._conditions().items()
        }

    def _conditions(self) -> dict[str, Callable[[str], bool]]:
        """What must hold of the names in some columns."""
        wanted = {column: getattr(self, name) for name, column in COLUMNS.items()}
        conditions = {column: passes(column, names) for column, names in wanted.items() if names}
        return conditions | ({"date": self._is_within} if self.since or self.until else {})

    def _is_within(self, date: str) -> bool:
        later = not self.since or date[: len(self.since)] >= self.since[: len(date)]
        return bool(date) and later and (not self.until or date[: len(self.until)] <= self.until[: len(date)])


def passes(column: str, wanted: Collection[str]) -> Callable[[str], bool]:
    """Tells of what is known in a column, of COLUMNS, whether it is one of what is wanted."""
    if column == "recording":
        return frozenset(wanted).__contains__
    if column == "language":
        return lambda known: any(languages.includes(asked, known) for asked in wanted)
    names = frozenset(map(plain_name, wanted))
    if column == "tags":
        return lambda known: not names.isdisjoint(map(plain_name, known.split(",")))
    return lambda known: plain_name(known) in names


def _language(text: str) -> str:
    try:
        return languages.tag(text)
    except DataError:
        return text


def _rows_where(column: "Categorical", holds: Callable[[str], bool]) -> np.ndarray:
    """Rows, bool (n,), of which something holds."""
    return np.array([*map(holds, column.names), False])[column.codes]  # the last: for a library without names
