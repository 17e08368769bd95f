"""Systems side by side on sets whose answers are known."""

import io
import json
from collections.abc import Sequence

import numpy as np
import pytest
from rich.console import Console

from clasp.evaluation import measure, metrics, tables
from clasp.evaluation.query_sets import Contrast, ContrastSet, Query, QuerySet, Text
from clasp.evaluation.results import FAMILIES, Result, language_of, medians, reached
from clasp.evaluation.systems import System
from clasp.evaluation.utterances import Utterance
from clasp.training.data.synthesis import Voice

WORDS = ("one", "two", "three", "four")


class Axes(System):
    """Every word is an axis; a recording is heard as the word that stands for it in `heard`."""

    def __init__(
        self, name: str, heard: dict[str, str], languages: frozenset[str] = frozenset({"en"}), calibrated: bool = False
    ) -> None:
        self.name = name
        self.calibrated = calibrated
        self._heard = heard
        self._languages = languages

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self.encode_text([Text(self._heard.get(one.text, one.text), "en") for one in utterances])

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        axes = np.eye(len(WORDS), dtype=np.float32)
        return np.stack([axes[WORDS.index(one.text)] if one.text in WORDS else 0 * axes[0] for one in texts])

    def knows(self, languages: set[str]) -> bool:
        return languages <= self._languages


class Durations:
    """What groups need of encodings."""

    def utterances(self, asked: Sequence[Utterance]) -> list["Durations"]:
        return [self.of(one) for one in asked]

    def of(self, one: Utterance) -> "Durations":
        found = Durations()
        found.duration = 1.0 + 3 * WORDS.index(one.text)
        return found


def said(text: str, language: str = "en", category: str = "", engine: str = "espeak") -> Utterance:
    return Utterance(text, language, Voice(engine, "a", language), category)


def asked(pool: Sequence[Utterance], *queries: tuple[str, set[int]], floors: dict | None = None, **more) -> QuerySet:
    made = tuple(Query(Text(text, "en"), frozenset(places)) for text, places in queries)
    return QuerySet("real-words", "words", made, tuple(pool), floors or {}, **more)


def ranks(asked: QuerySet | ContrastSet, system: System) -> list[int]:
    return metrics.placed(*measure.scores(asked, system)).tolist()


def test_the_best_right_answer_counts_and_ties_count_against() -> None:
    pool = [said(word) for word in (*WORDS, "one")]
    found = asked(pool, ("one", {0, 4}), ("one", {0}), ("two", {2}), ("five", {3}))
    assert ranks(found, Axes("perfect", {})) == [1, 2, 5, 5]


def test_spoken_queries_and_contrasts_are_ranked_alike() -> None:
    pool = tuple(said(word) for word in WORDS)
    queries = tuple(Query(said(word), frozenset([place])) for place, word in enumerate(WORDS))
    spoken = QuerySet("real-spoken", "spoken", queries, pool)
    assert ranks(spoken, Axes("perfect", {})) == [1, 1, 1, 1]

    contrasts = tuple(Contrast(said(word), Text(word, "en"), Text("two", "en")) for word in WORDS)
    found = ContrastSet("real-contrasts", "contrasts", contrasts, {"deaf": (0.8, None)})
    assert ranks(found, Axes("perfect", {})) == [1, 2, 1, 1]  # "two" contradicts itself: a tie
    assert ranks(found, Axes("deaf", dict.fromkeys(WORDS, "two"))) == [2, 2, 2, 2]
    (result,), parts, reliability = measure.measure([found], [Axes("deaf", {"three": "two"})], None)
    row = result.row()
    assert (row["pool"], row["queries"], row["hits@1"], row["floor"]) == (2, 4, 0.5, 0.8)
    assert (parts, reliability) == ([], {})


