"""The recordings of a library as a table, a page at a time, and what they come to."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import TYPE_CHECKING, Any

from clasp.filenames import readable
from index.library import FILES
from ui import labels, sound
from ui.search.moments import PLAY

if TYPE_CHECKING:
    from index.library import Library, Recording

PAGE = 50
CLEARED = count(1)  # no two tables that are cleared are the same, or the page would not notice


@dataclass(frozen=True)
class View:
    """What of the table is shown."""

    words: str = ""  # that all must occur in a row
    column: str = "title"  # by which it is sorted
    down: bool = False  # last first
    page: int = 0


@dataclass(frozen=True)
class Row:
    """A recording and how many utterances it has."""

    recording: "Recording"
    utterances: int

    @property
    def text(self) -> str:
        """What a row is found by."""
        one = self.recording
        facts = (one.title, one.speaker, labels.language(one.language), one.language, one.category, one.date)
        return " ".join(facts).casefold()


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it is sorted by (what is not known comes last), and what it shows."""

    heading: str
    key: Callable[[Row], Any]
    shown: Callable[[Row], str]


COLUMNS = {
    "title": Column("Title", lambda row: row.recording.title.casefold(), lambda row: row.recording.title),
    "speaker": Column(
        "Speaker", lambda row: row.recording.speaker.casefold(), lambda row: labels.speaker(row.recording.speaker)
    ),
    "language": Column(
        "Language",
        lambda row: labels.language(row.recording.language),
        lambda row: labels.language(row.recording.language),
    ),
    "category": Column(
        "Category", lambda row: row.recording.category.casefold(), lambda row: labels.category(row.recording.category)
    ),
    "date": Column("Date", lambda row: row.recording.date, lambda row: row.recording.date),
    "duration": Column("Length", lambda row: row.recording.duration, lambda row: labels.clock(row.recording.duration)),
    "utterances": Column("Utterances", lambda row: row.utterances, lambda row: f"{row.utterances:,}"),
    "added": Column("Added", lambda row: row.recording.added, lambda row: row.recording.added[:10]),
}
NUMBERS = ("duration", "utterances")


def rows(library: "Library", view: View) -> list[Row]:
    """The recordings that are found by the words of a view, sorted as it says."""
    counts = library.counts()
    words = view.words.casefold().split()
    found = [Row(one, counts.get(one.id, 0)) for one in library.recordings()]
    found = [row for row in found if all(word in row.text for word in words)]
    key = COLUMNS[view.column].key
    known = sorted((row for row in found if key(row)), key=key, reverse=view.down)
    return known + [row for row in found if not key(row)]


def table(library: "Library", view: View, *, key: str, may_change: bool, busy: bool, cleared: bool) -> str:
    """A page of the table.

    Args:
        key: what stands for the library in addresses.
        busy: whether recordings are being added.
        cleared: nothing is ticked any more; otherwise library.js ticks what was.
    """
    found = rows(library, view)
    if not found:
        return nothing(view, may_change) if not busy or view.words else ""
    last = (len(found) - 1) // PAGE
    page = min(view.page, last)
    part = found[page * PAGE : (page + 1) * PAGE]
    shown = "".join(_row(row, key, may_change, busy) for row in part)
    headings = "".join(_heading(name, column, view) for name, column in COLUMNS.items())
    choose = '<th class="choose"><input type="checkbox" data-all aria-label="Choose all on this page"></th>'
    return f"""
<table{f' data-cleared="{next(CLEARED)}"' if cleared else ""}>
  <caption>Recordings of this library</caption>
  <thead><tr>{choose if may_change else ""}<th class="hear"><span class="unseen">Hear</span></th>{headings}
    {'<th class="edit"><span class="unseen">Edit</span></th>' if may_change else ""}</tr></thead>
  <tbody>{shown}</tbody>
</table>
{_pages(page, last, len(found))}"""


def _heading(name: str, column: Column, view: View) -> str:
    sort, arrow = "none", ""
    if name == view.column:
        sort, arrow = ("descending", "↓") if view.down else ("ascending", "↑")
    kind = ' class="number"' if name in NUMBERS else ""
    return (
        f'<th scope="col" aria-sort="{sort}"{kind}><button type="button" data-sort="{name}">{column.heading}'
        f'<i aria-hidden="true">{arrow}</i></button></th>'
    )


