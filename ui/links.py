"""A search as a link that can be shared: what is searched for, where and how.

?q=the+ship&library=interviews&speaker=Anna&from=1962&to=1965&meaning=0.2&sort=time, or ?like=17 instead of q: what is
similar to a segment. With q, query_language says what it is written in, where that is not what it seems to be.
"""

from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from clasp.errors import ClaspError
from index.filters import Filter
from ui.service import DEMO

BALANCED = 0.5  # weight of meaning at which hits are ranked by probability
FILTERS = {  # parameter: field of SearchSettings
    "category": "category", "language": "language", "speaker": "speaker", "recording": "recording", "tag": "tag",
    "from": "since", "to": "until",
}  # fmt: skip
BY_TIME = "time"


@dataclass(frozen=True)
class SearchSettings:
    """Which library is searched, and how; filters that are "" let everything pass."""

    library: str = DEMO
    category: str = ""
    language: str = ""
    speaker: str = ""
    recording: str = ""  # id
    tag: str = ""
    since: str = ""
    until: str = ""
    meaning: float = BALANCED  # its weight: 0 ranks by sound alone, 1 by meaning alone
    by_time: bool = False

    def __post_init__(self) -> None:
        """A component that the page has not filled yet is None."""
        for field in fields(self):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, field.default)

    @property
    def filter(self) -> Filter:
        """As a library takes it."""
        category, language, speaker, recording, tag = (
            (one,) if one else () for one in (self.category, self.language, self.speaker, self.recording, self.tag)
        )
        return Filter(category, language, speaker, recording, tag, self.since.strip(), self.until.strip())

    @property
    def weight(self) -> float | None:
        """That of meaning, as a search takes it."""
        return None if self.meaning == BALANCED else self.meaning

    def without(self, *names: str) -> "SearchSettings":
        """These without some of the filters."""
        empty: dict[str, Any] = dict.fromkeys(names, "")
        return replace(self, **empty)


@dataclass(frozen=True)
class SearchRequest:
    """A search for a text, for what is similar to a segment, or for nothing yet."""

    settings: SearchSettings
    text: str = ""
    like: int | None = None
    language: str = ""  # that the text is written in; "" stands for what it seems to be


def write(request: SearchRequest) -> str:
    """The link, from its question mark; "" if nothing is searched for and everything is at its default."""
    settings = request.settings
    values = {"q": request.text} if request.text else {} if request.like is None else {"like": str(request.like)}
    values |= {"query_language": request.language} if request.text and request.language else {}
    values |= {} if settings.library == DEMO else {"library": settings.library}
    values |= {name: value.strip() for name, field in FILTERS.items() if (value := getattr(settings, field))}
    values |= {} if settings.meaning == BALANCED else {"meaning": f"{settings.meaning:g}"}
    values |= {"sort": BY_TIME} if settings.by_time else {}
    return "?" + urlencode(values) if values else ""


def of_library(name: str) -> str:
    """The link to a library in which nothing is searched for yet."""
    return write(SearchRequest(SearchSettings(name)))


def read(link: str) -> SearchRequest:
    """The search that a link asks for; other parameters are ignored.

    Raises:
        ClaspError: if a number or the order is malformed. Whether names are known is for the library to say.
    """
    given = parameters(link)
    filters = {field: given[name] for name, field in FILTERS.items() if name in given}
    sort = given.get("sort", "")
    if sort not in ("", BY_TIME):
        raise ClaspError(f"This link has sort={sort}: the only order it can ask for is sort={BY_TIME}.")
    settings = SearchSettings(given.get("library", DEMO), **filters, meaning=_meaning(given), by_time=sort == BY_TIME)
    like = given.get("like", "")
    if like and not (like.isascii() and like.isdecimal()):
        raise ClaspError(f"This link has like={like}: expected the number of an utterance.")
    text, language = ("", "") if like else (given.get("q", ""), given.get("query_language", ""))
    return SearchRequest(settings, text, int(like[:18]) if like else None, language)


def parameters(link: str | None) -> dict[str, str]:
    """The parameters of a link, the last of each name; none if there is no link."""
    return {name: values[-1].strip() for name, values in parse_qs((link or "").removeprefix("?")).items()}


def _meaning(given: dict[str, str]) -> float:
    try:
        weight = float(given.get("meaning", BALANCED))
    except ValueError:
        weight = -1
    if not 0 <= weight <= 1:
        raise ClaspError(f"This link has meaning={given['meaning']}: expected a number from 0 to 1.")
    return weight
