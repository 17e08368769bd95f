"""Recorded speech, fed as a microphone gives it, to the bundled model and the library that ships."""

import threading
import time
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import soxr

import clasp
from clasp.audio import SAMPLE_RATE, decode
from clasp.errors import AudioError
from index.demo import open_demo
from index.library import Library
from index.live import LiveSession, Said
from index.turns import Turns

CHUNK = 0.1  # seconds


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[clasp.Clasp, Library]]:
    model = clasp.load()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLASP_CACHE", str(tmp_path_factory.mktemp("cache")))
        with open_demo(model) as library:
            yield model, library


@pytest.fixture
def turns() -> Iterator[Turns]:
    turns = Turns()
    yield turns
    turns.close()


@pytest.fixture
def session(opened: tuple, turns: Turns) -> LiveSession:
    return LiveSession(*opened, turns=turns)


@cache
def sentence(library: Library, number: int) -> tuple[str, np.ndarray]:
    """Text and sound, float32 (n,), 16 kHz, of an English sentence of the library."""
    segments = [one for one in library.segments() if one.language == "en" and 3 < one.end - one.start < 7]
    segment = segments[number]
    path, start, end = library.audio(segment)
    samples = decode(path).samples
    return segment.text, samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def quiet(seconds: float, loudness: float = 0.001) -> np.ndarray:
    return np.random.default_rng(0).normal(0, loudness, round(seconds * SAMPLE_RATE)).astype(np.float32)


def speak(session: LiveSession, sound: np.ndarray, rate: int = SAMPLE_RATE, chunk: float = CHUNK) -> list[Said]:
    """Feed all of it as fast as it is taken, and wait for what is found."""
    if rate != SAMPLE_RATE:
        sound = soxr.resample(sound, SAMPLE_RATE, rate)
    size = max(1, round(chunk * rate))
    for start in range(0, len(sound), size):
        session.feed(sound[start : start + size], rate)
    session.finish()
    while session.busy:
        time.sleep(0.01)
    return session.news()


def finals(news: list[Said]) -> list[Said]:
    return [said for said in news if said.final]


@pytest.mark.parametrize(("rate", "chunk"), [(16_000, 0.1), (48_000, 0.1), (44_100, 0.037), (8_000, 1.3)])
def test_two_sentences_with_a_pause_are_two_utterances(session, opened, rate, chunk):
    (first, one), (second, other) = (sentence(opened[1], number) for number in (3, 40))
    news = finals(speak(session, np.concatenate([quiet(1), one, quiet(1), other, quiet(1)]), rate, chunk))
    assert [said.number for said in news] == [1, 2]
    assert [said.answer.matches[0].segment.text for said in news] == [first, second]
    assert 0.6 < news[0].start < 1.5 and abs(news[0].end - 1 - len(one) / SAMPLE_RATE) < 0.8
    assert news[1].start > news[0].end


def test_guesses_come_while_one_speaks_and_settle(session, opened):
    """In real time; the meter moves, guesses come, the last hit is there 700 ms after the end of the sentence."""
    text, sound = sentence(opened[1], 3)
    sound = np.concatenate([quiet(0.3), sound, quiet(1.2)])
    began, news, levels, lights = time.monotonic(), [], [], []
    for number, start in enumerate(range(0, len(sound), 1_600)):
        time.sleep(max(0.0, began + number * CHUNK - time.monotonic()))
        session.feed((32_767 * sound[start : start + 1_600]).astype(np.int16), SAMPLE_RATE)
        news += session.news()
        levels.append(session.level)
        lights.append(session.voiced)
    assert max(levels) > 0.6 and levels[0] < 0.2 and any(lights) and not lights[0] and not lights[-1]
    guesses = [said for said in news if not said.final]
    (last,) = finals(news)
    assert len(guesses) >= 3 and all(said.number == 1 for said in guesses)
    assert last.answer.matches[0].segment.text == text
    assert text in [said.answer.matches[0].segment.text for said in guesses]
    assert last.delay < 0.7


