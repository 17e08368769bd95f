"""Spreadsheets (.xlsx, .ods): the cells of their sheets as texts, as a person sees them there, dates as ISO 8601.

for sheet in read(Path("metadata.xlsx")):
    sheet.name, sheet.rows
"""

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from xml.etree.ElementTree import Element

from clasp.errors import DataError
from clasp.filenames import suffix
from index.ingest.office import Package, attribute, children, open_text, opened
from index.ingest.safe_xml import local

SUFFIXES = (".xlsx", ".xlsm", ".ods")
WIDEST = 1_000  # columns
MOST_CELLS = 2 * 10**6
FORMATS = {  # that workbooks do not spell out
    14: "m/d/yyyy", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss",
    22: "m/d/yy h:mm", 30: "m-d-yy", 31: "yyyy-m-d", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
}  # fmt: skip
_EMPTY = re.compile(rb"<row r=[^<>]*>(?:<c r=[^<>]*/>)*</row>|<c r=[^<>]*/>")
"""Rows and cells of Excel in which there is nothing."""
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]|am/pm|a/p|e[+-]|general|standard', re.IGNORECASE)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_DURATION = re.compile(r"PT(\d{1,6})H(\d{1,2})M(\d{1,2}(?:[.,]\d{1,9})?)S")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d)?")
Cells = dict[int, dict[int, str]]  # texts by row and column, both from 1
Block = tuple[int, int, int]  # column, first and last row of cells that are merged


@dataclass(frozen=True)
class Sheet:
    """The cells of a sheet that are not empty."""

    name: str
    rows: list[tuple[int, list[str]]]  # each with its number, from 1
    hidden: bool = False
    uncomputed: tuple[int, ...] = ()  # rows that have formulas whose values were not stored


def read(path: Path) -> list[Sheet]:
    """The sheets of a file with one of SUFFIXES, as they stand there.

    Raises:
        DataError: if it cannot be read.
    """
    with opened(path) as package:
        found = list(_open_document(package) if suffix(path.name) == ".ods" else _workbook(package))
        if not found:
            raise DataError("holds no sheets: open it with the program that it is from, and save it again")
    return found


def _workbook(package: Package) -> Iterator[Sheet]:
    """The sheets of Excel, as it and others write them."""
    part, book = package.main()
    sheets = package.related(part, "worksheet")
    text = partial(
        _text,
        strings=[_string(one) for one in _items(package, part, "sharedStrings", "si")],
        formats=_formats(package, part),
        since_1904=any(attribute(one, "date1904") in ("1", "true") for one in children(book, "workbookPr")),
    )
    for sheet in children(book, "sheet"):
        root = package.root(sheets.get(attribute(sheet, "id"), ""), _EMPTY)
        if root is not None:
            cells, uncomputed = _cells(root, text)
            hidden = attribute(sheet, "state") in ("hidden", "veryHidden")
            yield Sheet(attribute(sheet, "name"), _rows(cells, _merged(root)), hidden, uncomputed)


def _items(package: Package, part: str, kind: str, name: str) -> list[Element]:
    """The elements with a name in the part of a kind."""
    return [one for other in package.related(part, kind).values() for one in children(package.root(other), name)]


def _formats(package: Package, part: str) -> list[str]:
    """How the numbers of each style look, as Excel writes it."""
    own: dict[str, str] = {}
    for styles in _items(package, part, "styles", "styleSheet"):
        own |= {attribute(one, "numFmtId"): attribute(one, "formatCode") for one in children(styles, "numFmt")}
        used = [attribute(one, "numFmtId") for many in children(styles, "cellXfs") for one in children(many, "xf")]
        return [own.get(one) or FORMATS.get(int(one or 0), "") for one in used]
    return []


