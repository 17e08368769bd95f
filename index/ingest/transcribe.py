"""Transcripts of what was added without them, made in the background and taken into the vectors.

    for state in transcribe(library, model, Transcriber.load()):
        print(state.done, state.segments, state.title)

Recordings can be searched as soon as they are added; this makes them found better a little later. Every batch of
windows is stored as it is done, and whatever lacks a transcript is found in the database: whoever stops, or is stopped,
loses no more than that batch, and any process can go on. Now and then the transcripts, also those that came with
recordings, are taken into the vectors that lack them.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from clasp.audio.decode import Waveform
from clasp.errors import AudioError
from clasp.filenames import readable
from clasp.files import sha256
from clasp.speech.languages import LanguageTally
from clasp.speech.transcript import Transcript
from index.ingest.prefetch import ahead
from index.library import Library, Recording, Segment
from index.store.reembed import stretches
from index.transcripts import FUSED_AT_ONCE, Fuser


class Transcribes(Protocol):
    """What is needed of a transcriber: see `clasp.speech.transcriber.Transcriber`."""

    name: str

    def together(self, durations: Sequence[float]) -> int: ...

    def transcribe(
        self, waveforms: Sequence[Waveform], language: str = "", tally: LanguageTally | None = None
    ) -> list[Transcript]: ...


@dataclass(frozen=True)
class State:
    """How far it has come. The last one is the summary."""

    segments: int  # that lacked a transcript
    done: int = 0
    written: int = 0  # of those, the ones in which something was understood
    title: str = ""  # of the current recording
    seconds: float = 0.0  # of speech, transcribed
    elapsed: float = 0.0  # seconds since the beginning
    fused: int = 0  # segments whose transcript was taken into the vector
    failed: tuple[tuple[str, str], ...] = ()  # titles of recordings that cannot be heard any more, and why
    finished: bool = False

    @property
    def speed(self) -> float:
        """Seconds of speech per second."""
        return self.seconds / self.elapsed if self.elapsed else 0.0

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, if it goes on like this; None at the beginning."""
        return self.elapsed * (self.segments / self.done - 1) if self.done else None


def transcribe(
    library: Library, model: Fuser, transcriber: Transcribes | None, *, redo: bool = False
) -> Iterator[State]:
    """Transcribe what has no transcript, then take all transcripts into the vectors; yields how far it has come.

    The language is what the recording is said to be in; where nothing is said, what is detected.

    Args:
        transcriber: None only takes in the transcripts that there are.
        redo: also transcribe again what a machine has transcribed; never what came with a recording.

    Raises:
        LibraryError: if the library cannot be written; what was stored stays.
        ClaspError: if the memory does not suffice.
    """
    started = time.perf_counter()
    if redo and transcriber is not None:
        library.transcripts.outdate()
    missing = library.transcripts.missing() if transcriber is not None else {}
    state = State(sum(map(len, missing.values())))
    state = yield from _fused(library, model, state)
    taken_in = 0  # of those done
    for numbers in missing.values():
        segments = sorted(library.segments(numbers), key=lambda one: (one.start, one.end))
        state = replace(state, done=state.done + len(numbers) - len(segments))  # some may have been removed meanwhile
        for later in _one(library, transcriber, segments, state) if segments else ():
            state = replace(later, elapsed=time.perf_counter() - started)
            yield state
        if state.done - taken_in >= FUSED_AT_ONCE:
            taken_in = state.done
            state = yield from _fused(library, model, state)
    state = yield from _fused(library, model, state)
    library.store_index()
    yield replace(state, title="", finished=True)


def _fused(library: Library, model: Fuser, state: State) -> Generator[State, None, State]:
    """Take in the transcripts that there are."""
    before = state.fused
    for count in library.transcripts.fuse(model):
        state = replace(state, title="", fused=before + count)
        yield state
    return state


def _one(library: Library, transcriber: Transcribes, segments: list[Segment], state: State) -> Iterator[State]:
    """Transcribe some segments of a recording."""
    recording = library.recording(segments[0].recording)
    state = replace(state, title=recording.title)
    yield state
    spans = [(one.start, one.end) for one in segments]
    tally = LanguageTally(library.transcripts.language_seconds(recording.id))
    try:
        sounds = _sounds(recording, spans)
        for first, waveforms in _batches(ahead(sounds, 64), transcriber):
            found = transcriber.transcribe(waveforms, recording.language, tally)
            heard = segments[first : first + len(found)]
            in_time = [_later(one, segment.start) for one, segment in zip(found, heard, strict=True)]
            library.transcripts.store([segment.id for segment in heard], in_time, transcriber.name)
            state = replace(
                state, done=state.done + len(found), written=state.written + sum(bool(one.text) for one in found),
                seconds=state.seconds + sum(one.duration for one in waveforms),
            )  # fmt: skip
            yield state
    except (AudioError, OSError) as error:
        yield replace(state, failed=(*state.failed, (recording.title, str(error))))


def _sounds(recording: Recording, spans: list[tuple[float, float]]) -> Iterator[Waveform]:
    """The sound of stretches of a recording that must be what it was."""
    if not recording.path.is_file():
        raise AudioError(f"{readable(str(recording.path))} is no longer there.")
    if recording.sha256 and sha256(recording.path) != recording.sha256:
        raise AudioError(f"{readable(str(recording.path))} has changed since it was added.")
    yield from stretches(recording.path, recording.track, spans)


def _batches(sounds: Iterator[Waveform], transcriber: Transcribes) -> Iterator[tuple[int, list[Waveform]]]:
    """As many as a transcriber hears together, and the number of the first."""
    first, held = 0, []
    for sound in sounds:
        held.append(sound)
        count = transcriber.together([one.duration for one in held])
        if count < len(held):
            yield first, held[:count]
            first, held = first + count, held[count:]
    if held:
        yield first, held


def _later(found: Transcript, seconds: float) -> Transcript:
    """A transcript whose word times count from an earlier moment."""
    words = (replace(word, start=word.start + seconds, end=word.end + seconds) for word in found.words)
    return replace(found, words=tuple(words))
