"""A library copied from one home to another: from SQLite to PostgreSQL, and back."""

import os
from pathlib import Path

from index.store.postgresql import PostgreSQL
from index.store.schema import tables
from index.store.sqlite import SQLite
from index.store.statements import execute, execute_each, insertion

BLOCK = 1_000  # rows that are copied at a time


def copy_rows(source: SQLite | PostgreSQL, target: SQLite | PostgreSQL) -> None:
    """Copy what is in all tables, as one state, into those of a home that are empty; without the bin."""
    reading, writing = source.engine(), target.engine()
    try:
        with reading.connect() as there, writing.begin() as here:
            for name in _parents_first():
                columns = tables()[name].columns
                rows = execute(there, f"SELECT {', '.join(columns)} FROM {name}")
                while block := rows.fetchmany(BLOCK):
                    values = [dict(zip(columns, row, strict=True)) for row in block]
                    for one in values if "path" in columns else ():
                        one["path"] = target.stored_path(Path(os.fsdecode(one["path"])))
                    execute_each(here, insertion(name, columns), values)
            target.go_on_counting(here)
    finally:
        reading.dispose()
        writing.dispose()


def _parents_first() -> list[str]:
    """The tables, each after those that it refers to."""
    found: list[str] = []
    while left := [name for name in tables() if name not in found]:
        found += [name for name in left if all(parent in found for _, parent, _ in tables()[name].references)]
    return found
