"""A library of recordings that can be searched by meaning and by sound.

- `library`: recordings, their segments and vectors; `transcripts`: what a machine has transcribed of them.
- `search`: a query in, `hit`s out, ranked by the probability that they say the same; `filters`, `moments`, `export`.
- `paths`, `registry`, `guests`: which libraries there are, and who may open them; `demo`: the one that ships.
- `indexed_database`: `store` (SQLite, the truth) with `vectors` (the search index, a cache of it).
- `ingest`: files in; `live`: search while somebody speaks; `map`: where the utterances lie.
- `cli`: the command line; `benchmarks`: speed and memory.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index.library import Library

__all__ = ["Library"]


def __getattr__(name: str) -> Any:
    """`Library` is imported when it is first used, for it brings large libraries."""
    if name == "Library":
        from index.library import Library

        return Library
    raise AttributeError(f"module 'index' has no attribute {name!r}")
