"""Subtitles, captions, plain texts and tables as stretches with markup: SRT, VTT, SBV, ASS, TTML, TXT, TSV.

ASS is read by pysubs2. SRT, VTT and SBV are read here: libraries for them take comments and the names of cues for
speech, or stop at the first line that is not as it should be. What is well formed is taken, the rest passed over.
"""

import csv
import html
import math
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from clasp.errors import DataError
from index.ingest.cues import Cue
from index.ingest.safe_xml import attributes, local, number, root

_CLOCK = r"(-)?(?:(\d{1,6}):)?(\d{1,3}):(\d{1,2})(?:[.,] ?(\d{1,9}))?"
_CLOCKS = re.compile(_CLOCK)
_STAMP = re.compile(rf"\s*({_CLOCK})\s*(?:(?:-{{1,2}}>|→)\s*({_CLOCK})(?![\d:]).*|,\s*({_CLOCK})\s*)")  # SBV: a comma
_COMMENTS = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")  # of WebVTT
_LABEL = re.compile(r"(\d{1,9}\.\d{1,9})\t(\d{1,9}\.\d{1,9})\t(.*)")  # of Audacity
_LEADING = re.compile(rf"\s*(?:[\[(]({_CLOCK})(?:\s*-->\s*({_CLOCK}))?[\])]|({_CLOCK})(?=\s|$))\s*(?:[-–—]\s+)?")
_INLINE = re.compile(r"<\d[\d:.]*>")  # times of words, of LRC
_OVERRIDES = re.compile(r"\{[^{}]*\}")  # of SubStation Alpha
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9]")  # what follows is a shape
SPEED = 12  # characters a second at which a last line is spoken of which only the beginning is known


def timed(text: str) -> Iterator[Cue]:
    """SubRip (.srt), WebVTT (.vtt), and YouTube's captions (.sbv), also where one calls itself another.

    Blank lines may be missing or too many; numbers and names of cues, comments, coordinates and styles are no speech. A
    cue whose times cannot be read is passed over.
    """
    lines = text.split("\n")
    stamps = [(place, match) for place, line in enumerate(lines) if (match := _STAMP.fullmatch(line)) or "-->" in line]
    vtt = text.lstrip().startswith("WEBVTT")
    numbered = 2 * sum(place > 0 and lines[place - 1].strip().isdecimal() for place, _ in stamps) > len(stamps)
    ends = [*(place for place, _ in stamps[1:]), len(lines)]
    for (place, match), following in zip(stamps, ends, strict=False):  # no stamp, no cue
        if not match:
            continue
        body = lines[place + 1 : following]
        if body and following < len(lines):
            number = numbered and body[-1].strip().isdecimal()
            name = vtt and len(body) > 1 and not body[-2] and body[-1].strip()
            body = body[:-1] if number or name else body
        blocks = re.split(r"\n{2,}", "\n" + "\n".join(body))
        words = "\n".join(block for block in blocks if not (vtt and _COMMENTS.match(block)))
        start, end = (_seconds(one) for one in (match[1], match[7] or match[13]))
        yield Cue(start, end, words.replace("[br]", "\n"))


def plain(text: str) -> Iterator[Cue]:
    """A text (.txt) with times: those of subtitles, labels of Audacity, or a time before most lines ("[01:10] We left
    at dawn."), perhaps with an end ("[01:10 --> 01:12] We left at dawn."). None of a text without times."""
    lines = [line for line in text.split("\n") if line.strip()]
    labels = [match for line in lines if (match := _LABEL.fullmatch(line))]
    leading = [(place, match) for place, line in enumerate(lines) if (match := _LEADING.match(line))]
    if any(map(_STAMP.fullmatch, lines)):
        yield from timed(text)
    elif labels and len(labels) == len(lines):
        for one in labels:
            yield Cue(float(one[1]), float(one[2]), html.escape(one[3], quote=False))
    elif leading and (leading[0][0] == 0 or 2 * len(leading) >= len(lines)):
        starts = [_seconds(match[1] or match[13]) for _, match in leading]
        ends = [*(place for place, _ in leading[1:]), len(lines)]
        for (place, match), following, start, after in zip(leading, ends, starts, [*starts[1:], None], strict=True):
            words = _INLINE.sub("", "\n".join([lines[place][match.end() :], *lines[place + 1 : following]]))
            usual = start + len(words) / SPEED if after is None else after
            end = _seconds(match[7]) if match[7] else usual
            yield Cue(start, end, html.escape(words, quote=False))


