"""A library made by another model: embedded anew whole, or left as it was."""

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode
from clasp.errors import LibraryError
from clasp.training.data.synthesis import Voice, speak
from index.cli.main import main
from index.ingest.pipeline import Ingestor
from index.library import Library
from index.store.reembed import reembed
from index.store.schema import DATABASE_FILE
from index.store.sqlite import FILES
from tests.index.conftest import last
from tests.index.ear import Ear

OLD, NEW = Ear(), Ear("f" * 64, dim=48, meaning_dim=24, seed=1)
LONG = 20  # utterances of the long recording, more than are embedded together
TEXTS = ("The ferry did not leave the harbour.", "My grandmother baked her bread.", "Nobody had told the driver.")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings and a library of them, with edited facts, made by the old model."""
    folder = tmp_path_factory.mktemp("made")
    gap = np.zeros(2 * SAMPLE_RATE, np.float32)
    clips = [speak(text, Voice("espeak", "en-us", "en")).samples.astype(np.float32) for text in TEXTS]
    for name, count in (("long", LONG), ("short", 1)):
        parts = [gap] + [part for number in range(count) for part in (clips[number % 3][9 * number :], gap)]
        soundfile.write(folder / f"{name}.flac", np.concatenate(parts), SAMPLE_RATE)
    (folder / "short.txt").write_text(TEXTS[0])
    with Library.create(folder / "library", OLD) as library:
        for _ in Ingestor(library, OLD, language="en").add([folder / "long.flac", folder / "short.flac"]):
            pass
        library.remove(library.recordings()[0].id)
        for _ in Ingestor(library, OLD).add([folder / "long.flac"]):
            pass
        library.edit(library.recordings()[0].id, title="Edited", speaker="Ada")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of that library; the recordings are where they were added from."""
    shutil.copytree(made / "library", tmp_path / "library")
    return tmp_path / "library"


def is_as_it_was(folder: Path, made: Path) -> bool:
    with Library.open(folder, OLD) as library, Library.open(made / "library", OLD) as before:
        same = np.array_equal(library.vectors()[1], before.vectors()[1])
        return same and library.segments() == before.segments() and library.recordings() == before.recordings()


def test_everything_but_the_vectors_stays(folder, made):
    with pytest.raises(LibraryError, match=f"python -m clasp library reembed --library {folder}"):
        Library.open(folder, NEW)
    states = list(reembed(folder, NEW))
    assert states[-1].finished and (states[-1].done, states[-1].total, states[-1].failed) == (LONG + 1, LONG + 1, ())
    assert [state.done for state in states] == sorted(state.done for state in states)
    assert not (folder / FILES["fresh"]).exists()
    with pytest.raises(LibraryError, match="another model"):
        Library.open(folder, OLD)
    with Library.open(folder, NEW) as library, Library.open(made / "library", OLD) as before:
        assert library.segments() == before.segments() and library.recordings() == before.recordings()
        for one in library.recordings():
            assert library.envelope(one.id).tolist() == before.envelope(one.id).tolist()
        sounds = {one.id: decode(one.path).samples for one in library.recordings()}
        for segment, vector in zip(library.segments(), library.vectors()[1], strict=True):
            span = slice(round(segment.start * SAMPLE_RATE), round(segment.end * SAMPLE_RATE))
            expected = NEW.encode_speech([Waveform(sounds[segment.recording][span])], return_phones=True).vectors[0]
            np.testing.assert_allclose(vector, expected, atol=2e-3)
            nearest = library.candidates(vector, LONG)
            assert nearest.vectors[nearest.ids == segment.id] @ vector > 0.999
        assert all(len(one) for one in library.phones(library.segments()))
    assert len(list(reembed(folder, NEW))) == 2  # nothing is left to do


def test_stopped_it_goes_on(folder, made):
    states = reembed(folder, NEW)
    while next(states).done == 0:
        pass
    states.close()
    assert is_as_it_was(folder, made)
    first = next(states := reembed(folder, NEW))
    assert 0 < first.done < LONG
    assert last(states).finished


