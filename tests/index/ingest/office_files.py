"""Files of Word, Excel and LibreOffice, made part by part as these write them."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OPEN = "urn:oasis:names:tc:opendocument:xmlns:"
NAMES = " ".join(
    f'xmlns:{name}="{OPEN}{name}:1.0"' for name in ("office", "text", "table", "draw", "style", "manifest")
)
STYLES = (
    '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>'
    '<w:style w:styleId="Standard"><w:name w:val="Normal"/></w:style>'
)


def zipped(path: Path, parts: dict[str, str], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def relations(kinds: dict[str, str], base: str = OFFICE) -> str:
    """The parts of some kinds, by their paths."""
    inner = "".join(
        f'<Relationship Id="rId{number}" Type="{base}/{kind}" Target="{target}"/>'
        for number, (target, kind) in enumerate(kinds.items(), 1)
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}">{inner}</Relationships>'


def docx(path: Path, body: str, part: str = "document.xml") -> None:
    """A document of Word, whose body is given."""
    space = f'xmlns:w="{WORD}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
    zipped(
        path,
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations({f"word/{part}": "officeDocument"}),
            f"word/_rels/{part}.rels": relations({"styles.xml": "styles", "header1.xml": "header"}),
            "word/styles.xml": f"<w:styles {space}>{STYLES}</w:styles>",
            "word/header1.xml": f"<w:hdr {space}>{paragraph('HEADER')}</w:hdr>",
            f"word/{part}": f"{head}<w:document {space}><w:body>{body}<w:sectPr/></w:body></w:document>",
        },
    )


def paragraph(*runs: str, style: str = "") -> str:
    """A paragraph of Word: of texts, and of tags."""
    inner = "".join(
        f"<w:r>{one}</w:r>" if one.startswith("<") else f'<w:r><w:rPr/><w:t xml:space="preserve">{one}</w:t></w:r>'
        for one in runs
    )
    return f"<w:p>{f'<w:pPr><w:pStyle w:val={style!r}/></w:pPr>' if style else ''}{inner}</w:p>"


def table(*rows: Iterable[str]) -> str:
    """A table of Word, as paragraphs in cells."""
    cells = ("".join(f"<w:tc><w:tcPr/>{paragraph(*one.split('|'))}</w:tc>" for one in row) for row in rows)
    return f"<w:tbl><w:tblPr/>{''.join(f'<w:tr><w:trPr/>{row}</w:tr>' for row in cells)}</w:tbl>"


def xlsx(path: Path, rows: str, *, after: str = "", space: str = SHEETS, base: str = OFFICE) -> None:
    """A workbook of Excel with one sheet, whose rows are given."""
    zipped(
        path,
        {
            "_rels/.rels": relations({"/xl/workbook.xml": "officeDocument"}, base),
            "xl/workbook.xml": f'<workbook xmlns="{space}" xmlns:r="{base}"><sheets><sheet name="S" sheetId="1" '
            'r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": relations({"worksheets/sheet1.xml": "worksheet"}, base),
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{space}"><dimension ref="A1"/><sheetData>{rows}</sheetData>'
            f"{after}</worksheet>",
        },
    )


def inline(rows: list[list[str]]) -> str:
    """Rows of a sheet of Excel whose texts stand in their cells."""
    return "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>" for row in rows
    )


def opendocument(path: Path, kind: str, body: str, *, styles: str = "", locked: bool = False) -> None:
    """A document of LibreOffice: a text or a spreadsheet, whose body is given."""
    entry = "<manifest:file-entry>" + "<manifest:encryption-data/>" * locked + "</manifest:file-entry>"
    zipped(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-content {NAMES}>'
            f"<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:{kind}>{body}"
            f"</office:{kind}></office:body></office:document-content>",
            "META-INF/manifest.xml": f"<manifest:manifest {NAMES}>{entry}</manifest:manifest>",
        },
    )
