"""Dates as people write them, as ISO 8601 of the precision that they have: "1962", "1962-05", "1962-05-01".

iso("01.05.1962") == iso("1 May 1962") == iso("1. Mai 1962") == "1962-05-01"
iso("5/1/1975")                     # DataError: it asks whether that is in January or in May
iso("5/1/1975", first="month") == "1975-05-01"
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal

from clasp.errors import DataError

First = Literal["day", "month"]

LONGEST = 40  # characters of a date
_TIME = re.compile(
    r"(?:[T ]|, ?)\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?$"
)
_YEAR_FIRST = re.compile(r"(\d{4})(?:([-/.])(\d{1,2})(?:\2(\d{1,2}))?)?\.?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.]) ?(?:(\d{1,2})\2 ?)?(\d{4})\.?")
_AFTER_NUMBERS = re.compile(r"(?<=\d) ?[年月년월] ?")
_SHORT_YEAR = re.compile(r"\d{1,2}([-/.]) ?\d{1,2}\1 ?'?\d{2}")


def iso(text: str, first: First | None = None) -> str:
    """A date as ISO 8601, a time of day left out; '' for ''.

    Args:
        first: whether the day or the month comes first where a date leaves that open, such as 5/1/1975.

    Raises:
        DataError: if it is no date, or could be two; the sentence names them.
    """
    given = text = " ".join(text.split())
    if not text:
        return ""
    text = _written(text)
    if match := _YEAR_FIRST.fullmatch(text):
        year, _, month, day = match.groups()
        return _checked(given, year, month, day)
    if match := _COMPACT.fullmatch(text):
        return _checked(given, *match.groups())
    if match := _YEAR_LAST.fullmatch(text):
        one, separator, other, year = match.groups()
        if other is None:
            return _checked(given, year, one)
        if separator == ".":
            first = "day"  # whoever writes dots writes the day first
        return _ordered(given, one, other, year, first)
    if _SHORT_YEAR.fullmatch(text):
        raise DataError(f"{given!r} leaves the century open: write the year with four digits.")
    return _in_words(given, text)


def order(texts: Iterable[str]) -> First | None:
    """What comes first in dates that were written by one hand, if one of them tells: 13/5/1975 has the day first."""
    told: set[First] = set()
    for text in texts:
        match = _YEAR_LAST.fullmatch(_written(text))
        if match and match[3] and match[2] != ".":
            told |= {"day"} if int(match[1]) > 12 else {"month"} if int(match[3]) > 12 else set()
    return told.pop() if len(told) == 1 else None


def _written(text: str) -> str:
    """What of a text can be a date: without a time of day, 1962年5月1日 with hyphens."""
    text = " ".join(text.split())
    text = _TIME.sub("", text) if len(text) <= LONGEST else ""
    return _AFTER_NUMBERS.sub("-", text).rstrip("-日일")


def _ordered(given: str, one: str, other: str, year: str, first: First | None) -> str:
    """A date whose day or month comes first."""
    orders: dict[First, tuple[str, str]] = {"day": (other, one), "month": (one, other)}
    found = {}
    for name, (month, day) in orders.items():
        try:
            found[name] = _checked(given, year, month, day)
        except DataError:
            continue
    if len(set(found.values())) == 2 and first is None:
        one, other = map(_spoken, found.values())
        raise DataError(f"{given!r} can be {one} or {other}: write {found['day']} or {found['month']}.")
    return found.get(first or "day") or next(iter(found.values()), None) or _none(given)


def _in_words(given: str, text: str) -> str:
    """A date with the name of a month, in any common language."""
    from dateparser.date import DateDataParser  # which takes a while

    numbers = re.findall(r"\d+", text)
    years = [number for number in numbers if len(number) == 4]
    if len(years) != 1 or len(numbers) > 2 or not re.search(r"[^\W\d_]{3}", text):
        return _none(given)
    settings = {"PARSERS": ["absolute-time"], "REQUIRE_PARTS": ["month", "year"]}
    found = DateDataParser(settings=settings).get_date_data(text)
    wanted = "day" if len(numbers) == 2 else "month"
    if found is None or found.date_obj is None or found.period != wanted or found.date_obj.year != int(years[0]):
        return _none(given)
    return found.date_obj.date().isoformat()[: len("1962-05-01") if wanted == "day" else len("1962-05")]


def _checked(given: str, year: str, month: str | None = None, day: str | None = None) -> str:
    """ISO 8601 of what must be a date."""
    parts = [int(part) for part in (year, month, day) if part is not None]
    try:
        date(*parts, *[1] * (3 - len(parts)))
    except ValueError:
        return _none(given)
    return "-".join([f"{parts[0]:04}", *(f"{part:02}" for part in parts[1:])])


def _spoken(day: str) -> str:
    """ "1975-05-01" → "1 May 1975"."""
    when = date.fromisoformat(day)
    return f"{when.day} {when:%B} {when.year}"


def _none(given: str) -> str:
    raise DataError(f"{given[:LONGEST]!r} is no date: write a year, 1962-05 or 1962-05-01.")
