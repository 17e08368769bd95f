"""A library's database, opened: who reads and writes it, in transactions, and what is said when that fails."""

import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import CursorResult, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from clasp.errors import LibraryError
from index.store.full_text import full_text_of
from index.store.home import home_of
from index.store.statements import execute, execute_each


class Connection:
    """Readers on any number of threads see what is committed; of writers, there must be one at a time."""

    def __init__(self, folder: Path, server: str | None = None) -> None:
        """Open the database of the library in `folder`, or begin one; see `index.store.home.home_of`."""
        self.folder = folder
        self._home = home_of(folder, server)
        self._engine = self._home.engine()
        self._closed = False
        self._writer: sqlalchemy.Connection  # in a transaction
        self._full_text = full_text_of(self._engine)
        try:
            with self._errors():
                self._home.migrate()
                self._home.settle()
                self._full_text.complete(self._engine)
                self._made_by = self.model()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._engine.dispose()

    def model(self) -> tuple[str, int] | None:
        """Checksum of the model whose vectors are held, and their dimension; None in a new database."""
        rows = self._read("SELECT model, dim FROM library")
        return rows[0] if rows else None

    @contextmanager
    def _reading(self) -> Iterator[sqlalchemy.Connection]:
        """A connection that sees one state of the database."""
        self._must_be_open()
        with self._errors(), self._engine.connect() as connection:
            yield connection

    def _read(self, sql: str, **values: Any) -> list[tuple]:
        with self._reading() as connection:
            return [tuple(row) for row in execute(connection, sql, **values).all()]

    @contextmanager
    def _transaction(self, engine: Engine | None = None) -> Iterator[None]:
        """All that is written meanwhile, or nothing of it."""
        self._must_be_open()
        with self._errors(), (engine or self._engine).execution_options(writes=True).begin() as self._writer:
            yield

    @contextmanager
    def _commit(self, engine: Engine | None = None) -> Iterator[None]:
        """The same, making a new version."""
        with self._transaction(engine):
            self._must_be_of_its_model(self._write("SELECT model, dim FROM library").one_or_none())
            yield
            self._make_version()

    def _make_version(self) -> None:
        """Have the transaction make a new version."""
        commit = secrets.token_hex(8)
        self._write("UPDATE library SET generation = generation + 1, commit_name = :commit", commit=commit)
        self._write("INSERT INTO commits SELECT generation, commit_name FROM library")

    def _write(self, sql: str, **values: Any) -> CursorResult:
        """Execute a statement in the transaction."""
        return execute(self._writer, sql, **values)

    def _write_each(self, sql: str, values: Sequence[Mapping[str, Any]]) -> None:
        """The same with each of some values."""
        execute_each(self._writer, sql, values)

    def _must_be_open(self) -> None:
        """Raise LibraryError if it was closed."""
        if self._closed:
            raise LibraryError(f"The library in {self.folder} is closed.")

    def _must_be_of_its_model(self, made_by: Sequence | None) -> None:
        """Raise LibraryError if it no longer is of the model that it was of when it was opened."""
        if made_by != self._made_by:
            raise LibraryError(f"The library in {self.folder} was embedded anew by another model: open it again.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """The database's errors as errors meant for a person."""
        try:
            yield
        except IntegrityError as error:
            raise LibraryError(
                "Nothing was added: a recording or segment is there already, belongs to no known recording, "
                f"or has a value out of range ({' '.join(str(error.orig).split())})."
            ) from error
        except (DBAPIError, sqlite3.Error, OSError) as error:
            raise self._home.explained(getattr(error, "orig", None) or error) from error
