"""Files encoded elsewhere: what workers make of them is stored as if it had been made here, whoever is lost."""

import os
import pickle
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import clasp
from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import AudioError, ClaspError
from clasp.files import sha256
from index.ingest import encoded_file
from index.ingest.cluster import connected
from index.ingest.encoded_file import EncodedFile, KnownFiles, Start, encode_file
from index.ingest.objects import StoredObject
from index.ingest.pipeline import Ingestor
from index.library import Library
from index.progress import AddProgress
from index.store.schema import DATABASE_FILE
from tests.index.ear import Ear

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "assets" / "library" / "audio"
PORTS = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # 0: Ray does not take 127.0.0.1 for this machine's address in a network
PATIENCE = {  # limits of Ray, for a machine that is busy with other work
    "worker_niceness": "0", "gcs_server_request_timeout_seconds": "300", "health_check_timeout_ms": "60000",
    "worker_register_timeout_seconds": "300", "agent_register_timeout_ms": "300000",
}  # fmt: skip
RECORDINGS, KILLS = 500, 20
COMPARED = 50  # recordings that are encoded here, too
START = 300  # seconds in which something must have happened on a busy machine


def recordings(folder: Path, count: int, clips: int = 1) -> list[Path]:
    """Recordings of so many clips of the demo library each, no two of the same content; and one that is broken."""
    folder.mkdir()
    sounds = [clasp.decode(path).samples for path in sorted(DEMO.glob("[a-z]*-[0-9]*.ogg"))[: count * clips]]
    pause = np.zeros(SAMPLE_RATE, np.float32)
    files = [folder / f"{number}.wav" for number in range(count)]
    for number, file in enumerate(files):
        parts = [part for sound in sounds[number * clips :][:clips] for part in (sound, pause)]
        soundfile.write(file, np.concatenate(parts), SAMPLE_RATE)
    (folder / "broken.ogg").write_bytes(b"OggS and nothing else")
    return files


def last(states: Iterator[AddProgress]) -> AddProgress:
    *_, state = states
    return state


def stored(library: Library) -> dict[str, list[tuple[float, float]]]:
    """The utterances of every recording, by the checksum of its file; each file is there once."""
    found = {}
    for one in library.recordings():
        assert one.done and one.sha256 not in found
        found[one.sha256] = [(segment.start, segment.end) for segment in library.segments_of(one.id)]
    return found


def vectors(library: Library, digests: Sequence[str]) -> np.ndarray:
    """Of the utterances of some files, in the order of time."""
    recordings = [library.recording_of(one) for one in digests]
    return np.array([library.vector(one.id) for recording in recordings for one in library.segments_of(recording.id)])


# What is computed of a file


@dataclass(frozen=True)
class Backwards:
    """Encodes as workers do, and gives the last file first."""

    ear: Ear

    def encoded(
        self, files: Sequence[Path], known: KnownFiles, objects: Mapping[Path, StoredObject]
    ) -> Iterator[tuple[Path, Callable[[], EncodedFile]]]:
        assert not objects
        for file in reversed(files):
            yield file, lambda file=file: self._encode(file, known)

    def _encode(self, file: Path, known: KnownFiles) -> EncodedFile:
        encoded = encode_file(self.ear, file, pickle.loads(pickle.dumps(known)).start)
        return pickle.loads(pickle.dumps(replace(encoded, batches=list(encoded.batches))))


def test_what_comes_back_is_stored_as_if_it_were_made_here(tmp_path: Path) -> None:
    files, ear = recordings(tmp_path / "in", 4), Ear()
    shutil.copy(files[0], tmp_path / "in" / "the same.wav")
    with Library.create(tmp_path / "here", ear) as here, Library.create(tmp_path / "there", ear) as there:
        expected = last(Ingestor(here, ear).add([tmp_path / "in"]))
        state = last(Ingestor(there, ear, cluster=Backwards(ear)).add([tmp_path / "in"]))
        assert (state.added, state.existing, state.segments) == (4, 1, expected.segments)
        assert [file.name for file, _ in state.failed] == ["broken.ogg"]
        assert stored(there) == stored(here)
        digests = list(stored(here))
        assert np.array_equal(vectors(there, digests), vectors(here, digests))
        again = last(Ingestor(there, ear, cluster=Backwards(ear)).add([tmp_path / "in"]))
        assert (again.added, again.existing, again.segments) == (0, 5, 0)


