"""A full disk, a real one: what was stored before stays and is found, and work goes on once there is room."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import LibraryError
from clasp.training.data.synthesis import Voice, speak
from index.cli.main import main
from index.ingest import encoded_file
from index.ingest.pipeline import Ingestor
from index.library import FILES, Library
from index.store import archive
from index.store.reembed import reembed
from tests.index.ear import Ear

ROOT = Path(__file__).parents[3]
SIZE = 8 * 2**20  # bytes of the disk
LONG = 30  # utterances of the second recording

EAR, OTHER = Ear(), Ear("f" * 64, seed=1)


class Disk:
    """A small file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, room: int) -> None:
        """Leave so many bytes."""
        status = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            file.write(bytes(status.f_bavail * status.f_frsize - room))

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "clasp-test", folder], capture_output=True, check=False
    ) if sys.platform == "linux" else None  # fmt: skip
    if mounted is None or mounted.returncode:
        pytest.skip("needs a file system of its own, which only root can mount on Linux")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A short recording and a long one, on another disk."""
    folder = tmp_path_factory.mktemp("recordings")
    clip = speak("The ferry did not leave the harbour because of the fog.", Voice("espeak", "en-us", "en")).samples
    gap = np.zeros(SAMPLE_RATE, np.float32)
    for name, count in (("first", 2), ("second", LONG)):
        parts = [gap] + [part for number in range(count) for part in (clip[31 * number :], gap)]
        soundfile.write(folder / f"{name}.flac", np.concatenate(parts), SAMPLE_RATE)
    return folder / "first.flac", folder / "second.flac"


@pytest.fixture(autouse=True)
def commits_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_file, "COMMIT_SECONDS", 1)


def add(library: Library, *paths: Path, copy: bool = False) -> None:
    for _ in Ingestor(library, EAR, copy=copy).add(list(paths)):
        pass


def is_whole(library: Library) -> bool:
    """Whether every segment is found by its own vector."""
    ids, vectors = library.vectors()
    found = [{*library.candidates(vector, len(ids)).ids.tolist()} for vector in vectors]
    return all(number in one for number, one in zip(ids.tolist(), found, strict=True)) and len(ids) == len(library)


@pytest.mark.parametrize("room", [0, 16_384, 65_536, 262_144, 600_000])
@pytest.mark.parametrize("copy", [False, True])
def test_adding_stops_and_goes_on(disk: Disk, files: tuple[Path, Path], room: int, copy: bool):
    first, second = files
    folder = disk.folder / "library"
    with Library.create(folder, EAR) as library:
        add(library, first, copy=copy)
    library = Library.open(folder, EAR)
    disk.fill(room)
    with pytest.raises(LibraryError, match=r"no room left|cannot be copied"):
        add(library, second, copy=copy)
    kept = library.segments()
    assert 2 <= len(kept) < 2 + LONG and is_whole(library)
    assert len(list(folder.glob(f"{FILES}/*"))) == (len(library.recordings()) if copy else 0)
    disk.free()
    library.close()
    with Library.open(folder, EAR) as library:
        assert library.segments() == kept and is_whole(library)
        add(library, second, copy=copy)
        assert len(library) == 2 + LONG and is_whole(library)
        assert all(recording.done for recording in library.recordings())


@pytest.mark.parametrize("room", [0, 4_096, 20_000])
def test_a_copy_without_its_recording_does_not_stay(disk: Disk, files: tuple[Path, Path], room: int):
    with Library.create(disk.folder / "library", EAR) as library:
        disk.fill(files[0].stat().st_size + room)
        with pytest.raises(LibraryError):
            add(library, files[0], copy=True)
        assert library.recordings() == [] and list(disk.folder.glob(f"library/{FILES}/*")) == []
        disk.free()
        add(library, files[0], copy=True)
        assert len(library) == 2 and is_whole(library)


def test_opening(disk: Disk, files: tuple[Path, Path]):
    """It says what is wrong, or it works."""
    folder = disk.folder / "library"
    with Library.create(folder, EAR) as library:
        add(library, files[0])
    disk.fill(0)
    with pytest.raises(LibraryError, match="room left"):
        Library.open(folder, EAR)
    disk.free()
    with Library.open(folder, EAR) as library:
        assert len(library) == 2 and is_whole(library)


@pytest.mark.parametrize("room", [0, 32_768])
def test_it_goes_on_without_being_opened_again(disk: Disk, files: tuple[Path, Path], room: int):
    with Library.create(disk.folder / "library", EAR) as library:
        add(library, files[0])
        disk.fill(room)
        with pytest.raises(LibraryError):
            add(library, files[1])
        disk.free()
        add(library, files[1])
        assert len(library) == 2 + LONG and is_whole(library)


def test_editing_and_removing(disk: Disk, files: tuple[Path, Path]):
    folder = disk.folder / "library"
    with Library.create(folder, EAR) as library:
        add(library, *files)
    library = Library.open(folder, EAR)
    before, segments = library.recordings(), library.segments()
    disk.fill(0)
    with pytest.raises(LibraryError, match="no room left"):
        library.edit(before[0].id, title="another", language="de")
    with pytest.raises(LibraryError, match="no room left"):
        library.remove(before[1].id)
    with pytest.raises(LibraryError, match="no room left"):
        library.corrections.store(segments[0].id, "right", before="")
    with pytest.raises(LibraryError, match="no room left"):
        library.notes.add(before[0].id, 1.0, "a note")
    with pytest.raises(LibraryError, match="no room left"):
        library.bin.put(before[1].id)
    assert library.bin.contents() == []
    assert library.recordings() == before and library.segments() == segments and is_whole(library)
    disk.free()
    library.edit(before[0].id, title="another", language="de")
    library.bin.put(before[1].id)
    library.bin.restore(before[1].id)
    library.remove(before[1].id)
    library.close()
    with Library.open(folder, EAR) as library:
        assert [one.title for one in library.recordings()] == ["another"] and is_whole(library)


@pytest.mark.parametrize("room", [0, 65_536])
def test_the_search_index_is_not_stored(disk: Disk, files: tuple[Path, Path], room: int, caplog):
    folder = disk.folder / "library"
    library = Library.create(folder, EAR)
    add(library, files[0])
    vectors = np.random.default_rng(0).standard_normal((200, EAR.dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    (recording,) = library.recordings()
    segment = library.segments()[0]
    library.add([], [type(segment)(0, recording.id, 100.0 + n, 101.0 + n) for n in range(200)], vectors)
    disk.fill(room)
    library.store_index()
    assert "could not be stored" in caplog.text
    library.close()
    disk.free()
    with Library.open(folder, EAR) as library:
        assert len(library) == 202 and is_whole(library)


def test_making_a_library(disk: Disk):
    disk.fill(0)
    with pytest.raises(LibraryError, match=r"room|No library can be made"):
        Library.create(disk.folder / "library", EAR)
    disk.free()
    Library.create(disk.folder / "library", EAR).close()


@pytest.mark.parametrize("room", [0, 100_000, 300_000])
def test_exporting_and_importing(disk: Disk, tmp_path: Path, files: tuple[Path, Path], room: int):
    folder, target = disk.folder / "library", disk.folder / "all.zip"
    with Library.create(folder, EAR) as library:
        add(library, *files)
    archive.pack(folder, tmp_path / "all.zip")
    target.write_bytes(b"an older one")
    disk.fill(room)
    with pytest.raises(LibraryError, match="exported"):
        archive.pack(folder, target)
    with pytest.raises(LibraryError, match="imported"):
        archive.unpack(tmp_path / "all.zip", disk.folder / "new")
    assert target.read_bytes() == b"an older one"
    assert sorted(path.name for path in disk.folder.iterdir()) == ["all.zip", "ballast", "library"]
    disk.free()
    with Library.open(folder, EAR) as library:
        assert len(library) == 2 + LONG and is_whole(library)
    archive.pack(folder, target)


@pytest.mark.parametrize("room", [0, 40_000])
def test_embedding_anew(disk: Disk, files: tuple[Path, Path], room: int):
    folder = disk.folder / "library"
    with Library.create(folder, EAR) as library:
        add(library, *files)
    disk.fill(room)
    with pytest.raises(LibraryError, match="embedded anew"):
        list(reembed(folder, OTHER))
    disk.free()
    with Library.open(folder, EAR) as library:
        assert len(library) == 2 + LONG and is_whole(library)
    *_, state = reembed(folder, OTHER)
    assert state.finished


@pytest.mark.slow
def test_on_the_command_line(disk: Disk, files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]):
    """The command itself, with the model that ships."""
    library = ["--library", str(disk.folder / "library")]
    assert main(["add", str(files[0]), *library]) == 0
    capsys.readouterr()
    disk.fill(50_000)
    assert main(["add", str(files[1]), *library]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("clasp: ") and "no room left" in err and err.count("\n") == 1 and out == ""
    disk.free()
    assert main(["add", *map(str, files), *library]) == 0
    assert f"{2 + LONG} utterances" in capsys.readouterr().out
