"""Moments of a recording that is put together of utterances: the bundled model finds them, at their times."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

import clasp
from clasp.audio.decode import SAMPLE_RATE, cut
from clasp.evaluation import test_sets
from clasp.evaluation.evaluate import Evaluation
from clasp.evaluation.query_sets import Query, QuerySet, Text
from clasp.evaluation.test_sets import SpeechSet, Utterance
from clasp.training.data.synthesis import Voice
from index.benchmarks import moments
from index.benchmarks.moments import HITS, PAUSES, TURNS, conversation, overlap, record

VOICES = (Voice("espeak", "en-us", "en"), Voice("espeak", "en-us+f3", "en"))
TEXTS = (
    "The ferry did not leave the harbour because of the fog.",
    "My grandmother baked her bread with rye from the mill across the river.",
    "Nobody had told the driver that the bridge would be closed until Thursday.",
    "A committee of seven will decide about the new library in spring.",
    "He sold his violin to pay for the repair of the roof.",
    "Most of the glaciers in this valley have melted since the war.",
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spoken")


@pytest.fixture(scope="module")
def utterances(cache: Path) -> tuple[Utterance, ...]:
    spoken = tuple(Utterance(text, "en", VOICES[number % 2]) for number, text in enumerate(TEXTS))
    test_sets.prepare(spoken, cache)
    return spoken


def test_every_utterance_is_where_it_is_said_to_be(tmp_path, cache, utterances):
    spans = record(tmp_path / "a.flac", utterances, cache)
    for (start, end), waveform in zip(spans, test_sets.waveforms(utterances, cache), strict=True):
        np.testing.assert_allclose(cut(tmp_path / "a.flac", start, end).samples, waveform.samples, atol=1e-4)
    ordered = sorted(spans)
    pauses = [second[0] - first[1] for first, second in zip([(0, 0), *ordered], ordered, strict=False)]
    assert min(pauses) >= PAUSES[0] - 1e-3 and max(pauses) <= PAUSES[1] + 1e-3
    assert soundfile.info(tmp_path / "a.flac").duration == max(end for _, end in spans)
    assert soundfile.info(tmp_path / "a.flac").samplerate == SAMPLE_RATE


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [((0, 2), (0, 2), 1), ((0, 2), (1, 2), 0.5), ((0, 2), (1, 3), 1 / 3), ((0, 1), (2, 3), 0), ((1, 2), (0, 10), 0.1)],
)
def test_overlap(one, other, expected):
    assert overlap(one, other) == overlap(other, one) == pytest.approx(expected)


def test_moments_are_found_and_wrong_ones_are_not_counted(cache, utterances, monkeypatch):
    evaluation = Evaluation(clasp.load(), {"english": SpeechSet(utterances, {}, len(utterances))}, cache)
    result = moments.moments(evaluation)
    assert result.ranks.tolist() == [1] * len(TEXTS)
    assert (result.pool, result.asked) == (len(TEXTS), utterances)
    monkeypatch.setattr(moments, "record", lambda *arguments: [(a + 3, b + 3) for a, b in record(*arguments)])
    assert (moments.moments(evaluation).ranks > 1).all()
    monkeypatch.setattr(moments, "record", lambda *arguments: [(a + 900, b + 900) for a, b in record(*arguments)])
    assert moments.moments(evaluation).ranks.tolist() == [HITS + 1] * len(TEXTS)


def queries(utterances: tuple[Utterance, ...], name: str, *asked: tuple[str, int]) -> QuerySet:
    made = tuple(Query(Text(text, "en"), frozenset([place])) for text, place in asked)
    return QuerySet(f"real-{name}", name, made, utterances)


def test_a_conversation_takes_turns_for_as_long_as_it_should(cache, utterances, monkeypatch):
    heard = {}

    def ask(evaluation, file, questions):
        for text, (start, end) in questions:
            heard[text] = cut(file, start, end).samples
        heard["spans"], heard["duration"] = sorted({span for _, span in questions}), soundfile.info(file).duration
        return np.arange(1, 1 + len(questions)), 17

    monkeypatch.setattr(moments, "ask", ask)
    words = queries(utterances, "words", *((text, place) for place, text in enumerate(TEXTS)))
    meaning = queries(utterances, "meaning", ("no boat because of mist", 0), ("he parted with his fiddle", 4))
    sounds = list(test_sets.waveforms(utterances, cache))
    three = sounds[4].duration + sounds[0].duration + sounds[1].duration + 1
    first, second = conversation(SimpleNamespace(cache=cache), [words, meaning], three)
    # what both sets ask for comes first; then the others, until the time is over
    assert [one.text for one in first.asked] == [TEXTS[0], TEXTS[1], TEXTS[4]]
    assert [one.text for one in second.asked] == [TEXTS[0], TEXTS[4]]
    assert (first.ranks.tolist(), second.ranks.tolist(), first.pool) == ([1, 2, 3], [4, 5], 17)
    assert (first.name, second.name) == ("conversation-words", "conversation-meaning")
    for place in (0, 1, 4):
        np.testing.assert_allclose(heard[TEXTS[place]], sounds[place].samples, atol=1e-4)
    pauses = [after[0] - before[1] for before, after in zip([(0, 0), *heard["spans"]], heard["spans"], strict=False)]
    assert min(pauses) >= TURNS[0] - 1e-3 and max(pauses) <= TURNS[1] + 1e-3
    assert heard["duration"] == pytest.approx(three, abs=2)


def test_the_moments_of_a_conversation_are_found(cache, utterances):
    words = queries(utterances, "words", *((text, place) for place, text in enumerate(TEXTS)))
    evaluation = Evaluation(clasp.load(), {}, cache)
    (result,) = conversation(evaluation, [words])
    assert (result.ranks == 1).mean() >= 0.8  # two sentences that follow closely may be one segment
    assert result.title == "moments of a conversation of 30 min, words"
