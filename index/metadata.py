"""What is known of a recording, checked by the same rules wherever it comes in: a table, the page, a program."""

import re
from collections.abc import Mapping
from datetime import date
from unicodedata import category, normalize

from clasp.errors import DataError
from index import dates, languages

FACTS = ("title", "speaker", "category", "language", "date", "tags")  # fields of a Recording
LONGEST = 500  # characters
FIRST_YEAR = 1850  # before any sound was recorded
BETWEEN_TAGS = re.compile("[,;|،、，；]")  # and so never in one
UNKNOWN = frozenset((
    "-", "--", "–", "—", "?", "??", ".", "n/a", "n.a.", "none", "null", "NaN", "unknown", "not known", "undetermined",
    "undated", "no date", "n.d.", "s.d.", "o.d.", "o. d.", "o.j.", "ohne datum", "sin fecha", "sans date", "unbekannt",
    "inconnu", "inconnue", "desconocido", "desconocida", "desconhecido", "sconosciuto", "onbekend", "неизвестно",
    "不明", "未知", "0000-00-00", "1900-01-00", "NA", "<na>", "NaT", "\\N", "nil", "not available", "not applicable",
    "tbd", "tba", "k.a.", "k. a.", "keine angabe", "(blank)", "(empty)", "[unknown]", "(unknown)", "#n/a", "#ref!",
    "#value!", "#name?", "#null!", "#num!", "#div/0!", "#error!",
))  # fmt: skip
"""What people and programs write where they know nothing, in lower case but for "NaN", "NA" and their like: "nan"
and "na" are languages."""


def line(text: str, longest: int = LONGEST) -> str:
    """A text as one line: composed, without control characters and needless spaces.

    Raises:
        DataError: if it is too long.
    """
    text = normalize("NFC", "".join(" " if category(letter) in ("Cc", "Cs") else letter for letter in text))
    text = " ".join(text.split())
    if len(text) > longest:
        raise DataError(f"“{text[:40]} …” has {len(text)} characters: write {longest} at most.")
    return text


def checked(facts: Mapping[str, str]) -> dict[str, str]:
    """Facts, by the fields of a Recording, as a library keeps them; '' where something is not known.

    Raises:
        DataError: if the title is empty, or a language or date is none or leaves open which.
    """
    return {name: CHECKS.get(name, line)(value) for name, value in facts.items()}


def tags(text: str) -> tuple[str, ...]:
    """The tags in a text with commas, semicolons or bars between them, each once, whatever its case.

    >>> tags("harbour; #Oral history, Harbour")
    ('harbour', 'Oral history')

    Raises:
        DataError: if one is too long.
    """
    found: dict[str, str] = {}
    for tag in filter(None, (line(part).lstrip("# ") for part in BETWEEN_TAGS.split(text))):
        found.setdefault(plain_name(tag), tag)
    return tuple(found.values())


def is_known(text: str) -> bool:
    """Whether a text says anything, and not that nothing is known."""
    text = " ".join(text.split())
    return bool(text) and text not in UNKNOWN and text.lower() not in UNKNOWN


def plain_name(name: str) -> str:
    """The name of a category or speaker as such names are compared: capitals do not count, nor lines for spaces."""
    return normalize("NFC", name).casefold().replace("_", " ").strip()


def _title(text: str) -> str:
    title = line(text)
    if not title:
        raise DataError("A recording needs a title: write one.")
    return title


def _date(text: str) -> str:
    day = dates.iso(text)
    if day and not FIRST_YEAR <= int(day[:4]) <= date.today().year + 1:
        raise DataError(f"{text!r} is no year of a recording: write the date in the Gregorian calendar.")
    return day


def _tags(text: str) -> str:
    return ", ".join(tags(text))


CHECKS = {"title": _title, "language": languages.tag, "date": _date, "tags": _tags}