def _cells(root: Element, text: Callable[[Element], str]) -> tuple[Cells, tuple[int, ...]]:
    """The cells of a sheet, and the rows that have formulas without values."""
    cells: Cells = {}
    uncomputed: list[int] = []
    space = root.tag[: root.tag.find("}") + 1]
    number = 0
    for row in root.iter(f"{space}row"):
        number, column = int(row.get("r") or number + 1), 0
        for cell in row.iter(f"{space}c"):
            place = _CELL.fullmatch(cell.get("r", ""))
            column = _column(place[1]) if place else column + 1
            if column > WIDEST:
                continue
            if written := text(cell):
                cells.setdefault(number, {})[column] = written
            elif cell.find(f"{space}f") is not None and cell.get("t") != "str":
                uncomputed.append(number)
    return cells, tuple(dict.fromkeys(uncomputed))


def _text(cell: Element, strings: list[str], formats: list[str], since_1904: bool) -> str:
    """What a cell of Excel says."""
    space = cell.tag[: cell.tag.find("}") + 1]
    kind, value, style = cell.get("t", "n"), cell.findtext(f"{space}v") or "", int(cell.get("s") or 0)
    if kind == "inlineStr":
        return _string(cell)
    if kind == "s":
        return strings[int(value)] if value else ""
    if kind == "b":
        return str(value == "1").upper()
    if kind != "n":
        return value.replace("T00:00:00", "") if kind == "d" else _unescaped(value)
    return _number(value, formats[style] if style < len(formats) else "", since_1904)


def _string(item: Element) -> str:
    """A text in pieces, without how it is pronounced."""
    phonetic = {id(one) for many in children(item, "rPh") for one in many.iter()}
    return _unescaped("".join(one.text or "" for one in children(item, "t") if id(one) not in phonetic))


def _unescaped(text: str) -> str:
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return re.sub(r"\r\n?", "\n", text)


def _number(value: str, code: str, since_1904: bool) -> str:
    """A number as it looks in a format; a day or a time where it is one, as exactly as the format has it."""
    try:
        number = float(value)
    except ValueError:
        return value
    units = _units(code)
    if not math.isfinite(number):
        return value
    if units & set("yegd") and 1 <= number < 2_958_466:  # in the year 10000
        first = datetime(1904, 1, 1) if since_1904 else datetime(1899, 12, 30 if number >= 60 else 31)
        return _day(first + timedelta(seconds=round(number * 86_400)), units)
    if units & set("hs") and 0 <= number < 2_958_466:
        return _clock(number * 86_400, units)
    if number == int(number) and (abs(number) < 1e15 or value.isdecimal()):
        return f"{int(value if value.isdecimal() else number):0{len(code) if set(code) == {'0'} else 1}}"
    return f"{number:.15g}"


@lru_cache(2**8)
def _units(code: str) -> frozenset[str]:
    """What a format has: y, e, g (years), m (months, or minutes), d, h, s; nothing if it is of a number. A month alone
    is one of a year."""
    letters = frozenset(_LITERAL.sub("", code.partition(";")[0]).lower()) & set("yegmdhs")
    return letters | {"y"} if letters == {"m"} and "[" not in code else letters


def _day(moment: datetime, units: frozenset[str]) -> str:
    """A day as ISO 8601, as exactly as it is shown; one of which no year is shown, without one."""
    if not units & set("yeg"):
        return f"{moment.day} {moment:%B}"
    if "d" not in units:
        return moment.date().isoformat()[: len("1962-05") if "m" in units else len("1962")]
    return str(moment) if units & set("hs") and moment.time() != moment.min.time() else str(moment.date())


def _clock(seconds: float, units: frozenset[str]) -> str:
    """A time. Where nobody sees seconds, hours and minutes may be meant as minutes and seconds; so are those of more
    than a day, for Excel takes 24:10 for hours, and shows 24:10:00."""
    minutes, rest = divmod(round(seconds * 1_000), 60_000)
    hours, minutes = divmod(minutes, 60)
    bare = "s" not in units or (hours >= 24 and not rest)
    return f"{hours}:{minutes:02}" + ("" if bare else f":{rest / 1_000:06.3f}".removesuffix(".000"))


