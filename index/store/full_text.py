"""Full-text search in a library's database: the words of transcripts, titles, speakers and notes, and pairs of phones.

The table is a cache of what the other tables say. `refresh` writes rows anew in the transaction that changed the rest;
`complete` adds what is missing, as after an update of CLASP.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from clasp.phones.alignment import TOP_PHONES
from clasp.text.words import rarity, words
from index.store.speakers import GUESSES, NAMED
from index.store.transcripts import SEGMENTS, TRANSCRIPT

TABLES = (
    "CREATE VIRTUAL TABLE full_text USING fts5(words, names, phones, "
    "tokenize = \"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")",
    "CREATE VIRTUAL TABLE full_text_terms USING fts5vocab(full_text, row)",
    """CREATE TRIGGER full_text_removed AFTER DELETE ON segments BEGIN
        DELETE FROM full_text WHERE rowid = old.id;
    END""",
)
RAREST = 8  # words of a query that candidates are found by
COMMON, MANY = 0.2, 1_000  # a word of more than this share of the segments, and of so many, finds too many of them
BLOCK = 2_000  # segments that are written in one go
WEIGHTS = "10.0, 5.0, 0.0"  # of words, names and phones, where words are asked for


@dataclass(frozen=True)
class Found:
    """Segments by their words or phones, best first, and what their words are worth."""

    ids: list[int]
    weights: dict[str, float]  # of each word of the query: the rarer, the more


def pairs(phones: np.ndarray) -> list[str]:
    """Pairs of neighbouring phones of an utterance as words of the index.

    Args:
        phones: ids, (n,), the likeliest of each place.
    """
    return [f"{first:02x}{second:02x}" for first, second in pairwise(phones.tolist())]


def refresh(connection: sqlite3.Connection, ids: Collection[int]) -> None:
    """Write the rows of these segments anew, within the transaction that the connection is in."""
    numbers = list(ids)
    for start in range(0, len(numbers), BLOCK):
        block = json.dumps(numbers[start : start + BLOCK])
        rows = connection.execute(
            f"SELECT segments.id, {TRANSCRIPT}, title, {NAMED}, packed, "
            "(SELECT group_concat(notes.text || ' ' || tags, ' ') FROM notes WHERE notes.segment = segments.id) "
            f"FROM {SEGMENTS} JOIN recordings ON recordings.id = recording {GUESSES} "
            "LEFT JOIN phones ON phones.segment = segments.id "
            "WHERE segments.id IN (SELECT value FROM json_each(?))", (block,),
        ).fetchall()  # fmt: skip
        connection.execute("DELETE FROM full_text WHERE rowid IN (SELECT value FROM json_each(?))", (block,))
        connection.executemany(
            "INSERT INTO full_text (rowid, words, names, phones) VALUES (?, ?, ?, ?)",
            [
                (number, _joined(text), _joined(f"{title} {speaker} {notes or ''}"), " ".join(_pairs(packed)))
                for number, text, title, speaker, packed, notes in rows
            ],
        )


def complete(connection: sqlite3.Connection) -> None:
    """Write the rows that are missing; each block is a transaction of its own.

    FTS5 keeps a row of every one in `full_text_docsize`, which is quicker to read than the texts.
    """
    while True:
        missing = connection.execute(
            "SELECT id FROM segments WHERE id NOT IN (SELECT id FROM full_text_docsize) LIMIT ?", (BLOCK,)
        ).fetchall()
        if not missing:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            refresh(connection, [number for (number,) in missing])
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def find_words(
    connection: sqlite3.Connection, asked: Sequence[str], k: int, allowed: Collection[int] | None = None
) -> Found:
    """The `k` segments that have most of the words asked for, by BM25.

    Args:
        allowed: ids of the segments that count (default: all).
    """
    (count,) = connection.execute("SELECT count(*) FROM segments").fetchone()
    known = dict(connection.execute(
        "SELECT term, doc FROM full_text_terms WHERE term IN (SELECT value FROM json_each(?))",
        (json.dumps(list(dict.fromkeys(asked))),),
    ))  # fmt: skip
    weights = {word: rarity(known.get(word, 0), count) for word in asked}
    there = sorted(known, key=known.__getitem__)
    rare = [word for word in there if known[word] <= max(COMMON * count, MANY)] or there[:1]
    return Found(_matching(connection, "{words names}", rare[:RAREST], k, allowed), weights)


def find_phones(
    connection: sqlite3.Connection, asked: Sequence[str], k: int, allowed: Collection[int] | None = None
) -> list[int]:
    """The `k` segments that have most of the pairs of phones asked for, best first."""
    return _matching(connection, "phones", list(dict.fromkeys(asked)), k, allowed)


def words_of(connection: sqlite3.Connection, ids: Collection[int]) -> dict[int, frozenset[str]]:
    """The words of the transcripts, titles, speakers and notes of segments, by id."""
    rows = connection.execute(
        "SELECT rowid, words, names FROM full_text WHERE rowid IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {number: frozenset(f"{said} {names}".split()) for number, said, names in rows}


def _matching(
    connection: sqlite3.Connection, columns: str, terms: Iterable[str], k: int, allowed: Collection[int] | None
) -> list[int]:
    wanted = " OR ".join(f'"{term}"' for term in terms)
    if not wanted:
        return []
    only = "" if allowed is None else "AND rowid IN (SELECT value FROM json_each(?)) "
    values = (f"{columns} : ({wanted})", *([] if allowed is None else [json.dumps(list(allowed))]), k)
    order = "bm25(full_text)" if columns == "phones" else f"bm25(full_text, {WEIGHTS})"
    rows = connection.execute(
        f"SELECT rowid FROM full_text WHERE full_text MATCH ? {only}ORDER BY {order}, rowid LIMIT ?", values
    )
    return [number for (number,) in rows]


def _joined(text: str) -> str:
    return " ".join(words(text))


def _pairs(packed: bytes | None) -> list[str]:
    return pairs(np.frombuffer(packed or b"", np.uint8).reshape(-1, TOP_PHONES, 2)[:, 0, 0])
