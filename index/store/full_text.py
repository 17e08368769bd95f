"""Full-text search in a library's database: the words of transcripts, titles, speakers and notes, and pairs of phones.

The table is a cache of what the other tables say. `refresh` writes rows anew in the transaction that changed the rest;
`complete` adds what is missing, as after an update of CLASP. What is particular to a database is in `Fts5` and
`TextVectors`.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine

from clasp.phones.alignment import RAREST_PAIRS, TOP_PHONES
from clasp.text.words import rarity, words
from index.store.speakers import GUESSES, NAMED
from index.store.statements import execute, execute_each
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
MOST_LETTERS = 500  # of a word; PostgreSQL takes no longer ones than 2 kB
BLOCK = 2_000  # segments that are written in one go
IN_NAMES = 0.9  # what a word is worth in names that is worth 1 in what is said
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


class Fts5:
    """SQLite's full-text search: ranks by BM25."""

    # FTS5 keeps a row of every one in `full_text_docsize`, which is quicker to read than the texts
    stored = "SELECT id FROM full_text_docsize"
    insert = "INSERT INTO full_text (rowid, words, names, phones) VALUES (:id, :spoken, :about, :phones)"
    words = "SELECT rowid, words || ' ' || names FROM full_text WHERE rowid IN :ids"

    def counts(self, connection: Connection, terms: Collection[str], phones: bool = False) -> dict[str, int]:
        """How many segments have each of some words or pairs of phones, where there are any."""
        rows = execute(connection, "SELECT term, doc FROM full_text_terms WHERE term IN :names", names=terms)
        return {term: count for term, count in rows}

    def matching(
        self, connection: Connection, terms: Mapping[str, float], k: int, allowed: Collection[int] | None, phones: bool
    ) -> list[int]:
        """The `k` segments that have most of some terms, of which it is known what each is worth."""
        columns, order = ("phones", "bm25(full_text)") if phones else ("words names", f"bm25(full_text, {WEIGHTS})")
        wanted = " OR ".join(f'"{term}"' for term in terms)
        only = "" if allowed is None else "AND rowid IN :ids "
        rows = execute(
            connection,
            f"SELECT rowid FROM full_text WHERE full_text MATCH :wanted {only}ORDER BY {order}, rowid LIMIT :k",
            wanted=f"{{{columns}}} : ({wanted})", k=k, **({} if allowed is None else {"ids": allowed}),
        )  # fmt: skip
        return list(rows.scalars())


class TextVectors:
    """PostgreSQL's full-text search: ranks by how rare the words are that a segment has, then shorter ones first."""

    stored = "SELECT rowid FROM full_text"
    insert = (
        "INSERT INTO full_text VALUES (:id, array_to_tsvector(string_to_array(:spoken, ' ')), "
        "array_to_tsvector(string_to_array(:about, ' ')), array_to_tsvector(string_to_array(:phones, ' ')))"
    )
    words = "SELECT rowid, array_to_string(tsvector_to_array(words || names), ' ') FROM full_text WHERE rowid IN :ids"

    def counts(self, connection: Connection, terms: Collection[str], phones: bool = False) -> dict[str, int]:
        """How many segments have each of some words or pairs of phones, where there are any."""
        queries = {_lexeme(term): term for term in terms}
        there = " OR ".join(
            f"{column} @@ CAST(query AS TSQUERY)" for column in (("phones",) if phones else ("words", "names"))
        )
        rows = execute(
            connection,
            f"SELECT query, (SELECT count(*) FROM full_text WHERE {there}) "
            "FROM unnest(CAST(:queries AS TEXT[])) AS query", queries=[*queries],
        )  # fmt: skip
        return {queries[query]: count for query, count in rows if count}

    def matching(
        self, connection: Connection, terms: Mapping[str, float], k: int, allowed: Collection[int] | None, phones: bool
    ) -> list[int]:
        """The `k` segments that have most of some terms, of which it is known what each is worth."""
        values: dict[str, Any] = {"wanted": " | ".join(map(_lexeme, terms)), "k": k}
        wanted, worth = "CAST(:wanted AS TSQUERY)", "ts_rank(phones, CAST(:wanted AS TSQUERY))"
        if not phones:
            values |= {f"term{place}": _lexeme(term) for place, term in enumerate(terms)}
            values |= {f"weight{place}": weight for place, weight in enumerate(terms.values())}
            worth = " + ".join(
                f"CASE WHEN words @@ CAST(:term{place} AS TSQUERY) THEN :weight{place} "
                f"WHEN names @@ CAST(:term{place} AS TSQUERY) THEN {IN_NAMES} * :weight{place} ELSE 0 END"
                for place in range(len(terms))
            )
        where = f"phones @@ {wanted}" if phones else f"(words @@ {wanted} OR names @@ {wanted})"
        if allowed is not None:
            where += " AND rowid IN :ids"
            values["ids"] = allowed
        length = "length(phones)" if phones else "length(words)"
        order = f"ORDER BY {worth} DESC, {length}, rowid LIMIT :k"
        return list(execute(connection, f"SELECT rowid FROM full_text WHERE {where} {order}", **values).scalars())


