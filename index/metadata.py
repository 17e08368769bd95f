"""What is known of a recording, checked by the same rules wherever it comes in: a table, the page, a program."""

from collections.abc import Mapping
from unicodedata import category, normalize

from clasp.errors import DataError
from index import dates, languages

FACTS = ("title", "speaker", "category", "language", "date")  # fields of a Recording
LONGEST = 500  # characters


def line(text: str) -> str:
    """A text as one line: composed, without control characters and needless spaces.

    Raises:
        DataError: if it is too long.
    """
    text = normalize("NFC", "".join(" " if category(letter) in ("Cc", "Cs") else letter for letter in text))
    text = " ".join(text.split())
    if len(text) > LONGEST:
        raise DataError(f"“{text[:40]} …” has {len(text)} characters: write {LONGEST} at most.")
    return text


def checked(facts: Mapping[str, str]) -> dict[str, str]:
    """Facts, by the fields of a Recording, as a library keeps them; '' where something is not known.

    Raises:
        DataError: if the title is empty, or a language or date is none or leaves open which.
    """
    return {name: CHECKS.get(name, line)(value) for name, value in facts.items()}


def plain_name(name: str) -> str:
    """The name of a category or speaker as such names are compared: capitals do not count, nor lines for spaces."""
    return normalize("NFC", name).casefold().replace("_", " ").strip()


def _title(text: str) -> str:
    title = line(text)
    if not title:
        raise DataError("A recording needs a title: write one.")
    return title


CHECKS = {"title": _title, "language": languages.tag, "date": dates.iso}
