"""Dates as people write them, as ISO 8601 of the precision that they have: "1962", "1962-05", "1962-05-01".

iso("01.05.1962") == iso("1 May 1962") == iso("1. Mai 1962") == "1962-05-01"
iso("5/1/1975")                     # DataError: it asks whether that is in January or in May
iso("5/1/1975", first="month") == "1975-05-01"
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Literal

from clasp.errors import DataError

First = Literal["day", "month"]

LONGEST = 40  # characters of a date
_TIME = re.compile(
    r"(?:[T ]|, ?| at | um )\d{1,2}(?::\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp]\.?[Mm]\.?| ?(?:Uhr|h))?| ?Uhr)"
    r"(?: ?(?:Z|(?:GMT|UTC)?[+-]\d{1,2}(?::?\d{2})?|[A-Z]{3,4}))?(?: \([^()]*\)|\[\w+\])?(?=$| \d{4}$)"
)
_TIME_IN_NAMES = re.compile(  # 20240501_103000
    r"(?:(?<=\d{4})|(?<=-\d\d))[T_ ](?:\d{2}[-h.]?){2}(?:\d{2})?Z?$|(?<=^\d{8})-?\d{6}$"
)
_YEAR_FIRST = re.compile(r"(\d{4})(?:([-/.:_]) ?(\d{1,2})(?:\2 ?(\d{1,2}))?)?\.?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.]) ?(?:(\d{1,2})\2 ?)?(\d{4})\.?")
_AFTER_NUMBERS = re.compile(r"(?<=\d) ?[年月년월] ?")
_SHORT_YEAR = re.compile(r"\d{1,2}([-/.]) ?\d{1,2}\1 ?'?\d{2}|(?:\d{1,2}[- ])?[^\W\d_]{3,}[- ]'?\d{2}")
_WEEKDAY = re.compile(r" ?[(（]?(?:[日月火水木金土]曜日?|[日月火水木金土](?=[)）])|星期.|[월화수목금토일]요일)[)）]?$")
_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "民國": 1911, "民国": 1911}
_ERA = re.compile(rf"({'|'.join(_ERAS)}) ?(\d{{1,3}}|元)年")  # 昭和37年
_SIGNS = str.maketrans(dict.fromkeys("\u2010\u2011\u2212", "-") | dict.fromkeys("ºª", ""))  # 1º de maio
_ABOUT = re.compile(  # what says that a date is a guess
    r"^(?:(?:ca|circa|c|about|approx|approximately|around|um|etwa|vers|env|hacia|probably|possibly|perhaps|prob"
    r"|rec|recorded|recorded (?:in|on)|aufgenommen(?: am)?)(?![^\W\d_])\.?|[~≈©℗\[(]) ?"
    r"| (?:ca|circa|approx)\.?$| ?\(?[?~%]\)?\]?$|(?<=\d)[\])]$| ?[(\[][^\W\d_]+\.?[)\]]$|\]$"
    r"|(?<=\d{4}) ?(?:г|год|r|year|AD|CE|n\. ?Chr)\.?$|(?:-(?:xx|uu))+$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(
    r" (?:-|to|until|bis|and|or|&) | ?[–—;] ?|, ?(?=\d{4}-)|(?<=\d)/(?=\d{4}-)|(?<=\.\d{4})/|(?<=^\d{4})[-/](?=\d{4}$)"
)
_BETWEEN_WORD = re.compile(r"^\[?(?:between|from|von|zwischen) (?=\w)", re.IGNORECASE)
_BETWEEN_MONTHS = re.compile(r"([^\W\d_]{3,}\.?) ?[-–/] ?([^\W\d_]{3,}\.? (\d{4}))")  # "May/June 1962"
_BETWEEN_NUMBERS = re.compile(r"(\d{1,2})\.?(?:(\d{1,2})\.)? ?[-–/] ?(\d{1,2}\.(\d{1,2})\.(\d{4}))")  # "1.-3.5.1962"
_WITHOUT_YEAR = re.compile(r"(?:\d{1,2}\.? )?[^\W\d_]{3,}\.?(?: \d{1,2})?")  # "30 April", of "30 April – 2 May 1962"
_DAYS = re.compile(  # "1-3 May 1962", "May 1-3, 1962"
    r"^\d{1,2}\.? ?[-–/] ?\d{1,2}\.? (?=[^\W\d_])|(?<=[^\W\d_]{3}) \d{1,2} ?(?:[-–/]|and|&) ?\d{1,2},(?= \d{4}$)"
)
_BEFORE_DAY = re.compile(r"\b(?:den|el|on) (?=\d)")
_PART = re.compile(
    r"(?:early|mid|late|spring|summer|autumn|fall|winter|q[1-4]|frühling|frühjahr|sommer|herbst|anfang|mitte|ende"
    r"|printemps|été|automne|hiver|début|fin|primavera|verano|otoño|invierno|estate|autunno|inverno|весна|лето|осень"
    r"|зима)[ /-](?:of |de |del )?(\d{4})|(\d{4})[ -]?(?:spring|summer|autumn|fall|winter|q[1-4])",
    re.IGNORECASE,
)
_PART_OF_MONTH = re.compile(
    r"^(?:early|mid|late|anfang|mitte|ende|début|fin)[ -](?=[^\W\d_]{3,}\.? \d{4}$)", re.IGNORECASE
)
_ROMAN = re.compile(r"(?:(\d{1,2})[./ -] ?)?(X|IX|IV|X?I{1,3}|V?I{0,3})[./ -] ?(\d{4})")  # 1.V.1962
_DECADE = re.compile(  # "1970s", "mid-1970s", "1970er Jahre", "années 1970", "197-"
    r"(?:(?:the|early|mid|late|anfang|mitte|ende)[ -])*\[?(?:\d{3}0['’]?(?:s|er)(?: jahre)?"
    r"|(?:années|años|anni|anos) \d{3}0|\d{3}[-xu])[?\]]{0,2}",
    re.IGNORECASE,
)
_SERIAL = re.compile(r"([1-5]\d{4})(?:[.,]\d+)?")
SEASONS = ("21", "22", "23", "24")  # in place of months, as EDTF has them
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
SERIALS = (date(1899, 12, 30), date(1904, 1, 1))  # from when spreadsheets count days


def iso(text: str, first: First | None = None) -> str:
    """A date as ISO 8601, a time of day left out; '' for ''. What is no more than a guess is taken for what it says, of
    a span of time the month or year that it lies in.

    Args:
        first: whether the day or the month comes first where a date leaves that open, such as 5/1/1975.

    Raises:
        DataError: if it is no date, or could be several; the sentence names them.
    """
    given = " ".join(text.split())
    if not given:
        return ""
    if _DAYS.search(given):
        return _in_words(given, _DAYS.sub("", given))
    if match := _BETWEEN_MONTHS.fullmatch(given):
        return _shared(given, iso(f"{match[1]} {match[3]}"), iso(match[2]))
    if match := _BETWEEN_NUMBERS.fullmatch(given):
        return _shared(given, iso(f"{match[1]}.{match[2] or match[4]}.{match[5]}"), iso(match[3]))
    span = _BETWEEN.split(_BETWEEN_WORD.sub("", given))
    if len(span) == 2 and _WITHOUT_YEAR.fullmatch(span[0]):
        span[0] += " " + span[1][-4:]
    if len(span) == 2 and all(re.search(r"\d{4}", one) for one in span):
        return _shared(given, *(iso(one, first) for one in span))
    return _single(given, _written(given), first)


def _single(given: str, text: str, first: First | None) -> str:
    if part := _PART.fullmatch(text):
        text = part[1] or part[2]
    if match := _YEAR_FIRST.fullmatch(text):
        year, _, month, day = match.groups()
        if month in SEASONS and not day and int(month) < int(year[2:]):  # 1920-21 are two years
            return _checked(given, year)
        return _checked(given, year, *(one for one in (month, day) if one and int(one)))  # 1962-05-00
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
    return _of_spreadsheet(given, int(match[1])) if (match := _SERIAL.fullmatch(text)) else _in_words(given, text)


def order(texts: Iterable[str]) -> First | None:
    """What comes first in dates that were written by one hand, if one of them tells: 13/5/1975 has the day first."""
    told: set[First] = set()
    for text in texts:
        match = _YEAR_LAST.fullmatch(_written(text))
        if match and match[3] and match[2] != ".":
            told |= {"day"} if int(match[1]) > 12 else {"month"} if int(match[3]) > 12 else set()
    return told.pop() if len(told) == 1 else None


def _written(text: str) -> str:
    """What of a text can be a date: without a time of day, and what makes it a guess; 1962年5月1日 with hyphens."""
    text = _WEEKDAY.sub("", " ".join(text.translate(_SIGNS).split()))
    text = _ERA.sub(lambda era: f"{_ERAS[era[1]] + int(era[2].replace('元', '1'))}年", text)
    text = _TIME_IN_NAMES.sub("", _TIME.sub("", text)) if len(text) <= LONGEST else ""
    text = _BEFORE_DAY.sub("", _PART_OF_MONTH.sub("", _ABOUT.sub("", _ABOUT.sub("", text))))
    if (match := _ROMAN.fullmatch(text)) and match[2]:
        text = ".".join(filter(None, (match[1], str(ROMAN.index(match[2]) + 1), match[3])))
    return _AFTER_NUMBERS.sub("-", text).rstrip("-日일")


def _shared(given: str, one: str, other: str) -> str:
    """What the ends of a span of time have in common: its month, or its year."""
    for length in (len("1962-05-01"), len("1962-05"), len("1962")):
        if one[:length] == other[:length] and min(len(one), len(other)) >= length:
            return one[:length]
    return _several_years(given)


def _several_years(given: str) -> str:
    raise DataError(f"{given[:LONGEST]!r} spans several years: write one of them.")


def _of_spreadsheet(given: str, number: int) -> str:
    one, other = (start + timedelta(number) for start in SERIALS)
    raise DataError(f"{given!r} is a spreadsheet's number of a day: write that day, perhaps {one}, or {other}.")


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
    if _DECADE.fullmatch(given):
        return _several_years(given)
    from dateparser.date import DateDataParser  # which takes a while

    numbers = re.findall(r"\d+", text)
    years = [number for number in numbers if len(number) == 4]
    if len(years) != 1 or len(numbers) > 2 or not re.search(r"[^\W\d_]{3}|[^\W\d_a-zA-Z]{2}", text):
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