def _merged(root: Element) -> Iterator[Block]:
    for one in children(root, "mergeCell"):
        first, _, last = attribute(one, "ref").partition(":")
        begin, end = _CELL.fullmatch(first), _CELL.fullmatch(last)
        if begin and end:
            yield _column(begin[1]), int(begin[2]), int(end[2])


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _rows(cells: Cells, merged: Iterator[Block]) -> list[tuple[int, list[str]]]:
    """The rows in their order. What stands in cells that are merged is true of each of their rows."""
    numbers, filled = sorted(cells), 0
    for column, first, last in merged:
        if text := cells.get(first, {}).get(column):
            below = numbers[bisect_right(numbers, first) : bisect_right(numbers, last)]
            filled += len(below)
            _must_not_be_more(filled)
            for row in below:
                cells[row].setdefault(column, text)
    _must_not_be_more(sum(map(max, cells.values())))
    return [
        (number, [row.get(column, "") for column in range(1, max(row) + 1)])
        for number, row in sorted(cells.items())
        if any(map(str.strip, row.values()))
    ]


def _must_not_be_more(cells: int) -> None:
    if cells > MOST_CELLS:
        raise DataError(f"has more than {MOST_CELLS:,} cells: split it")


def _open_document(package: Package) -> Iterator[Sheet]:
    """The sheets of LibreOffice."""
    root = package.root("content.xml")
    hidden = {
        attribute(style, "name")
        for style in children(root, "style")
        for one in children(style, "table-properties")
        if attribute(one, "display") == "false"
    }
    for body in children(root, "spreadsheet"):
        for table in children(body, "table"):
            cells, merged = _cells_of_table(table)
            yield Sheet(attribute(table, "name"), _rows(cells, iter(merged)), attribute(table, "style-name") in hidden)


def _cells_of_table(table: Element) -> tuple[Cells, list[Block]]:
    cells: Cells = {}
    merged: list[Block] = []
    number, repeated = 1, 0
    for row in children(table, "table-row"):
        column = 1
        for cell in row:
            count = int(attribute(cell, "number-columns-repeated") or 1)
            if written := _value(cell) if local(cell) == "table-cell" else "":
                same = range(column, min(column + count, WIDEST + 1))
                repeated += len(same)
                _must_not_be_more(repeated)
                cells.setdefault(number, {}).update(dict.fromkeys(same, written))
            if (height := int(attribute(cell, "number-rows-spanned") or 1)) > 1:
                merged.append((column, number, number + height - 1))
            column += count
        number += int(attribute(row, "number-rows-repeated") or 1)
    return cells, merged


def _value(cell: Element) -> str:
    """What a cell of LibreOffice says: as it looks there, or more exactly where that leaves something open."""
    kind, shown = attribute(cell, "value-type"), "\n".join(open_text(one) for one in cell if local(one) == "p")
    if kind == "date" and (match := _MOMENT.match(attribute(cell, "date-value"))):
        moment = datetime.fromisoformat(match[0])
        numbers = re.findall(r"\d+", shown)
        days = "d" if str(moment.day) in (one.lstrip("0") for one in numbers) else ""
        months = "m" if shown != str(moment.year) else ""
        return _day(moment, frozenset(f"y{months}{days}{'h' if ':' in shown else ''}"))
    if kind == "time" and (match := _DURATION.fullmatch(attribute(cell, "time-value"))):
        hours, minutes, seconds = match.groups()
        seconds = seconds.replace(",", ".")
        whole = 3_600 * int(hours) + 60 * int(minutes) + float(seconds)
        last = re.fullmatch(r"\d+:(\d\d)", shown)  # of two numbers: seconds, or minutes
        return _clock(whole, frozenset("hm" if last and int(last[1]) != int(float(seconds)) else "hms"))
    if kind in ("float", "percentage", "currency") and not shown.isdecimal():
        return _number(attribute(cell, "value"), "", False)
    return shown
