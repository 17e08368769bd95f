"""The stage that transcribes what was added: it can be stopped, goes on, and names what cannot be heard any more."""

import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.files import sha256
from clasp.speech.languages import LanguageTally
from clasp.speech.transcript import Transcript
from index.ingest.pipeline import Ingestor
from index.library import Library, Recording, Segment
from index.store.reembed import reembed
from index.store.schema import DATABASE_FILE
from tests.index.conftest import last
from tests.index.ear import Ear
from tests.index.hand import Hand, tone

SECONDS = 2.0


@dataclass
class Counting(Hand):
    """Remembers what it was asked."""

    languages: list[str] = field(default_factory=list)
    tallies: list[dict[str, float]] = field(default_factory=list)

    def transcribe(
        self, waveforms: Sequence[Waveform], language: str = "", tally: LanguageTally | None = None
    ) -> list[Transcript]:
        self.languages += [language] * len(waveforms)
        self.tallies.append(dict(tally.seconds))
        return super().transcribe(waveforms, language, tally)


def make(folder: Path, counts: dict[str, int], **facts: str) -> Library:
    """A library with recordings of tones, so many each, no two alike."""
    ear = Ear()
    library = Library.create(folder / "library", ear)
    pitch = 0
    for name, count in counts.items():
        tones = [tone(100 + 10 * (pitch := pitch + 1)) for _ in range(count)]
        path = folder / f"{name}.wav"
        soundfile.write(path, np.concatenate(tones), SAMPLE_RATE, subtype="FLOAT")
        added, digest = f"2026-01-{len(library.recordings()):02}", sha256(path)
        recording = Recording(name, path, name, SECONDS * count, added=added, sha256=digest, **facts)
        segments = [Segment(0, name, SECONDS * n, SECONDS * (n + 1), **facts) for n in range(count)]
        library.add(
            [recording], segments, ear.encode_speech([Waveform(one) for one in tones], return_phones=True).vectors
        )
    return library


def texts(library: Library) -> dict[str, str]:
    return {one.name: one.transcript for one in library.segments()}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return make(tmp_path, {"first": 7, "second": 3})


def test_each_utterance_gets_what_is_said_in_it(library):
    states = list(Ingestor(library, Ear()).transcribe(Hand()))
    assert states[-1].finished and (states[-1].total, states[-1].done, states[-1].fused) == (10, 10, 10)
    assert [state.done for state in states] == sorted(state.done for state in states)
    assert {state.current for state in states} == {"first", "second", ""}
    assert [one.transcript for one in library.segments()] == [f"{110 + 10 * n} hertz" for n in range(10)]
    assert all(one.transcript_source == "machine" and 0 < one.confidence < 1 for one in library.segments())
    words = library.transcripts.machine([3])[3].words
    assert [(word.text, word.start, word.end) for word in words] == [("130", 4.0, 4.5), ("hertz", 4.5, 5.0)]
    again = last(Ingestor(library, Ear()).transcribe(Hand()))
    assert (again.total, again.done, again.fused, again.finished) == (0, 0, 0, True)


def test_stopped_it_goes_on_in_another_process(library):
    states = Ingestor(library, Ear()).transcribe(Hand())
    while next(states).done < 4:
        pass
    states.close()
    stored = {name: text for name, text in texts(library).items() if text}
    assert len(stored) == 4
    with Library.open(library.folder, Ear()) as other:
        hand = Counting()
        state = last(Ingestor(other, Ear()).transcribe(hand))
        assert (state.total, state.done, len(hand.languages)) == (6, 6, 6)
        assert hand.tallies[0] == {"en": 4 * SECONDS}  # what was detected before counts
        assert stored.items() <= texts(other).items() and all(texts(other).values())


def test_of_several_sound_tracks_it_hears_the_one_that_was_added(tmp_path):
    film, sounds = tmp_path / "film.mka", [tmp_path / "200.wav", tmp_path / "300.wav"]
    for path in sounds:
        soundfile.write(path, tone(int(path.stem)), SAMPLE_RATE, subtype="FLOAT")
    inputs = [option for path in sounds for option in ("-i", path)]
    command = ["ffmpeg", "-v", "error", *inputs, "-map", "0", "-map", "1", "-c:a", "pcm_f32le", film]
    subprocess.run(command, check=True)
    with Library.create(tmp_path / "library", Ear()) as library:
        vectors = Ear().encode_speech([Waveform(tone(300))], return_phones=True).vectors
        recording = Recording("film", film, "Film", SECONDS, sha256=sha256(film), track=2)
        library.add([recording], [Segment(0, "film", 0, SECONDS)], vectors)
        assert last(Ingestor(library, Ear()).transcribe(Hand())).failed == ()
        assert library.segments()[0].transcript == "300 hertz"


