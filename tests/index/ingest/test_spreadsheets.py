"""Spreadsheets beside recordings, as people keep them and programs write them: what is known of the recordings then.

Most are written by openpyxl; what it cannot write, and what LibreOffice does, is made part by part.
"""

import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from index.ingest import office, spreadsheets, transcripts
from index.ingest.sidecars import SidecarIndex
from tests.index.ingest.office_files import SHEETS, STRICT, inline, opendocument, relations, xlsx, zipped
from tests.index.ingest.test_sidecars import TOLD, known, told, write

HEAD = ["file", "title", "speaker", "category", "language", "date"]
DAY = datetime.datetime(1962, 5, 1)
ROW: list[Any] = ["a.wav", "Harbour", "Jürgen", "history", "en", DAY]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", b"RIFF")
    return tmp_path


def workbook(path: Path, rows: list[list[Any]], change: Callable[[Any], object] | None = None) -> None:
    """Write a sheet of rows, then change the workbook."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    book.save(path)


def on_second_sheet(book: Any) -> None:
    rows = list(book.active.values)
    book.active.delete_rows(1, 10)
    for row in rows:
        book.create_sheet("Interviews").append(row) if len(book.worksheets) < 2 else book.worksheets[1].append(row)


def on_hidden_sheet(book: Any) -> None:
    on_second_sheet(book)
    book.worksheets[0].append(["Language", "Category"])
    book.worksheets[0].append(["German", "English"])
    book.worksheets[0].sheet_state = "hidden"
    book.active = 1


def merged(book: Any) -> None:
    sheet = book.active
    sheet.merge_cells("A1:F1")
    sheet.merge_cells("C3:C4")
    sheet.merge_cells("F3:F4")


def in_format(place: str, code: str, value: Any = None) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        book.active[place].number_format = code
        if value is not None:
            book.active[place] = value
            book.active[place].number_format = code

    return change


def since_1904(book: Any) -> None:
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904


def far_away(book: Any) -> None:
    book.active["XFD1048576"].font = openpyxl.styles.Font(bold=True)
    book.active["A900"].font = openpyxl.styles.Font(bold=True)


def calculated(book: Any) -> None:
    book.create_chartsheet("Chart")
    book.active["G1"] = "Länge"


TABLES: dict[str, tuple[list[list[Any]], Callable[[Any], object] | None]] = {
    "as it is": ([HEAD, ROW], None),
    "a title above": ([["Our archive, 1950–1970"], [], ["as of", DAY], HEAD, ROW], None),
    "German": ([["Datei", "Titel", "Zeitzeuge", "Thema", "Sprache", "Aufnahmedatum"], ROW], None),
    "a date in Excel's short form": ([HEAD, ROW], in_format("F2", "mm-dd-yy")),
    "a date in the long form of the system": ([HEAD, ROW], in_format("F2", "[$-F800]dddd, mmmm dd, yyyy")),
    "a date in Japanese": ([HEAD, ROW], in_format("F2", 'yyyy"年"m"月"d"日";@')),
    "a date as Denmark writes it": ([HEAD, ROW], in_format("F2", r"[$-406]d\.\ mmm\ yyyy")),
    "a date with a time": ([HEAD, [*ROW[:5], DAY.replace(hour=10, minute=30)]], None),
    "a date without a time": ([HEAD, [*ROW[:5], DAY.date()]], None),
    "a date as a text": ([HEAD, [*ROW[:5], "1 May 1962"]], None),
    "days since 1904": ([HEAD, ROW], since_1904),
    "an empty first sheet": ([HEAD, ROW], on_second_sheet),
    "a hidden first sheet": ([HEAD, ROW], on_hidden_sheet),
    "merged cells": ([["Our archive"], HEAD, ["b.wav", "B", *ROW[2:]], ["a.wav", "Harbour", None, *ROW[3:5]]], merged),
    "formats far below and beside": ([HEAD, ROW], far_away),
    "a diagram": ([HEAD, ROW], lambda book: book.create_chartsheet("Chart", 0)),
    "a note beside": ([HEAD, [*ROW, None, None, "ask Anna"]], None),
    "all in one column": ([[";".join(HEAD)], ["a.wav;Harbour;Jürgen;history;en;1962-05-01"]], None),
    "a link": ([HEAD, ROW], lambda book: setattr(book.active["A2"], "hyperlink", "file:///C:/tapes/a.wav")),
    "a path": ([HEAD, ["C:\\tapes\\a.wav", *ROW[1:]]], None),
    "what cannot be calculated": ([[*HEAD, "tags"], [*ROW, "#N/A"]], None),
    "upright": ([[name, value] for name, value in zip(HEAD, ROW, strict=True)], None),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(case: str, folder: Path) -> None:
    workbook(folder / "metadata.xlsx", *TABLES[case])
    beside, remarks = known(folder)
    assert told(beside) == TOLD
    assert [one for one in remarks if "names files that are not beside it: 'b.wav'" not in one] == []


def test_of_a_single_recording(folder: Path) -> None:
    workbook(folder / "a.xlsx", [HEAD[1:], ROW[1:]])
    assert known(folder)[0].facts["date"] == "1962-05-01"


def test_what_excel_keeps_beside_a_file_that_is_open(folder: Path) -> None:
    workbook(folder / "metadata.xlsx", [HEAD, ROW])
    write(folder / "~$tadata.xlsx", bytes(165))
    sidecars = SidecarIndex([folder / "a.wav"], [folder])
    assert told(sidecars.of(folder / "a.wav")) == TOLD and sidecars.remarks == []


def test_a_table_above_names_recordings_of_folders_below(tmp_path: Path) -> None:
    (tmp_path / "side-a").mkdir()
    write(tmp_path / "side-a" / "a.wav", b"RIFF")
    workbook(tmp_path / "metadata.xlsx", [HEAD, ["side-a/a.wav", *ROW[1:]]])
    sidecars = SidecarIndex([tmp_path / "side-a" / "a.wav"], [tmp_path, tmp_path / "side-a"])
    assert told(sidecars.of(tmp_path / "side-a" / "a.wav")) == TOLD and sidecars.remarks == []


DATES = {  # how they look: what is known
    "yyyy": "1962", "mmm-yy": "1962-05", "mmmm yyyy": "1962-05", 'yyyy"年"m"月"': "1962-05", "d/m/yyyy": "1962-05-01",
    "dd.mm.yy": "1962-05-01", "[$-411]ggge": "1962", "m/d/yyyy h:mm AM/PM": "1962-05-01", "0.00E+00": None,
    "d-mmm": None, "General": None, '"ID "0': None, "#,##0.00 [$€-407];[Red]-#,##0.00": None,
}  # fmt: skip


@pytest.mark.parametrize(("code", "date"), DATES.items())
def test_a_date_is_as_exact_as_it_looks(code: str, date: str | None, folder: Path) -> None:
    workbook(folder / "metadata.xlsx", [HEAD, [*ROW[:5], 22767]], in_format("F2", code))  # 1 May 1962
    beside, remarks = known(folder)
    assert beside.facts.get("date") == date
    assert len(remarks) == (date is None)


NUMBERS = {
    1962.0: "1962", 12.5: "12.5", 0.1 + 0.2: "0.3", 12: "12", True: "TRUE", 1234567890123456: "1234567890123456",
    datetime.time(0, 1, 10): "0:01:10", datetime.time(0, 1, 10, 500_000): "0:01:10.500",
    datetime.timedelta(hours=25, seconds=10): "25:00:10", datetime.time(12, 30): "12:30:00",
}  # fmt: skip


@pytest.mark.parametrize(("value", "text"), NUMBERS.items())
def test_numbers_and_times(value: Any, text: str, tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", [[value]])
    assert spreadsheets.read(tmp_path / "a.xlsx")[0].rows == [(1, [text])]


def test_numbers_with_zeros_before_them(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", [[7]], in_format("A1", "0000"))
    assert spreadsheets.read(tmp_path / "a.xlsx")[0].rows == [(1, ["0007"])]


CLOCKS: dict[str, tuple[list[Any], str]] = {  # the second of two beginnings; where it is, in seconds
    "a time": ([datetime.time(0, 0), datetime.time(0, 1, 10)], "General"),
    "a duration": ([datetime.timedelta(0), datetime.timedelta(minutes=1, seconds=10)], "[h]:mm:ss"),
    "minutes and seconds": ([0, 70 / 86_400], "mm:ss"),
    "minutes and seconds that Excel took for hours": ([datetime.time(0, 0), datetime.time(1, 10)], "h:mm"),
    "seconds": ([0.0, 70.0], "General"),
    "a text": (["0:00", "1:10"], "@"),
    "the clock of a whole": (["00:00:00:00", "00:01:10:00"], "@"),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_tables_of_times(case: str, folder: Path) -> None:
    (first, second), code = CLOCKS[case]
    rows = [["Start", "Speaker", "Text"], [first, "Anna", "The harbour"], [second, "Ben", "was flooded.\nAfter that"]]

    def change(book: Any) -> None:
        for place in ("A2", "A3"):
            book.active[place].number_format = code if code != "General" else book.active[place].number_format

    workbook(folder / "a.xlsx", rows, change)
    beside, remarks = known(folder)
    assert [(one.start, one.speaker, one.text) for one in beside.cues] == [
        (0.0, "Anna", "The harbour"), (70.0, "Ben", "was flooded. After that"),
    ]  # fmt: skip
    assert remarks == []


def test_times_that_excel_took_for_more_than_a_day(folder: Path) -> None:
    rows = [["Time", "Text"], [datetime.time(23, 50), "Before"], [datetime.timedelta(hours=24, minutes=10), "After"]]
    workbook(folder / "a.xlsx", rows, in_format("A2", "h:mm"))
    assert [one.start for one in known(folder)[0].cues] == [23 * 60 + 50, 24 * 60 + 10]


def test_a_time_that_cannot_be_read_is_named_with_its_row(folder: Path) -> None:
    workbook(folder / "a.xlsx", [["Start", "Text"], ["0:00", "The harbour"], [], ["soon", "was flooded"]])
    beside, remarks = known(folder)
    assert beside.text == "The harbour" and remarks[0].startswith("a.xlsx, line 4: left out, for its times")


def test_what_is_not_taken_is_named(folder: Path) -> None:
    def change(book: Any) -> None:
        book.create_sheet("Videos").append(["file", "title"])
        book.create_sheet("Lists").append(["language"])
        book.active["B2"] = "=UPPER(A2)"

    workbook(folder / "metadata.xlsx", [[*HEAD, "shelf"], [*ROW, 12]], change)
    beside, remarks = known(folder)
    assert told(beside) == ("", *TOLD[1:]) and remarks == [
        "metadata.xlsx: the sheet 'Sheet' was taken, and not 'Videos'.",
        "metadata.xlsx, line 2: formulas without values were left out: open it in a spreadsheet program, and save it.",
        "metadata.xlsx: not understood and left out: column 'shelf'.",
    ]


def test_the_sheet_that_names_recordings_is_taken(folder: Path) -> None:
    def change(book: Any) -> None:
        for row in (["Band", "Titel"], ["A", "Hafen"]):
            book["Tapes"].append(row) if "Tapes" in book else book.create_sheet("Tapes").append(row)

    workbook(folder / "metadata.xlsx", [["Title", "Our tapes"], ["Language", "German"], ["Date", 1999]], change)
    assert known(folder)[0].facts == {"title": "Hafen"}


STRINGS = (  # as Excel keeps them: with fonts, and how they are pronounced
    f'<sst xmlns="{SHEETS}"><si><t>file</t></si><si><t>title</t></si><si><r><t>a.</t></r><r><rPr/><t>wav</t></r></si>'
    "<si><t>港_x000D_\n</t><rPh><t>みなと</t></rPh></si></sst>"
)


def test_strings_that_cells_share(folder: Path) -> None:
    rows = "".join(
        f'<row r="{row}"><c r="A{row}" t="s"><v>{one}</v></c><c r="B{row}" t="s"><v>{other}</v></c></row>'
        for row, one, other in ((1, 0, 1), (7, 2, 3))
    )
    xlsx(folder / "metadata.xlsx", rows)
    with zipfile.ZipFile(folder / "metadata.xlsx") as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts["xl/_rels/workbook.xml.rels"] = relations(
        {"worksheets\\sheet1.xml": "worksheet", "sharedStrings.xml": "sharedStrings"}
    )
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace("\\", "/")
    parts["xl\\sharedStrings.xml"] = STRINGS
    zipped(folder / "metadata.xlsx", parts)
    assert known(folder)[0].facts == {"title": "港"}


@pytest.mark.parametrize("space", [SHEETS, "http://purl.oclc.org/ooxml/spreadsheetml/main"])
def test_cells_that_do_not_say_where_they_are(space: str, folder: Path) -> None:
    xlsx(folder / "metadata.xlsx", inline([HEAD, ["a.wav", *TOLD]]), space=space, base=STRICT)
    beside, remarks = known(folder)
    assert told(beside) == TOLD and remarks == []


def test_many_rows_that_are_empty(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "LARGEST", 2**14)  # bytes, of several millions
    rows = '<row r="1"><c r="A1" t="str"><v>file</v></c><c r="B1" t="str"><v>title</v></c></row>' + "".join(
        f'<row r="{row}" spans="1:2" s="1"><c r="A{row}" s="1"/><c r="B{row}" s="1"/></row>' for row in range(2, 99_999)
    )
    last = '<row r="99999"><c r="A99999" t="str"><v>a.wav</v></c><c r="B99999" t="str"><v>Harbour</v></c></row>'
    xlsx(folder / "metadata.xlsx", rows + last)
    assert known(folder)[0].facts == {"title": "Harbour"}


def cell(text: str, kind: str = "string", more: str = "") -> str:
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{text}</text:p></table:table-cell>'


OPEN_HEAD = "<table:table-row>" + "".join(map(cell, HEAD)) + "</table:table-row>"
OPEN_DATES = {
    '<text:p>01.05.62</text:p>': "1962-05-01", '<text:p>1962</text:p>': "1962", '<text:p>May 1962</text:p>': "1962-05",
    '<office:annotation><text:p>surely?</text:p></office:annotation><text:p>1 May 1962</text:p>': "1962-05-01",
}  # fmt: skip


@pytest.mark.parametrize(("shown", "date"), OPEN_DATES.items())
def test_sheets_of_libreoffice(shown: str, date: str, folder: Path) -> None:
    day = f'<table:table-cell office:value-type="date" office:date-value="1962-05-01">{shown}</table:table-cell>'
    many = (
        "<table:table-row table:number-rows-repeated='{}'><table:table-cell table:number-columns-repeated='16384'/>"
        "</table:table-row>"
    )
    row = f"{cell('a<text:span>.wav</text:span>')}{cell('Harbour')}{cell('Jürgen')}{cell('history')}{cell('en')}{day}"
    sheets = (
        f'<table:table table:name="Lists" table:style-name="ta2">{OPEN_HEAD}</table:table>'
        f'<table:table table:name="S">{OPEN_HEAD}{many.format(3)}<table:table-row>{row}</table:table-row>'
        f"{many.format(1_048_570)}</table:table>"
    )
    hidden = '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>'
    opendocument(folder / "metadata.ods", "spreadsheet", sheets, styles=hidden)
    beside, remarks = known(folder)
    assert told(beside) == (*TOLD[:4], date) and remarks == []


def test_times_numbers_and_merged_cells_of_libreoffice(tmp_path: Path) -> None:
    rows = (
        cell("Anna", more='table:number-rows-spanned="2"') + cell("1 962,50", "float", 'office:value="1962.5"')
        + cell("01:10", "time", 'office:time-value="PT00H01M10S"')
        + cell("00:10", "time", 'office:time-value="PT00H10M00S"')
        + cell("x", more='table:number-columns-repeated="2"'),
        "<table:covered-table-cell/>" + cell("0007", "float", 'office:value="7"')
        + cell("01:10", "time", 'office:time-value="PT01H10M00S"')
        + cell("a<text:s text:c='2'/>b<text:line-break/>c<text:tab/>d"),
    )  # fmt: skip
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    opendocument(tmp_path / "a.ods", "spreadsheet", f'<table:table table:name="S">{body}</table:table>')
    assert spreadsheets.read(tmp_path / "a.ods")[0].rows == [
        (1, ["Anna", "1962.5", "0:01:10", "0:10", "x", "x"]), (2, ["Anna", "0007", "1:10", "a  b\nc\td"]),
    ]  # fmt: skip


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
BROKEN: dict[str, tuple[bytes, str]] = {  # what the sentence has
    "an old one, renamed": (OLD, "is of an old format inside: save it as .xlsx."),
    "a password": (OLD + "EncryptedPackage".encode("utf-16-le"), "is protected by a password: save it without one."),
    "a web page": (b"<html><table><tr><td>file", "is damaged, or something else than its suffix says"),
    "nothing": (b"", "is damaged, or something else than its suffix says"),
    "a text": (b"file;title\na.wav;Harbour", "is damaged, or something else than its suffix says"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_spreadsheet_is_named_in_one_sentence(case: str, folder: Path) -> None:
    content, sentence = BROKEN[case]
    write(folder / "metadata.xlsx", content)
    beside, remarks = known(folder)
    assert not beside.facts and len(remarks) == 1 and remarks[0].startswith(f"metadata.xlsx {sentence}")


def damaged(path: Path) -> None:
    content = path.read_bytes()
    middle = content.index(b"sheet1.xml") + 60
    path.write_bytes(content[:middle] + bytes(60) + content[middle + 60 :])


def entities(path: Path) -> None:
    body = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    xlsx(path, f"<row><c><v>1</v></c></row>{body}")


def a_password(path: Path) -> None:
    opendocument(path.with_suffix(".ods"), "spreadsheet", "", locked=True)
    path.unlink()


def wide(path: Path) -> None:
    rows = "".join(f'<row r="{n}"><c r="AAA{n}" t="str"><v>x</v></c></row>' for n in range(1, 300))
    merges = '<mergeCell ref="AAA1:AAA300"/>' * 90
    xlsx(path, rows, after=f"<mergeCells>{merges}</mergeCells>")


def repeated(path: Path) -> None:
    many = cell("x", more='table:number-columns-repeated="16384"')
    row = f"<table:table-row>{many}</table:table-row>"
    opendocument(path.with_suffix(".ods"), "spreadsheet", f"<table:table>{row * 30}</table:table>")
    path.unlink()


BOMBS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a bit is wrong": (damaged, "is damaged: open it with the program that it is from"),
    "entities": (entities, "is no XML that can be read."),
    "LibreOffice's password": (a_password, "is protected by a password"),
    "much XML": (lambda path: xlsx(path, "<row><c><v/></c></row>" * 2**16), "has more than 1 MiB of content"),
    "one cell": (lambda path: xlsx(path, f"<c>{'x' * 2**21}</c>"), "has more than 1 MiB of content"),
    "merged cells": (wide, "has more than 20,000 cells"),
    "repeated cells": (repeated, "has more than 20,000 cells"),
    "another document": (lambda path: xlsx(path, "", space="x", base="y"), "has no column that is understood"),
    "no parts": (lambda path: zipped(path, {"a.txt": "a"}), "holds no sheets"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_what_unfolds_or_is_damaged_is_refused(case: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "LARGEST", 2**20)
    monkeypatch.setattr(spreadsheets, "MOST_CELLS", 20_000)
    make, sentence = BOMBS[case]
    workbook(folder / "metadata.xlsx", [HEAD, ROW])
    make(folder / "metadata.xlsx")
    beside, remarks = known(folder)
    assert not beside.facts and len(remarks) == 1 and sentence in remarks[0] and "metadata." in remarks[0]


def test_a_file_that_is_too_large_is_not_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "LARGEST_FILE", 2**20)
    write(folder / "metadata.xlsx", bytes(2**20 + 1))
    assert known(folder)[1] == ["metadata.xlsx is larger than 1 MiB: shorten it."]


def test_every_suffix_is_one_of_a_table_and_of_a_transcript() -> None:
    assert set(spreadsheets.SUFFIXES) <= set(transcripts.SUFFIXES)
