"""Moments of a recording that is put together of utterances: the bundled model finds them, at their times."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, cut
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import Query, QuerySet, Text
from clasp.evaluation.utterances import Utterance, prepare, waveforms
from clasp.speech.transcriber import Transcriber
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
    prepare(spoken, cache)
    return spoken


def test_every_utterance_is_where_it_is_said_to_be(tmp_path, cache, utterances):
    spans = record(tmp_path / "a.flac", utterances, cache)
    for (start, end), waveform in zip(spans, waveforms(utterances, cache), strict=True):
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


def queries(utterances: tuple[Utterance, ...], name: str, *asked: tuple[str, int]) -> QuerySet:
    made = tuple(Query(Text(text, "en"), frozenset([place])) for text, place in asked)
    return QuerySet(f"real-{name}", name, made, utterances)


def own_words(utterances: tuple[Utterance, ...]) -> QuerySet:
    return queries(utterances, "words", *((text, place) for place, text in enumerate(TEXTS)))


def test_moments_are_found_and_wrong_ones_are_not_counted(bundled, cache, utterances, monkeypatch):
    encodings = Encodings(bundled, cache)
    ranks, minutes = moments.moments(encodings, own_words(utterances))
    assert ranks.tolist() == [1] * len(TEXTS) and 0.3 < minutes < 1
    monkeypatch.setattr(moments, "record", lambda *arguments: [(a + 3, b + 3) for a, b in record(*arguments)])
    assert (moments.moments(encodings, own_words(utterances))[0] > 1).all()
    monkeypatch.setattr(moments, "record", lambda *arguments: [(a + 900, b + 900) for a, b in record(*arguments)])
    assert moments.moments(encodings, own_words(utterances))[0].tolist() == [HITS + 1] * len(TEXTS)


def test_a_conversation_takes_turns_for_as_long_as_it_should(cache, utterances, monkeypatch):
    heard = {}

    def ask(encodings, file, questions, transcriber):
        for text, (start, end) in questions:
            heard[text] = cut(file, start, end).samples
        heard["spans"], heard["duration"] = sorted({span for _, span in questions}), soundfile.info(file).duration
        return np.arange(1, 1 + len(questions))

    monkeypatch.setattr(moments, "ask", ask)
    meaning = queries(utterances, "meaning", ("no boat because of mist", 0), ("he parted with his fiddle", 4))
    sounds = list(waveforms(utterances, cache))
    three = sounds[4].duration + sounds[0].duration + sounds[1].duration + 1
    first, second = conversation(Encodings(None, cache), [own_words(utterances), meaning], three)
    # what both sets ask for comes first; then the others, until the time is over
    assert set(heard) == {TEXTS[0], TEXTS[1], TEXTS[4], "no boat because of mist", "he parted with his fiddle",
                          "spans", "duration"}  # fmt: skip
    assert (first.tolist(), second.tolist()) == ([1, 2, 3], [4, 5])
    for place in (0, 1, 4):
        np.testing.assert_allclose(heard[TEXTS[place]], sounds[place].samples, atol=1e-4)
    pauses = [after[0] - before[1] for before, after in zip([(0, 0), *heard["spans"]], heard["spans"], strict=False)]
    assert min(pauses) >= TURNS[0] - 1e-3 and max(pauses) <= TURNS[1] + 1e-3
    assert heard["duration"] == pytest.approx(three, abs=2)


def test_the_moments_of_a_conversation_are_found_with_transcripts_and_without(bundled, cache, utterances):
    encodings = Encodings(bundled, cache)
    for transcriber in (None, Transcriber.load("base")):
        (ranks,) = conversation(encodings, [own_words(utterances)], transcriber=transcriber)
        assert (ranks == 1).mean() >= 0.8  # two sentences that follow closely may be one segment
