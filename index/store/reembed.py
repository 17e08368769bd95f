"""A library that another model made, embedded anew with the one in use: `python -m clasp library reembed`.

    for progress in reembed(folder, model):
        print(progress.done, progress.total, progress.current)

Segments keep their ids, times, transcripts and facts; vectors and phones are made again from the recordings. They
gather in a database beside the library's, segment by segment, and are put into the library in one transaction once they
are all there: until then it is as it was, and whoever stops, or is stopped, goes on from there the next time.
"""

import os
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from clasp.errors import AudioError, LibraryError
from clasp.phones.alignment import pack
from index.ingest.encoded_file import BATCH
from index.ingest.segment_audio import segment_waveforms
from index.library import Library
from index.model import SpeechEncoder
from index.progress import Progress, timed
from index.store.queries import are_unit
from index.store.schema import DATABASE_FILE, connect, migrate

FRESH_FILE = "reembedded.db"
TABLES = (
    "CREATE TABLE IF NOT EXISTS fresh.model (checksum TEXT NOT NULL, dim INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fresh.vectors (segment INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fresh.phones (segment INTEGER PRIMARY KEY, packed BLOB NOT NULL)",
)
MISSING = "id NOT IN (SELECT segment FROM fresh.vectors)"  # of segments
SWAP = (
    "DELETE FROM main.vectors",
    """INSERT INTO main.vectors (segment, vector)
        SELECT segment, vector FROM fresh.vectors WHERE segment IN (SELECT id FROM segments)""",
    "DELETE FROM main.direct",
    "DELETE FROM main.recurrences",
    "DELETE FROM main.compared",
    "DELETE FROM main.phones",
    "INSERT INTO main.phones SELECT * FROM fresh.phones WHERE segment IN (SELECT id FROM segments)",
    """UPDATE library SET generation = generation + 1, commit_name = lower(hex(randomblob(8))),
        model = (SELECT checksum FROM fresh.model), dim = (SELECT dim FROM fresh.model)""",
    "INSERT INTO commits SELECT generation, commit_name FROM library",
)


@timed
def reembed(folder: Path, model: SpeechEncoder) -> Generator[Progress, None, None]:
    """Make the vectors of the library in `folder` anew; yields how far it has come, and last whether it has `finished`.

    If a recording is missing, was changed or cannot be read, it has `failed`, and the library stays as it was: put the
    recording back, or remove it from the library, and go on.

    Raises:
        LibraryError: if there is no library, or it cannot be written; it is as before then.
    """
    Library.must_exist(folder)
    try:
        with closing(connect(folder / DATABASE_FILE)) as database:
            migrate(database)
            database.execute("ATTACH ? AS fresh", (str(folder / FRESH_FILE),))
            _begin(database, model)
            for progress in _embed_missing(database, folder, model):
                yield progress
    except (sqlite3.Error, OSError) as error:
        raise LibraryError(f"The library in {folder} cannot be embedded anew: {error}.") from error
    if not progress.failed:
        (folder / FRESH_FILE).unlink(missing_ok=True)
        with Library.open(folder, model) as library:  # makes its search index
            for _ in library.transcripts.fuse(model):
                pass
        yield replace(progress, current="", finished=True)


def _begin(database: sqlite3.Connection, model: SpeechEncoder) -> None:
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


def _embed_missing(database: sqlite3.Connection, folder: Path, model: SpeechEncoder) -> Iterator[Progress]:
    """Embed what is missing; once nothing is, put it in the place of the old."""
    if database.execute("SELECT model, dim FROM library").fetchall() == [(model.checksum, model.dim)]:
        (segments,) = database.execute("SELECT count(*) FROM segments").fetchone()
        yield Progress(segments, segments)
        return
    swapped = False
    failed: tuple[tuple[str, str], ...] = ()
    while not swapped and not failed:  # again only if something was added meanwhile
        left = f"id IN (SELECT recording FROM segments WHERE {MISSING})"
        query = f"SELECT id, title, path, sha256, track FROM recordings WHERE {left} ORDER BY title, id"
        for name, title, path, digest, track in database.execute(query).fetchall():
            yield replace(_progress(database), current=title, failed=failed)
            try:
                for _ in _embed_recording(database, model, name, folder / os.fsdecode(path), digest, track):
                    yield replace(_progress(database), current=title, failed=failed)
            except (AudioError, OSError) as error:
                failed = (*failed, (title, str(error)))
        swapped = not failed and _swap(database)
    yield replace(_progress(database), failed=failed)


def _progress(database: sqlite3.Connection) -> Progress:
    segments, missing = database.execute(f"SELECT count(*), ifnull(sum({MISSING}), 0) FROM segments").fetchone()
    return Progress(segments, segments - missing)


def _embed_recording(
    database: sqlite3.Connection, model: SpeechEncoder, recording: str, path: Path, digest: str, track: int
) -> Iterator[None]:
    """Embed the segments of a recording that are missing, some at a time."""
    query = f"SELECT id, start_s, end_s FROM segments WHERE recording = ? AND {MISSING} ORDER BY start_s, end_s"
    rows = database.execute(query, (recording,)).fetchall()
    waveforms = segment_waveforms(path, digest, track, [(start, end) for _, start, end in rows])
    with closing(waveforms):
        for first in range(0, len(rows), BATCH):
            ids = [number for number, _, _ in rows[first : first + BATCH]]
            output = model.encode_speech([next(waveforms) for _ in ids], return_phones=True)
            if output.vectors.shape != (len(ids), model.dim) or not are_unit(output.vectors):
                raise LibraryError(f"The model makes no unit vectors of {model.dim} numbers: use another one.")
            vectors = [vector.tobytes() for vector in output.vectors.astype("<f2")]
            phones = [pack(phones).tobytes() for phones in output.phones]
            database.execute("BEGIN")
            database.executemany("INSERT OR REPLACE INTO fresh.vectors VALUES (?, ?)", zip(ids, vectors, strict=True))
            database.executemany("INSERT OR REPLACE INTO fresh.phones VALUES (?, ?)", zip(ids, phones, strict=True))
            database.execute("COMMIT")
            yield


def _swap(database: sqlite3.Connection) -> bool:
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
