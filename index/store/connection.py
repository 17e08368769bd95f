"""A library's database, opened: who reads and writes it, in transactions, and what is said when that fails."""

import secrets
import shlex
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from clasp.errors import LibraryError
from index.store import full_text
from index.store.schema import DATABASE_FILE, connect, migrate

LEAST_FREE = 2**20  # bytes; a disk with less is full


class Connection:
    """Readers on any number of threads see what is committed; of writers, there must be one at a time."""

    def __init__(self, folder: Path) -> None:
        """Open the database in `folder`, or begin one there."""
        self.folder = folder
        self._reader_lock = threading.Lock()
        with ExitStack() as opened, self._errors():
            self._writer = opened.enter_context(closing(connect(folder / DATABASE_FILE)))
            self._reader = opened.enter_context(closing(connect(folder / DATABASE_FILE)))
            migrate(self._writer)
            full_text.complete(self._writer)
            self._made_by = self.model()
            opened.pop_all()  # they stay open

    def close(self) -> None:
        """Close the connections."""
        with self._reader_lock:
            self._reader.close()
            self._writer.close()

    def model(self) -> tuple[str, int] | None:
        """Checksum of the model whose vectors are held, and their dimension; None in a new database."""
        rows = self._read("SELECT model, dim FROM library")
        return rows[0] if rows else None

    def _read(self, query: str, values: tuple = ()) -> list[tuple]:
        with self._reader_lock, self._errors():
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All that is written meanwhile, or nothing of it."""
        with self._errors():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _commit(self) -> Iterator[None]:
        """The same, making a new version."""
        with self._transaction():
            self._must_be_of_its_model(self._writer.execute("SELECT model, dim FROM library").fetchone())
            yield
            commit = (secrets.token_hex(8),)
            self._writer.execute("UPDATE library SET generation = generation + 1, commit_name = ?", commit)
            self._writer.execute("INSERT INTO commits SELECT generation, commit_name FROM library")

    def _must_be_of_its_model(self, made_by: tuple[str, int] | None) -> None:
        """Raise LibraryError if it no longer is of the model that it was of when it was opened."""
        if made_by != self._made_by:
            raise LibraryError(f"The library in {self.folder} was embedded anew by another model: open it again.")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as errors meant for a person."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise LibraryError(
                "Nothing was added: a recording or segment is there already, belongs to no known recording, "
                f"or has a value out of range ({error})."
            ) from error
        except (sqlite3.OperationalError, sqlite3.ProgrammingError, OSError) as error:  # locked, full, closed
            if "disk" in str(error) and shutil.disk_usage(self.folder).free < LEAST_FREE:
                reason = f"There is no room left on the disk of {self.folder}: free some; what is stored there stays."
                raise LibraryError(reason) from error
            raise LibraryError(f"The library in {self.folder} cannot be used: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> LibraryError:
        return LibraryError(
            f"The library in {self.folder} is damaged ({reason}): restore {DATABASE_FILE} from a copy, or save what "
            f"can be read of it with: python -m clasp library repair --library {shlex.quote(str(self.folder))}"
        )
