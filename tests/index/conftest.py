"""Random unit vectors with fixed seeds, and libraries of them."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from clasp.text.words import words
from index.library import Library, Recording, Segment
from index.store.home import home_of
from tests.index.store.postgres import Server, running

CATEGORIES = ("news", "hobbies", "fiction", "")
LANGUAGES = ("en", "de", "pt-BR")

State = TypeVar("State")


@dataclass(frozen=True)
class Identity:
    """What a library needs to know of a model."""

    checksum: str = "a" * 64
    dim: int = 32
    meaning_dim: int = 16


@pytest.fixture
def model() -> Identity:
    return Identity()


def random_units(count: int, dim: int, seed: int = 0) -> np.ndarray:
    """Random directions, float32 (count, dim)."""
    vectors = np.random.default_rng(seed).standard_normal((count, dim), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def units() -> Callable[..., np.ndarray]:
    return random_units


def one_each(count: int, first: int = 0) -> tuple[list[Recording], list[Segment]]:
    """Recordings of one segment each; every segment's text is its number."""
    recordings, segments = [], []
    for number in range(first, first + count):
        facts = (LANGUAGES[number % 3], f"voice {number % 5}", CATEGORIES[number % 4])
        name = f"recording {number}"
        recordings.append(Recording(name, Path(f"audio/{number}.ogg"), f"No. {number}", 2.0, *facts, str(number)))
        segments.append(Segment(0, name, 0.0, 2.0, str(number), *facts))
    return recordings, segments


@pytest.fixture
def items() -> Callable[..., tuple[list[Recording], list[Segment]]]:
    return one_each


def found(library: Library, text: str) -> list[int]:
    """The segments that have all of these words."""
    some = library.candidates(np.zeros(Identity.dim, np.float32), words=words(text))
    return [int(number) for number, share in zip(some.ids, some.coverage, strict=True) if share == 1]


def last(states: Iterable[State]) -> State:
    """What work on a library says in the end."""
    *_, state = states
    return state


@pytest.fixture
def make(tmp_path: Path, model: Identity) -> Callable[..., Library]:
    """Makes a library of random vectors."""

    def make(count: int, name: str = "library", seed: int = 0) -> Library:
        library = Library.create(tmp_path / name, model)
        if count:
            library.add(*one_each(count), random_units(count, model.dim, seed))
        return library

    return make


def executed(folder: Path, sql: str) -> list[tuple]:
    """What SQL gives in the database of a library, behind its back."""
    with home_of(folder).engine().begin() as connection:
        result = connection.exec_driver_sql(sql)
        return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server."""
    with tempfile.TemporaryDirectory(prefix="clasp-postgres-") as folder, running(Path(folder)) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where libraries are that the test makes: it holds for either."""
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        monkeypatch.setenv("CLASP_DATABASE", server.address())
        yield request.param
        server.delete_libraries()
    else:
        yield request.param
