"""Tables of what is known of recordings, as spreadsheets and archives write them (.csv, .tsv).

    table = Table.read(Path("metadata.csv"))
    table.facts("interview.wav")      # ({"title": "Harbour, 1962", "language": "en", "date": "1962-05-01"}, [])
    table.remarks                     # sentences on what was not understood of the whole

Delimiter and encoding are found out; columns have the names that people give them, in some languages, in any order.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PureWindowsPath
from typing import Any
from unicodedata import normalize

from clasp.errors import DataError
from clasp.filenames import readable
from index import dates
from index.ingest import encodings
from index.metadata import FACTS, checked

COLUMNS = {
    "file": "file filename filepath path recording audio media datei dateiname pfad aufnahme fichier archivo fichero "
    "bestand bestandsnaam plik",
    "title": "title titel titre título titulo titolo tytuł",
    "speaker": "speaker speakers speakername voice interviewee narrator sprecher sprecherin locuteur locutrice "
    "intervenant hablante locutor parlante relatore spreker mówca",
    "category": "category categories genre topic subject kategorie rubrik thema catégorie categorie categoría "
    "categoria kategoria",
    "language": "language languages lang languagecode languagetag sprache langue idioma lengua lingua taal język",
    "date": "date recorded recordedon daterecorded recordingdate recordeddate datum aufnahmedatum aufgenommen fecha "
    "data dateenregistrement",
    "start": "start begin", "end": "end stop", "text": "text transcript",
}  # fmt: skip
"""What columns are called, without spaces and signs."""
NAMES = {name: column for column, names in COLUMNS.items() for name in names.split()}
OF_CUES = frozenset(("start", "end", "text"))  # columns of a table that is a transcript
DELIMITERS = ",;\t|"
SAMPLE = 2**16  # characters by which a delimiter is chosen
HEAD = 10  # rows among which the names of the columns are looked for
NAMED = 3  # rows that a remark names
Rows = list[tuple[int, dict[str, str]]]  # of facts by column, each with the line in which it ends
Lines = list[tuple[int, list[str]]]  # cells of rows that are not empty


@dataclass
class Table:
    """Rows of facts, by the file that they are about."""

    name: str  # of its file
    rows: Rows = field(default_factory=list)
    columns: frozenset[str] = frozenset()  # of COLUMNS
    remarks: list[str] = field(default_factory=list)  # what was not understood, a sentence each

    @classmethod
    def read(cls, path: Path) -> "Table":
        """The table in a file; what is wrong with it is in its remarks."""
        table = cls(readable(path.name))
        try:
            table._read(encodings.read(path))
        except DataError as error:
            table.remarks.append(str(error))
        except csv.Error as error:
            table.remarks.append(f"{table.name} is not a table that can be read ({error}).")
        return table

    @property
    def of_cues(self) -> bool:
        """Whether it is a transcript: a row for each stretch of a recording."""
        return self.columns >= OF_CUES

    def facts(self, recording: str, *, only: bool = False) -> tuple[dict[str, str], list[str]]:
        """Facts of a Recording that the table has of a file, and remarks on those that were not understood.

        Args:
            recording: the file's name.
            only: the table is about this one; its row need not name it.
        """
        named = "file" in self.columns
        found = self._of(recording) if named else self.rows[:1] if only else []
        facts: dict[str, str] = {}
        remarks: list[str] = []
        if only and not named and len(self.rows) > 1:
            remarks.append(f"{self.name} has {len(self.rows)} rows and no column 'file': only the first was taken.")
        for line, row in found:
            for fact in FACTS:
                try:
                    value = dates.iso(row.get(fact, ""), self._first) if fact == "date" else row.get(fact, "")
                    value = checked({fact: value})[fact] if value else ""
                except DataError as error:
                    remarks.append(f"{self.name}, line {line}: {error}")
                    continue
                if value and facts.setdefault(fact, value) != value:
                    remarks.append(f"{self.name}, line {line}: another {fact} of the same recording, {value!r}.")
        return facts, remarks

    def unknown(self, files: Iterable[str]) -> str:
        """A remark on the rows that name none of these files, or nothing; '' if there are none."""
        known = {name for file in files for name in (_key(file), _key(Path(file).stem))}
        lost = [f"{row.get('file', '')!r} (line {line})" for line, row in self.rows if not _files(row) & known]
        if not lost or "file" not in self.columns:
            return "" if "file" in self.columns or not self.columns else f"{self.name} has no column 'file': not used."
        return f"{self.name} names files that are not beside it: {some(lost)}."

    @cached_property
    def _first(self) -> dates.First | None:
        """What comes first in its dates."""
        return dates.order(row.get("date", "") for _, row in self.rows)

    @cached_property
    def _by_file(self) -> dict[str, Rows]:
        """The rows that name each file, as `_key` has it."""
        found: dict[str, Rows] = defaultdict(list)
        for line, row in self.rows:
            for name in _files(row):
                found[name].append((line, row))
        return found

    def _of(self, recording: str) -> Rows:
        """The rows that name a file; those that leave out its suffix where none has it."""
        found = self._by_file
        return found.get(_key(recording)) or found.get(_key(Path(recording).stem)) or []

    def _read(self, text: str) -> None:
        delimiter = max(DELIMITERS, key=lambda one: len(_known(_split(text[:SAMPLE], one)[0])))
        rows, unclosed = _split(text, delimiter)
        if unclosed:
            self.remarks.append(f"{self.name}, line {unclosed}: quotation marks do not match; they were taken as text.")
        rows = _upright(rows)
        head = _head(rows)
        self.columns = frozenset(_known(rows))
        if not self.columns:
            names = ", ".join(["file", *FACTS])
            self.remarks.append(f"{self.name} has no column that is understood: expected some of {names}.")
            return
        cells = rows[head][1]
        columns = [_column(cell) for cell in cells]
        strange = [
            repr(cell.strip()[:40]) for cell, column in zip(cells, columns, strict=True) if cell.strip() and not column
        ]
        if strange and not self.of_cues:
            self.remarks.append(f"{self.name}: not understood and left out: column {some(strange, 20)}.")
        wide = []
        for line, cells in rows[head + 1 :]:
            row: dict[str, str] = {}
            for column, cell in zip(columns, cells, strict=False):
                if column and cell.strip():
                    row.setdefault(column, cell.strip())
            if any(map(str.strip, cells[len(columns) :])):
                wide.append(str(line))
            elif row:
                self.rows.append((line, row))
        if wide:
            advice = "put what has the delimiter in it between quotation marks"
            self.remarks.append(f"{self.name}, line {some(wide)}: left out for it has too many cells: {advice}.")


def _split(text: str, delimiter: str) -> tuple[Lines, int]:
    """The rows, and the line of a quotation mark that has no other; 0 where all have."""
    options: dict[str, Any] = {"delimiter": delimiter, "skipinitialspace": True}
    unclosed = 0
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, **options)
        rows = [(reader.line_num, cells) for cells in reader]
    except csv.Error:
        unclosed = reader.line_num
        reader = csv.reader(text.split("\n"), quoting=csv.QUOTE_NONE, **options)
        rows = [(reader.line_num, cells) for cells in reader]
    return [(line, cells) for line, cells in rows if any(map(str.strip, cells))], unclosed


def _head(rows: Lines) -> int:
    """The row that names the columns: of the first ones, the one with the most names that are known."""
    return max(
        range(min(HEAD, len(rows))), key=lambda number: len(set(map(_column, rows[number][1])) - {""}), default=0
    )


def _known(rows: Lines) -> set[str]:
    """The columns that are known."""
    return set(map(_column, rows[_head(rows)][1])) - {""} if rows else set()


def _upright(rows: Lines) -> Lines:
    """The rows of a table that has its columns as lines: "title;Harbour", "speaker;Anna"."""
    names = [_column(cells[0]) for _, cells in rows[:HEAD]]
    if len(set(names) - {""}) <= max(1, len(_known(rows))) or len(rows) > HEAD:
        return rows
    wide = max(len(cells) for _, cells in rows)
    return [(number + 1, [cells[number] if number < len(cells) else "" for _, cells in rows]) for number in range(wide)]


def _column(cell: str) -> str:
    """What a column holds, of COLUMNS; '' where that is not known."""
    return NAMES.get("".join(letter for letter in _key(cell) if letter.isalnum()), "")


def _key(name: str) -> str:
    """A file's name as names are compared: however it is composed, in capitals or not."""
    return " ".join(normalize("NFC", name).casefold().split())


def _files(row: dict[str, str]) -> set[str]:
    """The file that a row names, with and without folders, of whatever system they are."""
    name = row.get("file", "")
    return {_key(name), _key(PureWindowsPath(name).name)}


def some(items: list[str], most: int = NAMED) -> str:
    """The first of some names, and how many more there are."""
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")
