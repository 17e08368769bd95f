"""The figures of `python -m clasp evaluate` as one HTML page that asks the network for nothing.

    write(Path("figures.html"), figures)

The page is report.html, a Jinja template that escapes whatever it is given. What the figures lack, it leaves out.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from clasp.errors import DataError
from clasp.evaluation import tables
from clasp.evaluation.reliability import calibration_error
from clasp.evaluation.results import Row, language_of
from clasp.evaluation.tables import BELOW, BY, PASS, Table, divided, share, verdict

COMMAND = "python -m clasp evaluate"
COLOURS = {  # systems that charts compare
    "search": 0, "search-direct": 1, "transcript": 2, "direct": 3, "other→English": 0, "English→other": 1,
}  # fmt: skip
DIRECTIONS = {  # of the calibration
    "text": "Typed query, same language",
    "speech": "Spoken query",
    "translation": "Typed query, another language",
}


def write(path: Path, figures: Row) -> None:
    """Write the figures, in the form of `evaluate --json`, as a page.

    Raises:
        DataError: if the file cannot be written.
    """
    page = render(figures)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise DataError(f"The report cannot be written to {path} ({error.strerror}): give another file.") from error


def render(figures: Row) -> str:
    """The page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    rows: list[Row] = figures.get("tests", [])
    verdicts = [found for found in map(verdict, rows) if found]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters["percent"] = percent
    return environment.get_template("report.html").render(
        facts=facts(figures),
        floors=f"{verdicts.count(PASS)} of {len(verdicts)}" if verdicts else "",
        sections=[section for section in sections(figures) if section.cards],
        diagrams=[diagram(name, bins) for name, bins in figures.get("reliability", {}).items() if bins],
        marks={PASS: "✓", BELOW: "✗"},
    )


def facts(figures: Row) -> list[tuple[str, str]]:
    """What was measured, by which command, and when."""
    known = [
        ("Model", figures.get("model")),
        ("Measured by", figures.get("command", COMMAND)),
        ("Data", figures.get("data")),
        ("Took", f"{figures['seconds'] / 60:.0f} min" if "seconds" in figures else None),
        ("Measured on", figures["date"]) if "date" in figures else ("Written on", date.today().isoformat()),
    ]
    return [(name, str(value)) for name, value in known if value is not None]


@dataclass(frozen=True)
class ChartBar:
    """A line of a chart: how much of its width is filled, with its interval and floor."""

    name: str
    share: float
    colour: int
    interval: list[float] | None
    floor: float | None
    verdict: str

    @property
    def text(self) -> str:
        """What is written beside it."""
        return share(self.share)


Chart = list[tuple[str, list[ChartBar]]]  # label, and its bars


@dataclass(frozen=True)
class Card:
    """A table, with a chart of the same figures where one helps."""

    table: Table
    chart: Chart


@dataclass(frozen=True)
class Section:
    """Cards under one heading."""

    heading: str
    lead: str
    cards: list[Card]


def sections(figures: Row) -> list[Section]:
    """All sections but the reliability of the probabilities; some may have nothing."""
    rows: list[Row] = figures.get("tests", [])
    single = [row for row in rows if language_of(row["name"]) is None]
    return [
        Section(
            "Held-out tests",
            "HITS@1 is the share of queries whose first hit is right. Equal texts are all correct, and a tie counts "
            "against the system. Real recordings come first, synthetic speech last.",
            _cards([(tables.tests(rows), chart(single, "title"))]),
        ),
        Section(
            "By language",
            "HITS@1 of every language by itself: a mean would hide the worst.",
            _cards([
                (tables.languages(family, members), chart(members, "name"))
                for family, members in tables.families(rows).items()
            ]),
        ),
        *(
            Section(
                f"By {BY.get(way, way)}",
                "HITS@1 of the queries of each group, among the whole pool of the test.",
                _cards([
                    (tables.parts(by, test, found), chart(found, "value"))
                    for by, test, found in divided(figures.get("groups", [])) if by == way
                ]),
            )
            for way in BY
        ),
        Section(
            "Transcribing",
            "The recognizer that writes the transcripts, and how fast speech is heard without it.",
            _cards([(tables.transcribing(figures.get("transcribing", [])), [])]),
        ),
        Section(
            "By the paper's protocol",
            "As in arXiv 2412.13071: from speech to text, a tie counts for the system, duplicates are removed, and the "
            "soft score ranks each query among 100 candidates.",
            _cards([(tables.published(rows), [])]),
        ),
    ]  # fmt: skip


def _cards(made: Iterable[tuple[Table, Chart]]) -> list[Card]:
    return [Card(table, chart) for table, chart in made if table.rows]


def chart(rows: Sequence[Row], label: str) -> Chart:
    """HITS@1 of rows: those of one label together, a bar for each system that charts compare."""
    found: dict[str, list[ChartBar]] = defaultdict(list)
    for row in rows:
        if row["system"] in COLOURS:
            interval = row.get("intervals", {}).get("hits@1")
            found[str(row[label])].append(
                ChartBar(row["system"], row["hits@1"], COLOURS[row["system"]], interval, row.get("floor"), verdict(row))
            )
    return list(found.items())


@dataclass(frozen=True)
class Diagram:
    """Predicted probabilities beside what came true, and the points of the drawing: x, y in [0, 1] and a radius."""

    title: str
    table: Table
    points: list[tuple[float, float, float]]
    hits: int
    error: str


def diagram(direction: str, bins: list[list[float]]) -> Diagram:
    """The reliability of one direction; `bins` are those of `reliability.reliability_bins`."""
    largest = max(size for _, _, size in bins) or 1
    points = [(predicted, right, 3 + 8 * (size / largest) ** 0.5) for predicted, right, size in bins]
    hits = int(sum(size for _, _, size in bins))
    title = DIRECTIONS.get(direction, direction)
    return Diagram(title, tables.reliability({title: bins}), points, hits, share(calibration_error(bins)))


def percent(value: float) -> str:
    """A number from 0 to 1 as a length in a drawing."""
    return f"{100 * min(max(value, 0), 1):.2f}%"
