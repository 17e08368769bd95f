"""Libraries by name, and those of visitors."""

import threading
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import LibraryError
from index.guests import GuestLibraries
from index.library import Library, Recording, Segment
from index.registry import LibraryRegistry


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data directory."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("CLASP_LIBRARY", raising=False)
    return tmp_path / "data" / "clasp" / "libraries"


def filled(library: Library, count: int = 3, first: int = 0) -> None:
    """Add recordings of one segment each."""
    names = [f"recording {number}" for number in range(first, first + count)]
    vectors = np.random.default_rng(first).standard_normal((count, 32)).astype(np.float32)
    library.add(
        [Recording(name, Path(f"{name}.wav"), name, 2.0) for name in names],
        [Segment(0, name, 0.0, 2.0) for name in names],
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
    )


def test_libraries_have_names(home, model):
    shelf = LibraryRegistry(model)
    assert shelf.names() == ["demo", "default"]
    filled(shelf.create("Harbour  tapes"))
    assert shelf.names() == ["demo", "default", "Harbour tapes"]
    assert shelf.library("Harbour tapes").folder == home / "Harbour tapes"
    assert len(shelf.library("default")) == 0 and (home / "default").is_dir()
    shelf.close()
    again = LibraryRegistry(model)
    assert again.names() == ["demo", "default", "Harbour tapes"]
    assert len(again.library("Harbour tapes")) == 3
    again.close()


def test_the_chosen_library_comes_first_by_its_folders_name(home, tmp_path, model, monkeypatch):
    monkeypatch.setenv("CLASP_LIBRARY", str(tmp_path / "elsewhere" / "archive"))
    shelf = LibraryRegistry(model)
    filled(shelf.create("archive two"))
    assert shelf.names() == ["demo", "archive", "archive two"]
    filled(shelf.library("archive"))
    assert (tmp_path / "elsewhere" / "archive" / "library.db").is_file()
    shelf.close()


@pytest.mark.parametrize(
    "name", ["", " ", "..", "../up", "a/b", "demo", "Demo", "visit", "default", "x" * 65, "a\nb/", ".hidden", "a\0b"]
)
def test_names_that_cannot_be_used(home, model, name):
    with pytest.raises(LibraryError, match=r"cannot name a library|already"):
        LibraryRegistry(model).create(name)
    assert not list(home.parent.parent.rglob("*.db"))


@pytest.mark.parametrize("name", ["nothing", "../default", "", "/etc"])
def test_a_library_that_is_not_there(home, model, name):
    with pytest.raises(LibraryError, match="no library called"):
        LibraryRegistry(model).library(name)


def test_where_nothing_may_be_changed(home, model):
    with pytest.raises(LibraryError, match="searching only"):
        LibraryRegistry(model, read_only=True).create("mine")
    assert LibraryRegistry(model, read_only=True).names() == ["demo"]  # none of the owner's: it is not made for a look
    filled(LibraryRegistry(model).library("default"))
    library = LibraryRegistry(model, read_only=True).library("default")
    assert len(library) == 3
    changes = (
        lambda: filled(library, first=5),
        lambda: library.edit("recording 1", title="x"),
        lambda: library.remove("recording 1"),
        lambda: library.finish("recording 1", 3.0),
    )
    for change in changes:
        with pytest.raises(LibraryError, match="searching only"):
            change()
    assert [one.title for one in library.recordings()] == ["recording 0", "recording 1", "recording 2"]


def test_what_another_process_added_is_there(home, model):
    shelf = LibraryRegistry(model)
    library = shelf.library("default")
    with Library.open(library.folder, model) as other:
        filled(other)
    assert len(shelf.library("default")) == 3
    shelf.close()


def test_one_library_is_opened_once(home, model):
    shelf, found = LibraryRegistry(model), []
    threads = [threading.Thread(target=lambda: found.append(shelf.library("default"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1
    shelf.close()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_visitors_have_a_library_each_for_an_hour(model):
    clock = Clock()
    visits = GuestLibraries(model, clock)
    one, other = visits.begin(), visits.begin()
    assert one != other and len(one) >= 32 and visits.begin(one) == one
    filled(visits.open(one))
    assert visits.has(one) and not visits.has(other) and visits.left(one) == 3600
    assert len(visits.library(one)) == 3
    for secret in (other, "", "visit", one[:-1]):
        with pytest.raises(LibraryError, match="Nothing of yours"):
            visits.library(secret)
    folder = visits.library(one).folder
    clock.now = 3599
    assert visits.open(one) is visits.library(one)
    clock.now = 3600
    with pytest.raises(LibraryError, match="Nothing of yours"):
        visits.library(one)
    assert not folder.parent.exists()
    assert len(visits.open(one)) == 0
    visits.close()


@pytest.mark.parametrize("secret", ["", "guessed", "a" * 32])
def test_a_secret_that_was_not_given_out(model, secret):
    visits = GuestLibraries(model)
    assert visits.begin(secret) != secret
    with pytest.raises(LibraryError, match="reload"):
        visits.open(secret)


def test_visits_have_limits(model, monkeypatch):
    monkeypatch.setenv("CLASP_VISITS", "2")
    monkeypatch.setenv("CLASP_VISIT_MIB", "1")
    visits = GuestLibraries(model)
    first, *_ = secrets = [visits.begin() for _ in range(3)]
    library = visits.open(first)
    visits.open(secrets[1])
    with pytest.raises(LibraryError, match="Too many visitors"):
        visits.open(secrets[2])
    before = visits.room(first)
    assert 0 < before < 2**20
    (library.folder / "sound.wav").write_bytes(bytes(2**19))
    assert visits.room(first) == before - 2**19
    (library.folder / "sound.wav").write_bytes(bytes(2**20))
    assert visits.room(first) == 0
    visits.close()
    assert not library.folder.exists()
