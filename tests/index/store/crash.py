"""Stops the process at every point at which a library is written. Run as a program: FOLDER FILE… < lines of jobs.

Libraries load once; every job runs in a process forked from this one. A job is a line of JSON:

    {"library": folder, "do": "count"}             do the work, answer how many points there are
    {"library": folder, "do": "exit", "at": 17}    the same, but os._exit at the 17th point
    {"library": folder, "do": "kill", "after": 0.2}  the same, but SIGKILL after so many seconds
    {"library": folder, "do": "check"}             open it: answer what it holds
    {"library": folder, "do": "finish"}            do the work to its end, answer what it holds

The work is to add, edit, correct, annotate and remove; with "reembed": true, to embed a library that is there with
another model; with "transcribe": true, to transcribe one.
"""

import hashlib
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
import torch

from clasp.errors import LibraryError
from index.ingest import encoded_file
from index.ingest.pipeline import Ingestor
from index.library import Library
from index.store import reembed, sqlite
from index.store.schema import DATABASE_FILE
from tests.index.ear import Ear
from tests.index.hand import Hand

OTHER = Ear("f" * 64, dim=48, meaning_dim=24, seed=1)
WRITES = {"open", "os.rename", "os.remove", "os.mkdir", "shutil.copyfile", "os.truncate"}


class Reader(Ear):
    """Believes a transcript as much as what it heard."""

    def fuse(self, direct: np.ndarray, texts: list[str], evidence: np.ndarray) -> np.ndarray:
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little") for text in texts]
        read = np.array([np.random.default_rng(seed).standard_normal(direct.shape[1]) for seed in seeds])
        both = direct + read / np.linalg.norm(read, axis=1, keepdims=True)
        return both / np.linalg.norm(both, axis=1, keepdims=True)


class Points:
    """Counts the points at which something is written; leaves at one of them."""

    def __init__(self, folder: Path, leave_at: int | None) -> None:
        self.count = 0
        self._folder, self._leave_at = str(folder), leave_at
        connect = sqlite.connect

        def traced(path: Path) -> sqlite3.Connection:
            database = connect(path)
            database.set_trace_callback(self._statement)
            return database

        sqlite.connect = traced
        sys.addaudithook(self._event)

    def _statement(self, statement: str) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "--")):
            self._pass()

    def _event(self, event: str, arguments: tuple) -> None:
        if event not in WRITES or self._folder not in str(arguments[0]):
            return
        if event != "open" or any(letter in str(arguments[1]) for letter in "wax+"):
            self._pass()

    def _pass(self) -> None:
        self.count += 1
        if self.count == self._leave_at:
            os._exit(9)


def work(folder: Path, files: list[Path]) -> None:
    """Add, edit, correct, annotate, remove, add again."""
    ear = Ear()
    with Library.create(folder, ear) if Library.is_free(folder) else Library.open(folder, ear) as library:
        for _ in Ingestor(library, ear, copy=True).add(files[:2]):
            pass
        first = library.recordings()[0]
        library.edit(first.id, title="edited", language="de")
        segment = library.segments_of(first.id)[0]
        library.corrections.store(segment.id, "as a person wrote it", before=segment.transcript)
        library.notes.add(first.id, segment.start, "a note")
        library.bin.put(first.id)  # adding its file brings it back
        library.remove(library.recordings()[0].id)
        for _ in Ingestor(library, ear).add(files):
            pass


def embed_anew(folder: Path) -> None:
    """Embed with another model, to the end."""
    *_, state = reembed.reembed(folder, OTHER)
    assert state.finished


def write_down(folder: Path) -> None:
    """Transcribe, to the end, a little at a time."""
    with Library.open(folder, Ear()) as library:
        *_, state = Ingestor(library, Reader()).transcribe(Hand(most=2))
        assert state.finished


def contents(folder: Path, ear: Ear) -> dict:
    """What a library holds, after it has been compared with itself."""
    if Library.is_free(folder):
        return {"recordings": {}, "segments": 0}
    rows = sqlite3.connect(folder / DATABASE_FILE)
    assert rows.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert rows.execute("PRAGMA foreign_key_check").fetchall() == []
    assert (
        rows.execute("SELECT count(*) FROM segments").fetchone()
        == rows.execute("SELECT count(*) FROM vectors JOIN phones USING (segment)").fetchone()
    )
    with Library.open(folder, ear) as library:
        segments = library.segments()
        ids, vectors = library.vectors()
        for number, vector in zip(ids.tolist(), vectors, strict=True):
            assert library.candidates(vector, 1).vectors[0] @ vector > 0.999
            assert number in library.candidates(vector, len(ids)).ids
        recordings = library.recordings()
        counts = library.counts()
        assert sum(counts.values()) == len(segments) == len(library)
        assert all(one.done or counts.get(one.id) or one.duration <= 0.001 for one in recordings)
        return {
            "recordings": {one.id: counts.get(one.id, 0) for one in recordings},
            "segments": len(segments),
            "ids": ids.tolist(),
            "model": library.model,
            "transcripts": {one.name: one.transcript for one in segments if one.transcript},
            "vectors": hashlib.sha256(vectors.tobytes()).hexdigest(),
        }


def of_either_model(folder: Path) -> dict:
    """What a library holds, whichever of the two models made it."""
    try:
        return contents(folder, Ear())
    except LibraryError:
        return contents(folder, OTHER)


def job(task: dict, files: list[Path]) -> dict:
    folder = Path(task["library"])
    points = Points(folder, task.get("at")) if task["do"] in ("count", "exit") else None
    if task["do"] != "check":
        if task.get("transcribe"):
            write_down(folder)
        else:
            embed_anew(folder) if task.get("reembed") else work(folder, files)
    if points is not None:
        return {"points": points.count}
    return of_either_model(folder) if task.get("reembed") else contents(folder, Ear())


def main() -> None:
    torch.set_num_threads(1)
    encoded_file.COMMIT_SECONDS = 5
    files = [Path(name) for name in sys.argv[1:]]
    for line in sys.stdin:
        task = json.loads(line)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                answer = job(task, files)
            except BaseException as error:
                answer = {"error": repr(error)}
            os.write(writer, json.dumps(answer).encode())
            os._exit(0)
        os.close(writer)
        if task["do"] == "kill":
            time.sleep(task["after"])
            os.kill(child, signal.SIGKILL)
        with open(reader, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": status, **json.loads(answer or b"{}")}), flush=True)


if __name__ == "__main__":
    main()
