"""Looking after a library: checked, repaired, exported and imported, at a place with a name."""

import gc
import os
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import LibraryError
from clasp.files import sha256
from index.cli.main import main
from index.library import FILES, Library, Recording, Segment
from index.paths import library_folder, named_libraries
from index.store import archive, repair, schema
from index.store.schema import DATABASE_FILE, MIGRATIONS


@pytest.fixture
def folder(tmp_path: Path, model, units) -> Path:
    """A library of three recordings: one in it, one elsewhere, one that is gone."""
    folder, elsewhere = tmp_path / "library", tmp_path / "elsewhere.wav"
    with Library.create(folder, model) as library:
        (folder / FILES).mkdir()
        (folder / FILES / "inside.ogg").write_bytes(b"inside")
        elsewhere.write_bytes(b"elsewhere")
        paths = {"inside": Path(FILES, "inside.ogg"), "elsewhere": elsewhere, "gone": tmp_path / "gone.wav"}
        digests = {"inside": sha256(folder / FILES / "inside.ogg"), "elsewhere": sha256(elsewhere), "gone": "0" * 64}
        recordings = [Recording(name, path, name, 9.0, sha256=digests[name]) for name, path in paths.items()]
        segments = [Segment(0, name, start, start + 3.0) for name in paths for start in (0.0, 3.0)]
        library.add(recordings, segments, units(6, 32))
    return folder


def test_a_whole_library(folder):
    (folder.parent / "gone.wav").write_bytes(b"x")
    assert repair.check(folder) == [f"gone: {folder.parent / 'gone.wav'} has changed since it was added."]


def test_what_is_wrong_is_said_and_put_right(folder, model):
    with sqlite3.connect(folder / DATABASE_FILE) as database:
        database.execute("DELETE FROM vectors WHERE segment = 3")
    (folder / FILES / "orphan.wav").touch()
    expected = ("1 segments without a vector", "gone.wav is no longer there", f"{FILES}/orphan.wav belongs to no")
    found = repair.check(folder)
    assert len(found) == 3 and all(any(line in one for one in found) for line in expected)
    repair.check(folder, mend=True)
    assert len(repair.check(folder)) == 1 and not (folder / FILES / "orphan.wav").exists()
    with Library.open(folder, model) as library:
        assert [segment.id for segment in library.segments()] == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("page", [3, 6, 9])
