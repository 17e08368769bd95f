"""The points of a map as columns, and as the bytes in which a page fetches them.

    points = library_map.points()
    body = points.to_bytes(measures=[...])   # 50,000 points: some megabytes, made in tens of milliseconds

The bytes: how long the head is (uint32); the head, JSON in UTF-8, filled up with spaces; then the numbers, in
little-endian order. The head has "count"; "columns": name → [type, first byte after the head, how many]; "names": what
the codes of category, language, speaker, recording and date stand for; "titles" of the recordings; "text" of each
segment. Dates are months, or years, decades ("196") or centuries ("19") where there would be many.
Positions are int16, 32767 is 1, and -32768 is no place: `flat` and `solid` of speech, `flat_text` and `solid_text` of
texts, each point's coordinates one after the other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.records import Recording, Segment
from index.vectors.segment_table import Categorical

CODED = ("category", "language", "speaker", "recording")
PERIODS = tuple(map(len, ("1962-05", "1962", "196", "19")))  # letters of a date: of a month, year, decade and century
PERIODS_MOST = 14
ONE, NOWHERE = 32_767, -32_768  # of a coordinate as int16


@dataclass(frozen=True, eq=False)
class Points:
    """Every segment that a map shows, in the order of ids."""

    ids: np.ndarray  # int64 (n,)
    flat: np.ndarray  # float32 (n, 2, 2): of its speech, then of its text; NaN where that has no place
    solid: np.ndarray  # float32 (n, 2, 3)
    region: np.ndarray  # int16 (n,): in which region of the map its speech lies; -1: in none
    columns: dict[str, Categorical]  # by CODED, and "date"; names are sorted
    titles: list[str]  # of the recordings, in the order of their names
    texts: list[str]  # (n,)
    start: np.ndarray  # float32 (n,), seconds
    end: np.ndarray

    @classmethod
    def of(
        cls,
        segments: Sequence[Segment],
        recordings: Sequence[Recording],
        flat: np.ndarray,
        solid: np.ndarray,
        region: np.ndarray,
    ) -> "Points":
        """Of segments and where they lie."""
        columns = {name: _categorical([getattr(one, name) for one in segments]) for name in CODED}
        titles = {one.id: one.title for one in recordings}
        dates = {one.id: one.date for one in recordings}
        columns["date"] = _categorical(_periods([dates.get(one.recording, "") for one in segments]))
        return cls(
            np.array([one.id for one in segments], np.int64),
            flat,
            solid,
            region,
            columns,
            [titles.get(name, name) for name in columns["recording"].names],
            [one.transcript for one in segments],
            np.array([one.start for one in segments], np.float32),
            np.array([one.end for one in segments], np.float32),
        )

    def to_bytes(self, **more: Any) -> bytes:
        """As a page fetches them; `more` is put into the head."""
        columns = {
            "id": self.ids.astype("<f8"),  # JavaScript has no other whole numbers
            "flat": _as_int16(self.flat[:, 0]),
            "flat_text": _as_int16(self.flat[:, 1]),
            "solid": _as_int16(self.solid[:, 0]),
            "solid_text": _as_int16(self.solid[:, 1]),
            **{name: one.codes.astype("<u4") for name, one in self.columns.items()},
            "region": self.region.astype("<i2"),
            "start": self.start.astype("<f4"),
            "end": self.end.astype("<f4"),
        }
        described, body = {}, bytearray()
        for name, column in columns.items():
            body += bytes(-len(body) % column.itemsize)  # typed arrays begin at multiples of their size
            described[name] = [column.dtype.name, len(body), column.size]
            body += column.tobytes()
        names = {name: one.names for name, one in self.columns.items()}
        head = {"count": len(self.ids), "columns": described, "names": names, "titles": self.titles, **more}
        written = json.dumps({**head, "text": self.texts}, ensure_ascii=False, separators=(",", ":")).encode()
        written += b" " * (-(4 + len(written)) % 8)
        return len(written).to_bytes(4, "little") + written + bytes(body)


def from_bytes(body: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The head, and the columns by name, of what `Points.to_bytes` made; as a page reads it."""
    length = int.from_bytes(body[:4], "little")
    head = json.loads(body[4 : 4 + length])
    columns = {
        name: np.frombuffer(body, np.dtype(kind).newbyteorder("<"), count, 4 + length + first)
        for name, (kind, first, count) in head["columns"].items()
    }
    return head, columns


def _periods(dates: list[str]) -> list[str]:
    """The months of dates as ISO 8601, or what is longer than months where these are too many."""
    periods = dates
    for length in PERIODS:
        periods = [date[:length] for date in dates]
        if len(set(periods)) <= PERIODS_MOST:
            break
    return periods


def _categorical(values: list[str]) -> Categorical:
    """The numbers of the values in the sorted list of them."""
    names = sorted(set(values))
    numbers = {name: number for number, name in enumerate(names)}
    return Categorical(tuple(names), np.fromiter(map(numbers.__getitem__, values), np.int32, len(values)))


def _as_int16(positions: np.ndarray) -> np.ndarray:
    """Positions (n, d) as int16."""
    nowhere = np.isnan(positions)
    steps = np.rint(np.where(nowhere, 0, positions).clip(-1, 1) * ONE)
    return np.where(nowhere, NOWHERE, steps).astype("<i2")
