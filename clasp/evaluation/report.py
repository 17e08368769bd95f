"""The figures of `python -m clasp evaluate` as one HTML page that asks the network for nothing.

    write(Path("figures.html"), figures)

The page is report.html, a Jinja template that escapes whatever it is given. What the figures lack, it leaves out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean
from typing import Any

from clasp.errors import DataError

Row = dict[str, Any]

COMMAND = "python -m clasp evaluate"
BY = {"language": "language", "category": "category", "voice": "kind of voice", "duration": "duration"}
SERIES = {"speech→text": 0, "text→speech": 1, "speech→speech": 2}  # colours; there is one more for anything else
DIRECTIONS = {  # of the calibration
    "text": "Typed query, same language",
    "speech": "Spoken query",
    "translation": "Typed query, another language",
}


def write(path: Path, figures: dict[str, Any]) -> None:
    """Write the figures, in the form of `evaluate --json`, as a page.

    Raises:
        DataError: if the file cannot be written.
    """
    page = render(figures)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(f"The report cannot be written to {path} ({error.strerror}): give another file.") from error


def render(figures: dict[str, Any]) -> str:
    """The page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    tests: list[Row] = figures.get("tests", [])
    single, families = split_families(tests, figures.get("groups", []))
    real: list[Row] = figures.get("real", [])
    verdicts = [found for found in map(verdict, [*real, *tests]) if found]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    for shown in (share, percent, count, rank, duration, asked, verdict):
        environment.filters[shown.__name__] = shown
    return environment.get_template("report.html").render(
        facts=facts(figures),
        verdicts=verdicts,
        real=by_label(real, "title"),
        tests=by_label(single, "title"),
        chart=chart(single, "title"),
        families=families,
        parts=parts(tests, figures.get("groups", [])),
        published=[row for row in single if row.get("paper")],
        comparisons=[comparison(row, tests) for row in figures.get("pipeline", [])],
        reliability=[diagram(name, bins) for name, bins in figures.get("reliability", {}).items() if bins],
    )


def facts(figures: dict[str, Any]) -> list[tuple[str, str]]:
    """What was measured, by which command, and when."""
    known = [
        ("Model", figures.get("model")),
        ("Measured by", figures.get("command", COMMAND)),
        ("Data", figures.get("data")),
        ("Took", duration(figures["seconds"]) if "seconds" in figures else None),
        ("Measured on", figures["date"]) if "date" in figures else ("Written on", date.today().isoformat()),
    ]
    return [(name, str(value)) for name, value in known if value is not None]


@dataclass(frozen=True)
class Bar:
    """A line of a chart: how much of its width is filled, and what is written beside it."""

    name: str
    share: float
    text: str
    series: int  # its colour
    interval: tuple[float, float] | None = None
    floor: float | None = None
    verdict: str = ""


Chart = list[tuple[str, list[Bar]]]  # label, and its bars


def chart(rows: Sequence[Row], label: str) -> Chart:
    """HITS@1 of rows: those of one label together, a bar per direction."""
    return [
        (
            name,
            [
                Bar(
                    row["direction"], row["hits@1"], share(row["hits@1"]), SERIES.get(row["direction"], len(SERIES)),
                    tuple(row["interval"]) if row.get("interval") else None, row.get("floor"), verdict(row),
                )
                for row in members
            ],
        )
        for name, members in by_label(rows, label)
    ]  # fmt: skip


