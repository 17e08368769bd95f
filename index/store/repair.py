"""Is a library whole? What is wrong with it, and what can be put right."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Connection

from clasp.errors import LibraryError
from clasp.filenames import readable
from clasp.files import sha256
from index.library import FILES
from index.store.bin import paths_in_bin
from index.store.home import home_of
from index.store.schema import DATABASE_FILE, connect, migrate, version
from index.store.sqlite import SQLite
from index.store.statements import execute
from index.vectors.hnsw import INDEX_FILES

TABLES = (
    "library", "recordings", "segments", "vectors", "phones", "transcripts", "corrections", "direct", "envelopes",
    "commits", "feeds", "episodes", "saved_searches", "saved_hits", "watched_folders", "speaker_embeddings", "notes",
)  # fmt: skip
SALVAGED = "library.damaged.db"


def check(folder: Path, *, mend: bool = False) -> list[str]:
    """What is wrong with the library in `folder`, a line each; with `mend`, also put right.

    A damaged database is rebuilt from what can be read of it, and kept beside as library.damaged.db. Segments without
    a vector and files of no recording are taken out. The search index is built anew at the next opening.

    Raises:
        LibraryError: if there is no database, nothing of it can be read, or a newer version of CLASP made it.
    """
    home = home_of(folder)
    if not home.exists():
        raise LibraryError(f"There is no {DATABASE_FILE} in {folder}: restore it from a copy.")
    found = _database(folder, mend) if isinstance(home, SQLite) else []  # a server looks after its files itself
    if found and not mend:
        return found
    home.migrate()
    engine = home.engine()
    try:
        with engine.execution_options(writes=True).begin() as connection:
            found += _contents(connection, folder, mend)
        with engine.connect() as connection:
            return found + _files(connection, folder, mend)
    finally:
        engine.dispose()


def _database(folder: Path, mend: bool) -> list[str]:
    damage = _damage(folder / DATABASE_FILE)
    found = [f"The database is damaged: {damage}."] if damage else []
    return [*found, _salvaged(folder)] if damage and mend else found


def _damage(path: Path) -> str:
    try:
        with closing(sqlite3.connect(path)) as database:
            version(database)  # which stands in the first page
            (state,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table in there.intersection(TABLES):
                for _ in database.execute(f"SELECT * FROM {table}"):
                    pass
        return "" if state == "ok" else " ".join(state.split())
    except sqlite3.DatabaseError as error:
        return str(error)


def _salvaged(folder: Path) -> str:
    """Copy what can be read of a damaged database into a new one, which takes its place."""
    path, new = folder / DATABASE_FILE, folder / f"{DATABASE_FILE}.new"
    new.unlink(missing_ok=True)
    saved, applied = {}, 0
    with closing(connect(new)) as target, closing(sqlite3.connect(path)) as source:
        with suppress(sqlite3.DatabaseError):
            applied = version(source)
        migrate(target, applied)
        target.execute("PRAGMA foreign_keys = OFF")
        target.execute("BEGIN")
        for table in TABLES:
            saved[table] = _copied(source, target, table)
        target.execute("COMMIT")
        migrate(target)
        target.execute("INSERT OR IGNORE INTO commits SELECT generation, commit_name FROM library")
        target.execute("PRAGMA journal_mode = DELETE").fetchone()
    if not saved["library"]:
        new.unlink()
        raise LibraryError(f"Nothing of the database in {folder} can be read: restore {DATABASE_FILE} from a copy.")
    for name in (f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", *INDEX_FILES):
        (folder / name).unlink(missing_ok=True)
    os.replace(path, folder / SALVAGED)
    os.replace(new, path)
    return f"Saved {saved['recordings']} recordings and {saved['vectors']} segments; the old one is now {SALVAGED}."


def _copied(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> int:
    """Copy the rows that can be read, from both ends towards the damage. Returns how many."""
    count = 0
    for order in ("ASC", "DESC"):
        try:
            rows = source.execute(f"SELECT * FROM {table} ORDER BY 1 {order}")
            columns, marks = ", ".join(name for name, *_ in rows.description), ", ".join("?" * len(rows.description))
            for row in rows:
                insert = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"
                count += target.execute(insert, row).rowcount
            break
        except sqlite3.DatabaseError:
            continue
    return count


def _contents(database: Connection, folder: Path, mend: bool) -> list[str]:
    dim = execute(database, "SELECT dim FROM library").scalar() or 0
    lost = f"SELECT id FROM segments LEFT JOIN vectors ON segment = id WHERE coalesce(length(vector), 0) != {2 * dim}"
    checks = {
        "segments of no recording": ("segments", "recording NOT IN (SELECT id FROM recordings)"),
        "segments without a vector": ("segments", f"id IN ({lost})"),
        "vectors of no segment": ("vectors", "segment NOT IN (SELECT id FROM segments)"),
        "phones of no segment": ("phones", "segment NOT IN (SELECT id FROM segments)"),
        "transcripts of no segment": ("transcripts", "segment NOT IN (SELECT id FROM segments)"),
        "corrections of no segment": ("corrections", "segment NOT IN (SELECT id FROM segments)"),
        "notes of no recording": ("notes", "recording NOT IN (SELECT id FROM recordings)"),
        "meanings of no segment": ("direct", "segment NOT IN (SELECT id FROM segments)"),
        "saved hits of no segment": ("saved_hits", "segment NOT IN (SELECT id FROM segments)"),
        "episodes of no feed": ("episodes", "feed NOT IN (SELECT address FROM feeds)"),
        "speakers of no segment": ("speaker_embeddings", "segment NOT IN (SELECT id FROM segments)"),
    }
    found = []
    for name, (table, clause) in checks.items():
        count = execute(database, f"SELECT count(*) FROM {table} WHERE {clause}").scalar_one()
        if count:
            found.append(f"{count} {name}" + (": taken out." if mend else "."))
            if mend:
                execute(database, f"DELETE FROM {table} WHERE {clause}")
    if found and mend:
        commit = token_hex(8)
        execute(database, "UPDATE library SET generation = generation + 1, commit_name = :commit", commit=commit)
        execute(database, "DELETE FROM commits WHERE generation = (SELECT generation FROM library)")
        execute(database, "INSERT INTO commits SELECT generation, commit_name FROM library")
        for name in INDEX_FILES:
            (folder / name).unlink(missing_ok=True)
    return found


def _files(database: Connection, folder: Path, mend: bool) -> list[str]:
    found, used = [], {folder / path for path in paths_in_bin(home_of(folder))}
    for title, where, digest in execute(database, "SELECT title, path, sha256 FROM recordings ORDER BY title"):
        path = folder / os.fsdecode(where)
        used.add(path)
        if not path.is_file():
            found.append(f"{title}: {readable(str(path))} is no longer there; add it from where it is now.")
        elif digest and sha256(path) != digest:
            found.append(f"{title}: {readable(str(path))} has changed since it was added.")
    for path in sorted((folder / FILES).glob("*")):
        if path not in used:
            found.append(f"{FILES}/{path.name} belongs to no recording" + (": deleted." if mend else "."))
            if mend:
                path.unlink()
    return found
