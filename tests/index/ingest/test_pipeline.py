"""Adding recordings: every file, sentence and fact finds its place; what is broken, known or stopped does no harm."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform, stream
from clasp.audio.envelope import STEP, envelope
from clasp.errors import DataError, LibraryError
from index.ingest import encoded_file
from index.ingest.files import content_checksum
from index.ingest.pipeline import Ingestor
from index.ingest.walk import find_files
from index.library import FILES, Library
from tests.index.conftest import last
from tests.index.ear import Ear
from tests.malformed import write_malformed

GAP = 0.8  # seconds


def write(path: Path, clips: list[np.ndarray], quiet: float = GAP) -> Path:
    silence = np.zeros(round(quiet * SAMPLE_RATE), np.float32)
    samples = np.concatenate([silence, *(part for clip in clips for part in (clip, silence))])
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, SAMPLE_RATE)
    return path


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def library(tmp_path: Path, ear: Ear) -> Library:
    return Library.create(tmp_path / "library", ear)


def hears(library: Library, ear: Ear, clip: np.ndarray) -> tuple[str, float]:
    """Title and start of the best hit for a clip."""
    segment = library.candidates(ear.encode_speech([Waveform(clip)], return_phones=True).vectors[0], 1).segments[0]
    return library.recording(segment.recording).title, segment.start


def test_folders_and_files_of_every_kind(tmp_path, library, ear, spoken):
    wav = write(tmp_path / "in" / "deep" / "first.wav", spoken[:1])
    others = ("second.mp3", "third.m4a", "fourth.opus", "fifth.webm", "sixth.flac")
    for name in others:
        subprocess.run(["ffmpeg", "-v", "error", "-i", wav, tmp_path / "in" / name], check=True)
    video = tmp_path / "in" / "seventh.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc=duration=3:size=64x64:rate=10", "-c:v", "mpeg4"]
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, *picture, video], check=True)
    (tmp_path / "in" / "notes.pdf").write_bytes(b"%PDF")
    states = list(Ingestor(library, ear).add([tmp_path / "in", wav]))
    assert (states[-1].total, states[-1].done, states[-1].added, states[-1].failed) == (7, 7, 7, ())
    assert states[-1].segments == len(library) == 7
    assert [state.done for state in states] == sorted(state.done for state in states)
    assert states[-1].seconds == pytest.approx(7 * (len(spoken[0]) / SAMPLE_RATE + 2 * GAP), rel=0.1)
    assert {one.title for one in library.recordings()} == {Path(name).stem for name in others} | {"first", "seventh"}
    assert all(one.done and one.duration > 5 and one.added for one in library.recordings())


def test_what_is_said_is_found_where_it_is_said(tmp_path, library, ear, spoken):
    ingest_all = last(Ingestor(library, ear).add([write(tmp_path / "talk.wav", spoken)]))
    assert ingest_all.segments == 3
    starts = np.cumsum([GAP, *(len(clip) / SAMPLE_RATE + GAP for clip in spoken)])
    for clip, start in zip(spoken, starts, strict=False):
        assert hears(library, ear, clip) == ("talk", pytest.approx(start, abs=0.4))


def test_the_second_run_adds_nothing(tmp_path, library, ear, spoken):
    path = write(tmp_path / "in" / "talk.wav", spoken)
    last(Ingestor(library, ear).add([tmp_path / "in"]))
    shutil.copy(path, tmp_path / "in" / "the same.wav")
    again = last(Ingestor(library, ear).add([tmp_path / "in"]))
    assert (again.existing, again.added, again.segments, len(library)) == (2, 0, 0, 3)


def test_how_loud_it_is_also_after_a_stop(tmp_path, library, ear, spoken, monkeypatch):
    monkeypatch.setattr(encoded_file, "COMMIT_SECONDS", 5)
    path = write(tmp_path / "talk.wav", spoken * 3)
    states = Ingestor(library, ear).add([path])
    while next(states).segments < 4:
        pass
    states.close()
    (recording,) = library.recordings()
    assert not recording.done and library.envelope(recording.id).size == 0
    last(Ingestor(library, ear).add([path]))
    assert library.envelope(recording.id).tolist() == envelope(stream(path)).tolist()
    assert library.envelope(recording.id)[: round(GAP / STEP)].max() < 3 < library.envelope(recording.id).max()


def test_a_file_that_was_moved_is_found_again(tmp_path, library, ear, spoken):
    path = write(tmp_path / "talk.wav", spoken)
    last(Ingestor(library, ear).add([path]))
    moved = path.rename(tmp_path / "moved.wav")
    with pytest.raises(LibraryError, match="no longer there"):
        library.audio(library.segments()[0])
    assert last(Ingestor(library, ear).add([moved])).existing == 1
    assert library.audio(library.segments()[0])[0] == moved


def test_a_file_that_is_gone_when_its_turn_comes(tmp_path, library, ear, spoken):
    path, other = write(tmp_path / "talk.wav", spoken[:1]), write(tmp_path / "other.wav", spoken[1:2])
    states = Ingestor(library, ear).add([path, other])
    assert next(states).current == "talk.wav"
    path.unlink()
    ((file, reason),) = last(states).failed
    assert file == path and "There is no" in reason
    assert [one.title for one in library.recordings()] == ["other"]


def test_a_file_that_grows_while_it_is_read(tmp_path, library, ear, spoken, monkeypatch):
    path = write(tmp_path / "talk.wav", spoken[:1])
    content = path.read_bytes()

    def growing(file):
        digest = content_checksum(file)
        path.write_bytes(content + content[44:])
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(encoded_file, "content_checksum", growing)
        assert "changed while it was read" in last(Ingestor(library, ear).add([path])).failed[0][1]
    assert library.recordings() == []
    path.write_bytes(content)
    assert last(Ingestor(library, ear).add([path])).added == 1


def test_copied_into_the_library(tmp_path, library, ear, spoken):
    path = write(tmp_path / "talk.wav", spoken)
    last(Ingestor(library, ear, copy=True).add([path]))
    content = path.read_bytes()
    path.unlink()
    copy = library.audio(library.segments()[0])[0]
    assert copy.parent == library.folder / FILES and copy.read_bytes() == content


def test_broken_files_are_named_and_the_rest_goes_on(tmp_path, library, ear, spoken):
    cases = write_malformed(tmp_path)
    good = write(tmp_path / "talk.wav", spoken)
    state = last(Ingestor(library, ear).add([*(case.path for case in cases), good]))
    quiet = ("header-only.wav", "too-short.wav", "silent.wav", "nearly-silent.flac", "silent-20-minutes.flac",
             "eight-channels-384khz.flac", "not-a-number.wav")  # fmt: skip
    assert {path.name for path in state.silent} >= set(quiet)
    reasons = {path.name: reason for path, reason in state.failed}
    for case in cases:
        assert case.path.name in quiet or case.error in reasons[case.path.name]
    assert state.added == 1 and {one.title for one in library.recordings() if library.counts().get(one.id)} == {"talk"}


def test_names_of_every_kind(tmp_path, library, ear, spoken):
    names = ('it\'s "quoted".wav', "two\nlines.wav", "🎙 émoji.wav", "-dash.wav", "concat:a|b.wav", "%d.wav", "..x.wav")
    for number, name in enumerate(names):
        write(tmp_path / "in" / name, [spoken[0][number * 800 :]])
    state = last(Ingestor(library, ear).add([tmp_path / "in" / ".." / "in" / name for name in names]))
    assert (state.added, state.failed) == (len(names), ())
    assert all(library.audio(segment)[0].is_file() for segment in library.segments())


@pytest.mark.parametrize("paths", [["nowhere"], ["empty"], []])
def test_nothing_to_add(tmp_path, paths):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        find_files([tmp_path / path for path in paths])


@pytest.mark.parametrize("address", ["s3://archive/talks", "gs://archive/talk.mp3", "https://example.org/talk.mp3"])
def test_an_address_is_no_path(address):
    with pytest.raises(DataError, match=r"^\w+:/\S+ is an address: mount or download what is there"):
        find_files([Path(address)])


SUBTITLES = {
    "talk.srt": "1\n00:00:00,900 --> 00:00:05,000\n<i>The ferry did not leave.</i>\n\n"
    "2\n00:00:06,500 --> 00:00:09,000\nMy grandmother baked\nher bread.\n\n3\nnonsense --> 0\nlost\n",
    "talk.vtt": "WEBVTT\n\nNOTE nothing\n\nintro\n00:00.900 --> 00:05.000 align:start\nThe ferry did not leave.\n\n"
    "00:06.500 --> 00:09.000\nMy <b>grandmother</b> baked her bread.\n",
}


@pytest.mark.parametrize("name", SUBTITLES)
def test_subtitles_are_attached_where_they_belong(tmp_path, library, ear, spoken, name):
    path = write(tmp_path / "talk.wav", spoken)
    (tmp_path / name).write_text(SUBTITLES[name])
    last(Ingestor(library, ear).add([path]))
    texts = [segment.text for segment in library.segments()]
    assert texts == ["The ferry did not leave.", "My grandmother baked her bread.", ""]


def test_a_plain_transcript_and_facts(tmp_path, library, ear, spoken):
    write(tmp_path / "in" / "short.wav", spoken[:1])
    write(tmp_path / "in" / "long.wav", spoken)
    (tmp_path / "in" / "short.txt").write_text("\ufeffThe ferry\ndid not leave.\n", encoding="utf-8")
    (tmp_path / "in" / "long.txt").write_text("All of it.")
    (tmp_path / "in" / "metadata.csv").write_text(
        'file,title,speaker,category,language,date\nlong.wav,"Bread, and more",Ada,memories,en-GB,1999-12-31\n'
    )
    (tmp_path / "in" / "short.csv").write_text("title,speaker\nThe ferry,Bo\n")
    last(Ingestor(library, ear, language="en").add([tmp_path / "in"]))
    by_title = {one.title: one for one in library.recordings()}
    long, short = by_title["Bread, and more"], by_title["The ferry"]
    assert (long.speaker, long.category, long.language, long.date) == ("Ada", "memories", "en-GB", "1999-12-31")
    assert (short.speaker, short.language, short.text, long.text) == (
        "Bo",
        "en",
        "The ferry did not leave.",
        "All of it.",
    )
    texts = {segment.recording: segment.text for segment in library.segments()}
    assert texts == {short.id: "The ferry did not leave.", long.id: ""}
    assert {segment.speaker for segment in library.segments() if segment.recording == long.id} == {"Ada"}


def test_stopped_in_the_middle_of_a_file_it_goes_on(tmp_path, library, ear, spoken, monkeypatch):
    monkeypatch.setattr(encoded_file, "COMMIT_SECONDS", 10)
    path = write(tmp_path / "long.wav", spoken * 5)
    whole = Library.create(tmp_path / "whole", ear)
    last(Ingestor(whole, ear).add([path]))
    states = Ingestor(library, ear).add([path])
    for state in states:
        if state.segments >= 4:
            break
    states.close()
    kept = library.segments()
    assert 4 <= len(kept) < 15 and not library.recordings()[0].done
    assert hears(library, ear, spoken[0])[0] == "long"
    state = last(Ingestor(library, ear).add([path]))
    assert (state.added, state.segments) == (1, 15 - len(kept))
    assert library.segments()[: len(kept)] == kept and library.recordings()[0].done
    for one, other in zip(library.segments(), whole.segments(), strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=0.3)


@pytest.mark.parametrize("copy", [False, True])
def test_a_file_that_breaks_off_is_kept_up_to_there_until_it_is_whole(
    tmp_path, library, ear, spoken, monkeypatch, copy
):
    monkeypatch.setattr(encoded_file, "COMMIT_SECONDS", 10)
    path = write(tmp_path / "long.flac", spoken * 5)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    state = last(Ingestor(library, ear, copy=copy).add([path]))
    assert state.added == 1 and state.failed == () and "its end is missing" in state.partial[0][1]
    assert 8 <= len(library) < 15 and hears(library, ear, spoken[0])[0] == "long"
    (recording,) = library.recordings()
    assert recording.done and recording.flaw == state.partial[0][1]
    library.edit(recording.id, title="The ferry", speaker="Ada")
    assert last(Ingestor(library, ear, copy=copy).add([path])).existing == 1
    path.write_bytes(whole)
    state = last(Ingestor(library, ear, copy=copy).add([path]))
    assert (state.added, state.partial, len(library)) == (1, (), 15)
    (recording,) = library.recordings()
    assert (recording.title, recording.speaker, recording.flaw) == ("The ferry", "Ada", "")
    assert len(list((library.folder / FILES).glob("*"))) == copy


def test_nothing_is_known_that_was_stored_as_empty(tmp_path, library, ear, spoken):
    path = write(tmp_path / "talk.wav", [np.zeros(16_000, np.float32)])
    for _ in range(2):
        state = last(Ingestor(library, ear).add([path]))
        assert (state.existing, state.silent) == (0, (path,)) and len(library.recordings()) == 1
    write(path, spoken)
    assert last(Ingestor(library, ear).add([path])).added == 1
    assert [one.title for one in library.recordings()] == ["talk"]


def test_limits(tmp_path, library, ear, spoken, monkeypatch):
    path = write(tmp_path / "talk.wav", spoken)
    for name, value, reason in (
        ("CLASP_FILE_MIB", "0.1", "larger than 0.1 MiB"),
        ("CLASP_RECORDING_HOURS", "0.001", "longer than 3.6 s"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert reason in last(Ingestor(library, ear).add([path])).failed[0][1]
    assert library.recordings() == []


def test_a_playlist_adds_no_other_file(tmp_path, library, ear, spoken):
    write(tmp_path / "secret.wav", spoken)
    for name, text in (
        ("list.m3u8", "#EXTM3U\n#EXTINF:3,\nsecret.wav\n"),
        ("c.mp3", "ffconcat version 1.0\nfile secret.wav"),
    ):
        (tmp_path / name).write_text(text)
        assert len(last(Ingestor(library, ear).add([tmp_path / name])).failed) == 1
    assert len(library) == 0
