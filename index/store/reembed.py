"""A library that another model made, embedded anew with the one in use: `python -m clasp library reembed`.

    for progress in reembed(folder, model):
        print(progress.done, progress.total, progress.current)

Segments keep their ids, times, transcripts and facts; vectors and phones are made again from the recordings. They
gather in a database beside the library's, segment by segment, and are put into the library in one transaction once they
are all there: until then it is as it was, and whoever stops, or is stopped, goes on from there the next time.
"""

import os
import secrets
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from clasp.errors import AudioError, LibraryError
from clasp.phones.alignment import pack
from index.ingest.encoded_file import BATCH
from index.ingest.segment_audio import segment_waveforms
from index.library import Library
from index.model import SpeechEncoder
from index.progress import Progress, timed
from index.store.home import home_of
from index.store.queries import are_unit
from index.store.statements import execute, execute_each, read

PART = "fresh"
TABLES = (
    "CREATE TABLE IF NOT EXISTS fresh.model (checksum TEXT NOT NULL, dim INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fresh.vectors (segment INTEGER PRIMARY KEY, vector BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fresh.phones (segment INTEGER PRIMARY KEY, packed BLOB NOT NULL)",
)
MISSING = "id NOT IN (SELECT segment FROM fresh.vectors)"  # of segments
SWAP = (
    "DELETE FROM main.vectors",
    """INSERT INTO main.vectors (segment, vector)
        SELECT segment, vector FROM fresh.vectors WHERE segment IN (SELECT id FROM main.segments)""",
    "DELETE FROM main.direct",
    "DELETE FROM main.recurrences",
    "DELETE FROM main.compared",
    "DELETE FROM main.phones",
    "INSERT INTO main.phones SELECT * FROM fresh.phones WHERE segment IN (SELECT id FROM main.segments)",
    """UPDATE main.library SET generation = generation + 1, commit_name = :commit,
        model = (SELECT checksum FROM fresh.model), dim = (SELECT dim FROM fresh.model)""",
    "INSERT INTO main.commits SELECT generation, commit_name FROM main.library",
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
    home = home_of(folder)
    try:
        home.migrate()
        home.prepare(PART, TABLES)
        engine = home.engine(PART)
        _begin(engine, model)
        for progress in _embed_missing(engine, folder, model):
            yield progress
        if not progress.failed:
            home.give_back_space(engine)
            home.drop(PART)
    except (DBAPIError, sqlite3.Error, OSError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise LibraryError(f"The library in {folder} cannot be embedded anew: {reason}.") from error
    if not progress.failed:
        with Library.open(folder, model) as library:  # makes its search index
            for _ in library.transcripts.fuse(model):
                pass
        yield replace(progress, current="", finished=True)


def _begin(engine: Engine, model: SpeechEncoder) -> None:
    """An empty place for vectors of this model, unless some are there already."""
    with engine.begin() as connection:
        wanted = (model.checksum, model.dim)
        if execute(connection, "SELECT checksum, dim FROM fresh.model").all() != [wanted]:
            for name in ("model", "vectors", "phones"):
                execute(connection, f"DELETE FROM fresh.{name}")
            values = {"checksum": model.checksum, "dim": model.dim}
            execute(connection, "INSERT INTO fresh.model VALUES (:checksum, :dim)", **values)


def _embed_missing(engine: Engine, folder: Path, model: SpeechEncoder) -> Iterator[Progress]:
    """Embed what is missing; once nothing is, put it in the place of the old."""
    if read(engine, "SELECT model, dim FROM main.library") == [(model.checksum, model.dim)]:
        ((segments,),) = read(engine, "SELECT count(*) FROM main.segments")
        yield Progress(segments, segments)
        return
    swapped = False
    failed: tuple[tuple[str, str], ...] = ()
    while not swapped and not failed:  # again only if something was added meanwhile
        left = f"id IN (SELECT recording FROM main.segments WHERE {MISSING})"
        query = f"SELECT id, title, path, sha256, track FROM main.recordings WHERE {left} ORDER BY title, id"
        for name, title, path, digest, track in read(engine, query):
            yield replace(_progress(engine), current=title, failed=failed)
            try:
                for _ in _embed_recording(engine, model, name, folder / os.fsdecode(path), digest, track):
                    yield replace(_progress(engine), current=title, failed=failed)
            except (AudioError, OSError) as error:
                failed = (*failed, (title, str(error)))
        swapped = not failed and _swap(engine)
    yield replace(_progress(engine), failed=failed)


def _progress(engine: Engine) -> Progress:
    missing = f"count(CASE WHEN {MISSING} THEN 1 END)"
    ((segments, left),) = read(engine, f"SELECT count(*), {missing} FROM main.segments")
    return Progress(segments, segments - left)


def _embed_recording(
    engine: Engine, model: SpeechEncoder, recording: str, path: Path, digest: str, track: int
) -> Iterator[None]:
    """Embed the segments of a recording that are missing, some at a time."""
    query = (
        f"SELECT id, start_s, end_s FROM main.segments WHERE recording = :name AND {MISSING} ORDER BY start_s, end_s"
    )
    rows = read(engine, query, name=recording)
    waveforms = segment_waveforms(path, digest, track, [(start, end) for _, start, end in rows])
    with closing(waveforms):
        for first in range(0, len(rows), BATCH):
            ids = [number for number, _, _ in rows[first : first + BATCH]]
            output = model.encode_speech([next(waveforms) for _ in ids], return_phones=True)
            if output.vectors.shape != (len(ids), model.dim) or not are_unit(output.vectors):
                raise LibraryError(f"The model makes no unit vectors of {model.dim} numbers: use another one.")
            vectors = [vector.tobytes() for vector in output.vectors.astype("<f2")]
            phones = [pack(phones).tobytes() for phones in output.phones]
            with engine.begin() as connection:
                _store(connection, "vectors", ids, vectors)
                _store(connection, "phones", ids, phones)
            yield


def _store(connection: Connection, table: str, ids: list[int], blobs: list[bytes]) -> None:
    execute(connection, f"DELETE FROM fresh.{table} WHERE segment IN :ids", ids=ids)
    rows = [{"id": number, "blob": blob} for number, blob in zip(ids, blobs, strict=True)]
    execute_each(connection, f"INSERT INTO fresh.{table} VALUES (:id, :blob)", rows)


def _swap(engine: Engine) -> bool:
    """Put the new vectors into the library, if there is one for every segment. Returns whether there was."""
    with engine.execution_options(writes=True).begin() as connection:
        if execute(connection, f"SELECT 1 FROM main.segments WHERE {MISSING} LIMIT 1").all():
            return False
        for sql in SWAP:
            execute(connection, sql, commit=secrets.token_hex(8))
    return True
