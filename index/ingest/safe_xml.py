"""XML from anywhere: nothing in it unfolds, refers to other files or is run."""

import math
import re
from html.entities import html5
from xml.etree.ElementTree import Element, ParseError

from clasp.errors import DataError

_CONTROL = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f]")  # which XML does not allow
_CDATA = "<![CDATA["
_BARE = re.compile(r"&(?!(?:#\d+|#x[\da-fA-F]+|\w+);)")
_PREFIXES = 100  # most that are explained
_PREFIX = re.compile(r"[<\s/]([A-Za-z][\w.-]*):[\w.-]+(?=[\s/>=])")
_FIRST = re.compile(r"<[A-Za-z][\w:.-]*")
_NAMED = re.compile(r"&([a-zA-Z]{2,10});")


def root(text: str) -> Element:
    """The element that holds all others, also where ampersands are bare, or prefixes are not explained.

    Raises:
        DataError: if it is no XML, or declares entities.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        without = re.sub(r"\A[^<]*<\?xml[^>]*\?>", "", text)  # which says how it was encoded
        written = _CONTROL.sub("", _NAMED.sub(_letter, without)).lstrip("\ufeff")
        try:
            return fromstring(written)
        except ParseError:
            return fromstring(_mended(written))
    except (DefusedXmlException, ParseError, ValueError) as error:
        raise DataError("is no XML that can be read") from error


def _mended(text: str) -> str:
    """XML as programs write it that do not know it, with its bare ampersands and unknown prefixes."""
    first, *parts = text.split(_CDATA)
    literal = [part.partition("]]>") for part in parts]
    text = _CDATA.join(
        [_BARE.sub("&amp;", first), *(one + end + _BARE.sub("&amp;", rest) for one, end, rest in literal)]
    )
    prefixes = sorted(set(_PREFIX.findall(text)) - {"xml", "xmlns"})[:_PREFIXES]
    unknown = "".join(f' xmlns:{one}="{one}"' for one in prefixes if f"xmlns:{one}=" not in text)
    return _FIRST.sub(lambda found: found[0] + unknown, text, count=1)


def _letter(entity: re.Match[str]) -> str:
    """What HTML calls so, such as &nbsp;, which XML does not know."""
    return entity[0] if entity[1] in ("amp", "lt", "gt", "quot", "apos") else html5.get(f"{entity[1]};", entity[0])


def local(element: Element) -> str:
    """The name of an element without its namespace; '' of a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attributes(element: Element) -> dict[str, str]:
    """The attributes by their names without namespaces."""
    return {name.rpartition("}")[2]: value for name, value in element.attrib.items()}


def number(text: str | None) -> float:
    """A number above 0; 0 where there is none."""
    try:
        value = float(text or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