def test_a_row_has_intervals_and_the_floors_of_its_system() -> None:
    found = asked([said(word) for word in WORDS], *((word, {place}) for place, word in enumerate(WORDS)),
                  floors={"fused": (0.75, 0.92)})  # fmt: skip
    mine, fused, foreign = Axes("mine", {"four": "one"}), Axes("fused", {}), Axes("foreign", {}, frozenset({"fr"}))
    results, _, _ = measure.measure([found], [mine, fused, foreign], None)
    rows = [result.row() for result in results]
    assert [(row["system"], row["floor"], row["recall_floor"]) for row in rows] == [
        ("mine", None, None), ("fused", 0.75, 0.92),
    ]  # fmt: skip
    assert (rows[0]["hits@1"], rows[1]["hits@1"]) == (0.5, 1)  # "one" is a tie, "four" is heard nowhere
    low, high = rows[0]["intervals"]["hits@1"]
    assert low < 0.5 < high and rows[1]["intervals"]["mrr"] == [1, 1]
    assert json.loads(json.dumps(rows)) == rows
    console = Console(width=120, file=io.StringIO())
    console.print(tables.tests(rows).rich())
    assert ".75 R@10 .92" in console.file.getvalue() and "…" not in console.file.getvalue()


def test_own_words_are_also_measured_by_the_papers_protocol() -> None:
    found = asked([said(word) for word in WORDS], *((word, {place}) for place, word in enumerate(WORDS[:2])),
                  own_words=True)  # fmt: skip
    (result,), _, _ = measure.measure([found], [Axes("direct", {"two": "three"})], None)
    paper = result.row()["paper"]
    assert (paper["queries"], paper["hits@1"], paper["mean_rank"]) == (2, 0.5, 1.5)  # "three" stands before "two"


def test_only_a_search_has_probabilities_and_is_divided() -> None:
    pool = [said("one", category="news"), said("two", category="lore"), said("three", category="news", engine="flite"),
            said("four", category="lore")]  # fmt: skip
    found = asked(pool, *((word, {place}) for place, word in enumerate(WORDS)), grouped=True)
    search = Axes("search", {"four": "one"}, calibrated=True)
    results, parts, reliability = measure.measure([found], [Axes("direct", {}), search], Durations())
    assert [("calibration_error" in one.row()) for one in results] == [False, True]
    # odds are 1 for what is found and 0 for the rest, so probabilities are .73 and .5
    assert [(round(predicted, 2), right, count) for predicted, right, count in reliability["word"]] == [
        (0.5, 0.0, 4), (0.73, 0.5, 4),
    ]  # fmt: skip
    assert {(row["by"], row["value"]): (row["queries"], row["hits@1"]) for row in parts} == {
        ("category", "news"): (2, 0.5), ("category", "lore"): (2, 0.5),
        ("voice", "espeak"): (3, pytest.approx(1 / 3)), ("voice", "flite"): (1, 1.0),
        ("duration", "<2 s"): (1, 0.0), ("duration", "2-5 s"): (1, 1.0), ("duration", "5-10 s"): (1, 1.0),
        ("duration", ">10 s"): (1, 0.0),
    }  # fmt: skip
    assert {(row["test"], row["system"]) for row in parts} == {("real-words", "search")}
    assert set(parts[0]) == {"test", "system", "by", "value", "queries", "hits@1", "recall@10", "mrr"}


def test_a_family_is_summed_up_by_its_median() -> None:
    """Three languages of one, two and three sentences in four found: the median is the second's."""
    results = [
        Result(f"spoken-{language}", language, system, 4, np.where(np.arange(4) < right, 1, 2))
        for right, language in ((1, "de"), (3, "fr"), (2, "nl")) for system in ("search", "direct")
    ]  # fmt: skip
    row, direct = medians([*results, Result("paraphrases", "", "search", 4, np.ones(4, int))])
    assert (row["name"], row["system"], row["hits@1"], row["queries"], row["pool"]) == (
        "spoken-median", "search", 0.5, 12, 4,
    )  # fmt: skip
    low, high = row["intervals"]["hits@1"]
    assert low < 0.5 < high and set(row) == set(results[0].row())
    assert (row["floor"], direct["floor"]) == (FAMILIES["spoken"].floor, None)
    assert language_of("spoken-de") == "de"
    assert [language_of(name) for name in ("spoken-median", "text-en", "real-words")] == [None] * 3


def test_a_floor_of_recall_counts_too() -> None:
    row = {"hits@1": 0.7, "recall@10": 0.75, "floor": 0.6, "recall_floor": 0.8}
    assert reached(row) is False
    assert reached(row | {"recall_floor": 0.7}) is True
    assert reached(row | {"recall_floor": 0.7, "floor": 0.8}) is False
    assert reached(row | {"recall_floor": None, "floor": None}) is None