def substation(text: str) -> Iterator[Cue]:
    """SubStation Alpha (.ass, .ssa)."""
    from pysubs2 import SSAFile

    try:
        events = SSAFile.from_string(text, format_="ass").events
    except Exception as error:  # whatever comes of a broken file
        raise DataError("is no SubStation Alpha") from error
    for event in events:
        if event.is_comment or _DRAWING.search(event.text):
            continue
        words = re.sub(r"\\[Nn]", "\n", _OVERRIDES.sub("", event.text)).replace("\\h", " ")
        yield Cue(event.start / 1_000, event.end / 1_000, html.escape(words, quote=False), event.name.strip())


def ttml(text: str) -> Iterator[Cue]:
    """Timed Text (.ttml, .dfxp) in any of its namespaces; times within times add up."""
    top = root(text)
    given = attributes(top)
    whole, parts = ([float(one) for one in given.get("frameRateMultiplier", "").split()] + [1.0, 1.0])[:2]
    rate = (number(given.get("frameRate")) or 30.0) * whole / parts
    ticks = number(given.get("tickRate")) or (rate if "frameRate" in given else 1.0)
    agents = {
        attributes(one).get("id"): " ".join("".join(one.itertext()).split())
        for one in top.iter()
        if local(one) == "agent"
    }
    waiting: list[tuple[Element, float, float, str]] = [(top, 0.0, math.inf, "")]
    while waiting:
        element, start, end, speaker = waiting.pop()
        given = attributes(element)
        times = {name: _offset(given.get(name, ""), rate, ticks) for name in ("begin", "end", "dur")}
        begin = start + (times["begin"] or 0.0)
        ends = (end, *(start + one for one in (times["end"],) if one is not None))
        end = min(*ends, math.inf if times["dur"] is None else begin + times["dur"])
        speaker = agents.get(given.get("agent"), speaker)
        if local(element) in ("p", "span") and math.isfinite(end):
            yield Cue(begin, end, _inside(element), speaker)
        else:
            waiting += reversed([(child, begin, end, speaker) for child in element])


def _offset(text: str, rate: float, ticks: float) -> float | None:
    """Seconds of a time expression of TTML, such as 00:00:01.5, 00:00:01:12, 1.5s, 36f, 10000t; None if it is none."""
    text = text.strip()
    if match := re.fullmatch(r"(\d{1,6}):(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)(?::(\d{1,4}(?:\.\d{1,4})?))?", text):
        hours, minutes, seconds, frames = (float(one or 0) for one in match.groups())
        return 3_600 * hours + 60 * minutes + seconds + frames / rate
    if match := re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)(h|ms|m|s|f|t)", text):
        return float(match[1]) * {"h": 3_600, "m": 60, "s": 1, "ms": 0.001, "f": 1 / rate, "t": 1 / ticks}[match[2]]
    return None


def _inside(element: Element) -> str:
    """The text in an element, a line for each of those that <br/> parts; what is metadata is no text."""
    parts: list[str] = []
    waiting: list[Element | str] = [element]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            parts.append(" ".join(one.split("\n")))
        elif local(one) == "br":
            parts.append("\n")
        elif local(one) not in ("", "metadata"):
            waiting += reversed([one.text or "", *(part for child in one for part in (child, child.tail or ""))])
    return html.escape("".join(parts), quote=False)


def table(text: str) -> Iterator[Cue]:
    """A table (.tsv, .csv) with the columns start, end and text, and perhaps speaker; times are in seconds or as
    clocks, Whisper's in milliseconds."""
    head, _, rest = text.partition("\n")
    delimiter = max("\t,;|", key=head.count)
    columns = [name.strip().strip('"').lower() for name in head.split(delimiter)]
    unit = 1_000 if columns == ["start", "end", "text"] and delimiter == "\t" and not re.match(r"\d*[.:]", rest) else 1
    for row in csv.DictReader(rest.split("\n"), columns, delimiter=delimiter):
        start, end = (_moment(row.get(name) or "", unit) for name in ("start", "end"))
        if start is not None and end is not None:
            words = html.escape(row.get("text") or "", quote=False)
            yield Cue(start, end, words, (row.get("speaker") or "").strip())


def _moment(text: str, unit: int) -> float | None:
    """Seconds of a number or a clock; None if it is neither."""
    text = text.strip()
    if _CLOCKS.fullmatch(text):
        return _seconds(text)
    return float(text.replace(",", ".")) / unit if re.fullmatch(r"\d{1,15}([.,]\d{1,9})?", text) else None


def _seconds(clock: str) -> float:
    match = _CLOCKS.fullmatch(clock)
    assert match is not None, "whoever calls this has seen that it is a clock"
    minus, hours, minutes, seconds, fraction = match.groups()
    whole = 3_600 * int(hours or 0) + 60 * int(minutes) + int(seconds) + float(f"0.{fraction or 0}")
    return -whole if minus else whole
