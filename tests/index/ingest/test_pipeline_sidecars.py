"""Recordings with transcripts and tables beside them, added: what the library has of them, then and later."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import DataError
from clasp.training.data.synthesis import Voice, speak
from index.filters import Filter
from index.ingest.pipeline import Ingestor
from index.library import Library
from index.progress import AddProgress
from tests.index.ear import Ear
from tests.index.ingest.office_files import docx, inline, table, xlsx
from tests.index.ingest.test_sidecars import CSV, REMARKS, ROLLING, SAID, SRT, TOLD, WHISPERX, write


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = speak("The harbour was flooded after the storm on Tuesday morning.", Voice("espeak", "en-us", "en")).samples
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    soundfile.write(path, np.resize(clip.astype(np.float32), int(3.7 * SAMPLE_RATE)), SAMPLE_RATE)
    return path


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "library", Ear())


@pytest.fixture
def folder(tmp_path: Path, wav: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav.read_bytes())
    return folder


class DeafError(Exception):
    """Raised by a listener who must not listen."""


class Deaf(Ear):
    """Listens to nothing: what needs no listening works without."""

    def encode_speech(self, waveforms: list, *, return_phones: bool) -> None:
        raise DeafError


def added(library: Library, folder: Path, ear: Ear | None = None, **options: str) -> AddProgress:
    *_, state = Ingestor(library, ear or Ear(), **options).add([folder])
    assert state.failed == ()
    return state


def said(library: Library) -> str:
    return " ".join(segment.text for segment in library.segments())


def told(library: Library) -> tuple[str, ...]:
    (one,) = library.recordings()
    return one.title, one.speaker, one.category, one.language, one.date


def test_what_lies_beside_is_added(library: Library, folder: Path) -> None:
    write(folder / "a.en.SRT", SRT.replace("flooded", "überflutet").encode("cp1252"))
    write(folder / "metadata.csv", CSV.replace(",", ";").replace("1962-05-01", "01.05.1962").encode("utf-16"))
    assert added(library, folder).remarks == ()
    assert told(library) == TOLD and said(library) == SAID.replace("flooded", "überflutet")


def test_what_word_and_excel_write_is_taken_up_without_listening(library: Library, folder: Path) -> None:
    added(library, folder)
    xlsx(folder / "metadata.xlsx", inline([["file", "title", "date"], ["a.wav", "Harbour", "1962-05-01"]]))
    docx(folder / "a.docx", table(["0:00", "Anna", "The harbour was flooded"], ["0:01.8", "Anna", "after the storm."]))
    assert added(library, folder, Deaf()).remarks == ()
    assert told(library)[0] == "Harbour" and told(library)[-1] == "1962-05-01" and said(library) == SAID


@pytest.mark.parametrize(
    ("name", "content", "right", "speaker"),
    [("a.vtt", ROLLING, "The harbour was flooded", ""), ("a.json", WHISPERX, SAID, "SPEAKER_00")],
)
def test_words_and_speakers(library: Library, folder: Path, name: str, content: str, right: str, speaker: str) -> None:
    write(folder / name, content)
    added(library, folder)
    (segment,) = library.segments()
    assert (segment.text, segment.speaker) == (right, speaker)


def test_what_is_not_understood_is_named_and_the_recording_added(library: Library, folder: Path) -> None:
    for name, content, *_ in (REMARKS["a date that can be two"], REMARKS["broken JSON"]):
        write(folder / name, content)
    state = added(library, folder, language="English")
    assert state.added == 1 and told(library) == (*TOLD[:4], "")
    assert [one.split(":")[0] for one in state.remarks] == [
        "metadata.csv, line 2", "a.json is no JSON that can be read",
    ]  # fmt: skip


def test_what_is_no_language_is_said_before_anything_is_added(library: Library, folder: Path) -> None:
    with pytest.raises(DataError, match="'Narnian' is no language"):
        added(library, folder, language="Narnian")
    assert library.recordings() == []


def test_what_comes_later_is_taken_up_without_listening(library: Library, folder: Path) -> None:
    added(library, folder)
    assert said(library) == "" and added(library, folder, Deaf()).updated == 0
    write(folder / "a.srt", SRT.replace("The", "ANNA: The"))
    write(folder / "metadata.csv", CSV.replace("Jürgen", ""))
    state = added(library, folder, Deaf())
    assert (state.existing, state.updated, state.added, state.segments) == (1, 1, 0, 0)
    (segment,) = library.segments()
    assert (segment.text, segment.speaker, segment.language, segment.category) == (SAID, "ANNA", "en", "history")
    (one,) = library.recordings()
    assert (one.title, one.text, one.date) == ("Harbour", SAID, "1962-05-01")
    assert added(library, folder, Deaf()).updated == 0
    assert library.languages() == ["en"] and library.speakers() == ["ANNA"]  # what searches are made of


def test_what_was_edited_stays_until_a_table_says_something_new(library: Library, folder: Path) -> None:
    write(folder / "metadata.csv", CSV)
    added(library, folder)
    (one,) = library.recordings()
    library.edit(one.id, title="Pier", date="1 June 1962")
    assert added(library, folder, Deaf()).updated == 0
    write(folder / "metadata.csv", CSV.replace("history", "memories"))
    assert added(library, folder, Deaf()).updated == 1
    assert told(library) == ("Pier", "Jürgen", "memories", "en", "1962-06-01")
    (folder / "metadata.csv").unlink()
    assert added(library, folder, Deaf()).updated == 0
    write(folder / "metadata.csv", CSV.replace("Harbour", "Mole"))
    assert added(library, folder, Deaf()).updated == 1 and told(library)[0] == "Mole"


def test_what_was_edited_stays_once_a_file_that_broke_off_is_whole(library: Library, folder: Path) -> None:
    whole = (folder / "a.wav").read_bytes()
    (folder / "a.wav").write_bytes(whole[: len(whole) * 3 // 4])
    write(folder / "metadata.csv", CSV)
    assert added(library, folder).partial
    (one,) = library.recordings()
    library.edit(one.id, title="Pier")
    (folder / "a.wav").write_bytes(whole)
    write(folder / "metadata.csv", CSV.replace("history", "memories"))
    assert added(library, folder).partial == ()
    assert told(library) == ("Pier", "Jürgen", "memories", "en", "1962-05-01")
    assert added(library, folder, Deaf()).updated == 0


def test_files_are_named_as_people_read_them(library: Library, folder: Path) -> None:
    (folder / "a.wav").rename(folder / os.fsdecode(b"J\xfcrgen.wav"))
    write(folder / os.fsdecode(b"J\xfcrgen.srt"), "nothing")
    (remark,) = added(library, folder).remarks
    assert remark.startswith("Jürgen.srt holds no words") and told(library)[0] == "Jürgen"


def test_a_recording_of_an_older_library_gets_what_it_lacks(library: Library, folder: Path) -> None:
    added(library, folder)
    (one,) = library.recordings()
    facts = {"title": "a", "speaker": "Bo"}
    library.apply_sidecar(one.id, facts, [], None, "")  # as before it was noted what lay beside it
    write(folder / "metadata.csv", CSV)
    assert added(library, folder, Deaf()).updated == 1
    assert told(library) == ("Harbour", "Bo", "history", "en", "1962-05-01")


def test_the_filter_of_a_language_finds_its_variants(library: Library, folder: Path) -> None:
    write(folder / "metadata.csv", CSV.replace(",en,", ",en_US,"))
    added(library, folder)
    vector = library.vectors()[1][0]

    def count(**filters: tuple[str, ...]) -> int:
        return len(library.candidates(vector, filters=Filter(**filters)).segments)

    assert told(library)[3] == "en-US"
    assert [count(languages=(one,)) for one in ("en", "English", "en-US", "en-GB", "de")] == [1, 1, 1, 0, 0]
    assert count(categories=("HISTORY",), speakers=("jürgen",)) == 1