def test_only_what_is_not_known_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_file, "COMMIT_SECONDS", 1)
    (file,), ear = recordings(tmp_path / "in", 1, clips=4), Ear()
    with Library.create(tmp_path / "library", ear) as library:
        states = Ingestor(library, ear).add([file])
        while next(states).segments < 2:
            pass
        states.close()
        (begun,) = library.recordings()
        start = Start(begun.track, library.position(begun.id))
        assert start.position > 0 and Ingestor(library, ear)._known().start(sha256(file)) == start
        state = last(Ingestor(library, ear, cluster=Backwards(ear)).add([file]))
        assert 0 < state.segments < len(library) == len(stored(library)[sha256(file)])
        known = Ingestor(library, ear)._known()
        assert known.start(sha256(file)) is None and known.start(sha256(DEMO / "guitar.ogg")) == Start()
        assert encode_file(ear, file, known.start).start is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:1", "no Ray cluster at 127.0.0.1:1"), ("ray://127.0.0.1:1", "no Ray cluster at"), ("b", "at 'b'")],
)
def test_where_there_is_no_cluster(address: str, reason: str, tiny_folder: Path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(ClaspError, match=reason), connected(address, clasp.load(tiny_folder)):
        pass


def test_where_ray_is_not_installed(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(ClaspError, match="Ray is not installed: pip install"),
        connected("auto", clasp.load(tiny_folder)),
    ):
        pass


# On a cluster of two machines


def node() -> dict:
    """A machine of two cores; its ports are given, or it would wait for them to be chosen, and not for long."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {name: probe.getsockname()[1] for name, probe in zip(PORTS, probes, strict=True)}
    for probe in probes:
        probe.close()
    return {"num_cpus": 2, "node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20, **ports}


def patient(ask: Callable[..., dict]) -> Callable[..., dict]:
    """The same question to a cluster, asked until it is answered: a busy machine may take minutes to start a node."""

    def asked(*args: str) -> dict:
        deadline = time.monotonic() + START
        while True:
            try:
                return ask(*args)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)

    return asked


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tiny_folder: Path):
    """Two nodes of two cores on this machine, which nobody else can reach."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    for name, value in PATIENCE.items():
        monkeypatch.setenv(f"RAY_{name}", value)
    monkeypatch.setenv("CLASP_MODEL", str(tiny_folder))
    monkeypatch.setenv(LOOPBACK, "0")
    from ray._private import ray_constants, services
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # where it was imported before
    monkeypatch.setattr(services, "get_node", patient(services.get_node))
    needless = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
    cluster = Cluster(initialize_head=True, head_node_args={**node(), **needless})
    cluster.add_node(**node())
    yield cluster
    cluster.shutdown()


def workers(cluster) -> list[int]:
    """Processes of a cluster that have a file in hand just now."""
    raylets = {node.all_processes["raylet"][0].process.pid for node in cluster.list_all_nodes()}
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in raylets and (folder / "cmdline").read_bytes().startswith(b"ray::_encode"):
                found.append(int(folder.name))
    return found


def kill_one(cluster, killed: list[int], chance: random.Random) -> None:
    """Kill a worker that has a file in hand, if one has just now."""
    if running := workers(cluster):
        with suppress(ProcessLookupError):
            os.kill(one := chance.choice(running), signal.SIGKILL)
            killed.append(one)


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_workers_and_a_machine_are_lost_and_no_recording_is(cluster, tmp_path: Path, tiny_folder: Path) -> None:
    files, model = recordings(tmp_path / "in", RECORDINGS), clasp.load(tiny_folder)
    shutil.copy(files[0], tmp_path / "in" / "the same.wav")
    killed: list[int] = []
    chance = random.Random(0)
    with Library.create(tmp_path / "library", model) as library:
        with connected(cluster.address, model) as workers_of_cluster:
            for state in Ingestor(library, model, cluster=workers_of_cluster).add([tmp_path / "in"]):
                if len(killed) < KILLS and state.done >= (1 + len(killed)) * RECORDINGS // (KILLS + 5):
                    kill_one(cluster, killed, chance)
                if state.done == RECORDINGS // 2 and len(cluster.worker_nodes) == 1:
                    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert len(killed) == KILLS
        assert (state.added, state.existing, state.done) == (RECORDINGS, 1, RECORDINGS + 2)
        assert [(file.name, "broken.ogg" in reason) for file, reason in state.failed] == [("broken.ogg", True)]
        found = stored(library)
        assert set(found) == {sha256(file) for file in files} and all(found.values())
        with Library.create(tmp_path / "here", model) as here:
            last(Ingestor(here, model).add(files[:COMPARED]))
            assert all(found[digest] == spans for digest, spans in stored(here).items())
            some = [sha256(file) for file in files[:COMPARED]]
            assert np.allclose(vectors(library, some), vectors(here, some), atol=2e-3)


def committed(folder: Path) -> int:
    """How many recordings the library in a folder has, as another process sees it."""
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{folder / DATABASE_FILE}?mode=ro", uri=True)) as rows,
    ):
        return rows.execute("SELECT count(*) FROM recordings WHERE done").fetchone()[0]
    return 0  # it is not there yet


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_the_command_goes_on_where_it_was_killed(cluster, tmp_path: Path) -> None:
    files, library = recordings(tmp_path / "in", 40, clips=4), tmp_path / "library"
    command = [sys.executable, "-m", "clasp", "add", tmp_path / "in", "--ray", cluster.address, "--library", library]
    with subprocess.Popen([*command, "--no-transcripts"], cwd=ROOT) as first:
        deadline = time.monotonic() + START
        while committed(library) < 10 and time.monotonic() < deadline:
            time.sleep(0.02)
        first.kill()
    before = committed(library)
    assert 10 <= before < 40
    done = subprocess.run([*command, "--no-transcripts"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    summary, *details = done.stdout.splitlines()
    assert f"{before} known before" in summary
    assert "1 not readable" in summary and details[0].startswith(f"  not added: {tmp_path / 'in' / 'broken.ogg'}: ")
    with Library.open(library, clasp.load(os.environ["CLASP_MODEL"])) as opened:
        assert set(stored(opened)) == {sha256(file) for file in files}


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_a_file_whose_workers_are_lost_again_and_again_is_named(cluster, tmp_path: Path, tiny_folder: Path) -> None:
    (file, *_), model = recordings(tmp_path / "in", 1), clasp.load(tiny_folder)
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.1):
            for one in workers(cluster):
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    with connected(cluster.address, model) as workers_of_cluster:
        killer.start()
        known = KnownFiles(np.array([], "S64"), {})
        ((_, outcome),) = workers_of_cluster.encoded([file], known, {})
        with pytest.raises(
            AudioError, match=f"{file.name} could not be encoded: the workers that had it were lost 6 times"
        ):
            outcome()
        over.set()
        killer.join()
        ((_, outcome),) = workers_of_cluster.encoded([file], known, {})
        assert sum(len(batch.spans) for batch in outcome().batches) > 0
