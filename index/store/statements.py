"""SQL for the database of a library, the same wherever that is.

    execute(connection, "SELECT title FROM recordings WHERE id IN :names", names=["tale", "talk"])

Values are given by name. `IN :ids` takes a collection of integers, `IN :names` one of texts, of any length.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Engine,
    TextClause,
    bindparam,
    text,
)  # fmt: skip
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import UserDefinedType


class _Elements(ColumnElement):
    """The elements of a collection that is given as one value."""

    inherit_cache = False

    def __init__(self, given: BindParameter, kind: str) -> None:
        self.given, self.kind = given, kind


@compiles(_Elements, "sqlite")
def _in_sqlite(elements: _Elements, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT value FROM json_each({compiler.process(elements.given, **options)}))"


@compiles(_Elements, "postgresql")
def _in_postgresql(elements: _Elements, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT unnest(CAST({compiler.process(elements.given, **options)} AS {elements.kind}[])))"


class _Several(UserDefinedType):
    """A collection as a value."""

    cache_ok = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def bind_expression(self, bindvalue: BindParameter) -> ColumnElement:
        return _Elements(bindvalue, self.kind)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:
        return (lambda given: json.dumps(list(given))) if dialect.name == "sqlite" else list


COLLECTIONS = {"ids": _Several("BIGINT"), "names": _Several("TEXT")}


def execute(connection: Connection, sql: str, **values: Any) -> CursorResult:
    """Execute a statement."""
    return connection.execute(statement(sql), values)


def execute_each(connection: Connection, sql: str, values: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement with each of some values, of which there may be none."""
    if values:
        connection.execute(statement(sql), values)


def read(engine: Engine, sql: str, **values: Any) -> list[tuple]:
    """All rows of a statement, in a transaction of its own."""
    with engine.connect() as connection:
        return [tuple(row) for row in execute(connection, sql, **values).all()]


def insertion(table: str, columns: Sequence[str]) -> str:
    """The statement that inserts a row, whose values are called like its columns."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES (:{', :'.join(columns)})"


@lru_cache(512)
def statement(sql: str) -> TextClause:
    """SQL as SQLAlchemy executes it."""
    collections = (bindparam(name, type_=kind) for name, kind in COLLECTIONS.items() if f"IN :{name}" in sql)
    return text(sql).bindparams(*collections)
