"""Transcripts as documents of Word and LibreOffice: what is known of a recording beside which they lie."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from index.ingest import documents, office
from index.ingest.sidecars import SidecarIndex
from tests.index.ingest.office_files import docx, opendocument, paragraph, table, xlsx, zipped
from tests.index.ingest.test_sidecars import SAID, Sidecar, known, write

ONE, TWO = "The harbour was flooded", "after the storm."
BREAK, TAB = "<w:br/>", "<w:tab/>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "a.wav", b"RIFF")
    return tmp_path


def cues(beside: Sidecar) -> list[tuple[float, str, str]]:
    return [(one.start, one.speaker, one.text) for one in beside.cues]


TIMED: dict[str, str] = {  # Anna says one thing at 0, and Ben another at 2 seconds
    "times in brackets": paragraph(f"[00:00:00] Anna: {ONE}") + paragraph(f"[00:00:02] Ben: {TWO}"),
    "tabs": paragraph("00:00:00", TAB, "Anna:", TAB, ONE) + paragraph("00:00:02", TAB, "Ben:", TAB, TWO),
    "Teams": paragraph("Weekly-20240501_103000-Meeting Recording")
    + paragraph("May 1, 2024, 10:30AM")
    + paragraph("52m 3s")
    + paragraph("Anna", "   0:00", BREAK, ONE)
    + paragraph("Ben", "   0:02", BREAK, TWO)
    + paragraph("Anna stopped transcription"),
    "Teams before 2023": paragraph("0:0:0.0 --> 0:0:1.900", BREAK, "Anna", BREAK, ONE)
    + paragraph("0:0:2.0 --> 0:0:3.700", BREAK, "Ben", BREAK, TWO),
    "Transcribe in Word": paragraph("Audio file", style="berschrift1")
    + paragraph("a.wav")
    + paragraph("Transcript", style="berschrift1")
    + paragraph("00:00:00 Anna")
    + paragraph(ONE)
    + paragraph("00:00:02 Ben")
    + paragraph(TWO),
    "Otter": paragraph("A talk", style="Titel")
    + "".join(map(paragraph, ("SPEAKERS", "Anna, Ben", "", "Anna  00:00", ONE, "", "Ben  00:02", TWO, "")))
    + paragraph("Transcribed by https://otter.ai"),
    "Rev": "".join(map(paragraph, ("Anna (00:00):", ONE, "Ben (00:02):", TWO))),
    "Happy Scribe": "".join(map(paragraph, ("[00:00:00.000] - Anna", ONE, "", "[00:00:02.000] - Ben", TWO))),
    "subtitles": "".join(
        map(paragraph, ("1", "00:00:00,000 --&gt; 00:00:02,000", f"Anna: {ONE}", "", "2",
                        "00:00:02,000 --&gt; 00:00:03,700", f"Ben: {TWO}"))
    ),
    "a table": paragraph("Interview with Anna")
    + table(["Time", "Speaker", "Transcript"], ["00:00:00", "Anna", ONE], ["00:00:02", "Ben", TWO]),
    "a table without names": table(["00:00:00", "Anna:", ONE], ["00:00:02", "Ben:", TWO]),
    "names that nobody knows": table(["Zeit", "Wer", "Gesagtes"], ["0:00", "Anna", ONE], ["0:02", "Ben", TWO]),
    "numbers, ends and notes": table(
        ["Interview 12"], ["No.", "In", "Start", "End", "Speaker", "Text", "Note"],
        ["1", "", "0:00", "0:02", "Anna", ONE, "loud"], ["2", "", "0:02", "0:04", "Ben", TWO, ""],
    ),
    "speaker and time in a cell": table([f"Anna|{BREAK}|00:00", ONE], [f"Ben|{BREAK}|00:02", TWO]),
    "from and to in a cell": table(["0:00 – 0:02", "Anna", ONE], ["0:02 – 0:04", "Ben", TWO]),
    "seconds": table(["Start", "Speaker", "Text"], ["0", "Anna", ONE], ["2.0", "Ben", TWO]),
    "what is said before who says it": table(
        ["Text", "Speaker", "Time"], [ONE, "Anna", "00:00"], [TWO, "Ben", "00:02"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TIMED)
def test_times_and_speakers(case: str, folder: Path) -> None:
    docx(folder / "a.docx", TIMED[case])
    beside, remarks = known(folder)
    assert cues(beside) == [(0.0, "Anna", ONE), (2.0, "Ben", TWO)] and remarks == []


def test_what_a_translation_says_is_no_name(folder: Path) -> None:
    original = ("Der Hafen war nach dem Sturm so hoch überflutet wie nie zuvor", "oder danach.")
    rows = [["0:00", original[0], ONE], ["0:02", original[1], TWO]]
    docx(folder / "a.docx", table(["Time", "Original", "English"], *rows))
    assert cues(known(folder)[0]) == [(0.0, "", original[0]), (2.0, "", original[1])]


def test_a_name_that_stands_once(folder: Path) -> None:
    docx(folder / "a.docx", table(["0:00", "Anna", ONE], ["0:02", "", TWO]))
    assert cues(known(folder)[0]) == [(0.0, "Anna", ONE), (2.0, "", TWO)]


def test_names_that_are_long_or_turned(folder: Path) -> None:
    names = ("Dr. Anna von der Heide", "Miller, Ben (Guest)")
    docx(folder / "a.docx", table(["Time", "Who", "Said"], ["0:00", names[0], ONE], ["0:02", names[1], TWO]))
    assert cues(known(folder)[0]) == [(0.0, names[0], ONE), (2.0, names[1], TWO)]
    docx(folder / "a.docx", paragraph("Smith, Anna   0:00", BREAK, ONE) + paragraph(names[1], "   0:02", BREAK, TWO))
    assert cues(known(folder)[0]) == [(0.0, "Smith, Anna", ONE), (2.0, names[1], TWO)]


BOX = "<w:txbxContent>" + paragraph("BOX") + "</w:txbxContent>"
UNTIMED: dict[str, str] = {
    "paragraphs": paragraph(ONE) + paragraph(TWO),
    "headings": paragraph("Tape 1", style="Titel") + paragraph("Side A", style="berschrift1") + paragraph(SAID),
    "changes": paragraph("The ")
    + f"<w:p><w:del><w:r><w:delText>old </w:delText></w:r></w:del><w:ins>{paragraph('harbour')[5:-6]}</w:ins>"
    + f"<w:moveFrom>{paragraph('MOVED')[5:-6]}</w:moveFrom></w:p>"
    + paragraph("was flooded after the storm."),
    "paragraphs joined": f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>{ONE[:-3]}</w:t></w:r></w:p>"
    + paragraph(f"{ONE[-3:]} {TWO}"),
    "breaks, hyphens and tabs": paragraph(
        "The har", "<w:softHyphen/>", "bour\u00ad", BREAK, "was", TAB, f"flooded {TWO}"
    ),
    "a box, a picture, a note": paragraph(
        "The harbour",
        f"<mc:AlternateContent><mc:Choice><w:drawing>{BOX}</w:drawing></mc:Choice><mc:Fallback><w:pict>{BOX}</w:pict>"
        "</mc:Fallback></mc:AlternateContent>",
        "<w:footnoteReference/>", '<w:commentReference w:id="1"/>', "<w:instrText>PAGE</w:instrText>",
        f" was flooded {TWO}",
    ),
    "fields of a form and links": f"<w:sdt><w:sdtPr/><w:sdtContent>{paragraph(ONE)}</w:sdtContent></w:sdt>"
    f"<w:p><w:hyperlink>{paragraph('after')[5:-6]}</w:hyperlink><w:smartTag>{paragraph(' the storm.')[5:-6]}"
    "</w:smartTag></w:p>",
    "facts above": table(["Interviewee", "Anna"], ["Date", "1962"], ["Place", "Hull"]) + paragraph(SAID),
    "turns": table(["A", "The harbour"], ["B", "was flooded"], ["A", TWO]),
    "a frame": table([ONE], [TWO]),
    "a table in a table": f"<w:tbl><w:tr><w:tc>{table([ONE, TWO])}</w:tc></w:tr></w:tbl>",
    "a table in a cell": f"<w:tbl><w:tr><w:tc>{paragraph('A')}</w:tc><w:tc>{table([ONE])}</w:tc></w:tr><w:tr><w:tc>"
    f"{paragraph('A')}</w:tc><w:tc>{table([TWO])}</w:tc></w:tr></w:tbl>",
    "a box in a cell": f"<w:tbl><w:tr><w:tc>{paragraph('A')}</w:tc><w:tc><w:p><w:r><w:pict>{BOX}</w:pict></w:r><w:r>"
    f"<w:t>{SAID}</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc>{paragraph('A')}</w:tc></w:tr></w:tbl>",
    "numbers of lines": "".join(map(paragraph, ("1  The harbour", "2  was flooded", f"3  {TWO}"))),
}  # fmt: skip


@pytest.mark.parametrize("case", UNTIMED)
def test_words(case: str, folder: Path) -> None:
    docx(folder / "a.docx", UNTIMED[case])
    beside, remarks = known(folder)
    assert (beside.text, beside.cues, remarks) == (SAID, (), [])


def test_a_document_whose_main_part_has_another_name(folder: Path) -> None:
    docx(folder / "a.DOCX", paragraph(SAID), "document2.xml")
    assert known(folder)[0].text == SAID


def test_a_time_that_cannot_be_read_is_named(folder: Path) -> None:
    docx(folder / "a.docx", table(["0:00", "Anna", ONE], ["0:0l", "Ben", "unclear"], ["0:02", "Ben", TWO]))
    beside, remarks = known(folder)
    assert TWO in beside.text and len(remarks) == 1 and remarks[0].startswith("a.docx, line 2: left out, for its times")


def test_other_formats_with_times_are_taken_before_a_document(folder: Path) -> None:
    docx(folder / "a.docx", paragraph(SAID))
    write(folder / "a.srt", f"1\n00:00:00,000 --> 00:00:03,700\n{SAID}\n")
    beside, remarks = known(folder)
    assert len(beside.cues) == 1 and remarks == []


def test_documents_that_belong_to_no_recording(folder: Path) -> None:
    docx(folder / "letter.docx", paragraph("Dear Anna,"))
    docx(folder / "b.docx", paragraph(f"[00:00] {ONE}") + paragraph(f"[00:02] {TWO}"))
    sidecars = SidecarIndex([folder / "a.wav"], [folder])
    sidecars.of(folder / "a.wav")
    assert sidecars.remarks == ["Passed over, for no recording has its name: b.docx."]


OPEN: dict[str, str] = {
    "paragraphs": f"<text:p>[0:00] Anna: <text:span>{ONE}</text:span></text:p><text:p>[0:02] Ben: {TWO}</text:p>",
    "breaks and blanks": "<text:sequence-decls/><text:p text:style-name='Title'>A talk</text:p><text:h>Part 1</text:h>"
    f"<text:p>Anna<text:s text:c='3'/>0:00<text:line-break/>{ONE}</text:p>\n  <text:section><text:p>Ben<text:tab/>"
    f"<text:s/>0:02<text:line-break/>after the\n storm.</text:p></text:section>",
    "notes and changes": "<text:tracked-changes><text:changed-region><text:deletion><text:p>OLD</text:p>"
    "</text:deletion></text:changed-region></text:tracked-changes><text:p>[0:00] Anna: <text:change-start/>"
    f"{ONE}<office:annotation>"
    "<text:p>COMMENT</text:p></office:annotation><text:note><text:note-body><text:p>NOTE</text:p></text:note-body>"
    f"</text:note></text:p><text:p><draw:frame><draw:text-box><text:p>BOX</text:p></draw:text-box></draw:frame>"
    f"[0:02] Ben: {TWO}<text:page-number>3</text:page-number></text:p>",
    "a table": "<table:table><table:table-column/><table:table-header-rows><table:table-row>"
    + "".join(f"<table:table-cell><text:p>{one}</text:p></table:table-cell>" for one in ("Time", "Name", "Speech"))
    + "</table:table-row></table:table-header-rows>"
    + "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{one}</text:p></table:table-cell>" for one in row)
        + "</table:table-row>"
        for row in (("00:00", "Anna", ONE), ("00:02", "Ben", TWO))
    )
    + "</table:table>",
    "lists": f"<text:list><text:list-item><text:p>[0:00] Anna: {ONE}</text:p></text:list-item><text:list-item>"
    f"<text:p>[0:02] Ben: {TWO}</text:p></text:list-item></text:list>",
}


@pytest.mark.parametrize("case", OPEN)
def test_texts_of_libreoffice(case: str, folder: Path) -> None:
    title = "<style:style style:name='P1' style:parent-style-name='Title'/>"
    opendocument(folder / "a.odt", "text", f"<text:p text:style-name='P1'>A title</text:p>{OPEN[case]}", styles=title)
    beside, remarks = known(folder)
    assert cues(beside) == [(0.0, "Anna", ONE), (2.0, "Ben", TWO)] and remarks == []


def rich(body: str, head: str = r"\ansi\ansicpg1252\deff0") -> bytes:
    fonts = r"{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fnil\fcharset204 Times;}}{\stylesheet{\s1 heading 1;}}"
    return f"{{\\rtf1{head}{fonts}{{\\info{{\\title A talk}}}}{{\\footer Page 1}}{body}}}".encode("cp1252")


RICH: dict[str, bytes] = {  # as above
    "Word": rich(
        r"\pard\plain\f0 [00:00:00] {\b Anna:} The {\field{\*\fldinst{HYPERLINK "
        r'"https://example.org"}}{\fldrslt{harbour}}} was flooded\par [00:00:02] {\b Ben:} after the storm.\par '
    ),
    "TextEdit": rich("\n[0:00] Anna: The harbour\n was flooded\\\n[0:02] Ben: after the storm.\\\n", r"\cocoartf2761"),
    "a table": rich("".join(
        rf"\trowd\cellx1000\cellx2000\cellx9000\intbl {time}\cell {name}\cell {text}\cell\row "
        for time, name, text in (("0:00", "Anna", ONE), ("0:02", "Ben", TWO))
    ) + r"\pard"),
}  # fmt: skip


@pytest.mark.parametrize("case", RICH)
def test_formatted_text(case: str, folder: Path) -> None:
    write(folder / "a.rtf", RICH[case])
    beside, remarks = known(folder)
    assert cues(beside) == [(0.0, "Anna", ONE), (2.0, "Ben", TWO)] and remarks == []


def test_letters_of_formatted_text(folder: Path) -> None:
    write(
        folder / "a.rtf", rich(r"\u220\'dcberflutet, sagt J\'fcrgen. {\f1 \'cd\'e5\'f2.} \u-10179?\u-8704?\u8364 \'80")
    )
    assert known(folder)[0].text == "Überflutet, sagt Jürgen. Нет. \U0001f600€"


@pytest.mark.parametrize("content", [b"{\\rtf1", b"{\\rtf1 \\u99999999999 }", rich(r"\f0" * 2**14), b"\\rtf", b""])
def test_formatted_text_that_cannot_be_read_is_named(content: bytes, folder: Path) -> None:
    write(folder / "a.rtf", content)
    beside, remarks = known(folder)
    assert not beside.text and len(remarks) == 1 and remarks[0].startswith("a.rtf ")


OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def written(content: bytes) -> Callable[[Path], None]:
    return lambda path: write(path, content)


def half(path: Path) -> None:
    docx(path, paragraph(SAID))
    path.write_bytes(path.read_bytes()[:-300])


def broken(path: Path) -> None:
    docx(path, f"{paragraph(SAID)}<w:p>")


def entities(path: Path) -> None:
    docx(path, paragraph("&a;"))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    parts["word/document.xml"] = '<!DOCTYPE a [<!ENTITY a "aa">]>' + parts["word/document.xml"].partition("\n")[2]
    zipped(path, parts)


FLAWED: dict[str, tuple[Callable[[Path], None], str]] = {
    "an old one, renamed": (written(OLD), "is of an old format inside: save it as .docx."),
    "a password": (written(OLD + "EncryptedPackage".encode("utf-16-le")), "is protected by a password: save it"),
    "nothing": (written(b""), "is damaged, or something else than its suffix says: open it with"),
    "formatted text": (written(b"{\\rtf1 The harbour}"), "is damaged, or something else than its suffix says"),
    "half of it": (half, "is damaged, or something else than its suffix says: open it with"),
    "tags that are not closed": (broken, "is no XML that can be read."),
    "entities": (entities, "is no XML that can be read."),
    "a spreadsheet": (lambda path: xlsx(path, ""), "is something else than its suffix says: open it, and save it as"),
    "other parts": (lambda path: zipped(path, {"a.txt": "a"}), "is something else than its suffix says: open it, and"),
    "no words": (lambda path: docx(path, paragraph("")), "holds no words that are understood: it was passed over."),
    "much XML": (lambda path: docx(path, "<w:p/>" * 2**18), "has more than 1 MiB of content: shorten it."),
    "what is deep": (lambda path: docx(path, "<w:sdt>" * 2**15 + "</w:sdt>" * 2**15), "is damaged: open it with"),
}


@pytest.mark.parametrize("case", FLAWED)
def test_what_cannot_be_read_is_named_in_one_sentence(case: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(office, "LARGEST", 2**20)
    make, sentence = FLAWED[case]
    make(folder / "a.docx")
    beside, remarks = known(folder)
    assert not beside.text and len(remarks) == 1 and remarks[0].startswith(f"a.docx {sentence}")


def test_a_password_of_libreoffice(folder: Path) -> None:
    opendocument(folder / "a.odt", "text", "", locked=True)
    assert known(folder)[1] == ["a.odt is protected by a password: save it without one."]


def test_a_table_with_many_cells_is_read_in_time(tmp_path: Path) -> None:
    wide = f"<w:tr>{'<w:tc/>' * 5_000}</w:tr>"
    docx(tmp_path / "a.docx", f"<w:tbl>{wide}{'<w:tr><w:tc><w:p/></w:tc></w:tr>' * 5_000}</w:tbl>{paragraph(SAID)}")
    assert documents.read(tmp_path / "a.docx").strip() == SAID
