"""Tables that people make: CSV and TSV files, line by line, so that a bad line spoils nothing but itself.

UTF-8 with or without byte order mark; separated by commas, semicolons or tabs, whichever the header has.
A row is one line. Cells may stand between quotation marks, but not where tabs separate them.
"""

import codecs
import csv
import re
from dataclasses import dataclass
from pathlib import Path

from clasp.errors import DataError


@dataclass(frozen=True)
class TableRow:
    """A line of a table: its number, counted from 1, its cells by (lower-cased) column, or what is wrong with it."""

    line: int
    cells: dict[str, str]
    problem: str = ""


def read(path: Path, needed: tuple[str, ...]) -> list[TableRow]:
    """The rows of a table with a header that names at least the columns `needed`. Empty lines are left out.

    Raises:
        DataError: if the file is missing, is not UTF-8 or lacks one of the columns.
    """
    lines = lines_of(path)
    separator, columns = _header(path, lines[0], needed)
    return [_row(number, line, separator, columns) for number, line in enumerate(lines[1:], 2) if line.strip()]


def columns_of(path: Path) -> list[str]:
    """The columns of a table's header, separated by whatever separates most; [] where the file cannot be read.

    Raises:
        DataError: if the file is missing or is not UTF-8.
    """
    return max((_cells(lines_of(path)[0], separator) for separator in ",;\t"), key=len)


def lines_of(path: Path) -> list[str]:
    """The lines of a text file; bytes that are not UTF-8 become surrogates.

    Raises:
        DataError: if the file cannot be read, or is UTF-16.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is encoded as UTF-16: save it as UTF-8.")
    return re.split(r"\r\n|\r|\n", content.decode("utf-8-sig", "surrogateescape"))


def is_utf8(text: str) -> bool:
    """Whether a line of `lines_of` was UTF-8."""
    return not re.search("[\udc80-\udcff]", text)


def _header(path: Path, header: str, needed: tuple[str, ...]) -> tuple[str, list[str]]:
    for separator in ",;\t":
        columns = [name.strip().lower() for name in _cells(header, separator)]
        if set(needed) <= set(columns):
            return separator, columns
    shown = header[:100].encode("utf-8", "replace").decode()
    raise DataError(
        f"{path} starts with the line {shown!r}: expected a header with the columns {', '.join(needed)}, "
        "separated by commas, semicolons or tabs."
    )


def _row(number: int, line: str, separator: str, columns: list[str]) -> TableRow:
    if not is_utf8(line):
        return TableRow(number, {}, "is not UTF-8: save the file in that encoding")
    try:
        cells = _cells(line, separator, strict=True)
    except csv.Error:
        return TableRow(number, {}, "its quotation marks do not match: a quoted cell begins and ends on one line")
    if len(cells) != len(columns):
        advice = "put a cell that has a separator in it between quotation marks" if separator != "\t" else ""
        reason = f"has {len(cells)} columns where the header has {len(columns)}"
        return TableRow(number, {}, f"{reason}: {advice}" if advice else reason)
    return TableRow(number, {name: cell.strip() for name, cell in zip(columns, cells, strict=True)})


def _cells(line: str, separator: str, strict: bool = False) -> list[str]:
    if separator == "\t":
        return line.split("\t")
    return next(csv.reader([line], delimiter=separator, strict=strict), [])
