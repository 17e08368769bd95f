"""The database of a library: its tables, and how an older one is brought up to date.

A migration is a tuple of statements; the number of those applied is SQLite's `user_version`. To change the
tables, append a migration. Those that exist are never edited: libraries out there were made by them.
"""

import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from clasp.errors import LibraryError
from index.store import full_text
from index.store.languages import RECOGNIZE

DATABASE_FILE = "library.db"
BUSY_SECONDS = 30.0  # longest wait for another process that writes

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE library (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            model TEXT NOT NULL,          -- checksum of the model that made the vectors
            dim INTEGER NOT NULL,
            generation INTEGER NOT NULL,  -- counts commits
            commit_name TEXT NOT NULL     -- random: no two libraries, nor two copies of one, share it
        )""",
        """CREATE TABLE recordings (
            id TEXT PRIMARY KEY,
            path TEXT NOT NULL,           -- absolute, or relative to the library's audio folder
            title TEXT NOT NULL,
            duration REAL NOT NULL CHECK (duration > 0),  -- seconds
            language TEXT NOT NULL,       -- BCP-47; '' where unknown, as in the columns below
            voice TEXT NOT NULL,
            category TEXT NOT NULL,
            text TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE segments (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice; also the label in the HNSW index
            recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
            start_s REAL NOT NULL CHECK (start_s >= 0),
            end_s REAL NOT NULL CHECK (end_s > start_s),
            text TEXT NOT NULL,
            language TEXT NOT NULL,
            voice TEXT NOT NULL,
            category TEXT NOT NULL,
            UNIQUE (recording, start_s, end_s)
        )""",
        """CREATE TABLE vectors (
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            vector BLOB NOT NULL          -- dim little-endian float16, unit length
        )""",
    ),
    (
        """CREATE TABLE phones (
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            heard BLOB NOT NULL           -- what clasp.phones.alignment.pack makes: uint8 (phones, KEPT, 2)
        )""",
    ),
    (
        "ALTER TABLE recordings ADD COLUMN date TEXT NOT NULL DEFAULT ''",  # of the recording, ISO 8601
        "ALTER TABLE recordings ADD COLUMN added TEXT NOT NULL DEFAULT ''",  # ISO 8601, UTC
        "ALTER TABLE recordings ADD COLUMN sha256 TEXT NOT NULL DEFAULT ''",  # of the file
        "ALTER TABLE recordings ADD COLUMN done INTEGER NOT NULL DEFAULT 1",  # 0: only a first part has been added
        "CREATE UNIQUE INDEX recordings_by_content ON recordings (sha256) WHERE sha256 != ''",
        """CREATE TABLE commits (            -- all there have been: a search index is of one of them
            generation INTEGER PRIMARY KEY,
            name TEXT NOT NULL
        )""",
        "INSERT INTO commits SELECT generation, commit_name FROM library",
    ),
    (
        """CREATE TABLE envelopes (
            recording TEXT PRIMARY KEY REFERENCES recordings (id) ON DELETE CASCADE,
            loudness BLOB NOT NULL        -- uint8, of every tenth of a second: see clasp.audio.envelope
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE transcripts (        -- a machine's; what came with a recording is the segment's text
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            text TEXT NOT NULL,           -- '' where nobody speaks, or nothing was understood
            language TEXT NOT NULL,       -- that was detected; '' where nothing was
            words TEXT NOT NULL,          -- JSON: [word, start, end, probability] each, in seconds of the recording
            log_probability REAL NOT NULL,
            compression_ratio REAL NOT NULL,
            no_speech REAL NOT NULL,
            transcriber TEXT NOT NULL,    -- its name
            outdated INTEGER NOT NULL DEFAULT 0  -- 1: it is to be made again
        )""",
        """CREATE TABLE direct (             -- meanings as they were heard, where a transcript was asked to be taken in
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            meaning BLOB NOT NULL,        -- little-endian float16, unit length: the first half of the vector once
            fused INTEGER NOT NULL        -- whether the vector has the transcript that there is now
        )""",
        "ALTER TABLE vectors ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0",  # generation in which it was; 0: never
        "CREATE INDEX vectors_by_replacement ON vectors (replaced) WHERE replaced > 0",
    ),
    ("ALTER TABLE recordings ADD COLUMN beside TEXT NOT NULL DEFAULT ''",),  # JSON: see index.ingest.sidecars
    (
        "ALTER TABLE recordings ADD COLUMN track INTEGER NOT NULL DEFAULT 0",  # of the file's sound; 0: the usual one
        "ALTER TABLE recordings ADD COLUMN flaw TEXT NOT NULL DEFAULT ''",  # what of the file could not be read
        "CREATE INDEX recordings_by_path ON recordings (path)",  # a path that is no UTF-8 is a blob
    ),
    (
        "ALTER TABLE recordings RENAME COLUMN voice TO speaker",
        "ALTER TABLE recordings RENAME COLUMN beside TO sidecar",
        "ALTER TABLE segments RENAME COLUMN voice TO speaker",
        "ALTER TABLE phones RENAME COLUMN heard TO packed",
    ),
    full_text.TABLES,
    (
        """CREATE TABLE feeds (
            address TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            etag TEXT NOT NULL,           -- what the server gave to ask whether there is anything new; '' if nothing
            modified TEXT NOT NULL,       -- likewise
            checked TEXT NOT NULL,        -- when it was last looked at, ISO 8601, UTC; '' if never
            problem TEXT NOT NULL         -- one sentence: why it could not be read then; '' if it could
        ) WITHOUT ROWID""",
        """CREATE TABLE episodes (
            feed TEXT NOT NULL REFERENCES feeds (address) ON DELETE CASCADE,
            guid TEXT NOT NULL,
            address TEXT NOT NULL,        -- of its sound
            title TEXT NOT NULL,
            date TEXT NOT NULL,           -- ISO 8601; '' where unknown, as in the columns below
            category TEXT NOT NULL,
            language TEXT NOT NULL,       -- BCP-47
            type TEXT NOT NULL,           -- of its sound, as MIME has it
            transcripts TEXT NOT NULL,    -- JSON: [address, type, language] each
            done INTEGER NOT NULL DEFAULT 0,  -- 1: it is in the library, or cannot be read
            recording TEXT NOT NULL DEFAULT '',  -- that was made of it, whether or not the library still has it
            problem TEXT NOT NULL DEFAULT '',  -- one sentence: why it could not be taken up
            PRIMARY KEY (feed, guid)
        ) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE saved_searches (
            name TEXT PRIMARY KEY,
            text TEXT NOT NULL,           -- '' of a spoken one
            language TEXT NOT NULL,       -- of the text, BCP-47
            filters TEXT NOT NULL,        -- JSON: the fields of index.filters.Filter
            model TEXT NOT NULL,          -- checksum of the model that encoded it
            created TEXT NOT NULL,        -- ISO 8601, UTC
            vector BLOB NOT NULL,         -- as numpy.save writes it, like the phones
            phones BLOB NOT NULL,
            sound BLOB NOT NULL,          -- of a spoken one: FLAC
            known INTEGER NOT NULL,       -- segments up to this one were there when it was saved
            last INTEGER NOT NULL,        -- segments up to this one have been searched,
            generation INTEGER NOT NULL   -- as they were in this one
        ) WITHOUT ROWID""",
        """CREATE TABLE saved_hits (
            search TEXT NOT NULL REFERENCES saved_searches (name) ON DELETE CASCADE,
            segment INTEGER NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
            probability REAL NOT NULL,
            strong INTEGER NOT NULL,
            found TEXT NOT NULL,          -- when, ISO 8601, UTC
            seen INTEGER NOT NULL,
            PRIMARY KEY (search, segment)
        ) WITHOUT ROWID""",
        "CREATE INDEX saved_hits_by_segment ON saved_hits (segment)",
    ),
    (
        """CREATE TABLE corrections (        -- a person's: they go before every other transcript
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            text TEXT NOT NULL,           -- '' where nothing is spoken
            words TEXT NOT NULL           -- as those of transcripts; [] where their times are not known
        )""",
        """CREATE TABLE notes (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
            at_s REAL NOT NULL CHECK (at_s >= 0),
            text TEXT NOT NULL,
            tags TEXT NOT NULL,           -- JSON: a list of texts
            segment INTEGER REFERENCES segments (id) ON DELETE SET NULL  -- that had begun last
        )""",
        "CREATE INDEX notes_by_recording ON notes (recording, at_s)",
        "CREATE INDEX notes_by_segment ON notes (segment)",
    ),
    (
        """CREATE TABLE watched_folders (
            path TEXT PRIMARY KEY,        -- absolute; one that is no UTF-8 is a blob
            happened TEXT NOT NULL,       -- when something last did, ISO 8601, UTC; '' if never
            outcome TEXT NOT NULL         -- one sentence: what
        )""",
    ),
    (
        """CREATE TABLE speaker_embeddings (  -- who speaks, by the sound; who was named stands in segments.speaker
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            head TEXT NOT NULL,             -- checksum of the speaker head that made it
            embedding BLOB NOT NULL,        -- little-endian float16, unit length
            guess TEXT NOT NULL DEFAULT ''  -- name of the speaker; '' until one is guessed
        )""",
    ),
    (
        """CREATE TABLE recurrences (        -- segments of two recordings that say the same
            segment INTEGER NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
            other INTEGER NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
            probability REAL NOT NULL,
            PRIMARY KEY (segment, other),
            CHECK (segment < other)
        ) WITHOUT ROWID""",
        "CREATE INDEX recurrences_by_other ON recurrences (other)",
        """CREATE TABLE compared (           -- segments whose like in other recordings has been looked for
            segment INTEGER PRIMARY KEY REFERENCES segments (id) ON DELETE CASCADE,
            generation INTEGER NOT NULL   -- of the library then
        )""",
    ),
    (
        "ALTER TABLE recordings ADD COLUMN tags TEXT NOT NULL DEFAULT ''",  # with ', ' between them
        # full_text.complete writes these anew: now with those who are guessed to speak
        "DELETE FROM full_text WHERE rowid IN (SELECT segment FROM speaker_embeddings WHERE guess != '')",
    ),
    (
        "ALTER TABLE recordings ADD COLUMN recognized_language TEXT NOT NULL DEFAULT ''",  # counts where none is stated
        RECOGNIZE,
    ),
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may be used from any thread, by one at a time; transactions are begun explicitly.

    Raises:
        sqlite3.Error: if that is no database, or it cannot be used.
    """
    connection = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        if connection.execute("PRAGMA page_count").fetchone() == (0,):  # later it has no effect, but waits for writers
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # what was committed survives a loss of power
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, upto: int | None = None) -> None:
    """Apply what is missing of MIGRATIONS, or of the first `upto` of them, each in a transaction of its own.

    Raises:
        LibraryError: if the database was made by a newer version.
        sqlite3.Error: if one cannot be applied; it is as before that one then.
    """
    applied = version(connection)
    for number, statements in enumerate(MIGRATIONS[applied:upto], start=applied + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if version(connection) < number:  # asked inside: another process may have come first
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def version(connection: sqlite3.Connection) -> int:
    """How many of MIGRATIONS have been applied.

    Raises:
        LibraryError: if that is more than there are.
    """
    (applied,) = connection.execute("PRAGMA user_version").fetchone()
    if applied > len(MIGRATIONS):
        raise LibraryError("The library was made by a newer version of CLASP: update CLASP to open it.")
    return applied


class Table(NamedTuple):
    """A table of the current version."""

    columns: list[str]
    references: list[tuple[str, str, bool]]  # column, the table that it refers to, whether its rows go with those


@lru_cache
def tables() -> dict[str, Table]:
    """The tables of the current version, by name, in alphabetical order; without those of the full text."""
    with closing(sqlite3.connect(":memory:")) as database:
        migrate(database)
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE %'")
        return {
            name: Table(
                [row[1] for row in database.execute(f"PRAGMA table_info({name})")],
                [(row[3], row[2], row[6] == "CASCADE") for row in database.execute(f"PRAGMA foreign_key_list({name})")],
            )
            for (name,) in sorted(names)
            if not name.startswith(("full_text", "sqlite_"))
        }