class FullText:
    """The full text of a library's database."""

    def __init__(self, kind: Fts5 | TextVectors) -> None:
        self._kind = kind

    def refresh(self, connection: Connection, ids: Collection[int]) -> None:
        """Write the rows of these segments anew, within the transaction that the connection is in."""
        numbers = list(ids)
        for start in range(0, len(numbers), BLOCK):
            block = numbers[start : start + BLOCK]
            rows = execute(
                connection,
                f"SELECT segments.id, {TRANSCRIPT}, title, {NAMED}, packed "
                f"FROM {SEGMENTS} JOIN recordings ON recordings.id = recording {GUESSES} "
                "LEFT JOIN phones ON phones.segment = segments.id WHERE segments.id IN :ids", ids=block,
            ).all()  # fmt: skip
            notes: defaultdict[int, str] = defaultdict(str)
            query = "SELECT segment, text, tags FROM notes WHERE segment IN :ids ORDER BY id"
            for number, text, tags in execute(connection, query, ids=block):
                notes[number] += f" {text} {tags}"
            execute(connection, "DELETE FROM full_text WHERE rowid IN :ids", ids=block)
            execute_each(connection, self._kind.insert, [
                {"id": number, "spoken": _joined(text), "about": _joined(f"{title} {speaker}{notes[number]}"),
                 "phones": " ".join(_pairs(packed))}
                for number, text, title, speaker, packed in rows
            ])  # fmt: skip

    def complete(self, engine: Engine) -> None:
        """Write the rows that are missing; each block is a transaction of its own."""
        missing = f"SELECT id FROM segments WHERE id NOT IN ({self._kind.stored}) LIMIT {BLOCK}"
        while True:
            with engine.connect() as connection:
                if not execute(connection, missing).all():
                    return
            with engine.execution_options(writes=True).begin() as connection:
                self.refresh(connection, list(execute(connection, missing).scalars()))

    def find_words(
        self, connection: Connection, asked: Sequence[str], k: int, allowed: Collection[int] | None = None
    ) -> Found:
        """The `k` segments that have most of the words asked for, the rarer the better.

        Args:
            allowed: ids of the segments that count (default: all).
        """
        count = execute(connection, "SELECT count(*) FROM segments").scalar_one()
        known = self._kind.counts(connection, list(dict.fromkeys(asked)))
        weights = {word: rarity(known.get(word, 0), count) for word in asked}
        there = sorted(known, key=known.__getitem__)
        rare = [word for word in there if known[word] <= max(COMMON * count, MANY)] or there[:1]
        wanted = {word: weights[word] for word in rare[:RAREST]}
        return Found(self._matching(connection, wanted, k, allowed), weights)

    def find_phones(
        self, connection: Connection, asked: Sequence[str], k: int, allowed: Collection[int] | None = None
    ) -> list[int]:
        """The `k` segments that have most of the rarest pairs of phones asked for, best first."""
        known = self._kind.counts(connection, list(dict.fromkeys(asked)), phones=True)
        rarest = sorted(known, key=known.__getitem__)[:RAREST_PAIRS]
        return self._matching(connection, dict.fromkeys(rarest, 1.0), k, allowed, phones=True)

    def words_of(self, connection: Connection, ids: Collection[int]) -> dict[int, frozenset[str]]:
        """The words of the transcripts, titles, speakers and notes of segments, by id."""
        rows = execute(connection, self._kind.words, ids=ids).all()
        return {number: frozenset(found.split()) for number, found in rows}

    def _matching(
        self,
        connection: Connection,
        terms: Mapping[str, float],
        k: int,
        allowed: Collection[int] | None,
        phones: bool = False,
    ) -> list[int]:
        return self._kind.matching(connection, terms, k, allowed, phones) if terms else []


def full_text_of(engine: Engine) -> FullText:
    """The full text of a database."""
    return FullText(Fts5() if engine.dialect.name == "sqlite" else TextVectors())


def _lexeme(term: str) -> str:
    """A term as PostgreSQL reads it in a query."""
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _joined(text: str) -> str:
    return " ".join(word[:MOST_LETTERS] for word in words(text))


def _pairs(packed: bytes | None) -> list[str]:
    return pairs(np.frombuffer(packed or b"", np.uint8).reshape(-1, TOP_PHONES, 2)[:, 0, 0])
