"""A library that another model made, embedded anew with the one in use: `python -m clasp library reembed`.

    for state in reembed(folder, model):
        print(state.done, state.segments, state.title)

Segments keep their ids, times, transcripts and facts; vectors and phones are made again from the recordings. They
gather in a database beside the library's, segment by segment, and are put into the library in one transaction once they
are all there: until then it is as it was, and whoever stops, or is stopped, goes on from there the next time.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, Waveform, stream, within_full_scale
from clasp.errors import AudioError, LibraryError
from clasp.filenames import readable
from clasp.files import sha256
from clasp.phones.alignment import pack
from index.ingest.pipeline import BATCH, Listener
from index.library import Library, Model
from index.store.database import DATABASE_FILE, are_unit
from index.store.schema import connect, migrate
from index.transcripts import Fuser

FRESH_FILE = "reembedded.db"
TABLES = (
    "CREATE TABLE IF NOT EXISTS fresh.model (checksum TEXT NOT NULL, dim INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fresh.vectors (segment INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fresh.phones (segment INTEGER PRIMARY KEY, heard BLOB NOT NULL)",
)
MISSING = "id NOT IN (SELECT segment FROM fresh.vectors)"  # of segments
SWAP = (
    "DELETE FROM main.vectors",
    """INSERT INTO main.vectors (segment, vector)
        SELECT segment, vector FROM fresh.vectors WHERE segment IN (SELECT id FROM segments)""",
    "DELETE FROM main.direct",
    "DELETE FROM main.phones",
    "INSERT INTO main.phones SELECT * FROM fresh.phones WHERE segment IN (SELECT id FROM segments)",
    """UPDATE library SET generation = generation + 1, commit_name = lower(hex(randomblob(8))),
        model = (SELECT checksum FROM fresh.model), dim = (SELECT dim FROM fresh.model)""",
    "INSERT INTO commits SELECT generation, commit_name FROM library",
)


class Embedder(Listener, Model, Fuser, Protocol):
    """What embedding anew needs of a model."""


@dataclass(frozen=True)
class State:
    """How far it has come. The last one is the summary."""

    segments: int  # of all
    done: int = 0  # segments
    title: str = ""  # of the current recording
    elapsed: float = 0.0  # seconds since the beginning
    failed: tuple[tuple[str, str], ...] = ()  # titles of recordings that cannot be heard any more, and why
    finished: bool = False  # whether the library is the new one


def reembed(folder: Path, model: Embedder) -> Iterator[State]:
    """Make the vectors of the library in `folder` anew; yields how far it has come.

    If a recording is missing, was changed or cannot be read, the last state says so, and the library stays as it was:
    put it back, or remove it from the library, and go on.

    Raises:
        LibraryError: if there is no library, or it cannot be written; it is as before then.
    """
    Library.must_exist(folder)
    started = time.perf_counter()
    try:
        with closing(connect(folder / DATABASE_FILE)) as database:
            migrate(database)
            database.execute("ATTACH ? AS fresh", (str(folder / FRESH_FILE),))
            _begin(database, model)
            for state in _embedded(database, folder, model):
                yield replace(state, elapsed=time.perf_counter() - started)
    except (sqlite3.Error, OSError) as error:
        raise LibraryError(f"The library in {folder} cannot be embedded anew: {error}.") from error
    if not state.failed:
        (folder / FRESH_FILE).unlink(missing_ok=True)
        with Library.open(folder, model) as library:  # makes its search index
            for _ in library.transcripts.fuse(model):
                pass
        yield replace(state, title="", elapsed=time.perf_counter() - started, finished=True)


def _begin(database: sqlite3.Connection, model: Embedder) -> None:
    """An empty place for vectors of this model, unless some are there already."""
    for table in TABLES:
        database.execute(table)
    wanted = (model.checksum, model.dim)
    if database.execute("SELECT checksum, dim FROM fresh.model").fetchall() != [wanted]:
        database.execute("BEGIN")
        for table in ("model", "vectors", "phones"):
            database.execute(f"DELETE FROM fresh.{table}")
        database.execute("INSERT INTO fresh.model VALUES (?, ?)", wanted)
        database.execute("COMMIT")


def _embedded(database: sqlite3.Connection, folder: Path, model: Embedder) -> Iterator[State]:
    """Embed what is missing; once nothing is, put it in the place of the old."""
    if database.execute("SELECT model, dim FROM library").fetchall() == [(model.checksum, model.dim)]:
        (segments,) = database.execute("SELECT count(*) FROM segments").fetchone()
        yield State(segments, segments)
        return
    swapped, state = False, _state(database)
    while not swapped and not state.failed:  # again only if something was added meanwhile
        left = f"id IN (SELECT recording FROM segments WHERE {MISSING})"
        query = f"SELECT id, title, path, sha256, track FROM recordings WHERE {left} ORDER BY title, id"
        for name, title, where, digest, track in database.execute(query).fetchall():
            yield (state := replace(_state(database), title=title, failed=state.failed))
            try:
                for _ in _one(database, model, name, folder / os.fsdecode(where), digest, track):
                    yield (state := replace(_state(database), title=title, failed=state.failed))
            except (AudioError, OSError) as error:
                state = replace(state, failed=(*state.failed, (title, str(error))))
        swapped = not state.failed and _swapped(database)
    yield replace(_state(database), failed=state.failed)


def _state(database: sqlite3.Connection) -> State:
    segments, missing = database.execute(f"SELECT count(*), ifnull(sum({MISSING}), 0) FROM segments").fetchone()
    return State(segments, segments - missing)


def _one(
    database: sqlite3.Connection, model: Embedder, recording: str, path: Path, digest: str, track: int
) -> Iterator[None]:
    """Embed the segments of a recording that are missing, some at a time."""
    if not path.is_file():
        raise AudioError(f"{readable(str(path))} is no longer there.")
    if digest and sha256(path) != digest:
        raise AudioError(f"{readable(str(path))} has changed since it was added.")
    query = f"SELECT id, start_s, end_s FROM segments WHERE recording = ? AND {MISSING} ORDER BY start_s, end_s"
    rows = database.execute(query, (recording,)).fetchall()
    sound = stretches(path, track, [(start, end) for _, start, end in rows])
    for first in range(0, len(rows), BATCH):
        ids = [number for number, _, _ in rows[first : first + BATCH]]
        spoken = model.encode_speech([next(sound) for _ in ids], return_phones=True)
        if spoken.vectors.shape != (len(ids), model.dim) or not are_unit(spoken.vectors):
            raise LibraryError(f"The model makes no unit vectors of {model.dim} numbers: use another one.")
        blobs = [vector.tobytes() for vector in spoken.vectors.astype("<f2")]
        heard = [pack(phones).tobytes() for phones in spoken.phones]
        database.execute("BEGIN")
        database.executemany("INSERT OR REPLACE INTO fresh.vectors VALUES (?, ?)", zip(ids, blobs, strict=True))
        database.executemany("INSERT OR REPLACE INTO fresh.phones VALUES (?, ?)", zip(ids, heard, strict=True))
        database.execute("COMMIT")
        yield
    sound.close()


def stretches(path: Path, track: int, spans: list[tuple[float, float]]) -> Iterator[Waveform]:
    """The sound from one second to another, for each of `spans` in the order of their starts; decoded once."""
    blocks = stream(path, track=track)
    held, first, over = np.empty(0, np.float32), 0, False  # held: samples from `first` on
    for start, end in spans:
        begin, stop = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        while first + len(held) < stop and not over:
            kept = held[max(0, begin - first) :]
            first += len(held) - len(kept)
            block = next(blocks, None)
            held, over = (held, True) if block is None else (np.concatenate([kept, block]), False)
        samples = held[begin - first : stop - first]
        if len(samples) == 0:
            raise AudioError(f"{readable(str(path))} ends before {end:.1f} s.")
        yield Waveform(within_full_scale(samples))


def _swapped(database: sqlite3.Connection) -> bool:
    """Put the new vectors into the library, if there is one for every segment. Returns whether there was."""
    database.execute("BEGIN IMMEDIATE")
    try:
        whole = database.execute(f"SELECT 1 FROM segments WHERE {MISSING}").fetchone() is None
        for statement in SWAP if whole else ():
            database.execute(statement)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    if whole:
        database.executescript("PRAGMA main.incremental_vacuum")
        database.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchall()
    return whole