def test_another_model_begins_anew(folder):
    states = reembed(folder, Ear("d" * 64, seed=2))
    while next(states).done == 0:
        pass
    states.close()
    states = reembed(folder, NEW)
    assert next(states).done == 0 and last(states).finished
    Library.open(folder, NEW).close()


@pytest.mark.parametrize("harm", ["missing", "changed", "cut"])
def test_a_recording_that_is_not_what_it_was(folder, made, tmp_path, harm):
    """It is named and nothing is changed; put back, it goes on."""
    copy = tmp_path / "long.flac"
    content = (made / "long.flac").read_bytes()
    if harm != "missing":
        copy.write_bytes(content[: len(content) // 2])
    with sqlite3.connect(folder / DATABASE_FILE) as database:
        database.execute("UPDATE recordings SET path = ? WHERE title = 'Edited'", (str(copy),))
        if harm == "cut":  # added without a checksum
            database.execute("UPDATE recordings SET sha256 = ''")
    database.close()
    state = last(reembed(folder, NEW))
    ((title, reason),) = state.failed
    expected = {"missing": "no longer there", "changed": "has changed", "cut": "ends before"}[harm]
    assert title == "Edited" and expected in reason and not state.finished
    with Library.open(folder, OLD) as library:
        assert len(library) == LONG + 1
    copy.write_bytes(content)
    assert last(reembed(folder, NEW)).finished
    with Library.open(folder, NEW) as library:
        assert len(library) == LONG + 1


def test_what_is_added_or_removed_meanwhile(folder, made, tmp_path):
    more = tmp_path / "more.wav"
    samples, rate = soundfile.read(made / "short.flac")
    soundfile.write(more, 0.5 * samples, rate)
    with Library.open(folder, OLD) as library:
        states = reembed(folder, NEW)
        while next(states).done < LONG:
            pass
        for _ in Ingestor(library, OLD).add([more]):
            pass
        library.remove(next(one.id for one in library.recordings() if one.title == "short"))
        state = last(states)
        assert state.finished and state.total == LONG + 1
        (short,) = (one for one in library.recordings() if one.title == "more")
        with pytest.raises(LibraryError, match="embedded anew by another model"):
            library.edit(short.id, title="written by a process that does not know")
        with pytest.raises(LibraryError, match="embedded anew by another model"):
            library.refresh()
    with Library.open(folder, NEW) as library:
        assert sorted(library.counts().values()) == [1, LONG]
        assert {one.title for one in library.recordings()} == {"Edited", "more"}


def test_nothing_to_embed(tmp_path):
    with pytest.raises(LibraryError, match="no library"):
        next(reembed(tmp_path, NEW))
    Library.create(tmp_path / "empty", OLD).close()
    assert last(reembed(tmp_path / "empty", NEW)).finished
    Library.open(tmp_path / "empty", NEW).close()


def test_on_the_command_line(folder, monkeypatch, capsys):
    monkeypatch.setattr("clasp.load", lambda *_: NEW)  # a model of a second; the command is what is tested
    here = ["--library", str(folder)]
    with sqlite3.connect(folder / DATABASE_FILE) as database:
        database.execute("UPDATE recordings SET path = path || '.gone' WHERE title = 'short'")
    database.close()
    assert main(["library", "reembed", *here]) == 1
    out = capsys.readouterr().out
    assert out.startswith("short: ") and "Nothing was changed" in out
    with Library.open(folder, OLD) as library:
        (short,) = (one.id for one in library.recordings() if one.title == "short")
    assert main(["library", "remove", short, *here]) == 0
    assert main(["library", "reembed", *here]) == 0
    assert f"{LONG} utterances" in capsys.readouterr().out
    assert main(["library", "reembed", "--library", str(folder / "nowhere")]) == 2
