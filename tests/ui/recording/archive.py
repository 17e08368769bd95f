"""A library for the page of a recording: a video, a recording of ten hours, and one whose file is gone."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from clasp.speech.transcript import Transcript, Word
from index.library import Library, Recording, Segment
from index.model import TextEncoder

NAME = "archive"
TALK = 'Talk & "tea" <b>'
HOURS, UTTERANCES = 10, 8_000  # of the long recording
STEP = 3_600 * HOURS / UTTERANCES  # seconds from one of its utterances to the next
EXCHANGE = (  # speaker, words with the probability of each
    ("Anna", [("Good", 0.98), ("evening,", 0.97), ("everyone.", 0.99)]),
    ("Bert", [("Where", 0.9), ("is", 0.95), ("the", 0.9), ("ferrie?", 0.21)]),
    ("Anna", [("In", 0.9), ("the", 0.9), ("fog.", 0.9)]),
    ("Anna", []),  # has no transcript
)
SECONDS = 3.0  # that each of these takes


@dataclass(frozen=True)
class Archive:
    """Where it is."""

    data: Path  # the user's data directory
    film: Path  # the file of the video


def words(number: int) -> tuple[Word, ...]:
    """The words of an utterance of the talk, half a second each."""
    start = SECONDS * number + 0.2
    return tuple(
        Word(text, start + 0.5 * n, start + 0.5 * (n + 1), probability)
        for n, (text, probability) in enumerate(EXCHANGE[number][1])
    )


def make(data: Path, model: TextEncoder) -> Archive:
    """Make the library of a model in a user's data directory; only the vectors of the talk mean something."""
    folder = data / "clasp" / "libraries" / NAME
    folder.mkdir(parents=True)
    film, tape = folder / "talk.webm", folder / "tape.flac"
    _video(film, SECONDS * len(EXCHANGE))
    _silence(tape)
    recordings = [
        Recording("talk", film, TALK, SECONDS * len(EXCHANGE), "en", category="interview", date="1974-11"),
        Recording("tape", tape, "The long tape", 3_600.0 * HOURS, "en", "Ada"),
        Recording("gone", folder / "gone.wav", "Gone", 10.0, text="A text without times."),
    ]
    talk = [
        Segment(0, "talk", SECONDS * n, SECONDS * (n + 1) - 0.2, "", "en", speaker)
        for n, (speaker, _) in enumerate(EXCHANGE)
    ]
    tape_segments = [
        Segment(
            0, "tape", STEP * n, STEP * n + 4, f"This is what was spoken {n} times, with some more words.", "en", "Ada"
        )
        for n in range(UTTERANCES)
    ]
    with Library.create(folder, model) as library:
        segments = [*talk, *tape_segments, Segment(0, "gone", 1.0, 3.0)]
        vectors = _units(len(segments), model.dim)
        for n, (_, exchanged) in enumerate(EXCHANGE):
            if exchanged:
                vectors[n] = model.encode_text([_text(words(n))], ["en"])[0]
        stored = library.add(recordings, segments, vectors)
        spoken = [(one, words(n)) for n, one in enumerate(stored[: len(talk)]) if EXCHANGE[n][1]]
        transcripts = [Transcript(_text(said), "en", said, -0.2) for _, said in spoken]
        library.transcripts.store([one.id for one, _ in spoken], transcripts, "hand")
    return Archive(data, film)


def _text(said: Sequence[Word]) -> str:
    return " ".join(word.text for word in said)


def _units(count: int, dim: int) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((count, dim), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _video(path: Path, seconds: float) -> None:
    sources = (f"testsrc=s=160x90:r=10:d={seconds}", f"sine=frequency=220:duration={seconds}")
    inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
    codecs = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *codecs, path], check=True)


def _silence(path: Path) -> None:
    """A minute; what the recording has more of is played as silence, too."""
    soundfile.write(path, np.zeros(60 * 8_000, np.int16), 8_000)
