"""Texts with markup: Markdown (.md), HTML (.html, or whatever is called .txt), and what oTranscribe keeps (.otr): as
plain texts, whose times are read as theirs are."""

import html
import json
import re
from collections.abc import Iterator

from clasp.errors import DataError
from index.ingest.cues import Cue, Flaw
from index.ingest.texts import of_speech, plain

_NO_SPEECH = re.compile(  # what programs keep at the top, headings with the facts below them, and notes
    r"\A---\n(?:[\w-]+:.*\n|[ -].*\n)*---\n|^#.*\n+(?:- .*\n+)*|^>.*|^!\[\[[^\[\]\n]*\]\]$", re.MULTILINE
)
_BULLET = re.compile(r"^[ \t]*[-*+] (?=[\[(]?\d{1,3}:\d\d)", re.MULTILINE)  # before a time
_LINK = re.compile(r"\]\([^()\s]*\)")
_SIGNS = re.compile(r"\*\*|__|\\(?=[\\`*_{}\[\]<>#|~&])")
_TAG = re.compile(r"(<[^<>]*>)")
_HIDDEN = ("head", "style", "script", "title", "h1", "h2", "h3")
_INLINE = ("a", "abbr", "b", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup", "u")
_PAGE = re.compile(r"\s*(?:<\?xml[^<>]*>\s*|<!--[^<>]*-->\s*)*<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_BLOCK = re.compile(r"</(?:p|div|[ou]l|li|table|td|body|html)\s*>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[\da-fA-F]{1,5});")
_IN_LINE = re.compile(rf"</?(?:{'|'.join(_INLINE)})(?: [^<>]*)?>|(<br ?/?>)", re.IGNORECASE)


def markdown(text: str) -> Iterator[Cue | Flaw]:
    """Markdown, as Descript, oTranscribe and CLASP write it."""
    yield from plain(without_signs(text))


def without_signs(text: str) -> str:
    """What Markdown says, without headings, notes and emphasis."""
    return _SIGNS.sub("", _BULLET.sub("", _LINK.sub("]", _NO_SPEECH.sub("", text))))


def page_or_text(content: str) -> Iterator[Cue | Flaw]:
    """A plain text, or HTML that is called so.

    Raises:
        DataError: if it is a page without times.
    """
    yield from hypertext(content) if _PAGE.match(content) else plain(without_tags(content))


def without_tags(text: str) -> str:
    """A plain text, without the HTML that was left in it, and what else nobody says."""
    if _BLOCK.search(text):
        return of_speech(_displayed(text))
    written = _IN_LINE.sub(lambda tag: "\n" if tag[1] else "", text)
    return of_speech(_ENTITY.sub(lambda entity: html.unescape(entity[0]), written).replace("\xa0", " "))


def hypertext(text: str) -> Iterator[Cue | Flaw]:
    """HTML with times in it.

    Raises:
        DataError: if there are none: it may be any page of the web.
    """
    found = list(plain(_displayed(text)))
    if not found:
        raise DataError("is a web page without times: if it is a transcript, save its text alone (.txt)")
    yield from found


def otranscribe(text: str) -> Iterator[Cue | Flaw]:
    """HTML in JSON.

    Raises:
        DataError: if it is something else, or has no times.
    """
    try:
        content = json.loads(text)["text"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise DataError("is nothing that oTranscribe has written") from error
    yield from hypertext(str(content))


def _displayed(text: str) -> str:
    """What a browser shows of HTML, a line for each of its blocks."""
    shown, hidden = [], ""
    for part in _TAG.split(text):
        if not part.startswith("<") or not part.endswith(">"):
            shown += [] if hidden else [" ".join(part.split("\n"))]
            continue
        name = part.strip("</> ").partition(" ")[0].lower()
        if hidden or name in _HIDDEN:
            hidden = "" if name == (hidden or name) and part.startswith("</") else hidden or name
        elif name not in _INLINE:
            shown.append("\n")
    return html.unescape("".join(shown)).replace("\xa0", " ")