def test_what_came_with_recordings_is_not_heard_but_taken_in(tmp_path):
    library = make(tmp_path, {"talk": 3}, text="What everybody knows.", language="de")
    hand = Counting()
    state = last(Ingestor(library, Ear()).transcribe(hand, redo=True))
    assert (state.total, state.fused, hand.languages) == (0, 3, [])
    assert set(texts(library).values()) == {"What everybody knows."}


def test_the_language_that_is_known_is_told(tmp_path):
    hand = Counting()
    last(Ingestor(make(tmp_path, {"talk": 5}, language="pt-BR"), Ear()).transcribe(hand))
    assert hand.languages == ["pt-BR"] * 5


def test_without_a_transcriber_only_what_is_there_is_taken_in(library):
    state = last(Ingestor(library, Ear()).transcribe(None))
    assert state.finished and (state.total, state.fused) == (0, 0) and not any(texts(library).values())


def test_again_on_demand(library):
    last(Ingestor(library, Ear()).transcribe(Hand()))
    states = Ingestor(library, Ear()).transcribe(Hand(words="Hz"), redo=True)
    while next(states).done < 4:
        pass
    states.close()
    assert sorted(text.split()[1] for text in texts(library).values()) == ["Hz"] * 4 + ["hertz"] * 6
    state = last(Ingestor(library, Ear()).transcribe(Hand(words="Hz")))
    assert state.total == 6 and {text.split()[1] for text in texts(library).values()} == {"Hz"}


@pytest.mark.parametrize("harm", ["missing", "changed", "cut"])
def test_a_recording_that_is_not_what_it_was_is_named(library, tmp_path, harm):
    path = tmp_path / "first.wav"
    kept = path.read_bytes()
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(kept[: len(kept) // 2] if harm == "cut" else kept + kept)
    if harm == "cut":  # added without a checksum
        with sqlite3.connect(library.folder / DATABASE_FILE) as database:
            database.execute("UPDATE recordings SET sha256 = ''")
    state = last(Ingestor(library, Ear()).transcribe(Hand()))
    ((title, reason),) = state.failed
    assert title == "first" and str(path.name) in reason and state.finished
    assert all(text for name, text in texts(library).items() if name.startswith("second"))
    path.write_bytes(kept)
    assert not last(Ingestor(library, Ear()).transcribe(Hand())).failed and all(texts(library).values())


def test_what_is_removed_meanwhile_does_no_harm(library):
    states = Ingestor(library, Ear()).transcribe(Hand())
    while next(states).done < 4:
        pass
    library.remove("second")
    state = last(states)
    assert state.finished and not state.failed and state.done == 10 and len(texts(library)) == 7


def test_another_model_keeps_the_transcripts(library):
    last(Ingestor(library, Ear()).transcribe(Hand()))
    before = texts(library)
    library.close()
    other = Ear("f" * 64, dim=48, meaning_dim=24, seed=1)
    assert last(reembed(library.folder, other)).finished
    with Library.open(library.folder, other) as again:
        assert texts(again) == before
        ingestor = Ingestor(again, other)
        assert (last(ingestor.transcribe(Hand())).total, last(ingestor.transcribe(Hand())).fused) == (0, 0)


def test_after_adding(tmp_path):
    """As `ingest` finds and stores them: speech, cut into utterances."""
    pytest.importorskip("espeakng_loader")
    from clasp.training.data.synthesis import Voice, speak

    clip = speak("The ferry did not leave the harbour.", Voice("espeak", "en-us", "en")).samples.astype(np.float32)
    gap = np.zeros(2 * SAMPLE_RATE, np.float32)
    soundfile.write(tmp_path / "talk.wav", np.concatenate([gap, clip, gap, clip, gap]), SAMPLE_RATE)
    shutil.copy(tmp_path / "talk.wav", tmp_path / "subtitled.wav")
    with (tmp_path / "subtitled.wav").open("ab") as file:
        file.write(b"LIST\x04\x00\x00\x00INFO")  # another file by its content
    (tmp_path / "subtitled.srt").write_text("1\n00:00:00,000 --> 00:01:00,000\nSupplied.\n")
    with Library.create(tmp_path / "library", Ear()) as library:
        for _ in Ingestor(library, Ear()).add([tmp_path / "talk.wav", tmp_path / "subtitled.wav"]):
            pass
        state = last(Ingestor(library, Ear()).transcribe(Hand()))
        assert (state.total, state.fused) == (2, 4)
        assert sorted(one.transcript_source for one in library.segments()) == ["machine"] * 2 + ["supplied"] * 2