def _row(row: Row, key: str, may_change: bool, busy: bool) -> str:
    one = row.recording
    title, name = escape(one.title), escape(one.id)
    missing = not one.path.is_file()
    cells = ""
    for column, what in COLUMNS.items():
        text = escape(what.shown(row))
        if column == "title":
            cells += f'<th scope="row" dir="auto">{text}{_marks(row, missing, busy)}</th>'
        else:
            kind = ' class="number"' if column in NUMBERS else ""
            cells += f'<td data-column="{what.heading}"{kind} dir="auto">{text}</td>'
    choose = edit = ""
    if may_change:
        choose = f'<td class="choose"><input type="checkbox" value="{name}" aria-label="Choose {title}"></td>'
        edit = f'<td class="edit"><button type="button" data-edit="{name}" aria-label="Edit {title}">Edit</button></td>'
    return f'<tr>{choose}<td class="hear">{"" if missing else _play(one, key)}</td>{cells}{edit}</tr>'


def _marks(row: Row, missing: bool, busy: bool) -> str:
    one, marks = row.recording, []
    if missing:
        marks.append(f"Not at {readable(str(one.path))} any more: put it back, or add it from where it is now.")
    if not one.done:
        marks.append("Being added …" if busy else "Only a first part was added: add it again to go on.")
    elif one.flaw:
        marks.append(one.flaw)
    elif not row.utterances:
        marks.append("Nobody speaks in it.")
    return "".join(f'<small class="amiss">{escape(mark)}</small>' for mark in marks)


def _play(one: "Recording", key: str) -> str:
    """The button that plays a recording."""
    return (
        f'<button type="button" class="play-button" data-play="recording {escape(one.id)}" aria-pressed="false" '
        f'data-src="{sound.address(key, one.id)}" data-start="0" data-end="0" aria-label="Play {escape(one.title)}">'
        f"{PLAY}</button>"
    )


def _pages(page: int, last: int, count: int) -> str:
    if last == 0:
        return f'<p class="pages"><span>{labels.count(count, "recording")}</span></p>'
    first = page * PAGE
    before, after = ("" if allowed else " disabled" for allowed in (page > 0, page < last))
    return f"""<nav class="pages" aria-label="Pages of the table">
  <span>{first + 1:,} to {min(first + PAGE, count):,} of {labels.count(count, "recording")}</span>
  <button type="button" data-page="{page - 1}"{before}>Previous</button>
  <button type="button" data-page="{page + 1}"{after}>Next</button></nav>"""


def nothing(view: View, may_change: bool) -> str:
    """What stands where there is no recording to show."""
    if view.words:
        return '<p class="pages" role="status">No recording has these words in its title or facts.</p>'
    if not may_change:
        return '<p class="pages">There is nothing in this library yet.</p>'
    return """
<section class="welcome">
  <h2>Nothing is here yet</h2>
  <p>Drop recordings above: interviews, podcasts, voice memos, videos, of any length. Each is cut into its
    sentences, and a minute later every one of them can be found on the Search page.</p>
</section>"""


def facts(library: "Library") -> str:
    """What the recordings of a library come to."""
    found = library.recordings()
    database, index, copies = storage(library)
    values = {
        "Recordings": f"{len(found):,}",
        "Sound": labels.length(sum(one.duration for one in found)) if found else "none",
        "Utterances": f"{len(library):,}",
        "Languages": ", ".join(sorted({labels.language(tag) for tag in library.languages()})) or "not stated",
        "Storage": labels.size(database + index + copies),
    }
    parts = f"database {labels.size(database)}, search index {labels.size(index)}, copied sound {labels.size(copies)}"
    return "".join(
        f"<div><dt>{name}</dt><dd>{escape(value)}{f'<small>{parts}</small>' if name == 'Storage' else ''}</dd></div>"
        for name, value in values.items()
    )


def storage(library: "Library") -> tuple[int, int, int]:
    """Bytes of a library's database, its search index, and the recordings that were copied into it."""
    folder = library.folder
    there = [path for path in folder.iterdir() if path.is_file()]
    database = sum(path.stat().st_size for path in there if ".db" in path.name)
    copies = sum(path.stat().st_size for path in (folder / FILES).glob("*"))
    return database, sum(path.stat().st_size for path in there) - database, copies
