"""The figures of `python -m clasp evaluate` for reading, in 120 columns."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from rich import box
from rich.table import Table

from clasp.evaluation.cases import FAMILIES
from clasp.evaluation.retrieval import reached

Row = dict[str, Any]


def tables(figures: dict[str, Any]) -> Iterator[Table]:
    """All that have lines."""
    single = [row for row in figures["tests"] if language_of(row["name"]) is None]
    for table in (
        real(figures.get("real", [])),
        held_out(single),
        published(single),
        languages(figures["tests"]),
        pipeline(figures["pipeline"], figures["tests"]),
        groups(figures["groups"]),
        reliability(figures["reliability"]),
    ):
        if table.row_count:
            yield table


def real(rows: Iterable[Row]) -> Table:
    """Real recordings: one line per set and system."""
    shown = _table("Real recordings (equal sentences are all correct, ties count against the system)", "test", "system")
    for heading in ("pool", "queries", "HITS@1", "95 %", "R@10", "95 %", "MRR", "95 %", "floor", ""):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        figures = [
            cell for name in ("hits@1", "recall@10", "mrr")
            for cell in (share(row[name]), "-".join(map(share, row["intervals"][name])))
        ]  # fmt: skip
        shown.add_row(
            row["title"], row["system"], str(row["pool"]), str(row["queries"]), *figures, floors(row),
            {None: "", True: "[green]pass", False: "[red]below"}[reached(row)],
        )  # fmt: skip
    return shown


def held_out(rows: Iterable[Row]) -> Table:
    """One line per test and direction."""
    shown = _table("Held-out sets (equal texts are all correct, ties count against the model)", "test", "direction")
    for heading in ("pool", "queries", "HITS@1", "95 %", "R@5", "R@10", "MRR", "rank", "floor", ""):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        low, high = row["interval"]
        figures = [share(row[name]) for name in ("recall@5", "recall@10", "mrr")]
        shown.add_row(
            row["title"], row["direction"], str(row["pool"]), str(row["queries"]), share(row["hits@1"]),
            f"{share(low)}-{share(high)}", *figures, f"{row['mean_rank']:.1f}",
            floors(row),
            {None: "", True: "[green]pass", False: "[red]below"}[reached(row)],
        )  # fmt: skip
    return shown


def published(rows: Iterable[Row]) -> Table:
    """The same tests by the paper's protocol."""
    title = "The published protocol (optimistic ties, duplicates removed; soft: among 100; match: cosine ≥ .5)"
    shown = _table(title, "test", "direction")
    for heading in ("queries", "HITS@1", "MRR", "mean rank", "soft HITS@1", "macro-F1", "golden accuracy"):
        shown.add_column(heading, justify="right")
    for row in rows:
        paper = row["paper"]
        if not paper:  # ranked by searching a library
            continue
        shown.add_row(
            row["title"], row["direction"], f"{paper['queries']:.0f}", share(paper["hits@1"]), share(paper["mrr"]),
            f"{paper['mean_rank']:.1f}", *(share(paper[name]) for name in ("hits@1_of_100", "macro_f1", "accuracy")),
        )  # fmt: skip
    return shown


def languages(rows: Iterable[Row]) -> Table:
    """HITS@1 of the families, a language a line."""
    found: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    headings: dict[tuple[str, str], str] = {}
    for row in rows:
        if (language := language_of(row["name"])) is not None:
            family = row["name"].split("-")[0]
            headings[family, row["direction"]] = f"{FAMILIES[family].title}, {row['direction']}"
            verdict = {None: "", True: " [green]pass[/]", False: " [red]below[/]"}[reached(row)]
            found[language][family, row["direction"]] = share(row["hits@1"]) + verdict
    shown = _table("HITS@1 by language", "language")
    for heading in headings.values():
        shown.add_column(heading, justify="right", max_width=22)
    for language, figures in sorted(found.items()):
        shown.add_row(language, *(figures.get(heading, "") for heading in headings))
    return shown


def pipeline(rows: list[Row], tests: list[Row]) -> Table:
    """Transcribing first, beside the model on the same clips."""
    shown = _table("Transcribing first: the same text encoder, the same ranking", "test", "direction", "system")
    for heading in ("HITS@1", "R@10", "MRR", "mean rank", "word errors", "seconds", "× real time"):
        shown.add_column(heading, justify="right")
    mine = {(row["name"], row["direction"]): row for row in tests}
    for row in rows:
        here = mine[row["name"], row["direction"]] | {"system": "CLASP", "seconds": row["clasp_seconds"]}
        for line in (here, row):
            errors = line.get("word_error_rate")
            shown.add_row(
                line["title"], line["direction"], line["system"],
                *(share(line[name]) for name in ("hits@1", "recall@10", "mrr")), f"{line['mean_rank']:.1f}",
                "" if errors is None else share(errors), f"{line['seconds']:.0f}",
                f"{row['audio_seconds'] / line['seconds']:.0f}",
            )  # fmt: skip
    return shown


def groups(rows: Iterable[Row]) -> Table:
    """Parts of the tests; the languages have a table of their own."""
    parts: dict[tuple[str, str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        if row["by"] != "language":
            parts[row["test"], row["by"], row["value"]][row["direction"]] = row
    directions = list(dict.fromkeys(direction for found in parts.values() for direction in found))
    shown = _table("By category, voice and duration", "test", "by", "value")
    shown.add_column("queries", justify="right")
    for direction in directions:
        shown.add_column(f"{direction}: HITS@1, R@10, MRR", justify="right", max_width=21)
    for (test, by, value), found in parts.items():
        figures = (
            "  ".join(share(found[direction][name]) for name in ("hits@1", "recall@10", "mrr"))
            if direction in found
            else ""
            for direction in directions
        )
        shown.add_row(test, by, value, str(next(iter(found.values()))["queries"]), *figures)
    return shown


def reliability(directions: dict[str, list[list[float]]]) -> Table:
    """Predicted probabilities beside what came true."""
    shown = _table("Reliability of the probabilities, by tenths", "direction")
    for heading in ("predicted", "came true", "top hits"):
        shown.add_column(heading, justify="right")
    for direction, bins in directions.items():
        for predicted, right, count in bins:
            shown.add_row(direction, share(predicted, 2), share(right, 2), str(count))
    return shown


def language_of(name: str) -> str | None:
    """The language of a test of a family; None for the median and any other test."""
    family, _, rest = name.partition("-")
    return rest if family in FAMILIES and rest not in ("median", "en") else None


def floors(row: Row) -> str:
    """What is asked of a row."""
    asked = [(row["floor"], ""), (row["recall_floor"], "R@10 ")]
    return " ".join(what + share(floor, 2) for floor, what in asked if floor is not None)


def share(value: float, digits: int = 3) -> str:
    """A number from 0 to 1, without its leading zero."""
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits - 1}f}"


def _table(title: str, *texts: str) -> Table:
    """A table that starts with columns of text; the first is wrapped where the others need its place."""
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    for heading in texts:
        shown.add_column(heading, no_wrap=heading != texts[0])
    return shown
