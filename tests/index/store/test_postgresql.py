"""A library in PostgreSQL: for several processes and machines at once, and through every failure of the server."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import LibraryError
from index.library import Library, Recording, Segment
from index.paths import delete_library, library_folder, named_libraries, rename_library
from index.sources import has_sources
from index.store import archive, repair
from index.store.database import Database
from index.store.postgresql import LINK_FILE
from index.store.reembed import reembed
from index.store.schema import DATABASE_FILE
from tests.index.conftest import Identity, executed, found, last, one_each, random_units
from tests.index.ear import Ear
from tests.index.store.postgres import Server, running

MODEL = Identity()


@pytest.fixture(autouse=True)
def server(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("CLASP_DATABASE", postgres.address())
    yield postgres
    postgres.delete_libraries()


def add(library: Library, first: int, count: int) -> None:
    library.add(*one_each(count, first=first), random_units(count, 32, seed=first))


def numbers(library: Library) -> list[int]:
    return sorted(int(one.text) for one in library.segments())


def test_machines_that_give_it_the_same_name_share_it(tmp_path: Path) -> None:
    here, there = tmp_path / "here" / "archive", tmp_path / "there" / "archive"
    with Library.create(here, MODEL) as library:
        add(library, 0, 5)
        assert not Library.is_free(there)
        with pytest.raises(LibraryError, match="already holds a library"):
            Library.create(there, MODEL)
        with Library.open(there, MODEL, read_only=True) as follower:
            add(library, 5, 5)
            library.remove("recording 3")
            follower.refresh()
            assert numbers(follower) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
            assert follower.candidates(random_units(5, 32, seed=5)[2], 1).segments[0].text == "7"
            with Library.open(there, MODEL) as second:  # writes as well
                add(second, 20, 2)
            add(library, 30, 2)
            assert len(library) == 13
    assert not (here / DATABASE_FILE).exists() and (there / LINK_FILE).read_text() == "clasp_archive"


def test_libraries_of_before_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLASP_DATABASE")
    with Library.create(tmp_path / "old", MODEL) as library:
        add(library, 0, 3)
    monkeypatch.setenv("CLASP_DATABASE", "postgresql://nobody@127.0.0.1:1/nowhere")
    with Library.open(tmp_path / "old", MODEL) as library:
        assert len(library) == 3 and (tmp_path / "old" / DATABASE_FILE).exists()


def test_any_name_and_any_path(tmp_path: Path) -> None:
    for name in ('100% "Übersee"', "渡し船" * 12):
        recordings, segments = one_each(1)
        object.__setattr__(recordings[0], "path", Path(os.fsdecode(b"/tapes/no \xff utf-8.wav")))
        with Library.create(tmp_path / name, MODEL) as library:
            library.add(recordings, segments, random_units(1, 32))
            library.bin.put("recording 0")
            assert [one.path for one in library.bin.contents()] == [recordings[0].path]
            library.bin.restore("recording 0")
            assert library.recordings_at(recordings[0].path) == [library.recording("recording 0")]
        (found,) = repair.check(tmp_path / name)
        assert found.startswith("No. 0: /tapes/no ") and found.endswith("add it from where it is now.")


def test_a_writer_waits_for_the_other_one(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    monkeypatch.setattr("index.store.postgresql.BUSY_SECONDS", 0.3)
    with Library.create(tmp_path / "archive", MODEL) as library, psycopg.connect(server.address()) as other:
        add(library, 0, 3)
        other.execute("LOCK TABLE clasp_archive.library IN EXCLUSIVE MODE")
        assert numbers(library) == [0, 1, 2]  # readers do not
        with pytest.raises(LibraryError, match=r"has been written to by another process for 0\.3 seconds"):
            add(library, 3, 3)
        other.rollback()
        add(library, 3, 3)
        assert len(library) == 6


def test_what_cannot_be_used_is_said_in_a_sentence(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "archive"
    Library.create(folder, MODEL).close()
    server.execute("CREATE USER guest PASSWORD 'guest'")
    for address, reason in {
        server.address(password="wrong"): "does not accept the user and password in CLASP_DATABASE: correct them",
        server.address(database="nowhere"): "has no database of the name in CLASP_DATABASE: create it",
        server.address().replace(str(server.port), "1"): "does not answer: start it, or try again once it is back",
        server.address(user="guest", password="guest"): "does not let this user do that: GRANT CREATE",
        f"mysql://127.0.0.1:{server.port}/archive": "is no address of a PostgreSQL database: write postgresql://",
        f"postgresql://127.0.0.1:{server.port}": "is no address of a PostgreSQL database: write postgresql://",
        "": f"The library in {folder} is in PostgreSQL: set CLASP_DATABASE",
    }.items():
        monkeypatch.setenv("CLASP_DATABASE", address)
        with pytest.raises(LibraryError) as told:
            Library.open(folder, MODEL)
        assert reason in str(told.value), address
        assert "wrong" not in str(told.value) and len(str(told.value)) < 300 and str(told.value).count("\n") == 0
    server.execute("DROP OWNED BY guest; DROP USER guest")
    monkeypatch.setenv("CLASP_DATABASE", server.address())
    with monkeypatch.context() as lacking:
        lacking.setitem(sys.modules, "psycopg", None)
        with pytest.raises(LibraryError, match=r"pip install 'clasp-search\[postgres\]'"):
            Library.open(folder, MODEL)


def test_a_library_of_another_model_or_a_newer_version(tmp_path: Path) -> None:
    Library.create(tmp_path / "archive", MODEL).close()
    with pytest.raises(LibraryError, match="made by another model"):
        Library.open(tmp_path / "archive", Identity(checksum="b" * 64))
    executed(tmp_path / "archive", "UPDATE version SET migrations = 99")
    with pytest.raises(LibraryError, match="newer version of CLASP"):
        Library.open(tmp_path / "archive", MODEL)


@pytest.mark.slow
def test_the_server_is_killed_and_started_again(tmp_path: Path) -> None:
    """What was committed is there, nothing half-written is, and the library that is open goes on."""
    with (
        tempfile.TemporaryDirectory(prefix="clasp-postgres-") as data,
        running(Path(data)) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("CLASP_DATABASE", server.address())
        library, follower = Library.create(tmp_path / "archive", MODEL), Library.open(tmp_path / "archive", MODEL)
        add(library, 0, 5)
        write = Database._write_each

        def dies(self: Database, sql: str, values: list) -> None:
            if "INSERT INTO phones" in sql:
                server.stop()
            write(self, sql, values)

        patch.setattr(Database, "_write_each", dies)
        with pytest.raises(LibraryError, match="does not answer: start it, or try again once it is back"):
            add(library, 5, 5)
        patch.setattr(Database, "_write_each", write)
        for one in (library, follower):
            with pytest.raises(LibraryError, match="does not answer"):
                one.recordings()
        server.start()
        assert len(library.recordings()) == 5
        add(library, 5, 5)
        follower.refresh()
        assert numbers(library) == numbers(follower) == list(range(10))
        library.close()
        follower.close()


def test_it_is_embedded_anew(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tale.wav", 0.1 * np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE), SAMPLE_RATE)
    old, new = Ear(), Ear("f" * 64, dim=48, meaning_dim=24, seed=1)
    with Library.create(tmp_path / "archive", old) as library:
        segments = [Segment(0, "tale", start, start + 2.0, "so to say") for start in (0.0, 2.0)]
        library.add([Recording("tale", tmp_path / "tale.wav", "A tale", 4.0)], segments, random_units(2, old.dim))
        before = library.segments()
    states = reembed(tmp_path / "archive", new)
    while next(states).done == 0:
        pass
    states.close()  # it is stopped, and goes on
    Library.open(tmp_path / "archive", old).close()
    assert last(reembed(tmp_path / "archive", new)).finished
    with Library.open(tmp_path / "archive", new) as library:
        assert library.segments() == before and library.vectors()[1].shape == (2, 48)


def test_a_library_moves_there_and_back(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "0.ogg"
    file.write_bytes(b"sound")
    recordings, segments = one_each(3)
    monkeypatch.delenv("CLASP_DATABASE")
    with Library.create(tmp_path / "old", MODEL) as library:
        library.add([replace(recordings[0], path=file), *recordings[1:]], segments, random_units(3, 32))
        library.notes.add("recording 1", 0.5, "a note", "fog")
        before, vectors = library.segments(), library.vectors()[1]
    archive.pack(tmp_path / "old", tmp_path / "old.zip")
    monkeypatch.setenv("CLASP_DATABASE", server.address())
    archive.unpack(tmp_path / "old.zip", tmp_path / "archive")
    archive.pack(tmp_path / "archive", tmp_path / "back.zip")
    with pytest.raises(LibraryError, match="has a library of this name"):
        archive.unpack(tmp_path / "old.zip", tmp_path / "second" / "archive")
    monkeypatch.delenv("CLASP_DATABASE")
    archive.unpack(tmp_path / "back.zip", tmp_path / "back")
    monkeypatch.setenv("CLASP_DATABASE", server.address())
    for name, added in (("archive", LINK_FILE), ("back", DATABASE_FILE)):
        assert (tmp_path / name / added).exists()
        with Library.open(tmp_path / name, MODEL) as library:
            assert library.segments() == before and np.array_equal(library.vectors()[1], vectors)
            assert library.recording("recording 0").path.read_bytes() == b"sound"
            assert found(library, "fog note") == [2]
            add(library, 3, 1)
            assert library.segments()[-1].id == 4


WRITER = """
import sys, pathlib
from tests.index.store.test_postgresql import Library, MODEL, add
with Library.open(pathlib.Path(sys.argv[1]), MODEL) as library:
    print("open", flush=True)
    for number in range(1_000):
        add(library, 100 + number, 1)
        print(number, flush=True)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_whole_transactions_alone(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    with Library.create(folder, MODEL) as library:
        root = Path(__file__).parents[3]
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, folder], cwd=root, stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert writer.stdout is not None and writer.stdout.readline() == "open\n"
        done = [int(writer.stdout.readline()) for _ in range(20)][-1]
        until = time.monotonic() + 2
        while len(library) < 10 and time.monotonic() < until:  # others see what is committed
            library.refresh()
        assert len(library) >= 10
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        add(library, 0, 1)  # it no longer holds the lock
        library.refresh()
        found = numbers(library)
        assert found == [0, *range(100, 100 + len(found) - 1)] and len(found) > done + 1
        assert executed(folder, "SELECT count(*) FROM vectors JOIN phones USING (segment)") == [(len(found),)]
        vectors = dict(zip(*library.vectors(), strict=True))
        assert all(np.allclose(np.linalg.norm(one), 1, atol=0.01) for one in vectors.values())


def test_named_libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    (tmp_path / "interviews").mkdir()
    folder = library_folder("harbour")
    with Library.create(folder, MODEL) as library:
        add(library, 0, 2)
        library.bin.put("recording 0")
        assert not has_sources(folder)
        library.watched_folders.add(tmp_path / "interviews")
    assert has_sources(folder) and list(named_libraries()) == ["harbour"]
    with pytest.raises(LibraryError, match="is in PostgreSQL, where other machines know it by its name"):
        rename_library("harbour", "port")
    delete_library("harbour")
    assert named_libraries() == {} and not folder.exists()
    assert server.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'clasp%'") == []
