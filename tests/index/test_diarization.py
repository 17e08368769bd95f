"""Who speaks in a library: guessed, recognized in other recordings, named once, and put right by a person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.errors import DataError, LibraryError
from clasp.model import EncoderOutput
from clasp.speech.speaker import SpeakerHead
from clasp.training.data.synthesis import Voice, speak
from index.filters import Filter
from index.ingest.pipeline import Ingestor
from index.library import Library, Recording, Segment
from index.records import SpeakerEmbeddings
from tests.index.conftest import Identity, random_units
from tests.index.ear import Ear

pytestmark = pytest.mark.usefixtures("database")  # SQLite and PostgreSQL alike

DIM = 16
HEAD = SpeakerHead(np.eye(2, DIM, dtype=np.float32), np.zeros(DIM, np.float32), cluster=0.5, match=0.6)
HIGH = 180  # Hz
OTHER = replace(HEAD, bias=np.ones(DIM, np.float32))


def embeddings(people: Sequence[int]) -> np.ndarray:
    """Of utterances of somebody each, by number, unit rows."""
    rows = np.eye(DIM)[list(people)] + 0.1 * random_units(len(people), DIM, seed=len(people))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def add(library: Library, name: str, people: Sequence[int], speaker: str = "", head: SpeakerHead = HEAD) -> list[int]:
    """A recording in which people, by number, speak for four seconds each; guessed. Returns the ids of its segments."""
    count = len(people)
    recording = Recording(name, Path(f"{name}.wav"), name, 4.0 * count, "en", speaker)
    segments = [Segment(0, name, 4.0 * n, 4.0 * n + 4, f"No. {n}", "en", speaker) for n in range(count)]
    speakers = SpeakerEmbeddings(head.checksum, embeddings(people))
    vectors = random_units(count, Identity.dim, seed=len(library) + 1)
    stored = library.add([recording], segments, vectors, speakers=speakers)
    library.diarization.guess(name, head)
    return [one.id for one in stored]


def names(library: Library, recording: str) -> list[str]:
    return [one.speaker for one in library.segments_of(recording)]


def named(library: Library, word: str) -> set[int]:
    """The segments that a word finds."""
    return set(library.candidates(np.zeros(Identity.dim, np.float32), words=[word]).ids.tolist())


@pytest.fixture
def library(make) -> Library:
    return make(0)


def test_speakers_are_guessed_and_recognized_in_other_recordings(library: Library) -> None:
    add(library, "first", [3, 5, 3, 5])
    assert names(library, "first") == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 2"]
    assert all(one.speaker_guessed for one in library.segments_of("first"))
    add(library, "second", [7, 5, 7, 5])
    assert names(library, "second") == ["Speaker 3", "Speaker 2", "Speaker 3", "Speaker 2"]
    assert library.speakers() == ["Speaker 1", "Speaker 2", "Speaker 3"]
    found = library.candidates(random_units(1, Identity.dim)[0], 10, filters=Filter(speakers=("speaker 2",)))
    assert {one.speaker for one in found.segments} == {"Speaker 2"} and len(found.segments) == 4
    with Library.open(library.folder, Identity()) as again:
        assert again.speakers() == library.speakers()


def test_a_name_that_was_given_is_never_overwritten_and_is_recognized(library: Library) -> None:
    first = add(library, "first", [3, 3, 3], speaker="Ada")
    assert names(library, "first") == ["Ada"] * 3 and not library.segments_of("first")[0].speaker_guessed
    second = add(library, "second", [3, 5, 3])
    assert names(library, "second") == ["Ada", "Speaker 1", "Ada"]
    assert [one.speaker_guessed for one in library.segments_of("second")] == [True] * 3
    assert named(library, "ada") == {*first, second[0], second[2]} and named(library, "speaker") == set()
    library.diarization.guess("second", HEAD)
    assert names(library, "second") == ["Ada", "Speaker 1", "Ada"]  # there is nothing left to guess
    library.edit("second", speaker="Eve")
    assert names(library, "second") == ["Eve"] * 3 and library.speakers() == ["Ada", "Eve"]
    library.edit("second", speaker="")
    assert library.speakers() == ["Ada", "Speaker 1"] and library.segment(second[0]).speaker_guessed


def test_a_name_goes_to_everything_that_somebody_says_and_can_be_taken_back(library: Library) -> None:
    add(library, "first", [3, 5, 3])
    add(library, "second", [3, 3])
    before = library.diarization.rename("Speaker 1", "  Ada  Byron ")
    assert names(library, "first") == ["Ada Byron", "Speaker 2", "Ada Byron"]
    assert names(library, "second") == ["Ada Byron"] * 2 and not library.segments_of("second")[0].speaker_guessed
    assert library.speakers() == ["Ada Byron", "Speaker 2"]
    add(library, "third", [3, 3])
    assert names(library, "third") == ["Ada Byron"] * 2 and library.segments_of("third")[0].speaker_guessed
    library.diarization.restore(before)
    assert names(library, "first") == ["Speaker 1", "Speaker 2", "Speaker 1"]
    assert library.segments_of("second")[0].speaker_guessed


def test_two_names_become_one(library: Library) -> None:
    add(library, "first", [3, 5, 7])
    library.diarization.rename("Speaker 1", "Ada")
    library.diarization.rename("Speaker 2", "ada")
    assert names(library, "first") == ["Ada", "Ada", "Speaker 3"]
    (ada, other) = library.diarization.speakers()
    assert (ada.name, ada.guessed, ada.utterances, ada.recordings, ada.seconds) == ("Ada", False, 2, 1, 8.0)
    assert (other.name, other.guessed) == ("Speaker 3", True)


def test_somebody_else_gets_a_number_or_a_name(library: Library) -> None:
    ids = add(library, "first", [3, 3, 3, 3])
    before = library.diarization.assign(ids[2:], "")
    assert names(library, "first") == ["Speaker 1", "Speaker 1", "Speaker 2", "Speaker 2"]
    library.diarization.assign(ids[:1], "Eve")
    assert library.speakers() == ["Eve", "Speaker 1", "Speaker 2"]
    library.diarization.restore(before)
    assert names(library, "first") == ["Eve", "Speaker 1", "Speaker 1", "Speaker 1"]


def test_the_speaker_of_a_whole_recording_is_renamed_with_it(library: Library) -> None:
    ids = add(library, "first", [3, 3], speaker="ada")
    before = library.diarization.rename("ada", "Ada")
    assert library.recording("first").speaker == "Ada" and names(library, "first") == ["Ada"] * 2
    library.diarization.restore(before)
    assert library.recording("first").speaker == "ada"
    library.diarization.assign(ids[:1], "Eve")
    assert library.recording("first").speaker == "ada"


def test_who_is_named_in_each_recording(library: Library) -> None:
    ids = add(library, "first", [3, 3, 5, 5, 7, 7])
    add(library, "second", [9, 9])
    assert library.diarization.named() == {}
    library.diarization.assign(ids[4:], "Eve")
    library.diarization.rename(names(library, "first")[2], "Ada")
    add(library, "third", [5, 5])
    assert names(library, "third") == ["Ada", "Ada"]  # who is recognized, perhaps wrongly
    assert library.diarization.named() == {"first": ["Ada", "Eve"]}


def test_who_else_speaks_stays_when_the_speaker_of_a_recording_is_edited(library: Library) -> None:
    ids = add(library, "first", [3, 3, 5], speaker="ada")
    library.diarization.assign(ids[2:], "Eve")
    library.edit("first", speaker="Ada")
    assert names(library, "first") == ["Ada", "Ada", "Eve"] and library.speakers() == ["Ada", "Eve"]
    assert named(library, "eve") == set(ids[2:])


def test_what_is_wrong_is_refused_and_changes_nothing(library: Library) -> None:
    ids = add(library, "first", [3, 5])
    version = library.version
    with pytest.raises(LibraryError, match="Nobody in this library is called 'Eve'"):
        library.diarization.rename("Eve", "Ada")
    with pytest.raises(DataError, match="needs a name"):
        library.diarization.rename("Speaker 1", " ")
    with pytest.raises(LibraryError, match="no segment 99"):
        library.diarization.assign([ids[0], 99], "Ada")
    assert library.version == version and names(library, "first") == ["Speaker 1", "Speaker 2"]
    library.close()
    with Library.open(library.folder, Identity(), read_only=True) as demo:
        for change in (
            lambda: demo.diarization.rename("Speaker 1", "Ada"),
            lambda: demo.diarization.assign(ids, ""),
            lambda: demo.diarization.restore({ids[0]: ("Ada", "")}),
        ):
            with pytest.raises(LibraryError, match="for searching only"):
                change()


def test_embeddings_of_another_head_do_not_compare(library: Library) -> None:
    add(library, "first", [3, 3])
    add(library, "second", [3, 3], head=OTHER)
    assert names(library, "second") == ["Speaker 2"] * 2
    assert list(library.diarization.missing(HEAD)) == ["second"]


# ---- from the sound


@dataclass(frozen=True)
class Listener(Ear):
    """It also tells speakers apart, by their pitch."""

    speaker_head: SpeakerHead | None = HEAD

    def encode_speech(self, waveforms: list[Waveform], *, return_phones: bool = True) -> EncoderOutput:
        output = super().encode_speech(waveforms, return_phones=True)
        return replace(output, speakers=self.encode_speakers(waveforms))

    def encode_speakers(self, waveforms: list[Waveform]) -> np.ndarray | None:
        return None if self.speaker_head is None else embeddings([self._person(one.samples) for one in waveforms])

    def _person(self, samples: np.ndarray) -> int:
        correlation = np.fft.irfft(np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2)
        shortest, longest = SAMPLE_RATE // 400, SAMPLE_RATE // 60
        period = shortest + int(correlation[shortest:longest].argmax())  # samples
        return int(SAMPLE_RATE / period > HIGH)


def interview(path: Path) -> Path:
    """A low and a high voice, in turn."""
    parts = [np.zeros(SAMPLE_RATE, np.float32)]
    for number in range(4):
        voice = Voice("espeak", "en-us+m7" if number % 2 == 0 else "en-us+f3", "en")
        parts += [speak("The ferry did not leave the harbour because of the fog.", voice).samples.astype(np.float32)]
        parts += [np.zeros(SAMPLE_RATE, np.float32)]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE)
    return path


def test_adding_tells_who_speaks_and_what_was_added_before_can_be_made_up_for(tmp_path: Path) -> None:
    file = interview(tmp_path / "interview.wav")
    with Library.create(tmp_path / "new", Listener()) as library:
        for _ in Ingestor(library, Listener()).add([file]):
            pass
        (recording,) = library.recordings()
        found = names(library, recording.id)
        assert found == ["Speaker 1", "Speaker 2", "Speaker 1", "Speaker 2"]
    with Library.create(tmp_path / "old", Ear()) as library:
        for _ in Ingestor(library, Ear()).add([file]):
            pass
        assert names(library, recording.id) == [""] * 4
        *_, progress = Ingestor(library, Ear()).diarize()
        assert (progress.total, progress.finished) == (0, True)
        *_, progress = Ingestor(library, Listener()).diarize()
        assert (progress.total, progress.done, progress.failed) == (4, 4, ())
        assert names(library, recording.id) == found
        vectors = library.vectors()[1]
    with Library.open(tmp_path / "new", Ear()) as library:
        np.testing.assert_array_equal(vectors, library.vectors()[1])


def test_subtitles_that_come_later_name_nobody_anew(tmp_path: Path) -> None:
    file = interview(tmp_path / "interview.wav")
    with Library.create(tmp_path / "library", Listener()) as library:
        for _ in Ingestor(library, Listener()).add([file]):
            pass
        (recording,) = library.recordings()
        library.diarization.rename("Speaker 1", "Ada")
        file.with_suffix(".srt").write_text("1\n00:00:00,500 --> 00:00:04,000\nThe ferry did not leave.\n")
        for _ in Ingestor(library, Listener()).add([file]):
            pass
        segments = library.segments_of(recording.id)
        assert segments[0].text == "The ferry did not leave."
        assert [one.speaker for one in segments] == ["Ada", "Speaker 2", "Ada", "Speaker 2"]
