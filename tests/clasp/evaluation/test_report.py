"""The report: every figure is on the page, nothing is fetched, and a hostile name stays text."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from clasp.errors import DataError
from clasp.evaluation.report import render, write

VOID = {"meta", "link", "br", "input"}
HOSTILE = "<script src='http://evil.example/x.js'>alert(\"1\")</script>&amp;"


class Page(HTMLParser):
    """What a browser would see: visible text, tags with attributes, and whether all that opens is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def has(self, tag: str, **attributes: str) -> bool:
        return any(name == tag and attributes.items() <= found.items() for name, found in self.tags)


def row(name: str, title: str, system: str, hits: float, **others: Any) -> dict[str, Any]:
    figures = {"pool": 1234, "queries": 567, "recall@5": 0.811, "recall@10": 0.822, "mrr": 0.733, "mean_rank": 8.6}
    intervals = {"hits@1": [hits - 0.031, hits + 0.029], "recall@10": [0.81, 0.85], "mrr": [0.7, 0.76]}
    return {"name": name, "title": title, "system": system, "hits@1": hits, **figures, "intervals": intervals,
            "floor": None, "recall_floor": None} | others  # fmt: skip


def group(test: str, by: str, value: str, hits: float) -> dict[str, Any]:
    return {"test": test, "system": "search", "by": by, "value": value, "queries": 78, "hits@1": hits,
            "recall@10": 0.944, "mrr": 0.555}  # fmt: skip


def everything() -> dict[str, Any]:
    paper = {"queries": 550, "hits@1": 0.951, "mrr": 0.962, "mean_rank": 1.7, "hits@1_of_100": 0.973,
             "macro_f1": 0.884, "accuracy": 0.895}  # fmt: skip
    return {
        "model": "0123abcd", "data": "data", "seconds": 3700.0,
        "tests": [
            row("real-paraphrases", "in other words", "search", 0.641, floor=0.60, recall_floor=0.80,
                calibration_error=0.043),
            row("real-paraphrases", "in other words", "transcript", 0.587, floor=0.60, recall_floor=0.80),
            row("real-paraphrases", "in other words", "sound", 0.123, paper=paper),
            row("text-median", "text in another language, median of 2", "direct", 0.419),
            row("text-fr", "French text", "direct", 0.427, floor=0.40),
            row("text-zh", "Chinese text", "direct", 0.312, floor=0.40),
        ],
        "groups": [
            group("training-voices", "duration", "<2 s", 0.445), group("training-voices", "duration", "2-5 s", 0.666),
            group("training-voices", "category", "news", 0.111), group("training-voices", "category", "lore", 0.999),
        ],
        "reliability": {"text": [[0.05, 0.1, 30], [0.95, 0.85, 10]], "speech": []},
        "transcribing": [
            {"language": "en", "recognizer": "base", "utterances": 99, "word_error_rate": 0.287, "seconds": 30.0,
             "audio_seconds": 600.0, "direct_seconds": 10.0}
        ],
    }  # fmt: skip


def test_every_figure_is_on_the_page() -> None:
    page = Page(render(everything()))
    for shown in (
        "0123abcd", "python -m clasp evaluate", "62 min", "Floors reached 2 of 4", "in other words", "transcript",
        ".641", ".610-.670", ".822", ".810-.850", ".733", ".700-.760", "1234", "567", ".60 R@10 .80", ".043", ".951",
        ".962", "1.7", ".973", ".884", ".895", "550", "base", ".287", "20 60", ".427", ".312", ".445", ".666", ".944",
        ".555", "2-5 s", ".85", "Expected calibration error .062 over 40 top hits",
    ):  # fmt: skip
        assert shown in page.text, shown
    marks = [attributes["class"] for _, attributes in page.tags if (attributes.get("class") or "").startswith("mark ")]
    assert sorted(marks) == ["mark below"] * 3 + ["mark pass"] * 3  # in charts, and of the tests also in the table


def test_bars_intervals_and_floors_stand_where_the_figures_are() -> None:
    page = Page(render(everything()))
    assert page.has("rect", **{"class": "value", "width": "64.10%"})
    assert page.has("line", **{"class": "interval", "x1": "61.00%", "x2": "67.00%"})
    assert page.has("line", **{"class": "floor", "x1": "60.00%", "x2": "60.00%"})
    assert page.has("circle", cx=f"{40 + 248 * 0.95:.1f}", cy=f"{236 - 228 * 0.85:.1f}")


def test_a_language_is_shown_with_its_family_and_parts_in_their_order() -> None:
    text = Page(render(everything())).text
    assert "French text" not in text
    for first, second in ((" fr ", " zh "), ("<2 s", "2-5 s"), ("news", "lore")):
        assert 0 < text.index(first) < text.index(second)
    assert "text in another language, median of 2 direct" in text


def test_nothing_is_fetched_and_tables_are_named() -> None:
    page = render(everything())
    assert "http" not in page and "@import" not in page and "url(" not in page
    found = Page(page)
    assert not {"script", "img", "iframe", "object", "source"} & {tag for tag, _ in found.tags}
    assert [attributes.get("href") for tag, attributes in found.tags if tag == "link"] == ["data:,"]
    tags = [tag for tag, _ in found.tags]
    assert tags.count("table") == tags.count("caption") > 5
    assert len(page) < 200_000


def test_hostile_names_stay_text() -> None:
    figures = json.loads(
        json.dumps(everything()).replace("in other words", json.dumps(HOSTILE)[1:-1]).replace("0123abcd", "<b>'\\\"")
    )
    figures["groups"][2]["value"] = figures["transcribing"][0]["recognizer"] = HOSTILE
    figures["reliability"][f'"><i onload="{HOSTILE}'] = [[0.5, 0.5, 1]]
    page = Page(render(figures))
    assert not {"script", "b", "i"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert HOSTILE in page.text


@pytest.mark.parametrize("part", ["", *everything()])
def test_what_is_missing_is_left_out(part: str) -> None:
    figures = everything()
    page = Page(render({name: value for name, value in figures.items() if name != part} if part else {}))
    headings = {"tests": "Held-out tests", "groups": "By category", "reliability": "probabilities true",
                "transcribing": "how fast speech is heard"}  # fmt: skip
    for name, heading in headings.items():
        assert (heading in page.text) == (bool(part) and name != part)


def test_a_missed_floor_of_recall_is_below() -> None:
    figures = {"tests": [row("paraphrases", "in other words", "search", 0.641, floor=0.60, recall_floor=0.83)]}
    text = Page(render(figures)).text
    assert "✗ below" in text and "Floors reached 0 of 1" in text


def test_write_makes_the_file_or_says_why_not(tmp_path: Path) -> None:
    write(tmp_path / "report.html", everything())
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(everything())
    with pytest.raises(DataError, match="cannot be written"):
        write(tmp_path / "missing" / "report.html", everything())
