"""A search as an address that can be shared: what is asked, of which library and how, and back.

?q=the+ship&library=interviews&speaker=Anna&from=1962&to=1965&meaning=0.2&sort=time; ?like=17 instead of q: by a hit.
"""

from dataclasses import dataclass, fields, replace
from urllib.parse import parse_qs, urlencode

from clasp.errors import ClaspError
from index.filters import Filter
from ui.service import DEMO

BALANCED = 0.5  # weight of meaning at which hits are ranked by probability
FILTERS = {  # in the address: of Settings
    "category": "category", "language": "language", "speaker": "speaker", "recording": "recording", "from": "since",
    "to": "until",
}  # fmt: skip
BY_TIME = "time"


@dataclass(frozen=True)
class Settings:
    """How the page is set: which library is searched, for what; filters that are "" let everything pass."""

    library: str = DEMO
    category: str = ""
    language: str = ""
    speaker: str = ""
    recording: str = ""  # id
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
        chosen = (self.category, self.language, self.speaker, self.recording)
        return Filter(*((one,) if one else () for one in chosen), self.since.strip(), self.until.strip())

    @property
    def weight(self) -> float | None:
        """That of meaning, as a search takes it."""
        return None if self.meaning == BALANCED else self.meaning

    def without(self, *names: str) -> "Settings":
        """These without some filters, named as in the address; without all if none is named."""
        return replace(self, **{FILTERS[name]: "" for name in names or FILTERS})


@dataclass(frozen=True)
class Link:
    """What an address asks: a text, or what is like a segment, or nothing."""

    settings: Settings
    text: str = ""
    like: int | None = None


def write(link: Link) -> str:
    """The address, from its question mark; "" where nothing is asked and nothing set."""
    settings = link.settings
    asked = {"q": link.text} if link.text else {} if link.like is None else {"like": str(link.like)}
    asked |= {} if settings.library == DEMO else {"library": settings.library}
    asked |= {name: value.strip() for name, field in FILTERS.items() if (value := getattr(settings, field))}
    asked |= {} if settings.meaning == BALANCED else {"meaning": f"{settings.meaning:g}"}
    asked |= {"sort": BY_TIME} if settings.by_time else {}
    return "?" + urlencode(asked) if asked else ""


def read(address: str) -> Link:
    """What an address asks; parameters of other names are passed over.

    Raises:
        ClaspError: if a number or the order is malformed. Whether names are known is for the library to say.
    """
    given = parameters(address)
    filters = {field: given[name] for name, field in FILTERS.items() if name in given}
    sort = given.get("sort", "")
    if sort not in ("", BY_TIME):
        raise ClaspError(f"The address asks for hits sorted by {sort!r}: it can be {BY_TIME!r}, or left out.")
    settings = Settings(given.get("library", DEMO), **filters, meaning=_meaning(given), by_time=sort == BY_TIME)
    like = given.get("like", "")
    if like and not (like.isascii() and like.isdecimal()):
        raise ClaspError(f"The address asks for what is like {like!r}: it must be the number of an utterance.")
    return Link(settings, "" if like else given.get("q", ""), int(like[:18]) if like else None)


def parameters(address: str | None) -> dict[str, str]:
    """The values in an address by their names, the last of each; none if there is no address."""
    return {name: values[-1].strip() for name, values in parse_qs((address or "").removeprefix("?")).items()}


def kept(tab: str) -> str:
    """JavaScript for an event: the first input is what a tab keeps in the address, see address.js."""
    return f"(_, ...rest) => [window.clasp?.address?.of('{tab}') ?? location.search, ...rest]"  # it may come later


def _meaning(given: dict[str, str]) -> float:
    try:
        weight = float(given.get("meaning", BALANCED))
    except ValueError:
        weight = -1
    if not 0 <= weight <= 1:
        raise ClaspError(f"The address weighs meaning with {given['meaning']!r}: it must be from 0 to 1.")
    return weight
