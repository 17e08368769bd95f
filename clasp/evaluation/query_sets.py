"""A test: queries of one kind, the pool of utterances that they are asked of, and which answers are right."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from clasp.evaluation.utterances import Utterance

Floor = tuple[float | None, float | None]  # HITS@1 and recall@10 asked for


class Text(NamedTuple):
    """A typed query."""

    text: str
    language: str | None  # BCP-47 tag; None where it is more than one, and the model has to tell


@dataclass(frozen=True)
class Query:
    """What is asked, typed or spoken, and the places in the pool that are right."""

    asked: Text | Utterance
    answers: frozenset[int]


@dataclass(frozen=True)
class QuerySet:
    """Queries of one kind, and the pool of utterances that they are asked of.

    `grouped` sets are also measured by category, voice and duration of the first right utterance; those of `own_words`,
    whose typed queries are what is said in their one answer, by the paper's protocol, too.
    """

    name: str
    title: str
    queries: tuple[Query, ...]
    pool: tuple[Utterance, ...]
    floors: Mapping[str, Floor] = field(default_factory=dict)  # by the name of a system
    grouped: bool = False
    own_words: bool = False


@dataclass(frozen=True)
class Contrast:
    """A recording with a text that says the same, and one that says nearly so and contradicts it."""

    utterance: Utterance
    right: Text
    wrong: Text


@dataclass(frozen=True)
class ContrastSet:
    """Contrasts of one kind: the right text must be nearer to its recording than the wrong one."""

    name: str
    title: str
    contrasts: tuple[Contrast, ...]
    floors: Mapping[str, Floor] = field(default_factory=dict)
