"""The recordings of a library as a table, a page at a time, and their totals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from clasp.filenames import readable
from index.library import FILES, OBJECTS
from ui import labels
from ui.templates import render

if TYPE_CHECKING:
    from index.library import Library, Recording

PAGE = 50
CLEARED = count(1)  # no two tables without a selection are the same, or the page would not notice


@dataclass(frozen=True)
class TableView:
    """What of the table is shown."""

    words: str = ""  # that all must occur in a recording's facts
    column: str = "title"  # by which it is sorted
    descending: bool = False
    page: int = 0


FIRST_PAGE = TableView()


@dataclass(frozen=True)
class TableEntry:
    """A recording, how many utterances it has, and who has a name in these."""

    recording: "Recording"
    utterances: int
    named: Sequence[str] = ()

    @property
    def speakers(self) -> list[str]:
        """Whoever is stated to speak in it, then whoever else is named."""
        return list(dict.fromkeys(filter(None, [self.recording.speaker, *self.named])))

    @property
    def text(self) -> str:
        """What it is found by."""
        one = self.recording
        facts = (one.title, labels.language(one.language), one.language, one.category, one.date, one.tags)
        return " ".join((*facts, *self.speakers)).casefold()

    def marks(self, busy: bool) -> list[str]:
        """What is the matter with it; `busy` if recordings are being added."""
        one, marks = self.recording, []
        if not one.path.is_file():
            marks.append(f"{readable(str(one.path))} is missing: put it back, or add it from its new location.")
        if not one.done:
            marks.append("Being added…" if busy else "Only partly added: add it again to continue.")
        elif one.flaw:
            marks.append(one.flaw)
        elif not self.utterances:
            marks.append("No speech found.")
        return marks


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it shows and, unless that is the text it shows, what it is sorted by."""

    heading: str
    text: Callable[[TableEntry], str]
    number: Callable[[TableEntry], float] | None = None

    def key(self, entry: TableEntry) -> Any:
        """What it is sorted by; what is falsy comes last."""
        return self.number(entry) if self.number else self.text(entry).casefold()


COLUMNS = {
    "title": Column("Title", lambda entry: entry.recording.title),
    "speaker": Column("Speaker", lambda entry: labels.several(entry.speakers)),
    "language": Column("Language", lambda entry: labels.language(entry.recording.language)),
    "category": Column("Category", lambda entry: labels.category(entry.recording.category)),
    "date": Column("Date", lambda entry: entry.recording.date),
    "duration": Column(
        "Length", lambda entry: labels.clock(entry.recording.duration), lambda entry: entry.recording.duration
    ),
    "utterances": Column("Utterances", lambda entry: f"{entry.utterances:,}", lambda entry: entry.utterances),
    "added": Column("Added", lambda entry: entry.recording.added[:10]),
}


def find(library: "Library", view: TableView) -> list[TableEntry]:
    """The recordings that have all the words of a view, sorted as it says."""
    counts, named = library.counts(), library.diarization.named()
    words = view.words.casefold().split()
    found = [TableEntry(one, counts.get(one.id, 0), named.get(one.id, ())) for one in library.recordings()]
    found = [entry for entry in found if all(word in entry.text for word in words)]
    key = COLUMNS[view.column].key
    known = sorted((entry for entry in found if key(entry)), key=key, reverse=view.descending)
    return known + [entry for entry in found if not key(entry)]


def table(library: "Library", view: TableView, *, key: str, may_change: bool, busy: bool, cleared: bool) -> str:
    """A page of the table.

    Args:
        key: what stands for the library in URLs.
        busy: whether recordings are being added.
        cleared: whether nothing is selected any more; otherwise library.js ticks what was.
    """
    found = find(library, view)
    if not found:
        return nothing(view, may_change) if not busy or view.words else ""
    last = (len(found) - 1) // PAGE
    page = min(view.page, last)
    return render(
        "library/table.html",
        entries=found[page * PAGE : (page + 1) * PAGE],
        columns=COLUMNS,
        view=view,
        key=key,
        may_change=may_change,
        busy=busy,
        cleared=next(CLEARED) if cleared else 0,
        total=len(found),
        first=page * PAGE + 1,
        page=page,
        last=last,
    )


def nothing(view: TableView, may_change: bool) -> str:
    """What stands in place of an empty table."""
    return render("library/nothing.html", words=view.words, may_change=may_change)


def totals(library: "Library") -> dict[str, str]:
    """The figures of a library, with their names."""
    found = library.recordings()
    return {
        "Recordings": f"{len(found):,}",
        "Length": labels.duration(sum(one.duration for one in found)),
        "Utterances": f"{len(library):,}",
        "Languages": ", ".join(sorted({labels.language(tag) for tag in library.languages() if tag})) or "not stated",
        "Storage": labels.size(sum(storage(library))),
    }


def storage(library: "Library") -> tuple[int, int, int]:
    """Bytes of a library's database, its search index, and the recordings that were copied or fetched into it."""
    folder = library.folder
    files = [path for path in folder.iterdir() if path.is_file()]
    database = sum(path.stat().st_size for path in files if ".db" in path.name)
    stored = [path for place in (FILES, OBJECTS) for path in (folder / place).rglob("*") if path.is_file()]
    copies = sum(path.stat().st_size for path in stored)
    return database, sum(path.stat().st_size for path in files) - database, copies