def test_a_damaged_database_is_rebuilt_from_what_can_be_read(folder, model, units, items, page):
    with Library.open(folder, model) as library:
        library.add(*items(400), units(400, 32, seed=1))
    content = bytearray((folder / DATABASE_FILE).read_bytes())
    start = (len(content) // 4096 - page) * 4096
    content[start : start + 4096] = np.random.default_rng(0).bytes(4096)
    (folder / DATABASE_FILE).write_bytes(content)
    found = repair.check(folder)
    assert found and "damaged" in found[0]
    repair.check(folder, mend=True)
    assert [line for line in repair.check(folder) if line.startswith("The database")] == []
    with Library.open(folder, model) as library:
        assert 200 < len(library) <= 406
        ids, vectors = library.vectors()
        assert [library.candidates(vector, 1).segments[0].id for vector in vectors[:20]] == ids[:20].tolist()


@pytest.mark.parametrize("applied", range(1, len(MIGRATIONS)))
def test_a_damaged_database_of_an_older_version_is_rebuilt_too(tmp_path, model, units, applied):
    with closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as database:
        for statement in (one for migration in MIGRATIONS[:applied] for one in migration):
            database.execute(statement)
        database.execute(f"PRAGMA user_version = {applied}")
        database.execute("INSERT INTO library VALUES (1, ?, ?, 7, 'seventh')", (model.checksum, model.dim))
        columns = [name for _, name, *_ in database.execute("PRAGMA table_info(recordings)")][:8]  # up to the text
        database.execute(
            f"INSERT INTO recordings ({', '.join(columns)}) "
            "VALUES ('talk', '/talk.wav', 'A talk', 900.0, 'en', 'Ada', 'lore', '')"
        )
        for number, vector in enumerate(units(400, model.dim), start=1):
            facts = (number, "talk", number, number + 1, f"Sentence {number}. " * 9, "en", "Ada", "lore")
            database.execute(f"INSERT INTO segments VALUES ({', '.join('?' * len(facts))})", facts)
            values = (number, vector.astype("<f2").tobytes())
            database.execute("INSERT INTO vectors (segment, vector) VALUES (?, ?)", values)
        database.commit()
    content = bytearray((tmp_path / DATABASE_FILE).read_bytes())
    middle = content.find(b"Sentence 200.") // 4096 * 4096
    content[middle : middle + 4096] = np.random.default_rng(0).bytes(4096)
    (tmp_path / DATABASE_FILE).write_bytes(content)
    assert "damaged" in repair.check(tmp_path)[0]
    assert "Saved 1 recordings and 400 segments" in repair.check(tmp_path, mend=True)[1]
    with Library.open(tmp_path, model) as library:
        assert 300 < len(library) < 400
        (recording,) = library.recordings()
        assert (recording.title, recording.speaker, recording.date, recording.done) == ("A talk", "Ada", "", True)
        ids, vectors = library.vectors()
        assert [library.candidates(vector, 1).segments[0].id for vector in vectors[:20]] == ids[:20].tolist()


def test_what_a_newer_version_made_is_left_alone(folder):
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    content = bytearray((folder / DATABASE_FILE).read_bytes())
    content[-4096:] = bytes(4096)
    (folder / DATABASE_FILE).write_bytes(content)
    with pytest.raises(LibraryError, match="update CLASP"):
        repair.check(folder, mend=True)
    assert (folder / DATABASE_FILE).read_bytes() == content


def open_files(folder: Path) -> list[str]:
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return [str(link.readlink()) for link in links if link.is_symlink() and str(folder) in str(link.readlink())]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs a list of open files")
def test_what_cannot_be_opened_is_closed_again(folder, tmp_path, model, monkeypatch):
    def refused(where: Path, error: str, opening=Library.open) -> None:
        gc.disable()  # or it may close them
        try:
            with pytest.raises(LibraryError, match=error):
                opening(where, model)
            assert open_files(where) == []
        finally:
            gc.enable()

    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE added (one)", "CREATE TABLE library (two)")))
    refused(folder, "cannot be used: table library already exists")
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as database:  # nothing of it was applied
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'added'").fetchone() == (0,)
    refused(tmp_path / "new", "cannot be used: table library already exists", Library.create)
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:1])
    refused(folder, "newer version")
    (folder / DATABASE_FILE).write_bytes(b"not a database" * 1_000)
    refused(folder, "not a database")


def test_nothing_left_to_read(folder):
    (folder / DATABASE_FILE).write_bytes(b"not a database" * 1_000)
    with pytest.raises(LibraryError, match="restore"):
        repair.check(folder, mend=True)
    assert (folder / DATABASE_FILE).read_bytes().startswith(b"not a")


