"""What a library finds does not depend on what searches its vectors, graphs in memory or a Milvus server, nor on the
database that it is in."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import LibraryError
from index.filters import Filter
from index.library import Library
from index.vectors import milvus, search_index
from index.vectors.hnsw import MANIFEST_FILE
from index.vectors.protocol import halves_of
from tests.index.conftest import Identity, one_each, random_units
from tests.index.vectors.tables import nearest
from tests.threads import meanwhile

HALVES, EVERYTHING = halves_of(32, 16), Filter()
SERVER = shutil.which("milvus-server", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


class Server:
    """A Milvus server of its own, with a user root whose password is Milvus."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.process = folder, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"milvus://root:Milvus@127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [SERVER, "--data", self.folder, "--proxy-port", str(self.port), "--authorization-enabled", "true"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, **quiet, start_new_session=True)
        until = time.monotonic() + 600
        while True:
            try:
                self.client().list_collections()
                return
            except Exception:
                assert time.monotonic() < until and self.process.poll() is None, "the server did not start"
                time.sleep(1)

    def client(self):
        from pymilvus import MilvusClient

        return MilvusClient(f"http://127.0.0.1:{self.port}", token="root:Milvus", timeout=10)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, how)
            self.process.wait(60)
            self.process = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if SERVER is None:
        pytest.skip("the Milvus server is not installed: pip install milvus==2.3.5")
    pytest.importorskip("pymilvus")
    one = Server(tmp_path_factory.mktemp("milvus"))
    try:
        one.start()
        yield one
    finally:
        one.stop(signal.SIGKILL)


@dataclass
class Place:
    """A library and what searches it."""

    folder: Path
    milvus: str
    model: Identity = field(default_factory=Identity)

    def create(self) -> Library:
        return Library.create(self.folder, self.model, milvus=self.milvus)

    def open(self, **options: object) -> Library:
        return Library.open(self.folder, self.model, **{"milvus": self.milvus, **options})


