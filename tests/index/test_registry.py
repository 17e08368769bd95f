"""Libraries by name, and those of guests."""

from pathlib import Path

import numpy as np
import pytest

from clasp.errors import LibraryError
from index.guests import GuestLibraries
from index.library import Library, Recording, Segment
from index.registry import LibraryRegistry
from tests.threads import at_once


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
    registry = LibraryRegistry(model)
    assert registry.names() == ["demo"] and registry.lacks("default")
    filled(registry.create("Harbour  tapes"))
    assert registry.names() == ["demo", "Harbour tapes"]
    assert registry.library("Harbour tapes").folder == home / "Harbour tapes"
    assert len(registry.library("default")) == 0 and (home / "default").is_dir() and not registry.lacks("default")
    registry.close()
    again = LibraryRegistry(model)
    assert again.names() == ["demo", "default", "Harbour tapes"]
    assert len(again.library("Harbour tapes")) == 3
    again.close()


def test_the_chosen_library_comes_first_by_its_folders_name(home, tmp_path, model, monkeypatch):
    monkeypatch.setenv("CLASP_LIBRARY", str(tmp_path / "elsewhere" / "archive"))
    registry = LibraryRegistry(model)
    filled(registry.create("archive two"))
    filled(registry.library("archive"))
    assert registry.names() == ["demo", "archive", "archive two"]
    assert (tmp_path / "elsewhere" / "archive" / "library.db").is_file()
    registry.close()


@pytest.mark.parametrize(
    "name", ["", " ", "..", "../up", "a/b", "demo", "Demo", "visit", "default", "x" * 65, "a\nb/", ".hidden", "a\0b"]
)
def test_names_that_cannot_be_used(home, model, name):
    with pytest.raises(LibraryError, match=r"cannot name a library|already"):
        LibraryRegistry(model).create(name)
    assert not list(home.parent.parent.rglob("*.db"))


def test_a_library_is_renamed_and_deleted(home, model, monkeypatch):
    registry = LibraryRegistry(model)
    filled(registry.create("harbour"))
    assert registry.rename("harbour", " Harbour  tapes") == "Harbour tapes"
    assert registry.names() == ["demo", "Harbour tapes"] and not (home / "harbour").exists()
    assert len(registry.library("Harbour tapes")) == 3
    for name, new in (("Harbour tapes", "demo"), ("Harbour tapes", "../up"), ("nothing", "x"), ("demo", "mine")):
        with pytest.raises(LibraryError):
            registry.rename(name, new)
    registry.delete("Harbour tapes")
    assert registry.names() == ["demo"] and list(home.iterdir()) == []
    for name in ("demo", "Harbour tapes", ".."):
        with pytest.raises(LibraryError, match="no library called"):
            registry.delete(name)
    registry.create("chosen")
    monkeypatch.setenv("CLASP_LIBRARY", "chosen")
    with pytest.raises(LibraryError, match="CLASP_LIBRARY"):
        registry.delete("chosen")
    assert len(registry.library("chosen")) == 0
    registry.close()


@pytest.mark.parametrize("name", ["nothing", "../default", "", "/etc"])
def test_a_library_that_is_not_there(home, model, name):
    with pytest.raises(LibraryError, match="no library called"):
        LibraryRegistry(model).library(name)


def test_where_nothing_may_be_changed(home, model):
    with pytest.raises(LibraryError, match="read-only"):
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
    registry = LibraryRegistry(model)
    library = registry.library("default")
    with Library.open(library.folder, model) as other:
        filled(other)
    assert len(registry.library("default")) == 3
    registry.close()


def test_one_library_is_opened_once(home, model):
    registry = LibraryRegistry(model)
    assert len(set(map(id, at_once(*[lambda: registry.library("default")] * 8)))) == 1
    registry.close()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_guests_have_a_library_each_for_an_hour(model):
    clock = Clock()
    guests = GuestLibraries(model, clock)
    one, other = guests.issue(), guests.issue()
    assert one != other and len(one) >= 32 and guests.issue(one) == one
    filled(guests.open_or_create(one))
    assert guests.has(one) and not guests.has(other) and guests.seconds_left(one) == 3600
    assert len(guests.library(one)) == 3
    for token in (other, "", "visit", one[:-1]):
        with pytest.raises(LibraryError, match="not added any recordings"):
            guests.library(token)
    folder = guests.library(one).folder
    clock.now = 3599
    assert guests.open_or_create(one) is guests.library(one)
    clock.now = 3600
    with pytest.raises(LibraryError, match="not added any recordings"):
        guests.library(one)
    assert not folder.parent.exists()
    assert len(guests.open_or_create(one)) == 0
    guests.close()


@pytest.mark.parametrize("token", ["", "guessed", "a" * 32])
def test_a_token_that_was_not_issued(model, token):
    guests = GuestLibraries(model)
    assert guests.issue(token) != token
    with pytest.raises(LibraryError, match="reload"):
        guests.open_or_create(token)


def test_guests_have_limits(model, monkeypatch):
    monkeypatch.setenv("CLASP_GUESTS", "2")
    monkeypatch.setenv("CLASP_GUEST_MIB", "1")
    guests = GuestLibraries(model)
    first, *_ = tokens = [guests.issue() for _ in range(3)]
    library = guests.open_or_create(first)
    guests.open_or_create(tokens[1])
    with pytest.raises(LibraryError, match="Too many visitors"):
        guests.open_or_create(tokens[2])
    before = guests.bytes_left(first)
    assert 0 < before < 2**20
    (library.folder / "sound.wav").write_bytes(bytes(2**19))
    assert guests.bytes_left(first) == before - 2**19
    (library.folder / "sound.wav").write_bytes(bytes(2**20))
    assert guests.bytes_left(first) == 0
    guests.close()
    assert not library.folder.exists()
