"""Recorded speech, fed as a microphone gives it, to the bundled model and the library that ships."""

import threading
import time
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import soxr
import torch

import clasp
from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.audio.vad import LONGEST, WINDOW, Segmenter, VoiceActivity
from clasp.errors import AudioError
from index.demo import open_demo
from index.library import Library
from index.live.scheduler import FairScheduler
from index.live.session import HITS, LiveSession, LiveUtterance
from index.search import encode, search

CHUNK = 0.1  # seconds


@pytest.fixture(scope="module")
def opened(bundled: clasp.Clasp) -> Iterator[tuple[clasp.Clasp, Library]]:
    with open_demo(bundled) as library:
        yield bundled, library


@pytest.fixture
def turns() -> Iterator[FairScheduler]:
    turns = FairScheduler()
    yield turns
    turns.close()


@pytest.fixture
def session(opened: tuple, turns: FairScheduler) -> LiveSession:
    return LiveSession(*opened, turns=turns)


@cache
def sentence(library: Library, number: int, language: str = "en") -> tuple[str, np.ndarray]:
    """Text and sound, float32 (n,), 16 kHz, of a sentence of the library."""
    segments = [one for one in library.segments() if one.language == language and 3 < one.end - one.start < 7]
    segment = segments[number]
    path, start, end = library.audio(segment)
    samples = decode(path).samples
    return segment.text, samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]


def quiet(seconds: float, loudness: float = 0.001) -> np.ndarray:
    return np.random.default_rng(0).normal(0, loudness, round(seconds * SAMPLE_RATE)).astype(np.float32)


def speak(
    session: LiveSession, sound: np.ndarray, rate: int = SAMPLE_RATE, chunk: float = CHUNK
) -> list[LiveUtterance]:
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


def finals(news: list[LiveUtterance]) -> list[LiveUtterance]:
    return [said for said in news if said.final]


def wait(session: LiveSession) -> None:
    while session.busy:
        time.sleep(0.005)


def pieces(sound: np.ndarray) -> list[np.ndarray]:
    size = round(CHUNK * SAMPLE_RATE)
    return [sound[start : start + size] for start in range(0, len(sound), size)]


def late(chunks: list[np.ndarray]) -> list[np.ndarray]:
    """The same sound where some chunks come late, together with those after them."""
    random, bursts = np.random.default_rng(3), []
    while chunks:
        count = int(random.choice([1, 1, 1, 2, 5]))
        bursts.append(np.concatenate(chunks[:count]))
        chunks = chunks[count:]
    return bursts


def lossy(chunks: list[np.ndarray]) -> list[np.ndarray]:
    """Without every thirteenth chunk."""
    return [chunk for number, chunk in enumerate(chunks) if number % 13 != 7]


class Held(threading.Event):
    """Work that keeps the only thread of `turns` until this is set."""

    def __init__(self, turns: FairScheduler) -> None:
        super().__init__()
        reached = threading.Event()
        turns.ask(self, lambda: reached.set() or self.wait(10))
        assert reached.wait(10)


@pytest.mark.parametrize(("rate", "chunk"), [(16_000, 0.1), (44_100, 0.037), (8_000, 1.3)])
def test_two_sentences_with_a_pause_are_two_utterances(session, opened, rate, chunk):
    (first, one), (second, other) = (sentence(opened[1], number) for number in (3, 40))
    news = finals(speak(session, np.concatenate([quiet(1), one, quiet(1), other, quiet(1)]), rate, chunk))
    assert [said.number for said in news] == [1, 2]
    assert [said.answer.hits[0].segment.text for said in news] == [first, second]
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
    assert last.answer.hits[0].segment.text == text
    assert text in [said.answer.hits[0].segment.text for said in guesses]
    assert last.delay < 0.7


@pytest.mark.parametrize("decibels", [-50, -60])
def test_who_speaks_softly_is_heard(session, opened, decibels: int):
    text, sound = sentence(opened[1], 3)
    sound = np.concatenate([quiet(0.5, 1e-5), 10 ** (decibels / 20) * sound, quiet(1.2, 1e-5)]).astype(np.float32)
    news = []
    for chunk in pieces(sound):
        session.feed(chunk, SAMPLE_RATE)
    session.finish()
    while session.busy:
        time.sleep(0.01)
    news += session.news()
    (last,) = finals(news)
    assert last.answer.hits[0].segment.text == text


