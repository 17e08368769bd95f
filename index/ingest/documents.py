"""Documents (.docx, .odt, .rtf) as the plain texts that they would be saved as: a line for each paragraph and each
break, and for each row of a table, with its time and speaker before what is said.

    read(Path("interview.docx"))      # "[00:01:10] [Anna]: We left at dawn.\\n…"

Headings (but for .rtf), headers and footers, notes, comments, pictures, text boxes and what was deleted while changes
were tracked are left out.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import chain, groupby, zip_longest
from pathlib import Path
from xml.etree.ElementTree import Element

from clasp.errors import DataError
from clasp.filenames import readable, suffix
from index.ingest import encodings, tables
from index.ingest.clocks import CLOCK, seconds
from index.ingest.office import Package, attribute, children, open_text, opened
from index.ingest.safe_xml import local

SUFFIXES = (".docx", ".docm", ".odt", ".rtf")
WIDEST = 100  # columns of a table
COLUMNS: tuple[str, ...] = ("start", "end", "speaker", "text")
HEAD = 3  # rows among which the names of these are looked for
LONGEST_NAME = 60  # characters of whoever speaks
LONGEST_LINE = 20_000  # characters of a group of RTF
_LEFT_OUT = frozenset((  # of Word
    "del", "moveFrom", "drawing", "pict", "object", "Fallback", "rt", "pPr", "rPr", "sdtPr",
))  # fmt: skip
_NOT_SPOKEN = frozenset(("tracked-changes", "table-of-content", "frame", "forms"))  # of LibreOffice
_SIGNS = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_GROUP = re.compile(r"(?<!\\)(?=\{)")  # where one begins
_HEADING = re.compile(r"(?:sub)?title|(?:heading|toc).*", re.IGNORECASE)
_CLOCK = re.compile(CLOCK)
_TIMES = re.compile(rf"[\[(#]?({CLOCK})(?:\s*(?:-->|[-–—])\s*({CLOCK}))?[\])#]?")
_SENTENCE = re.compile(r"[^\W\d_]{3}[.?!…]$")
_COUNT = re.compile(r"\d{1,6}[.)]?")
Grid = list[list[str]]  # the cells of a table, by row


@dataclass(frozen=True)
class _Paragraph:
    text: str
    is_heading: bool = False
    goes_on: bool = False  # with the next one, for what parts them was deleted


Blocks = Iterator[_Paragraph | Grid]


def read(path: Path) -> str:
    """The text of a file with one of SUFFIXES.

    Raises:
        DataError: if it cannot be read.
    """
    kind = suffix(path.name)
    if kind == ".rtf":
        return _text(_rich_text(path))
    with opened(path) as package:
        return _text(_open_document(package) if kind == ".odt" else _document(package))


def _text(blocks: Blocks) -> str:
    lines, goes_on = [""], False
    for block in blocks:
        if isinstance(block, list):
            lines += _lines(block)
        elif block.is_heading and not _CLOCK.search(block.text):
            continue
        elif goes_on:
            lines[-1] += block.text
        else:
            lines.append(block.text)
        goes_on = isinstance(block, _Paragraph) and block.goes_on
    return "\n".join(lines[1:])


def _rich_text(path: Path) -> Blocks:
    """The paragraphs and tables of RTF, whose rows striprtf writes as cells with a bar after each."""
    from striprtf.striprtf import rtf_to_text

    name, content = readable(path.name), encodings.content(path)
    if not content.lstrip().startswith(b"{\\rtf"):
        raise DataError(f"{name} is something else than its suffix says: open it, and save it as .docx.")
    without_links = content.decode("cp1252", "replace").replace("\\field{", "\\field {")  # their addresses are not said
    groups = _GROUP.sub("\n", without_links)  # striprtf takes the square of a line's length
    try:
        if max(map(len, groups.splitlines())) > LONGEST_LINE:
            raise ValueError
        text = rtf_to_text(groups, errors="replace").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise DataError(f"{name} is damaged: open it, and save it as .docx.") from error
    for is_table, lines in groupby(text.splitlines(), key=lambda line: line.endswith("|") and line.count("|") > 1):
        if is_table:
            yield [[cell.strip() for cell in line.split("|")[:-1]] for line in lines]
        else:
            yield from map(_Paragraph, lines)


def _document(package: Package) -> Blocks:
    """The paragraphs and tables of Word, as it and others write them."""
    part, root = package.main()
    if root is None or local(root) != "document":
        raise DataError("is something else than its suffix says: open it, and save it as .docx")
    names = {
        attribute(style, "styleId"): attribute(one, "val")
        for other in package.related(part, "styles").values()
        for style in children(package.root(other), "style")
        for one in children(style, "name")
    }
    headings = frozenset(style for style, name in names.items() if _HEADING.fullmatch(name))
    for body in children(root, "body"):
        yield from _blocks(body, headings)


def _blocks(element: Element, headings: frozenset[str]) -> Blocks:
    for one in element:
        if (name := local(one)) == "p":
            marks = [mark for many in one for mark in many if local(many) == "pPr"]
            heading = any(attribute(mark, "val") in headings for mark in marks if local(mark) == "pStyle")
            deleted = any(local(each) == "del" for mark in marks if local(mark) == "rPr" for each in mark)
            yield _Paragraph(_written(one), heading, deleted)
        elif name == "tbl":
            yield from _table(one, "tr", "tc", _written, partial(_blocks, headings=headings))
        elif name not in _LEFT_OUT:  # what holds others: a field of a form, what was inserted
            yield from _blocks(one, headings)


def _written(element: Element) -> str:
    """What a paragraph of Word says, or a part of it."""
    parts = []
    for one in element:
        name = local(one)
        if name == "t":
            parts.append(one.text or "")
        elif name not in _LEFT_OUT:
            parts.append(_SIGNS.get(name) or _written(one))
    return "".join(parts)


def _open_document(package: Package) -> Blocks:
    """The paragraphs and tables of LibreOffice."""
    root = package.root("content.xml")
    texts = [one for body in children(root, "body") for one in body if local(one) == "text"]
    if not texts:
        raise DataError("is something else than its suffix says: open it, and save it as .odt")
    own = {attribute(one, "name"): attribute(one, "parent-style-name") for one in children(root, "style")}
    headings = frozenset(style for style, parent in own.items() if _HEADING.fullmatch(parent))
    for text in texts:
        yield from _open_blocks(text, headings)


def _open_blocks(element: Element, headings: frozenset[str]) -> Blocks:
    for one in element:
        if (name := local(one)) in ("p", "h"):
            style = attribute(one, "style-name")
            yield _Paragraph(open_text(one), name == "h" or style in headings or bool(_HEADING.fullmatch(style)))
        elif name == "table":
            yield from _table(one, "table-row", "table-cell", open_text, partial(_open_blocks, headings=headings))
        elif name not in _NOT_SPOKEN:
            yield from _open_blocks(one, headings)


def _table(
    table: Element, row: str, cell: str, text: Callable[[Element], str], blocks: Callable[[Element], Blocks]
) -> Blocks:
    """A table, whose rows and cells have some names; or what is in it, where it is no more than a frame."""
    rows = [list(_outermost(one, cell)) for one in _outermost(table, row)]
    if max(map(len, rows), default=0) > 1:
        yield [["\n".join(map(text, _outermost(one, "p"))).strip() for one in cells] for cells in rows]
    else:
        for one in chain.from_iterable(rows):
            yield from blocks(one)


def _outermost(element: Element, name: str) -> Iterator[Element]:
    """The elements with a name that are in no other one."""
    for one in element:
        if local(one) == name:
            yield one
        else:
            yield from _outermost(one, name)


def _lines(grid: Grid) -> Iterator[str]:
    """The rows of a table, each as a line: times, speaker, and what is said; of one that has facts, none."""
    grid = [cells[:WIDEST] for cells in grid if any(cells)]
    columns = list(zip_longest(*grid, fillvalue=""))
    places, first = _named(grid[:HEAD]) or _guessed(columns)
    if not places and len(columns) > 1 and (_are_facts(grid[0]) or _are_facts(columns[0])):
        return
    for cells in list(zip(*columns, strict=True))[first:]:
        row = {name: cells[place] for name, place in places.items()}
        yield _line(row) if row else "\t".join(filter(None, cells))


def _line(row: dict[str, str]) -> str:
    """Times and speaker as they stand before what is said in a text."""
    speaker, times = row.get("speaker", ""), [row.get("start", ""), row.get("end", "")]
    if "start" not in row and (stamp := _TIMES.search(speaker)):
        speaker, times = speaker.replace(stamp[0], " "), [stamp[0]]
    name = " ".join(speaker.split()).strip(" :|,–—-")
    time = " --> ".join(map(_time, filter(None, times)))
    return f"{f'[{time}] ' if time else ''}{f'[{name}]: ' if name and row['text'] else ''}{row['text']}"


def _time(cell: str) -> str:
    """What stands in a column of times, seconds alone as a clock."""
    second = seconds(cell) if ":" not in cell else None
    return cell.strip("[(#)] ") if second is None else str(timedelta(seconds=second))


def _named(rows: Grid) -> tuple[dict[str, int], int] | None:
    """The columns of a table by what their names say, if it is one of what is said; and its first row below these."""
    for place, names in enumerate(rows, 1):
        columns = tables.understood(names)
        wanted = {name: columns.index(name) for name in COLUMNS if name in columns}
        if "text" in wanted and len(wanted) > 1:
            return wanted, place
    return None


def _guessed(columns: list[tuple[str, ...]]) -> tuple[dict[str, int], int]:
    """The columns of a table that has no such names by what is in them, and its first row; none of other tables."""
    times = [place for place, cells in enumerate(columns) if _most(_TIMES, cells)]
    first = next((row for row, cell in enumerate(columns[times[0]]) if _TIMES.search(cell)), 0) if times else 0
    below = [
        [] if place in times or _most(_COUNT, cells) else list(cells[first:]) for place, cells in enumerate(columns)
    ]
    others = [place for place, cells in enumerate(below) if any(cells)]
    if not others or len(others) + len(times) < 2:
        return {}, 0
    long = [place for place in others if max(map(len, below[place])) > LONGEST_NAME]
    text = max(long, key=lambda place: sum(map(len, below[place])), default=others[:2][-1])
    found = dict(zip(("start", "end"), times, strict=False)) | {"text": text}
    speakers = [place for place in others if place != text and _are_names(below[place], bool(times))]
    if speakers:
        found["speaker"] = speakers[0]
    return (found, first) if len(found) > 1 else ({}, 0)


def _are_names(cells: list[str], timed: bool) -> bool:
    """Whether cells can be the names of those who speak in turn; with times, once is enough."""
    names = list(filter(None, cells))
    again = timed or len(set(names)) < len(names) or any(map(_TIMES.search, names))
    return again and max(map(len, names)) <= LONGEST_NAME and not any(map(_SENTENCE.search, names))


def _most(pattern: re.Pattern[str], cells: Sequence[str]) -> bool:
    """Whether most cells of a column that are not empty are such, its name aside."""
    written = [cell for cell in cells[1:] or cells if cell]
    return 2 * sum(bool(pattern.fullmatch(cell)) for cell in written) >= max(1, len(written))


def _are_facts(cells: Sequence[str]) -> bool:
    return len({*tables.understood(cells)} - {""}) > 1