@pytest.mark.parametrize("loudness", [0.0, 0.001, 0.05])
def test_silence_and_noise_find_nothing(session, loudness):
    assert speak(session, quiet(10, loudness)) == []
    assert not session.voiced


def test_long_speech_is_cut(session, opened):
    speech = np.concatenate([sentence(opened[1], number)[1][1_600:-3_200] for number in range(8)])
    news = finals(speak(session, np.concatenate([quiet(0.5), speech, quiet(1)])))
    assert len(news) >= 2 and all(said.waveform.duration <= 15.5 for said in news)


def test_the_end_of_the_session_ends_an_utterance(session, opened):
    text, sound = sentence(opened[1], 3)
    (said,) = finals(speak(session, np.concatenate([quiet(0.5), sound])))
    assert said.answer.matches[0].segment.text == text


def test_dropped_and_doubled_chunks_harm_nothing(session, opened):
    text, sound = sentence(opened[1], 3)
    sound = np.concatenate([quiet(0.5), sound, quiet(1)])
    chunks = [sound[start : start + 1_600] for start in range(0, len(sound), 1_600)]
    for number, chunk in enumerate(chunks):
        if number % 13 != 7:
            session.feed(chunk, SAMPLE_RATE)
    session.feed(np.empty(0, np.float32), SAMPLE_RATE)
    while session.busy:
        time.sleep(0.01)
    (said,) = finals(session.news())
    assert text in [match.segment.text for match in said.answer.matches[:3]]


def test_another_microphone_in_the_middle(session, opened):
    (first, one), (second, other) = (sentence(opened[1], number) for number in (3, 40))
    session.feed(np.concatenate([quiet(1), one, quiet(1)]), SAMPLE_RATE)
    stereo = np.repeat(np.concatenate([other, quiet(1)])[:, None], 2, axis=1)
    session.feed((32_767 * soxr.resample(stereo, SAMPLE_RATE, 44_100)).astype(np.int16), 44_100)
    while session.busy:
        time.sleep(0.01)
    assert [said.answer.matches[0].segment.text for said in finals(session.news())] == [first, second]


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros((2, 2, 2)), 16_000), (np.array(["a"]), 16_000), (np.zeros(10), 0), (np.zeros(10), 10**9)],
)
def test_what_is_no_sound(session, samples, rate):
    with pytest.raises(AudioError):
        session.feed(samples, rate)


def test_samples_that_are_not_numbers_are_silence(session):
    assert speak(session, np.full(32_000, np.nan, np.float32)) == []


def test_twenty_at_once_all_get_their_answers(opened, turns):
    sessions = [LiveSession(*opened, turns=turns) for _ in range(20)]
    said = [sentence(opened[1], number) for number in range(20)]
    sounds = [np.concatenate([quiet(0.3), sound, quiet(1)]) for _, sound in said]
    for start in range(0, max(map(len, sounds)), 1_600):
        for session, sound in zip(sessions, sounds, strict=True):
            session.feed(sound[start : start + 1_600], SAMPLE_RATE)
    for session, (text, _) in zip(sessions, said, strict=True):
        session.finish()
        while session.busy:
            time.sleep(0.01)
        assert text in [one.answer.matches[0].segment.text for one in finals(session.news())]


def test_nothing_stays_after_it_is_closed(session, opened):
    session.feed(sentence(opened[1], 3)[1], SAMPLE_RATE)
    session.close()
    while session.busy:  # a search that had begun
        time.sleep(0.01)
    assert session.news() == []


def test_a_library_that_is_closed_meanwhile_is_a_problem_that_is_told(opened, turns, tmp_path, monkeypatch):
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    model, told = opened[0], threading.Event()
    with open_demo(model) as library:
        session = LiveSession(model, library, turns=turns, told=told.set)
    (said,) = finals(speak(session, sentence(opened[1], 3)[1]))
    assert said.answer is None and said.problem and told.is_set()
