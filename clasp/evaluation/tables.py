"""The figures of `python -m clasp evaluate` as tables, for the console in 120 columns and for the report."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rich import box
from rich.table import Table as RichTable

from clasp.evaluation.results import FAMILIES, Row, language_of, reached

BY = {"category": "category", "voice": "kind of voice", "duration": "duration"}


@dataclass(frozen=True)
class Table:
    """Cells to read; the first columns, `words` of them, hold text, the others figures."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1

    @property
    def grouped(self) -> list[tuple[str, list[tuple[str, ...]]]]:
        """Rows of one first cell that follow each other, together."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, itemgetter(0))]

    def rich(self) -> RichTable:
        """For the console."""
        shown = RichTable(title=self.title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=0)
        for number, heading in enumerate(self.headings):
            shown.add_column(heading, justify="left" if number < self.words else "right", no_wrap=number > 0)
        for row in self.rows:
            shown.add_row(*(COLOURED.get(cell, cell) for cell in row))
        return shown


PASS, BELOW = "pass", "below"
COLOURED = {PASS: "[green]pass", BELOW: "[red]below"}


def tables(figures: Row) -> Iterator[Table]:
    """All that have rows."""
    rows = figures.get("tests", [])
    every = [
        tests(rows),
        published(rows),
        *(languages(family, members) for family, members in families(rows).items()),
        *(parts(*divided_rows) for divided_rows in divided(figures.get("groups", []))),
        reliability(figures.get("reliability", {})),
        transcribing(figures.get("transcribing", [])),
    ]
    yield from (table for table in every if table.rows)


def tests(rows: Iterable[Row]) -> Table:
    """One line per test and system; the languages of a family are summed up in their median."""
    title = "Held-out tests (equal texts are all correct, ties count against the system)"
    figures = ("pool", "queries", "HITS@1", "95 %", "R@10", "95 %", "MRR", "95 %", "ECE", "floor", "")
    lines = []
    for row in rows:
        if language_of(row["name"]) is not None:
            continue
        measured = [
            cell for name in ("hits@1", "recall@10", "mrr")
            for cell in (share(row[name]), "-".join(map(share, row["intervals"][name])))
        ]  # fmt: skip
        error = share(row.get("calibration_error"))
        line = (str(row["pool"]), str(row["queries"]), *measured, error, floors(row), verdict(row))
        lines.append((row["title"], row["system"], *line))
    return Table(title, ("test", "system", *figures), lines, 2)


def published(rows: Iterable[Row]) -> Table:
    """Own words by the paper's protocol."""
    title = "Speech→text by the paper's protocol (optimistic ties, duplicates removed; soft: among 100; match: ≥ .5)"
    headings = ("test", "system", "queries", "HITS@1", "MRR", "mean rank", "soft HITS@1", "macro-F1", "golden accuracy")
    lines = [
        (
            row["title"], row["system"], f"{paper['queries']:.0f}", share(paper["hits@1"]), share(paper["mrr"]),
            f"{paper['mean_rank']:.1f}", *(share(paper[name]) for name in ("hits@1_of_100", "macro_f1", "accuracy")),
        )
        for row in rows if (paper := row.get("paper")) and language_of(row["name"]) is None
    ]  # fmt: skip
    return Table(title, headings, lines, 2)


def families(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of the tests of each family."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if language_of(row["name"]) is not None:
            found[row["name"].split("-")[0]].append(row)
    return found


def languages(family: str, rows: Iterable[Row]) -> Table:
    """HITS@1 of a family, a language a line and a system a column."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        found[row["name"].partition("-")[2]][row["system"]] = f"{share(row['hits@1'])} {verdict(row)}".strip()
    systems = list(dict.fromkeys(system for one in found.values() for system in one))
    lines = [(language, *(one.get(system, "") for system in systems)) for language, one in sorted(found.items())]
    return Table(f"HITS@1 by language: {FAMILIES[family].title}", ("language", *systems), lines)


def divided(groups: Iterable[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    """A way to divide, a test, and the rows of its parts."""
    found: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for group in groups:
        found[group["by"], group["test"]].append(group)
    yield from ((by, test, rows) for (by, test), rows in found.items())


def parts(by: str, test: str, rows: Iterable[Row]) -> Table:
    """The parts of one test."""
    figures = ("hits@1", "recall@10", "mrr")
    lines = [
        (row["value"], row["system"], str(row["queries"]), *(share(row[name]) for name in figures)) for row in rows
    ]
    return Table(f"{test} by {BY.get(by, by)}", ("", "system", "queries", "HITS@1", "R@10", "MRR"), lines, 2)


def reliability(directions: dict[str, list[list[float]]]) -> Table:
    """Predicted probabilities beside what came true."""
    lines = [
        (direction, share(predicted, 2), share(right, 2), str(count))
        for direction, bins in directions.items() for predicted, right, count in bins
    ]  # fmt: skip
    headings = ("direction", "predicted", "came true", "top hits")
    return Table("Reliability of the probabilities, by tenths", headings, lines)


def transcribing(rows: Iterable[Row]) -> Table:
    """Word errors and speed of the recognizer, and the speed of hearing directly."""
    headings = ("language", "recognizer", "utterances", "word errors", "× real time", "direct, × real time")
    lines = [
        (
            row["language"], row["recognizer"], str(row["utterances"]), share(row["word_error_rate"]),
            f"{row['audio_seconds'] / row['seconds']:.0f}", f"{row['audio_seconds'] / row['direct_seconds']:.0f}",
        )
        for row in rows
    ]  # fmt: skip
    return Table("Transcribing (what was kept counts with the time that it took when it was made)", headings, lines, 2)


def floors(row: Row) -> str:
    """What is asked of a row."""
    asked = [(row.get("floor"), ""), (row.get("recall_floor"), "R@10 ")]
    return " ".join(what + share(floor, 2) for floor, what in asked if floor is not None)


def verdict(row: Row) -> str:
    """Whether it is reached; "" where nothing is asked."""
    return {None: "", True: PASS, False: BELOW}[reached(row)]


def share(value: float | None, digits: int = 3) -> str:
    """A number from 0 to 1, without its leading zero; nothing where there is none."""
    if value is None:
        return ""
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits - 1}f}"