@pytest.mark.parametrize(
    ("arriving", "speed"),
    [(list, 4.0), (late, 4.0), (lossy, np.inf), pytest.param(late, 1.0, marks=pytest.mark.slow)],
)
def test_what_is_found_at_last_is_what_the_whole_utterance_finds(session, opened, arriving, speed):
    """However the sound comes; and its utterances are those that are cut without any guess."""
    said = [sentence(opened[1], number)[1] for number in (3, 40)]
    chunks = arriving(pieces(np.concatenate([quiet(0.4), said[0], quiet(0.7), said[1], quiet(0.7)])))
    began, given, news = time.monotonic(), 0.0, []
    for chunk in chunks:
        given += len(chunk) / SAMPLE_RATE
        time.sleep(max(0.0, began + given / speed - time.monotonic()))
        session.feed(chunk, SAMPLE_RATE)
        news += session.news()
    session.finish()
    wait(session)
    last = finals(news + session.news())
    heard = np.concatenate(chunks)
    cutter, speaker = Segmenter(patient=False), VoiceActivity()
    heard = heard[: len(heard) // WINDOW * WINDOW]
    cut = [*cutter.feed(heard, speaker(torch.from_numpy(heard)).numpy()), *cutter.finish()]
    assert [(one.number, one.start, one.end) for one in last] == [(n + 1, c.start, c.end) for n, c in enumerate(cut)]
    for one, utterance in zip(last, cut, strict=True):
        query = encode(opened[0], waveform=utterance.waveform)
        assert np.abs(one.answer.query.vector - query.vector).max() < 1e-5
        wanted = search(opened[1], opened[0], query, k=HITS).hits
        assert [hit.segment.id for hit in one.answer.hits] == [hit.segment.id for hit in wanted]
        assert [hit.probability for hit in one.answer.hits] == pytest.approx(
            [hit.probability for hit in wanted], abs=1e-4
        )


def test_the_answer_is_there_when_the_pause_ends_the_utterance(session, opened, turns):
    """It was searched for in the pause: with the only thread held since, the final answer comes at once."""
    text, sound = sentence(opened[1], 3)
    chunks = pieces(np.concatenate([quiet(0.5), sound, quiet(0.6)]))
    while session.seconds < 0.5 + len(sound) / SAMPLE_RATE + 0.2:
        session.feed(chunks.pop(0), SAMPLE_RATE)
    wait(session)
    assert finals(session.news()) == [] and session.found == 0
    held = Held(turns)
    for chunk in chunks:
        session.feed(chunk, SAMPLE_RATE)
    (last,) = session.news()
    held.set()
    assert last.final and last.answer.hits[0].segment.text == text and session.found == 1


def test_speech_that_goes_on_after_a_pause_is_heard_to_its_end(session, opened, turns):
    """Whether what was searched for in the pause waits, is done by then, or neither: the utterance is both halves."""
    _, sound = sentence(opened[1], 3)
    middle = len(sound) // 2
    broken = np.concatenate([quiet(0.5), sound[:middle], quiet(0.3), sound[middle:], quiet(0.6)])
    for hold in (False, True):
        began, held = session.seconds, Held(turns) if hold else None
        for chunk in pieces(broken):
            session.feed(chunk, SAMPLE_RATE)
            if held is None:
                wait(session)
        if held is not None:
            held.set()
        wait(session)
        (last,) = finals(session.news())
        assert last.start < began + 0.8 and last.end > began + 0.5 + len(sound) / SAMPLE_RATE
        assert last.waveform.duration == pytest.approx(last.end - last.start)
        assert not session.busy and session.news() == []


@pytest.mark.slow
def test_what_the_pause_itself_costs(session, opened):
    """In seconds of sound, with searches that take none: light within 0.2 s, an answer within 0.65 s."""
    lights, answers = [], []
    for number in range(0, 60, 6):
        _, sound = sentence(opened[1], number)
        loud = np.flatnonzero(np.abs(sound) > 0.03 * np.abs(sound).max())
        sound = sound[loud[0] : loud[-1]]
        began = session.seconds + 1
        heard = pieces(np.concatenate([quiet(1), sound, quiet(1)]))
        lit = None
        for chunk in heard:
            session.feed(chunk, SAMPLE_RATE)
            lit = session.seconds - began if lit is None and session.voiced else lit
            wait(session)
            if finals(session.news()):
                answers.append(session.seconds - began - len(sound) / SAMPLE_RATE)
        lights.append(lit)
    print(f"light {np.percentile(lights, [50, 95])}, answer {np.percentile(answers, [50, 95])}")
    assert max(lights) <= 0.2 and len(answers) == 10 and max(answers) < 0.65


@pytest.mark.parametrize("loudness", [0.0, 0.001, 0.05])
def test_silence_and_noise_find_nothing(session, loudness):
    assert speak(session, quiet(10, loudness)) == []
    assert not session.voiced


def test_long_speech_is_cut(session, opened):
    """Nothing of it is lost, no part is too long, and each is searched with."""
    parts = [sentence(opened[1], number)[1][1_600:-3_200] for number in range(8)]
    news = finals(speak(session, np.concatenate([quiet(0.5), *parts, quiet(1)])))
    spoken = 0.5 + sum(map(len, parts)) / SAMPLE_RATE
    assert len(news) >= spoken // LONGEST and all(one.waveform.duration <= LONGEST for one in news)
    assert news[0].start < 0.6 and news[-1].end > spoken - 0.3
    assert all(following.start < one.end + 0.3 for one, following in pairwise(news))  # some pause may lie between
    assert all(one.answer is not None for one in news)


def test_other_languages_in_the_middle(session, opened):
    said = [sentence(opened[1], 2, language) for language in ("en", "de", "es", "en")]
    news = finals(speak(session, np.concatenate([quiet(1), *(one for _, sound in said for one in (sound, quiet(1)))])))
    firsts = [one.answer.hits[0].segment for one in news]
    assert [(one.text, one.language) for one in firsts] == [
        (text, language) for (text, _), language in zip(said, ("en", "de", "es", "en"), strict=True)
    ]


def test_the_end_of_the_session_ends_an_utterance(session, opened):
    text, sound = sentence(opened[1], 3)
    (said,) = finals(speak(session, np.concatenate([quiet(0.5), sound])))
    assert said.answer.hits[0].segment.text == text


def test_another_microphone_in_the_middle(session, opened):
    (first, one), (second, other) = (sentence(opened[1], number) for number in (3, 40))
    session.feed(np.concatenate([quiet(1), one, quiet(1)]), SAMPLE_RATE)
    stereo = np.repeat(np.concatenate([other, quiet(1)])[:, None], 2, axis=1)
    session.feed((32_767 * soxr.resample(stereo, SAMPLE_RATE, 44_100)).astype(np.int16), 44_100)
    while session.busy:
        time.sleep(0.01)
    assert [said.answer.hits[0].segment.text for said in finals(session.news())] == [first, second]


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros((2, 2, 2)), 16_000), (np.array(["a"]), 16_000), (np.zeros(10), 0), (np.zeros(10), 10**9)],
)
def test_what_is_no_sound(session, samples, rate):
    with pytest.raises(AudioError):
        session.feed(samples, rate)


def test_no_samples_and_such_that_are_not_numbers_are_silence(session):
    session.feed(np.empty(0, np.float32), SAMPLE_RATE)
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
        assert text in [one.answer.hits[0].segment.text for one in finals(session.news())]


def test_nothing_stays_after_it_is_closed(session, opened):
    session.feed(sentence(opened[1], 3)[1], SAMPLE_RATE)
    session.close()
    while session.busy:  # a search that had begun
        time.sleep(0.01)
    assert session.news() == []


def test_a_library_that_is_closed_meanwhile_is_a_problem_that_is_told(opened, turns):
    model, reported = opened[0], threading.Event()
    with open_demo(model) as library:
        session = LiveSession(model, library, turns=turns, on_news=reported.set)
    (said,) = finals(speak(session, sentence(opened[1], 3)[1]))
    assert said.answer is None and said.problem and reported.is_set()
