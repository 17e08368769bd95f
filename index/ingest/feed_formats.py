"""Podcast feeds, RSS 2.0 and Atom: what their entries have that can be listened to.

parsed = parse(text, "https://example.org/feed.xml")
parsed.title, parsed.episodes[0].title, parsed.episodes[0].address
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from email.utils import parsedate
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import Element

from clasp.audio.container import SUFFIXES
from clasp.errors import DataError
from clasp.filenames import suffix
from index import dates, languages
from index.ingest.safe_xml import attributes, local, root
from index.metadata import LONGEST
from index.records import Episode, TranscriptLink

MOST = 20_000  # episodes of a feed
MEDIA = ("audio/", "video/")


@dataclass(frozen=True)
class ParsedFeed:
    """What is in a feed."""

    title: str
    episodes: tuple[Episode, ...]  # in its order


def parse(text: str, address: str) -> ParsedFeed:
    """The feed in a text that was fetched from `address`.

    An episode is known by its guid or, where it has none or that of another one, by the address of its sound. Of two
    with the same sound, the first is taken.

    Raises:
        DataError: if it is no feed; what is wrong, as the end of a sentence.
    """
    top = root(text)
    channel = next((one for one in top if local(one) == "channel"), None) if local(top) != "feed" else top
    if channel is None or local(top) not in ("rss", "RDF", "feed"):
        raise DataError("is no feed: neither RSS nor Atom")
    language = languages.known_tag(_text(channel, "language") or attributes(channel).get("lang", ""))
    category = _category(channel)
    found: dict[str, Episode] = {}
    for entry in top.iter():
        if local(entry) in ("item", "entry") and len(found) < MOST:
            one = _episode(entry, address, language, category)
            if one is not None and found.setdefault(one.guid, one).address != one.address:
                found.setdefault(one.address, replace(one, guid=one.address))
    return ParsedFeed(_line(_text(channel, "title")), tuple(found.values()))


def _episode(entry: Element, base: str, language: str, category: str) -> Episode | None:
    """An entry, if it has something that can be listened to."""
    sound = next(iter(_enclosures(entry)), None)
    address = _address(base, sound.get("url") or sound.get("href", "")) if sound else ""
    if sound is None or not address:
        return None
    return Episode(
        guid=_text(entry, "guid", "id") or address,
        address=address,
        title=_line(_text(entry, "title")),
        date=_date(_text(entry, "pubDate", "published", "date", "updated")),
        category=_category(entry) or category,
        language=languages.known_tag(_text(entry, "language") or attributes(entry).get("lang", "")) or language,
        type=sound.get("type", "").lower(),
        transcripts=tuple(_transcripts(entry, base)),
    )


def _enclosures(entry: Element) -> Iterator[dict[str, str]]:
    """The attributes of what is attached to an entry, or named in it as media; those whose kind is not said, or is none
    of their name's, count as sound."""
    for one in sorted(entry.iter(), key=lambda one: local(one) == "content"):
        given = attributes(one)
        attached = local(one) in ("enclosure", "content") or (local(one) == "link" and given.get("rel") == "enclosure")
        address, kind = given.get("url") or given.get("href"), given.get("type", MEDIA[0]).lower()
        if (
            attached
            and address
            and (kind.startswith((*MEDIA, "application/o")) or suffix(urlsplit(address.strip()).path) in SUFFIXES)
        ):
            yield given


def _transcripts(entry: Element, base: str) -> Iterator[TranscriptLink]:
    for one in entry:
        given = attributes(one)
        if local(one) == "transcript" and (address := _address(base, given.get("url", ""))):
            kind = given.get("type", "").partition(";")[0].strip().lower()
            yield TranscriptLink(address, kind, languages.known_tag(given.get("language", "")))


def _text(element: Element, *names: str) -> str:
    """The text of the first child that has one of these names, the first names before the others."""
    for name in names:
        for one in element:
            if local(one) == name and (text := "".join(one.itertext()).strip()):
                return text
    return ""


def _category(element: Element) -> str:
    """The first category: RSS has it as a text, Atom as a term, iTunes as an attribute."""
    for one in element:
        if local(one) == "category":
            given = attributes(one)
            text = "".join(one.itertext()) or given.get("label") or given.get("text") or given.get("term") or ""
            if text.strip():
                return _line(text)
    return ""


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST]


def _date(text: str) -> str:
    """A day, ISO 8601; '' where it cannot be read."""
    if found := parsedate(text):
        try:
            return date(*found[:3]).isoformat()
        except ValueError:
            return ""
    try:
        return dates.iso(text.partition("T")[0])
    except DataError:
        return ""


def _address(base: str, link: str) -> str:
    """Where a link leads; '' where that is not on the web."""
    try:
        address = urljoin(base, link.strip())
        return address if link.strip() and urlsplit(address).scheme in ("http", "https") else ""
    except ValueError:
        return ""
