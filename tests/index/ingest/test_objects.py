"""Recordings in object storage, in a server of S3 on this machine: added as if they lay in a folder."""

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import clasp
from clasp.errors import ClaspError, DataError
from index.cli.main import main
from index.ingest import objects
from index.ingest.encoded_file import EncodedFile, KnownFiles, encode_file
from index.ingest.objects import StoredObject, fetched
from index.ingest.pipeline import Ingestor
from index.ingest.walk import find_files
from index.library import OBJECTS, Library
from index.progress import AddProgress
from tests.index.ear import Ear

boto3 = pytest.importorskip("boto3")
moto = pytest.importorskip("moto.server")
pytest.importorskip("pyarrow")

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "assets" / "library" / "audio"
SRT = "1\n00:00:00,000 --> 00:00:20,000\nThe ferry did not leave.\n"
TABLE = "file,speaker,date\nlore-14.ogg,Ada,1962\nharbour.ogg,Grace,1963\n"


@dataclass(frozen=True)
class Bucket:
    """A bucket of a server."""

    name: str
    server: str  # address
    client: Any

    @property
    def address(self) -> str:
        return f"s3://{self.name}"

    def put(self, key: str, content: bytes | str) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def fill(self, folder: Path) -> None:
        """Put what is in a folder into the bucket."""
        for file in filter(Path.is_file, folder.rglob("*")):
            self.put(file.relative_to(folder).as_posix(), file.read_bytes())

    def check_credentials(self, after: str) -> None:
        """Have the server look at credentials after so many requests: "0" or "inf"."""
        request = urllib.request.Request(
            f"{self.server}/moto-api/reset-auth", after.encode(), {"Content-Type": "text/plain"}, method="POST"
        )
        urllib.request.urlopen(request).close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    yield "http://{}:{}".format(*running.get_host_and_port())
    running.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Bucket:
    for name, value in {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "ada", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": "us-east-1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    bucket = Bucket(request.node.originalname.replace("_", "-")[:60].strip("-"), server, boto3.client("s3"))
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings with what may lie beside them, and some things that are none."""
    deep = tmp_path / "in" / "talks" / "1963"
    deep.mkdir(parents=True)
    for name, place in {"lore-14": deep, "lore-13": deep, "hobbies-25": deep.parent}.items():
        shutil.copy(DEMO / f"{name}.ogg", place)
    (deep / "lore-14.srt").write_text(SRT)
    (deep / "metadata.csv").write_text(TABLE)
    (deep / "broken.ogg").write_bytes(b"OggS and nothing else")
    (deep / "notes.docx").write_bytes(b"PK")
    (deep / "._lore-13.ogg").write_bytes(b"no sound")
    (deep.parent / ".trash").mkdir()
    shutil.copy(DEMO / "mystery-32.ogg", deep.parent / ".trash")
    return tmp_path / "in"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library.create(tmp_path / "library", Ear())


def last(states: Iterator[AddProgress]) -> AddProgress:
    *_, state = states
    return state


def add(library: Library, *paths: Path | str, **options: Any) -> AddProgress:
    return last(Ingestor(library, Ear(), **options).add(paths))


def contents(library: Library) -> set[tuple]:
    """All that is known of the recordings, but for where and when."""
    return {
        (one.sha256, one.title, one.speaker, one.date, one.text, one.sidecar, *spans(library, one.id))
        for one in library.recordings()
    }


def spans(library: Library, recording: str) -> list[tuple[float, float, str]]:
    return [(one.start, one.end, one.text) for one in library.segments_of(recording)]


@dataclass(frozen=True)
class Workers:
    """Do what those of a cluster do, and give the last file first."""

    def encoded(
        self, files: Sequence[Path], known: KnownFiles, stored: Mapping[Path, StoredObject]
    ) -> Iterator[tuple[Path, Callable[[], EncodedFile]]]:
        for file in reversed(files):
            yield file, lambda file=file: self._encode(stored[file], known)

    def _encode(self, stored: StoredObject, known: KnownFiles) -> EncodedFile:
        with fetched(stored) as file:
            encoded = encode_file(Ear(), file, known.start)
            return replace(encoded, batches=list(encoded.batches))


@pytest.mark.parametrize("cluster", [None, Workers()], ids=["here", "elsewhere"])
def test_a_bucket_is_added_as_a_folder_is(cluster, bucket: Bucket, folder: Path, library: Library, tmp_path: Path):
    bucket.fill(folder)
    bucket.put("talks/1963/", b"")  # stands for the folder
    with Library.create(tmp_path / "expected", Ear()) as other:
        expected = add(other, folder / "talks")
        state = add(library, f"{bucket.address}/talks/", cluster=cluster)
        assert contents(library) == contents(other) and len(library.recordings()) == 3
    assert (state.added, state.total, state.segments) == (3, 4, expected.segments)
    (name, reason), (_, same) = *state.failed, *expected.failed
    assert (name, reason) == (f"{bucket.address}/talks/1963/broken.ogg", same)
    assert sorted(one.name for one in state.skipped) == sorted(one.name for one in expected.skipped)
    assert state.remarks == expected.remarks != ()
    places = {library.audio(one)[0] for one in library.segments()}
    assert all(one.is_file() and one.is_relative_to(library.folder.absolute() / OBJECTS) for one in places)


@pytest.mark.slow
def test_a_cluster_fetches_for_itself(bucket: Bucket, folder: Path, tiny_folder: Path, tmp_path: Path):
    pytest.importorskip("ray")
    bucket.fill(folder)
    command = [sys.executable, "-m", "clasp", "add", f"{bucket.address}/talks", "--ray", "local", "--no-transcripts"]
    done = subprocess.run(
        [*command, "--library", tmp_path / "library"], cwd=ROOT, env={**os.environ, "CLASP_MODEL": str(tiny_folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("4 of 4 files: 3 added (") and " 1 not readable." in done.stdout
    assert f"  not added: {bucket.address}/talks/1963/broken.ogg: broken.ogg " in done.stdout
    with Library.open(tmp_path / "library", clasp.load(tiny_folder)) as library:
        assert {one.title: one.speaker for one in library.recordings()} == {
            "lore-14": "Ada", "lore-13": "", "hobbies-25": "",
        }  # fmt: skip
        assert all(one.path.is_file() for one in library.recordings())


def test_what_is_known_is_not_fetched_again(bucket: Bucket, folder: Path, library: Library):
    bucket.fill(folder)
    add(library, bucket.address)
    files = {one: one.stat().st_ino for one in (library.folder / OBJECTS).rglob("*.*") if one.is_file()}
    again = add(library, bucket.address, cluster=Workers())
    assert (again.added, again.existing, len(again.failed)) == (0, 3, 1)
    assert {one: one.stat().st_ino for one in files} == files

    bucket.put("talks/hobbies-25.srt", SRT)
    bucket.put("talks/1963/lore-13.ogg", (DEMO / "mystery-32.ogg").read_bytes())
    state = add(library, bucket.address)
    assert (state.added, state.existing, state.updated) == (1, 2, 1)
    assert sum(one.text == "The ferry did not leave." for one in library.recordings()) == 2
    (changed,) = [one for one in library.recordings() if one.title == "lore-13"]
    assert changed.path.read_bytes() == (DEMO / "mystery-32.ogg").read_bytes()


def test_after_a_stop_it_goes_on(bucket: Bucket, folder: Path, library: Library):
    bucket.fill(folder)
    states = Ingestor(library, Ear()).add([bucket.address])
    while next(states).added < 1:
        pass
    states.close()
    state = add(library, bucket.address, cluster=Workers())
    assert (state.existing, state.added, len(library.recordings())) == (1, 2, 3)


def test_what_was_fetched_is_the_librarys_own(bucket: Bucket, library: Library, tmp_path: Path):
    bucket.put("lore 1 ü#?.ogg", (DEMO / "lore-14.ogg").read_bytes())
    add(library, bucket.address, copy=True)
    (recording,) = library.recordings()
    assert library.owns(recording.path) and recording.path.name == "lore 1 ü#?.ogg"
    library.close()
    moved = shutil.move(library.folder, tmp_path / "moved")
    with Library.open(moved, Ear()) as opened:
        (recording,) = opened.recordings()
        assert recording.path.is_file() and add(opened, bucket.address).existing == 1
        opened.remove(recording.id)
        assert not recording.path.exists()


def test_a_single_recording_with_its_transcript(bucket: Bucket, folder: Path, library: Library):
    bucket.fill(folder)
    bucket.put("talks/1963/lore-13.srt", SRT)
    state = add(library, f"{bucket.address}/talks/1963/lore-14.ogg", folder / "talks" / "hobbies-25.ogg")
    assert (state.added, state.failed, state.skipped) == (2, (), ())
    lore = next(one for one in library.recordings() if one.title == "lore-14")
    assert (lore.text, lore.speaker, lore.date) == ("The ferry did not leave.", "Ada", "1962")
    assert {one.suffix for one in (library.folder / OBJECTS).rglob("*.*")} == {".ogg", ".srt", ".csv"}


def test_what_cannot_be_added_is_named(bucket: Bucket, library: Library, monkeypatch: pytest.MonkeyPatch):
    bucket.put("long.ogg", b"OggS" * 300_000)
    bucket.put("../up.ogg", b"OggS")
    bucket.put("talk.ogg", (DEMO / "lore-14.ogg").read_bytes())
    bucket.put("talk.srt", SRT)
    monkeypatch.setenv("CLASP_FILE_MIB", "1")
    monkeypatch.setattr(objects, "LARGEST", 10)
    state = add(library, bucket.address)
    assert state.added == 1 and [(name, reason.partition(":")[0]) for name, reason in state.failed] == [
        (f"{bucket.address}/../up.ogg", "Its address cannot be the path of a file"),
        (f"{bucket.address}/long.ogg", "long.ogg is larger than 1 MiB"),
    ]
    assert state.remarks == ("talk.srt is larger than 9.53674e-06 MiB: shorten it.",)
    assert [one.name for one in (library.folder / OBJECTS).rglob("*.*")] == ["talk.ogg"]


def test_an_object_that_is_another_one_meanwhile(bucket: Bucket, library: Library):
    bucket.put("talk.ogg", (DEMO / "lore-14.ogg").read_bytes())
    (stored,) = find_files([bucket.address]).objects
    bucket.put("talk.ogg", b"OggS")
    with pytest.raises(ClaspError, match=r"^talk.ogg changed while it was read: add it again.$"), fetched(stored):
        pass
    bucket.client.delete_object(Bucket=bucket.name, Key="talk.ogg")
    with pytest.raises(ClaspError, match=r"/talk.ogg cannot be read: it is no longer there.$"), fetched(stored):
        pass


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("s3://", "s3:// names no bucket: write an address such as s3://bucket/folder."),
        ("s3://no-such-bucket/talks", "s3://no-such-bucket/talks cannot be read: there is no such bucket."),
        ("{}/nothing", "There is nothing at {}/nothing: give the address of a folder or a file."),
        ("{}/texts", "There is no recording to add: give sound files or videos, or folders that hold some."),
    ],
)
def test_an_address_at_which_there_is_nothing(address: str, reason: str, bucket: Bucket, capsys):
    bucket.put("texts/talk.srt", SRT)
    assert main(["add", address.format(bucket.address)]) == 2
    assert capsys.readouterr().err.strip().endswith(reason.format(bucket.address))


def test_wrong_credentials(bucket: Bucket):
    bucket.put("talk.ogg", b"OggS")
    bucket.check_credentials("0")
    try:
        with pytest.raises(DataError, match="cannot be read: the credentials in the environment are missing or wrong"):
            find_files([bucket.address])
    finally:
        bucket.check_credentials("inf")


def test_a_server_that_is_down(bucket: Bucket, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(DataError, match=f"^{bucket.address} cannot be read: its server cannot be reached.$"):
        find_files([bucket.address])


@pytest.mark.parametrize("address", ["s3://archive", "gs://archive/talk.mp3"])
def test_where_pyarrow_is_not_installed(address: str, monkeypatch: pytest.MonkeyPatch):
    objects._file_system.cache_clear()
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
    with pytest.raises(ClaspError, match=r"^(s3|gs):// needs pyarrow: pip install 'clasp-search\[objects\]'.$"):
        find_files([address])