@pytest.fixture(params=["embedded", pytest.param("milvus", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: None) -> Place:
    monkeypatch.setattr(search_index, "EXACT_BELOW", 20)
    monkeypatch.setattr("index.vectors.hnsw.UNINDEXED_MOST", 50)
    monkeypatch.setattr(milvus, "SECONDS", 60.0)  # the machine may be busy
    address = request.getfixturevalue("server").address if request.param == "milvus" else ""
    return Place(tmp_path / "library", address)


def settled(library: Library) -> Library:
    """Once all of it is where it is searched."""
    library._indexed._extend_in_background()
    if library._indexed._extending is not None:
        library._indexed._extending.join()
    return library


def add(library: Library, first: int, count: int) -> None:
    library.add(*one_each(count, first=first), random_units(count, 32, seed=first))


def is_exact(library: Library, filters: Filter = EVERYTHING, passes: Callable[[int], bool] = lambda _: True) -> bool:
    """Whether what is found is what comparing all finds."""
    ids, vectors = library.vectors()
    numbers = [int(one.text) for one in library.segments(ids.tolist())]
    allowed = np.array([passes(number) for number in numbers])
    for query in random_units(12, 32, seed=99):
        expected = [nearest(vectors[:, half], query[half], min(10, allowed.sum()), allowed) for half in HALVES]
        found = [*dict.fromkeys(row for rows in expected for row in rows)]
        if library.candidates(query, 10, filters=filters).ids.tolist() != ids[found].tolist():
            return False
    return True


def test_what_is_added_is_found_at_once_and_after_opening(place: Place):
    with place.create() as library:
        for first in range(0, 300, 100):
            add(library, first, 100)
            assert is_exact(library)
        assert is_exact(settled(library)) and not library.candidates(np.ones(32)).note
    with place.open() as library:
        assert is_exact(library) and not library._indexed.index.lacking.any()


def test_filters(place: Place):
    with place.create() as library:
        add(library, 0, 300)
        settled(library)
        assert is_exact(library, Filter(languages=("en",)), lambda number: number % 3 == 0)
        chosen = Filter(languages=("en", "de"), speakers=("voice 1", "voice 2"), categories=("news", "hobbies"))
        assert is_exact(library, chosen, lambda n: n % 3 < 2 and n % 5 in (1, 2) and n % 4 < 2)
        assert is_exact(library, Filter(recordings=("recording 7",)), lambda number: number == 7)


def test_what_is_removed_is_no_longer_found(place: Place):
    with place.create() as library:
        add(library, 0, 200)
        settled(library)
        for number in range(0, 60, 2):
            library.remove(f"recording {number}")
        assert is_exact(library) and is_exact(settled(library))
        add(library, 200, 40)
    with place.open() as library:
        assert len(library) == 210 and is_exact(library)


def test_what_is_edited_is_filtered_as_it_is_now(place: Place):
    with place.create() as library:
        add(library, 0, 200)
        settled(library)
        for number in range(1, 100, 4):  # hobbies
            library.edit(f"recording {number}", category='fiction, "so to say"', tags=f"1962, so {number % 8}")
        edited = Filter(categories=('fiction, "so to say"',))
        for _ in range(2):
            assert is_exact(library, edited, lambda n: n % 4 == 1 and n < 100)
            assert is_exact(library, Filter(categories=("hobbies",)), lambda n: n % 4 == 1 and n >= 100)
            assert is_exact(library, Filter(tags=("So 1",)), lambda n: n % 8 == 1 and n < 100)
            settled(library)


def test_vectors_that_are_replaced(place: Place):
    with place.create() as library:
        add(library, 0, 200)
        settled(library)
        ids, others = list(range(20, 121)), random_units(101, 32, seed=7)
        with library._indexed.writing() as database:
            database.replace_vectors(ids, others, others[:, :16], ["" for _ in ids])
            library._indexed.follow()
        assert is_exact(library) and is_exact(settled(library))
    with place.open() as library:
        assert is_exact(library) and not library._indexed.index.lacking.any()


def test_the_index_is_lost(place: Place, request: pytest.FixtureRequest):
    with place.create() as library:
        add(library, 0, 200)
    if place.milvus:
        client = request.getfixturevalue("server").client()
        client.drop_collection(collection_of(place))
    else:
        (place.folder / MANIFEST_FILE).unlink()
    with place.open() as library:
        assert is_exact(library)
        assert is_exact(settled(library)) and not library._indexed.index.lacking.any()


def test_searching_while_another_one_adds_and_removes(place: Place):
    stays = random_units(150, 32, seed=0)[100:]
    with place.create() as library, place.open(read_only=True) as follower:
        add(library, 0, 150)
        follower.refresh()  # while one thread does so, others search what there was

        def search() -> None:
            for row in range(0, 50, 7):
                follower.refresh()
                assert follower.candidates(stays[row], 5).segments[0].text == str(100 + row)

        with meanwhile(*[search] * 4):
            for number in range(6):
                add(library, 150 + 30 * number, 30)
                library.remove(f"recording {number}")
        follower.refresh()
        assert len(follower) == len(library) == 150 + 180 - 6 and is_exact(follower)


def collection_of(place: Place) -> str:
    from index.store.database import Database

    database = Database(place.folder)
    try:
        return f"clasp_{database.identity()}"
    finally:
        database.close()


# Milvus alone


@pytest.fixture
def remote(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(search_index, "EXACT_BELOW", 20)
    monkeypatch.setattr(milvus, "SECONDS", 60.0)
    return Place(tmp_path / "library", server.address)


def count(server: Server, place: Place) -> int:
    found = server.client().query(
        collection_of(place), filter="", output_fields=["count(*)"], consistency_level="Strong"
    )
    return found[0]["count(*)"]


@pytest.mark.slow
def test_the_collection_holds_what_the_library_holds(server: Server, remote: Place):
    with remote.create() as library:
        add(library, 0, 120)
        settled(library)
        assert count(server, remote) == 240  # a half each
        library.remove("recording 3")
        settled(library)
        assert count(server, remote) == 238


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["tail", "half", "strangers"])
def test_what_the_collection_lacks_is_found_and_made_good_at_opening(server: Server, remote: Place, lost: str):
    with remote.create() as library:
        add(library, 0, 120)
    client, name = server.client(), collection_of(remote)
    if lost == "strangers":
        known = client.query(name, filter="id == 20", output_fields=["*"], consistency_level="Strong")[0]
        client.upsert(name, [{**known, "id": 2 * number} for number in range(500, 520)], partition_name="meaning")
    else:
        ids = range(200, 242) if lost == "tail" else range(3, 100, 2)
        client.delete(name, ids=list(ids))
    with remote.open() as library:
        assert is_exact(library) and is_exact(settled(library))
        assert not library._indexed.index.lacking.any()
    assert count(server, remote) == 240


@pytest.mark.slow
def test_a_server_that_dies_in_the_middle(server: Server, remote: Place, monkeypatch: pytest.MonkeyPatch, caplog):
    """Adding and searching go on without it, and once it is back everything is."""
    monkeypatch.setattr(milvus, "BATCH", 50)
    monkeypatch.setattr(milvus, "PAUSE_SECONDS", 3.0)
    for name in ("SECONDS", "WRITE_SECONDS"):
        monkeypatch.setattr(milvus, name, 10.0)
    with remote.create() as library:
        add(library, 0, 100)
        settled(library)
        write, batches = milvus._Server.write, []

        def dying(self: object, *given: object) -> None:
            batches.append(given)
            if len(batches) == 3:
                server.stop(signal.SIGKILL)
            write(self, *given)

        monkeypatch.setattr(milvus._Server, "write", dying)
        add(library, 100, 400)
        assert is_exact(settled(library)) and len(batches) == 3
        assert library.candidates(np.ones(32)).note.startswith("The Milvus server does not answer")
        add(library, 500, 20)
        assert is_exact(library)
        monkeypatch.setattr(milvus._Server, "write", write)
        with pytest.raises(LibraryError, match="does not answer: start it, or unset CLASP_INDEX"):
            remote.open()
        server.start()
    monkeypatch.setattr(milvus, "WRITE_SECONDS", 120.0)
    with remote.open() as library:
        assert is_exact(settled(library)) and not library._indexed.index.lacking.any()
        assert library.candidates(np.ones(32)).note == ""
    assert count(server, remote) == 2 * 520


@pytest.mark.slow
def test_what_cannot_be_used_is_said_in_a_sentence(server: Server, remote: Place):
    with remote.create() as library:
        add(library, 0, 10)
    where = f"127.0.0.1:{server.port}"
    for address, reason in {
        f"milvus://root:wrong@{where}": "does not accept the user and password, or token, in CLASP_INDEX",
        f"milvus://root:Milvus@{where}/archive": "has no database of the name in CLASP_INDEX",
        "milvus://127.0.0.1:1": "does not answer: start it, or unset CLASP_INDEX",
        f"http://{where}": "CLASP_INDEX is no address of a Milvus server: write milvus://",
    }.items():
        with pytest.raises(LibraryError, match=reason) as told:
            remote.open(milvus=address)
        assert "wrong" not in str(told.value) and len(str(told.value)) < 300
    client, name = server.client(), collection_of(remote)
    client.drop_collection(name)
    schema = client.create_schema(auto_id=False, description="of another program")
    from pymilvus import DataType

    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=8)
    client.create_collection(name, schema=schema)
    with pytest.raises(LibraryError, match=r"holds other vectors than those of this library .'of another program'"):
        remote.open()


@pytest.mark.slow
def test_a_library_that_was_embedded_anew_has_a_new_collection(server: Server, remote: Place):
    with remote.create() as library:
        add(library, 0, 30)
    from index.store.schema import DATABASE_FILE, connect

    other = replace(remote.model, checksum="c" * 64)
    database = connect(remote.folder / DATABASE_FILE)
    database.execute("UPDATE library SET model = ?, generation = generation + 1", (other.checksum,))
    database.execute("INSERT INTO commits SELECT generation, commit_name FROM library")
    database.close()
    with Library.open(remote.folder, other, milvus=remote.milvus) as library:
        assert is_exact(settled(library))
    assert other.checksum[:12] in server.client().describe_collection(collection_of(remote))["description"]


@pytest.mark.slow
def test_a_collection_without_tags_is_made_anew(remote: Place, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as earlier:
        earlier.setattr(milvus, "FACTS", [fact for fact in milvus.FACTS if fact != "tags"])
        with remote.create() as library:
            add(library, 0, 100)
            for number in range(40):
                library.edit(f"recording {number}", tags="sea")
            settled(library)
    with remote.open() as library:
        assert is_exact(settled(library), Filter(tags=("sea",)), lambda number: number < 40)
        assert not library._indexed.index.lacking.any()


@pytest.mark.slow
def test_without_sound_there_is_one_partition(server: Server, tmp_path: Path):
    place = Place(tmp_path / "library", server.address, Identity(dim=32, meaning_dim=32))
    with place.create() as library:
        add(library, 0, 60)
        settled(library)
        query = random_units(1, 32, seed=4)[0]
        ids, vectors = library.vectors()
        assert library.candidates(query, 10).ids.tolist() == ids[nearest(vectors, query, 10)].tolist()
    assert count(server, place) == 60


def test_without_pymilvus_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    monkeypatch.setenv("CLASP_INDEX", "milvus://archive:19530")
    with pytest.raises(LibraryError, match=r"pip install 'clasp-search\[milvus\]'"):
        Library.create(tmp_path / "library", Identity())
    logging.getLogger("pymilvus").setLevel(logging.NOTSET)


def test_addresses() -> None:
    assert milvus._parsed("milvus://localhost") == (
        "localhost:19530", {"uri": "http://localhost:19530", "token": "", "db_name": ""}
    )  # fmt: skip
    assert milvus._parsed("milvus+tls://ada:p%40ss@m.example:443/archive") == (
        "m.example:443", {"uri": "https://m.example:443", "token": "ada:p@ss", "db_name": "archive"}
    )  # fmt: skip
    assert milvus._parsed("milvus://key@m.example")[1]["token"] == "key"
    for wrong in (
        "localhost:19530",
        "http://localhost",
        "milvus://",
        "milvus://localhost:port",
        "milvus://localhost:0:0",
    ):
        with pytest.raises(LibraryError, match="CLASP_INDEX is no address"):
            milvus._parsed(wrong)
