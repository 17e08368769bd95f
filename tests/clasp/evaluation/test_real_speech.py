"""Systems side by side on sets whose answers are known, and a tiny model through the whole command."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from clasp.audio.decode import SAMPLE_RATE
from clasp.calibration import DIRECTIONS, Calibration, MatchProbability
from clasp.errors import ModelError
from clasp.evaluation import asr, asr_baseline, metrics, real_speech, tables
from clasp.evaluation.query_sets import Contrast, ContrastSet, Query, QuerySet, Text
from clasp.evaluation.systems import Fused, Search, System, Transcript, systems
from clasp.evaluation.test_sets import Utterance
from clasp.model import Clasp, EncoderOutput
from clasp.phones import inventory
from clasp.phones.alignment import Aligner
from clasp.training.data.synthesis import Voice
from index.cli.main import main

WORDS = ("one", "two", "three", "four")


class Axes(System):
    """Every word is an axis; a recording is heard as the word that stands for it in `heard`."""

    def __init__(self, name: str, heard: dict[str, str], languages: frozenset[str] = frozenset({"en"})) -> None:
        self.name = name
        self._heard = heard
        self._languages = languages

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self.encode_text([Text(self._heard.get(one.text, one.text), "en") for one in utterances])

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        axes = np.eye(len(WORDS), dtype=np.float32)
        return np.stack([axes[WORDS.index(one.text)] if one.text in WORDS else 0 * axes[0] for one in texts])

    def knows(self, languages: set[str]) -> bool:
        return languages <= self._languages


def said(text: str, language: str = "en") -> Utterance:
    return Utterance(text, language, Voice("espeak", "a", language))


def asked(pool: Sequence[Utterance], *queries: tuple[str, set[int]], **floors: tuple) -> QuerySet:
    made = tuple(Query(Text(text, "en"), frozenset(places)) for text, places in queries)
    return QuerySet("real-words", "words", made, tuple(pool), floors)


def test_the_best_right_answer_counts_and_ties_count_against() -> None:
    pool = [said(word) for word in (*WORDS, "one")]
    found = asked(pool, ("one", {0, 4}), ("one", {0}), ("two", {2}), ("five", {3}))
    assert real_speech.ranks(found, Axes("perfect", {})).tolist() == [1, 2, 5, 5]


def test_spoken_queries_and_contrasts_are_ranked_alike() -> None:
    pool = tuple(said(word) for word in WORDS)
    queries = tuple(Query(said(word), frozenset([place])) for place, word in enumerate(WORDS))
    spoken = QuerySet("real-spoken", "spoken", queries, pool)
    assert real_speech.ranks(spoken, Axes("perfect", {})).tolist() == [1, 1, 1, 1]

    contrasts = tuple(Contrast(said(word), Text(word, "en"), Text("two", "en")) for word in WORDS)
    found = ContrastSet("real-contrasts", "contrasts", contrasts, {"deaf": (0.8, None)})
    assert real_speech.ranks(found, Axes("perfect", {})).tolist() == [1, 2, 1, 1]  # "two" contradicts itself: a tie
    assert real_speech.ranks(found, Axes("deaf", dict.fromkeys(WORDS, "two"))).tolist() == [2, 2, 2, 2]
    (row,) = real_speech.rows(found, [Axes("deaf", {"three": "two"})])
    assert (row["pool"], row["queries"], row["hits@1"], row["floor"]) == (2, 4, 0.5, 0.8)


def test_a_row_has_intervals_and_the_floors_of_its_system() -> None:
    found = asked([said(word) for word in WORDS], *((word, {place}) for place, word in enumerate(WORDS)),
                  fused=(0.75, 0.92))  # fmt: skip
    mine, fused, foreign = Axes("mine", {"four": "one"}), Axes("fused", {}), Axes("foreign", {}, frozenset({"fr"}))
    rows = real_speech.measure([found], [mine, fused, foreign])
    assert [(row["system"], row["floor"], row["recall_floor"]) for row in rows] == [
        ("mine", None, None), ("fused", 0.75, 0.92),
    ]  # fmt: skip
    assert (rows[0]["hits@1"], rows[1]["hits@1"]) == (0.5, 1)  # "one" is a tie, "four" is heard nowhere
    low, high = rows[0]["intervals"]["hits@1"]
    assert low < 0.5 < high and rows[1]["intervals"]["mrr"] == [1, 1]
    assert json.loads(json.dumps(rows)) == rows
    console = Console(width=120, file=io.StringIO())
    console.print(tables.real(rows))
    assert ".75 R@10 .92" in console.file.getvalue() and "…" not in console.file.getvalue()


def test_intervals_are_those_of_resampled_queries() -> None:
    found = np.array([1] * 60 + [5] * 20 + [100] * 20)
    bounds = metrics.intervals(found)
    assert bounds == metrics.intervals(found)
    for name, value in (("hits@1", 0.6), ("recall@10", 0.8), ("mrr", 0.6 + 0.04 + 0.002)):
        low, high = bounds[name]
        assert low < value < high and 0.1 < high - low < 0.25
    assert metrics.intervals(np.ones(5, int))["recall@10"] == [1, 1]


class Reader:
    """What a transcript system needs of an evaluation: a model that reads words as axes."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.model = self

    def language_of(self, text: str) -> str:
        return "en"

    def encode_text(self, texts: list[str], languages: list[str]) -> np.ndarray:
        return Axes("", {}).encode_text([Text(text, "en") for text in texts])

    def written(self, texts: list[str], languages: list[str]) -> EncoderOutput:
        return EncoderOutput(self.encode_text(texts, languages), [])

    def halves(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return vectors, vectors


def test_transcripts_are_made_in_the_language_of_each_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recogniser that writes "two" of everything in English, "three" in French, and knows no German."""
    loaded = []

    class Typist:
        def __init__(self, language: str) -> None:
            if language == "de":
                raise ModelError("no German here")
            loaded.append(language)
            self._word = {"en": "two", "fr": "three"}[language]

        def transcribe(self, waveforms: list[object]) -> list[str]:
            return [self._word] * len(waveforms)

    monkeypatch.setattr(asr, "transcriber", lambda name, language="en": Typist(language))
    utterances = [said("one"), said("two", "fr"), said("three", "fr")]
    for number, one in enumerate(utterances):
        tone = 0.1 * np.sin(np.arange(8_000) * (0.05 + number / 20))
        soundfile.write(asr_baseline.test_sets._path(one, tmp_path), tone, SAMPLE_RATE)
    system = Transcript(Reader(tmp_path), "a-typist")
    assert system.encode_speech(utterances).argmax(axis=1).tolist() == [1, 2, 2]
    assert sorted(loaded) == ["en", "en", "fr"]  # once to see that it is there, once for each language
    assert system.knows({"en", "fr"}) and not system.knows({"en", "de"})

    fused = Fused((Axes("direct", {}), system))
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        fused.encode_speech(utterances), [[half, half, 0, 0], [0, half, half, 0], [0, 0, 1, 0]], atol=1e-6
    )
    assert not fused.knows({"de"})
    monkeypatch.setattr(asr, "transcriber", lambda name, language="en": Typist("de"))
    with pytest.raises(ModelError, match="no German"):
        Transcript(Reader(tmp_path), "nobody")


def test_a_system_more_with_a_recogniser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(tmp_path)
    reader.sound_dim = 4
    assert [one.name for one in systems(reader, None)] == ["search", "direct", "sound"]
    reader.sound_dim = 0
    monkeypatch.setattr(asr, "transcriber", lambda name: None)
    assert [one.name for one in systems(reader, "typist")] == ["search", "direct", "transcript", "fused"]


class Listener(Reader):
    """Hears the phones of what is said and nothing else: all vectors are the same."""

    aligner = Aligner(np.eye(len(inventory.INVENTORY)) + 1e-3, np.ones(len(inventory.INVENTORY)))
    calibration = Calibration(dict.fromkeys(DIRECTIONS, MatchProbability(-50, 0, -2, 3, 3, 1, 0.5)), 0.1)

    def written(self, texts: list[str], languages: list[str]) -> EncoderOutput:
        ids = [inventory.from_text(text, language) for text, language in zip(texts, languages, strict=True)]
        same = np.full((len(texts), 4), 0.5, np.float32)
        return EncoderOutput(same, [np.eye(len(inventory.INVENTORY), dtype=np.float32)[one] for one in ids])

    def spoken(self, utterances: Sequence[Utterance]) -> EncoderOutput:
        return self.written([one.text for one in utterances], [one.language for one in utterances])


def test_a_search_ranks_by_phones_whatever_asks(tmp_path: Path) -> None:
    sentences = ["the ship was lost", "bread is baked at dawn", "nobody saw her leave", "four owls on a roof"]
    pool = tuple(said(sentence) for sentence in sentences)
    search = Search(Listener(tmp_path))
    for asking in (lambda text: Text(text, "en"), lambda text: Text(text, None), said):
        queries = tuple(Query(asking(text), frozenset([place])) for place, text in enumerate(sentences))
        assert real_speech.ranks(QuerySet("real", "real", queries, pool), search).tolist() == [1, 1, 1, 1]
    wrong = Contrast(pool[3], Text("four owls on a roof", "en"), Text("nine owls on a roof", "en"))
    assert real_speech.ranks(ContrastSet("real", "real", (wrong,)), search).tolist() == [1]
    foreign = Query(Text("the ship was lost", "en"), frozenset([0]))  # in another language phones do not count: a tie
    german = tuple(said(sentence, "de") for sentence in sentences)
    assert real_speech.ranks(QuerySet("real", "real", (foreign,), german), search).tolist() == [4]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty German recordings by as many speakers: tones of a second."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "brown.zip").touch()
    (folder / "speech").mkdir()
    with zipfile.ZipFile(folder / "speech" / "de-kerstin.zip", "w") as archive:
        rows = ["file\tlanguage\tspeaker\ttext"]
        for number in range(60):
            tone = 0.3 * np.sin(np.arange(SAMPLE_RATE) * (0.05 + number / 400)).astype(np.float32)
            encoded = io.BytesIO()
            soundfile.write(encoded, tone, SAMPLE_RATE, format="OGG", subtype="OPUS")
            archive.writestr(f"clips/{number}.opus", encoded.getvalue())
            rows.append(f"{number}.opus\tde\tspeaker{number}\tdas ist Satz Nummer {number}")
        archive.writestr("metadata.tsv", "\n".join(rows) + "\n")
    return folder


def test_the_command_measures_real_recordings_first(
    data: Path, tiny: Clasp, tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = tmp_path / "figures.json", tmp_path / "figures.html"
    command = ["evaluate", "--model", str(tiny_folder), "--data", str(data), "--asr", "none"]
    assert main([*command, "--tests", "real-own-words-de", "--json", str(file), "--report", str(page)]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("Real recordings") and max(map(len, printed.splitlines())) <= 120
    written = json.loads(file.read_text())
    assert [(row["name"], row["system"], row["pool"]) for row in written["real"]] == [
        ("real-own-words-de", system, 60) for system in ("search", "direct", "sound")
    ]
    assert len({row["queries"] for row in written["real"]}) == 1
    assert 0 < written["real"][0]["queries"] < 30  # the held-out ones of sixty
    assert written["tests"] == []
    assert "own words, de" in page.read_text()
    assert page.read_text().index("Real recordings") < page.read_text().index("</main>")

    assert main([*command, "--tests", "real-own-words-xx"]) == 2
    assert "no test real-own-words-xx: give one of real-own-words-de" in capsys.readouterr().err