def test_exported_and_imported(folder, tmp_path, model, units):
    archive.pack(folder, tmp_path / "all.zip")
    (tmp_path / "elsewhere.wav").unlink()
    archive.unpack(tmp_path / "all.zip", tmp_path / "new" / "library")
    with Library.open(folder, model) as old, Library.open(tmp_path / "new" / "library", model) as new:
        assert new.segments() == old.segments()
        for vector in units(6, 32):
            assert np.array_equal(new.candidates(vector, 6).ids, old.candidates(vector, 6).ids)
        assert new.audio(new.segment(3))[0].read_bytes() == b"elsewhere"
        assert new.audio(new.segment(1))[0].read_bytes() == b"inside"
        with pytest.raises(LibraryError, match="no longer there"):
            new.audio(new.segment(5))
    with pytest.raises(LibraryError, match="not empty"):
        archive.unpack(tmp_path / "all.zip", folder)


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/evil.txt", "files/../../evil.txt", "files/..", "other/x", "files\\x"]
)
def test_an_archive_writes_nowhere_else(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as file:
        file.writestr(name, "evil")
    with pytest.raises(LibraryError):
        archive.unpack(tmp_path / "evil.zip", tmp_path / "a" / "b" / "c")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["evil.zip"]


def test_an_archive_names_no_other_file(folder, tmp_path, model):
    """A database that points at a file of this machine: after importing, it does not."""
    secret = tmp_path / "secret.wav"
    secret.touch()
    with sqlite3.connect(folder / DATABASE_FILE) as database:
        database.execute("UPDATE recordings SET path = ? WHERE id = 'gone'", (str(secret),))
    database.close()
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as file:
        file.write(folder / DATABASE_FILE, DATABASE_FILE)
    archive.unpack(tmp_path / "evil.zip", tmp_path / "new")
    with Library.open(tmp_path / "new", model) as library:
        assert all(tmp_path / "new" in one.path.parents and not one.path.exists() for one in library.recordings())


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100])
def test_no_archive(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(LibraryError, match="cannot be imported"):
        archive.unpack(tmp_path / "x.zip", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_archive_that_unfolds_to_too_much(folder, tmp_path, monkeypatch):
    archive.pack(folder, tmp_path / "all.zip")
    monkeypatch.setattr(archive, "UNPACKED", 10_000)
    with pytest.raises(LibraryError, match="unfolds"):
        archive.unpack(tmp_path / "all.zip", tmp_path / "new")


def test_places(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("CLASP_LIBRARY", raising=False)
    assert library_folder().name == "default" and tmp_path in library_folder().parents
    assert library_folder("harbour") == library_folder().with_name("harbour")
    assert library_folder("./harbour") == Path("harbour") and library_folder(str(tmp_path)) == tmp_path
    monkeypatch.setenv("CLASP_LIBRARY", str(tmp_path / "mine"))
    assert library_folder() == tmp_path / "mine"


def test_on_the_command_line(folder, tmp_path, capsys, monkeypatch):
    here = ["--library", str(folder)]
    assert main(["library", "list", *here]) == 0
    assert "3 recordings" in capsys.readouterr().out
    assert main(["library", "edit", "gone", "--title", "Found", "--speaker", "Ada", "--tags", "sea; 1962", *here]) == 0
    assert main(["library", "remove", "elsewhere", *here]) == 0
    main(["library", "list", *here])
    out = capsys.readouterr().out
    assert "Found" in out and "elsewhere" not in out and "2 recordings" in out
    assert main(["library", "bin", *here]) == 0
    assert capsys.readouterr().out.startswith("elsewhere  until 20")
    assert main(["library", "restore", "elsewhere", *here]) == 0
    assert main(["library", "remove", "--for-good", "elsewhere", *here]) == 0
    main(["library", "bin", *here])
    assert capsys.readouterr().out == "The bin is empty.\n"
    assert main(["library", "check", *here]) == 1
    assert main(["library", "export", str(tmp_path / "a.zip"), *here]) == 0
    assert main(["library", "import", str(tmp_path / "a.zip"), "--library", str(tmp_path / "b")]) == 0
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["library", "import", str(tmp_path / "a.zip"), "--library", "harbour"]) == 0
    assert main(["library", "rename", "quay", "--library", "harbour"]) == 0
    monkeypatch.setattr("builtins.input", lambda _: "harbour")
    assert main(["library", "delete", "--library", "quay"]) == 1 and "quay" in named_libraries()
    monkeypatch.setattr("builtins.input", lambda _: "quay")
    assert main(["library", "delete", "--library", "quay"]) == 0 and named_libraries() == {}
    assert main(["library", "remove", "nothing", *here]) == 2
    assert "There is no recording 'nothing'" in capsys.readouterr().err
