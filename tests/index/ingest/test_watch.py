"""Folders that are watched: what is ready, and what is gone."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.errors import DataError
from index.ingest.watch import Changes, FolderWatch

NOTHING = Changes()


def write(file: Path, seconds: float = 0.1) -> Path:
    file.parent.mkdir(exist_ok=True, parents=True)
    soundfile.write(file, np.zeros(int(16_000 * seconds), np.float32), 16_000)
    return file


def test_a_recording_is_ready_once_it_stays_as_it_is(tmp_path: Path) -> None:
    watch = FolderWatch([tmp_path])
    assert watch.look() == NOTHING  # an empty folder is no error
    talk = write(tmp_path / "day 1" / "talk.wav")
    assert watch.look() == NOTHING
    write(talk, 0.2)  # it is still being recorded
    assert watch.look() == NOTHING
    assert watch.look() == Changes(ready=(talk,))
    assert watch.look() == NOTHING
    write(talk, 0.3)
    assert watch.look() == NOTHING
    assert watch.look() == Changes(ready=(talk,))


def test_what_was_there_before_is_taken_up_too(tmp_path: Path) -> None:
    files = [write(tmp_path / name) for name in ("a.wav", "b.wav")]
    (tmp_path / "notes.pdf").touch()
    watch = FolderWatch([tmp_path])
    watch.look()
    assert watch.look() == Changes(ready=tuple(files))


def test_a_transcript_that_comes_later_makes_its_folder_ready(tmp_path: Path) -> None:
    here, _ = write(tmp_path / "one" / "talk.wav"), write(tmp_path / "two" / "other.wav")
    watch = FolderWatch([tmp_path])
    watch.look(), watch.look()
    (tmp_path / "one" / "talk.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello.\n")
    assert watch.look() == NOTHING
    assert watch.look() == Changes(ready=(here,))
    assert watch.look() == NOTHING


def test_what_is_removed_is_gone_once(tmp_path: Path) -> None:
    talk, other = write(tmp_path / "talk.wav"), write(tmp_path / "other.wav")
    watch = FolderWatch([tmp_path])
    watch.look(), watch.look()
    talk.unlink()
    assert watch.look() == Changes(gone=(talk,))
    assert watch.look() == NOTHING
    os.rename(other, talk)
    assert watch.look() == Changes(gone=(other,))
    assert watch.look() == Changes(ready=(talk,))


def test_a_disk_that_is_not_there_is_said_and_nothing_is_gone(tmp_path: Path) -> None:
    talk = write(tmp_path / "disk" / "talk.wav")
    watch = FolderWatch([tmp_path / "disk"])
    watch.look(), watch.look()
    (tmp_path / "disk").rename(tmp_path / "away")
    with pytest.raises(DataError, match="connect its disk"):
        watch.look()
    (tmp_path / "away").rename(tmp_path / "disk")
    assert watch.look() == NOTHING
    assert talk.exists()
