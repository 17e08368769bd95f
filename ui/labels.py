"""Text as people read it: names of languages and categories; durations, counts, sizes."""

from calendar import month_name
from collections.abc import Sequence
from functools import lru_cache

from langcodes import Language

from index.languages import is_code

TITLE = 60  # characters
LANGUAGES = tuple(  # offered where the language of a recording is stated
    [
        "ar",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "en",
        "es",
        "fa",
        "fi",
        "fr",
        "he",
        "hi",
        "hu",
        "id",
        "it",
        "ja",
        "ko",
        "nl",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sv",
        "tr",
        "uk",
        "vi",
        "zh",
    ]
)


@lru_cache(1024)
def language(tag: str) -> str:
    """The English name of the language of a BCP-47 tag ("pt-BR" → "Portuguese"); what is no tag stays as it is."""
    return Language.get(tag).language_name() if is_code(tag) else tag


@lru_cache(1024)
def variant(tag: str) -> str:
    """The English name of a BCP-47 tag ("pt-BR" → "Portuguese (Brazil)"); what is no tag stays as it is."""
    return Language.get(tag).display_name() if is_code(tag) else tag


def category(name: str) -> str:
    """ "science_fiction" → "science fiction"."""
    return name.replace("_", " ")


def title(text: str) -> str:
    """A title, cut short if it is long."""
    return text if len(text) <= TITLE else text[: TITLE - 1].rstrip(" ,.;:") + "…"


def period(date: str) -> str:
    """ "1962-05" → "May 1962", "1962" → "1962", "196" → "1960s", "19" → "1900s"; "" for ""."""
    year, _, month = date.partition("-")
    if month:
        return f"{month_name[int(month)]} {year}"
    return f"{year:0<4}s" if 0 < len(year) < 4 else year


def clock(seconds: float) -> str:
    """72.4 → "1:12", 3672 → "1:01:12"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """42 → "42 s", 2,460 → "41 min", 12,240 → "3.4 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.1f} h"


def size(number: float) -> str:
    """Bytes: 3_500_000 → "3.5 MB"."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while number >= 1_000 and len(units) > 1:
        number, units = number / 1_000, units[1:]
    return f"{number:.0f} {units[0]}" if number >= 10 or units[0] == "bytes" else f"{number:.1f} {units[0]}"


def count(number: int, noun: str, plural: str = "") -> str:
    """1, "file" → "1 file"; 1,200, "utterance" → "1,200 utterances"; 2, "match", "matches" → "2 matches"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def several(names: Sequence[str]) -> str:
    """ "Ada, Bo, Cy, Di" → "Ada, Bo and 2 more"; no more than three are named in full."""
    first, rest = (names, []) if len(names) <= 3 else (names[:2], names[2:])
    return ", ".join(first) + (f" and {len(rest)} more" if rest else "")


def percent(share: float) -> str:
    """0.934 → "93%", 0.001 → "less than 1%"."""
    return f"{100 * share:.0f}%" if share >= 0.01 else "less than 1%"
