"""Search while somebody speaks: sound in as it comes, hits out as they settle.

    session = LiveSession(model, library)
    session.feed(chunk, rate=48_000)          # any size, any rate; returns at once
    session.level, session.voiced             # for a meter
    for said in session.news():               # what was found since the last look
        print(said.number, said.final, said.answer.hits[0].segment.text)
    session.finish()

About every half second of speech the utterance so far is searched with, and once more in the pause after it, as soon
as the sound is there that it will have; if the pause holds, and that ends it, what was found is final. Searches run on
the threads of a `FairScheduler` that many sessions share: each has its turn, and a guess that a newer one has overtaken
is dropped. Nothing that was said stays in the session.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import soxr
import torch

from clasp.audio.decode import RATES, SAMPLE_RATE, SILENCE, Waveform, as_floats
from clasp.audio.vad import NEAR, WINDOW, Segmenter, Utterance, VoiceActivity, audible
from clasp.errors import AudioError, ClaspError
from index.filters import Filter
from index.live.scheduler import FairScheduler
from index.search import Answer, encode, search

if TYPE_CHECKING:
    from clasp import Clasp
    from index.library import Library

STEP = 0.5  # seconds of speech between two guesses
FLOOR = -60.0  # decibels of full scale at which the meter stands at 0
HITS = 5
OURS = "This could not be searched for; the server's log says why."

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LiveUtterance:
    """An utterance, or the beginning of one, and what it finds."""

    number: int  # of the utterance, from 1
    start: float  # seconds since the session began
    end: float
    waveform: Waveform
    final: bool  # whether the utterance is over
    answer: Answer | None = None  # None where the search failed
    problem: str = ""  # a sentence that says why
    delay: float = 0.0  # seconds from the end of what was heard to the answer


@dataclass(eq=False)
class _Search:
    """One that was asked for; `found` becomes final if the utterance ends with just this sound."""

    found: LiveUtterance
    ended: float  # when its sound did
    begun: bool = False
    done: bool = False


class LiveSession:
    """Hears one person; `feed` and `finish` are called by one thread at a time, the rest by any.

    Attributes:
        level: loudness of what came last, 0 to 1.
        voiced: whether somebody speaks.
        seconds: of sound that have come.
        found: utterances that have ended and were searched with.
        dropped: guesses that were overtaken before their turn came.

    `on_news` is called, by the thread that has searched or that feeds, when there is news.
    """

    def __init__(
        self,
        model: "Clasp",
        library: "Library",
        *,
        turns: FairScheduler,
        filters: Filter | None = None,
        k: int = HITS,
        on_news: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.level, self.voiced, self.seconds = 0.0, False, 0.0
        self.found = self.dropped = 0
        self._model, self._library, self._turns = model, library, turns
        self._filters, self._k, self._on_news, self._clock = filters or Filter(), k, on_news, clock
        self._vad = VoiceActivity()
        self._cutter = Segmenter(patient=False)
        self._resampler: tuple[int, soxr.ResampleStream] | None = None
        self._rest = np.empty(0, np.float32)  # less than a window
        self._before = np.empty(0, np.float32)  # windows by which it is decided how much the next ones are raised
        self._number = 1  # of the utterance that is being spoken, or comes next
        self._guessed = 0.0  # seconds of it that were searched with
        self._ahead: _Search | None = None  # what a pause will have ended, if it holds
        self._news: list[LiveUtterance] = []
        self._closed = False
        self._lock = threading.Lock()

    def feed(self, samples: np.ndarray, rate: int) -> None:
        """Take what was heard next: (n,) or (n, channels), integers of full range or floats within [-1, 1].

        Raises:
            AudioError: if they are not samples, or the rate is none of sound.
        """
        sound = self._resampled(samples, rate)
        self.seconds += len(np.asarray(samples)) / rate
        if len(sound):
            peak = float(np.abs(sound).max())
            self.level = min(1.0, max(0.0, 1 - 20 * np.log10(max(peak, SILENCE)) / FLOOR))
        sound = np.concatenate([self._rest, sound])
        whole = len(sound) - len(sound) % WINDOW
        self._rest = sound[whole:]
        if not whole:
            return
        recent = np.concatenate([self._before, sound[:whole]])
        chances = self._vad(torch.from_numpy(audible(recent)[len(self._before) :])).numpy()
        self._before = recent[-NEAR * WINDOW :]
        for utterance in self._cutter.feed(sound[:whole], chances):
            self._ended(utterance)
        self.voiced = self._cutter.voiced
        self._guess()

    def finish(self) -> None:
        """Nothing more is said: what was being said is an utterance."""
        for utterance in self._cutter.finish():
            self._ended(utterance)
        self.level, self.voiced = 0.0, False

    def close(self) -> None:
        """Forget what was said, and drop the searches for it."""
        with self._lock:
            self._closed, self._ahead = True, None
            self._news.clear()
        self._turns.forget(self)

    def news(self) -> list[LiveUtterance]:
        """What was found since this was called last, in the order in which it was found."""
        with self._lock:
            news, self._news = self._news, []
        return news

    @property
    def busy(self) -> bool:
        """Whether there is more to come of what was said."""
        return self._turns.waiting(self)

    def _resampled(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """Mono, 16 kHz, float32 (n,)."""
        if rate not in RATES:
            raise AudioError(f"The microphone has a sample rate of {rate} Hz: expected {RATES[0]} to {RATES[-1]} Hz.")
        floats = as_floats(samples)
        mono = floats if floats.ndim == 1 else floats.mean(axis=1, dtype=np.float32)  # (n, channels) -> (n,)
        mono = np.nan_to_num(mono, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
        if rate == SAMPLE_RATE:
            return mono
        if self._resampler is None or self._resampler[0] != rate:  # another microphone
            self._resampler = rate, soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        return self._resampler[1].resample_chunk(mono).clip(-1, 1)

    def _ended(self, utterance: Utterance) -> None:
        ended = self._clock() - (self._cutter.position * WINDOW / SAMPLE_RATE - utterance.end)
        found = LiveUtterance(self._number, utterance.start, utterance.end, utterance.waveform, final=True)
        if not self._foreseen(found, ended):
            self._ask(_Search(found, ended))
        self._number += 1
        self._guessed, self._ahead = 0.0, None

    def _guess(self) -> None:
        """Search with what was said so far, where that is worth it."""
        begun, ahead = self._cutter.so_far() if self.voiced else self._cutter.ending(), self._ahead
        if begun is None:
            return
        if self.voiced and begun.end - begun.start < self._guessed + STEP:
            return
        if not self.voiced and ahead is not None and ahead.found.end == begun.end:
            return
        self._guessed = begun.end - begun.start
        search = _Search(
            LiveUtterance(self._number, begun.start, begun.end, begun.waveform, final=False),
            self._clock() - (self._cutter.position * WINDOW / SAMPLE_RATE - begun.end),
        )
        self._ahead = None if self.voiced else search
        self._ask(search)

    def _foreseen(self, found: LiveUtterance, ended: float) -> bool:
        """Whether this utterance is searched with since its pause began, or was already: that is its answer."""
        with self._lock:
            ahead = self._ahead
            if ahead is None or not ahead.begun or (ahead.found.start, ahead.found.end) != (found.start, found.end):
                return False
            ahead.found, ahead.ended = replace(ahead.found, final=True), ended
            if ahead.done:
                self._found(ahead)
        if ahead.done:
            self._on_news()
        return True

    def _ask(self, search: _Search) -> None:
        """Search when it is this session's turn."""

        def work() -> None:
            with self._lock:
                search.begun = True
            answer, problem = self._answer(search.found.waveform)
            with self._lock:
                search.found, search.done = replace(search.found, answer=answer, problem=problem), True
                self._found(search)
            self._on_news()

        self.dropped += self._turns.ask(self, work, replace=not search.found.final)

    def _answer(self, waveform: Waveform) -> tuple[Answer | None, str]:
        """What is found, or why nothing is."""
        try:
            query = encode(self._model, waveform=waveform)
            return search(self._library, self._model, query, k=self._k, filters=self._filters), ""
        except ClaspError as error:
            return None, str(error)
        except Exception:
            log.exception("a search failed")
            return None, OURS

    def _found(self, search: _Search) -> None:
        """This is news; called with the lock."""
        self.found += search.found.final
        if not self._closed:
            self._news.append(replace(search.found, delay=self._clock() - search.ended))