def by_label(rows: Iterable[Row], label: str) -> list[tuple[str, list[Row]]]:
    """Rows of one label together, in the order in which the labels come."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[str(row.get(label, row.get("name", "")))].append(row)
    return list(found.items())


@dataclass(frozen=True)
class Part:
    """Groups of a test, or the languages of a family of tests."""

    title: str
    rows: list[tuple[str, list[Row]]]
    chart: Chart


def split_families(tests: Sequence[Row], groups: Sequence[Row]) -> tuple[list[Row], list[Part]]:
    """Tests that stand alone, and families of which there is one per language ("text-de", "text-fr")."""
    rows = {(row["name"], row["direction"]): row for row in tests}
    found: dict[str, list[Row]] = defaultdict(list)
    members = set()
    for group in groups:
        if group["by"] != "language":
            continue
        family = group["test"].removesuffix(f"-{group['value']}")
        key = group["test"], group["direction"]
        row = rows.get(key, {}) if family != group["test"] else {}
        members.update([key] if row else [])
        found[family].append(row | group)
    names = {row["name"]: row.get("title", row["name"]) for row in tests}
    parts = [
        part((names.get(family) or names.get(f"{family}-median") or family).split(", median of")[0], divided)
        for family, divided in found.items()
    ]
    return [row for key, row in rows.items() if key not in members], parts


def parts(tests: Sequence[Row], groups: Sequence[Row]) -> list[tuple[str, list[Part]]]:
    """Groups that are not languages: for each way to divide, the tests that are divided so."""
    titles = {row["name"]: row.get("title", row["name"]) for row in tests}
    ways: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for group in groups:
        if group["by"] != "language":
            ways[group["by"]][group["test"]].append(group)
    return [
        (
            BY.get(by, by),
            [part(titles.get(test, test), rows, in_order=by == "duration") for test, rows in found.items()],
        )
        for by, found in ways.items()
    ]


def part(title: str, rows: Sequence[Row], in_order: bool = False) -> Part:
    """A part whose best comes first, unless its values have an order of their own."""
    hits: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        hits[row["value"]].append(row["hits@1"])
    ordered = rows if in_order else sorted(rows, key=lambda row: -mean(hits[row["value"]]))
    return Part(title, by_label(ordered, "value"), chart(ordered, "value"))


@dataclass(frozen=True)
class Comparison:
    """The model and the way that transcribes first, on the same clips and the same pool."""

    title: str
    lines: list[Row]  # the model's, where it was measured, and the other's
    chart: Chart
    verdict: str


def comparison(other: Row, tests: Sequence[Row]) -> Comparison:
    """One row of the pipeline beside the test of its name and direction."""
    title = f"{other.get('title', other['name'])}, {other['direction']}"
    other = {"system": "recogniser"} | other
    mine = [row for row in tests if (row["name"], row["direction"]) == (other["name"], other["direction"])]
    if not mine:
        return Comparison(title, [other], [], "")
    ours: Row = mine[0] | {"system": "CLASP", "audio_seconds": other.get("audio_seconds")}
    ours |= {"seconds": other.get("clasp_seconds"), "word_error_rate": None}
    bars: Chart = []
    ahead: list[str] = []
    behind: list[str] = []
    for name, key, best, form in (
        ("HITS@1", "hits@1", max, share),
        ("MRR", "mrr", max, share),
        ("mean rank", "mean_rank", min, rank),
        ("time", "seconds", min, duration),
    ):
        values: list[Any] = [ours.get(key), other.get(key)]
        if None in values:
            continue
        full = 1 if best is max else max(values) or 1
        lines = zip((ours, other), values, strict=True)
        drawn = [Bar(row["system"], value / full, form(value), n) for n, (row, value) in enumerate(lines)]
        bars.append((name if best is max else f"{name}, less is better", drawn))
        if key != "seconds" and values[0] != values[1]:
            (ahead if best(values) == values[0] else behind).append(name)
    said = [f"{word} on {', '.join(names)}" for word, names in (("ahead", ahead), ("behind", behind)) if names]
    found = f"CLASP is {' and '.join(said) or 'equal'}"
    if ours["seconds"] and other.get("seconds"):
        times = other["seconds"] / ours["seconds"]
        found += f"; it is {times:.1f} times as fast" if times >= 1 else f"; it takes {1 / times:.1f} times as long"
    return Comparison(title, [ours, other], bars, found + ".")


@dataclass(frozen=True)
class Diagram:
    """Predicted probabilities beside what came true, and the points of the drawing: x, y in [0, 1] and a radius."""

    title: str
    bins: list[list[float]]
    points: list[tuple[float, float, float]]
    hits: int
    error: float


def diagram(direction: str, bins: list[list[float]]) -> Diagram:
    """The reliability of one direction; `bins` are [mean predicted, share that is right, count]."""
    largest = max(size for _, _, size in bins) or 1
    points = [(predicted, right, 3 + 8 * (size / largest) ** 0.5) for predicted, right, size in bins]
    hits = int(sum(size for _, _, size in bins))
    return Diagram(DIRECTIONS.get(direction, direction), bins, points, hits, expected_calibration_error(bins))


def expected_calibration_error(bins: Iterable[Sequence[float]]) -> float:
    """Mean gap between probability and share of right ones, over all hits; `bins` as in `diagram`."""
    bins = list(bins)
    total = sum(size for _, _, size in bins)
    return sum(size * abs(predicted - right) for predicted, right, size in bins) / total if total else 0.0


def asked(row: Row) -> str:
    """The floors of a row, for reading."""
    floors = (("", row.get("floor")), ("R@10 ", row.get("recall_floor")))
    return ", ".join(f"{name}≥ {share(floor, 2)}" for name, floor in floors if floor is not None)


def verdict(row: Row) -> str:
    """ "pass", or what is below its floor; "" where nothing is asked for."""
    if row.get("floor") is not None and row["hits@1"] < row["floor"]:
        return "below"
    if row.get("recall_floor") is not None and row["recall@10"] < row["recall_floor"]:
        return "R@10 below"
    return "pass" if asked(row) else ""


def share(value: float | None, digits: int = 3) -> str:
    """A number from 0 to 1, without its leading zero; a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits - 1}f}"


def percent(value: float) -> str:
    """A number from 0 to 1 as a length in a drawing."""
    return f"{100 * min(max(value, 0), 1):.2f}%"


def count(value: float | None) -> str:
    """A whole number."""
    return "–" if value is None else f"{value:,.0f}"


def rank(value: float | None) -> str:
    """A mean rank."""
    return "–" if value is None else f"{value:,.1f}"


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
