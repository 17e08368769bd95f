"""Subtitles and captions as stretches with markup: SRT, VTT, SBV, ASS, TTML, YouTube, SAMI, MicroDVD, MPL2.

ASS is read by pysubs2. SRT, VTT and SBV are read here: libraries for them take comments and the names of cues for
speech, or stop at the first line that is not as it should be. What is well formed is taken, the rest named.
"""

import html
import json
import math
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from clasp.errors import DataError
from index.ingest.clocks import ALMOST, TIME, matched
from index.ingest.cues import Cue, Flaw
from index.ingest.safe_xml import attributes, local, number, root

_ARROW = r"(?:[-–—=]{1,3} ?(?:>|&gt;)|→)"
STAMP = re.compile(
    rf"\s*(?:#?\d{{1,6}}[.)]?\s+(?=\d+:))?(\[)?({TIME})\s*"
    rf"(?:{_ARROW}\s*({TIME})(?![\d:s]|[.,]\d)(?(1)\])\s*(.*)|(?:,| [-–—] | )\s*({TIME})\s*)"
)
"""Two times in a line, with what follows an arrow: settings of a cue, or its text; behind brackets, its text."""
_ALMOST = re.compile(rf"\s*{ALMOST}[,\s]\s*{ALMOST}\s*")
_WIDE = str.maketrans("：；，．＞－", ":;,.>-")  # of East Asian keyboards
_SETTINGS = re.compile(r"(?:[^\s:{][^\s:]*:\S+(?:\s+|$)|\{[^{}]*\}\s*)*")
_NUMBER = re.compile(r"#?\d+[.)]?")
_WEBEX = re.compile(r'\d+ "([^"]{1,100})" \(\d*\)')  # the name of a cue, with that of whoever speaks
_COMMENTS = re.compile(r"(NOTE|STYLE|REGION|WEBVTT)(\s|$)")  # of WebVTT, also of parts of which it was put together
_FRAMED = re.compile(r"\{(\d{1,9})\}\{(\d{0,9})\}(.*)")  # MicroDVD, in frames
_TENTHS = re.compile(r"\[(\d{1,9})\]\[(\d{0,9})\](.*)")  # MPL2
_SYNC = re.compile(r"<sync\s+start\s*=\s*[\"']?(\d{1,9})[^<>]*>", re.IGNORECASE)  # of SAMI, milliseconds
_CLASS = re.compile(r"<p\s+class\s*=\s*[\"']?(\w+)[^<>]*>", re.IGNORECASE)
_OVERRIDES = re.compile(r"\{[^{}]*\}")  # of SubStation Alpha
_DATA = re.compile(r"\s*(?:\S+#xywh=[\d.,:%a-z]+|\{\s*\".*\})\s*", re.DOTALL)  # pictures to show, or JSON
_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}[^{}]*")  # a shape


def timed(text: str) -> Iterator[Cue | Flaw]:
    """SubRip (.srt), WebVTT (.vtt), and YouTube's captions (.sbv), also where one calls itself another.

    Blank lines may be missing or too many; numbers and names of cues, comments, coordinates and styles are no speech.
    """
    lines = text.split("\n")
    vtt = text.lstrip().startswith("WEBVTT")
    stamps = list(_stamps(lines, vtt))
    above = [lines[place - 1].strip() for place, _ in stamps if place > 0]
    spaced = len(stamps) > 1 and not any(above)  # each line is followed by a blank one
    above = [lines[place - 2].strip() for place, _ in stamps if place > 1] if spaced else above
    counts = [bool(_NUMBER.fullmatch(line)) for line in above]
    numbered = 2 * sum(counts) > len(stamps) and (not spaced or counts[0])
    ends = [*(place for place, _ in stamps[1:]), len(lines)]
    for (place, match), following in zip(stamps, ends, strict=False):  # no stamp, no cue
        if not match:
            yield Flaw(lines[place].strip(), place + 1)
            continue
        body = lines[place + 1 : following - (spaced and numbered and following < len(lines))]
        if body and following < len(lines):
            counted = numbered and _NUMBER.fullmatch(body[-1].strip())
            named = vtt and len(body) > 1 and not body[-2] and body[-1].strip()
            body = body[:-1] if counted or named else body
        blocks = re.split(r"\n{2,}", "\n" + "\n".join(body))
        words = "\n".join(block for block in blocks if not (vtt and _COMMENTS.match(block)))
        first = match[4] if match[4] and (match[1] or not _SETTINGS.fullmatch(match[4])) else ""
        words = "\n".join([first, words]).replace("[br]", "\n")
        start, end = matched(match[2]), matched(match[3] or match[5])
        if record := _of_teams(words):
            yield Cue(start, end, html.escape(record[1], quote=False), record[0])
        elif not _DATA.fullmatch(words):
            name = _WEBEX.fullmatch(lines[place - 1].strip()) if vtt else None
            yield Cue(start, end, words, name[1] if name else "")


def _of_teams(words: str) -> tuple[str, str] | None:
    """Who speaks and what, where a cue is a JSON object that says so, as transcripts of Teams with metadata have it."""
    try:
        record = json.loads(words) if words.lstrip().startswith("{") else None
    except (ValueError, RecursionError):
        return None
    speaker, text = (record.get("speakerName"), record.get("spokenText")) if isinstance(record, dict) else ("", None)
    return (speaker, text) if isinstance(speaker, str) and isinstance(text, str) else None


def _stamps(lines: list[str], vtt: bool) -> Iterator[tuple[int, re.Match[str] | None]]:
    """The lines with the times of a cue, and what they say; None where that cannot be read."""
    comment, before = "", ""
    for place, line in enumerate(lines):
        begun = _COMMENTS.match(line) if vtt and not before else None
        comment = (begun[1] if begun else comment) if vtt and line.strip() else ""
        if comment == "WEBVTT" and STAMP.fullmatch(line):  # the blank line that should be above is missing
            comment = ""
        if not comment:
            if match := STAMP.fullmatch(line.translate(_WIDE)):
                yield place, STAMP.fullmatch(line) or match
            elif ("-->" in line and (re.search(r"\d", line) or _NUMBER.fullmatch(before))) or _ALMOST.fullmatch(line):
                yield place, None
        before = line.strip()


def framed(text: str) -> Iterator[Cue | Flaw]:
    """MicroDVD, whose first line must say how many frames a second has ("{1}{1}25"), and MPL2, which counts tenths.

    Raises:
        DataError: if it does not say it.
    """
    rate = 10.0
    lines = [(place, line) for place, line in enumerate(text.split("\n"), 1) if line.strip()]
    if lines and (first := _FRAMED.match(lines[0][1])):
        rate = number(first[3].strip().replace(",", "."))
        if not rate:
            raise DataError("counts frames and does not say how many make a second (write {1}{1}25 above, if it is 25)")
        lines = lines[1:]
    for place, line in lines:
        if match := _FRAMED.match(line) or _TENTHS.match(line):
            words = "\n".join(part.removeprefix("/") for part in match[3].split("|"))
            yield Cue(int(match[1]) / rate, int(match[2] or match[1]) / rate, words)
        else:
            yield Flaw(line.strip(), place)


def is_framed(text: str) -> bool:
    """Whether it counts frames or tenths of seconds."""
    first = text.lstrip().partition("\n")[0]
    return bool(_FRAMED.match(first) or _TENTHS.match(first))


def subtitles(text: str) -> Iterator[Cue | Flaw]:
    """What calls itself .sub: MicroDVD, MPL2 or SubViewer."""
    return framed(text) if is_framed(text) else timed(text)


def substation(text: str) -> Iterator[Cue | Flaw]:
    """SubStation Alpha (.ass, .ssa)."""
    from pysubs2 import SSAFile

    lines, flaws = [], []
    for place, line in enumerate(text.split("\n"), 1):
        times = [one.strip() for one in line.split(",")[1:3]]
        if line.startswith("Dialogue:") and not all(re.fullmatch(r"\d+:\d+:\d+(?:[.:]\d+)?", one) for one in times):
            flaws.append(Flaw(",".join(times), place))
        else:
            lines.append(line)
    yield from flaws
    try:
        events = SSAFile.from_string("\n".join(lines), format_="ass").events
    except Exception as error:  # whatever comes of a broken file
        raise DataError("is no SubStation Alpha") from error
    for event in events:
        if event.is_comment:
            continue
        yield Cue(event.start / 1_000, event.end / 1_000, unstyled(event.text), event.name.strip())


def unstyled(text: str) -> str:
    """The text of an event of SubStation Alpha, as that of a cue."""
    words = re.sub(r"\\[Nn]", "\n", _OVERRIDES.sub("", _DRAWING.sub("", text))).replace("\\h", " ")
    return html.escape(words, quote=False)


def sami(text: str) -> Iterator[Cue | Flaw]:
    """SAMI (.smi): what is shown until the next time; of several languages, the first."""
    marks = list(_SYNC.finditer(text))
    first = found[1] if (found := _CLASS.search(text)) else ""
    shown: list[tuple[float, str]] = []
    for mark, following in zip(marks, [*marks[1:], None], strict=False):  # no mark, no cue
        words = text[mark.end() : following.start() if following else len(text)]
        parts = _CLASS.split(words)  # what stands before a class, then classes and what stands behind them
        own = [part for name, part in zip(parts[1::2], parts[2::2], strict=True) if name == first]
        if own or len(parts) == 1:  # of other languages there are times of their own
            shown.append((int(mark[1]) / 1_000, "".join([parts[0], *own])))
    for (start, words), (end, _) in zip(shown, [*shown[1:], *shown[-1:]], strict=True):
        yield Cue(start, end, words)


def ttml(text: str) -> Iterator[Cue | Flaw]:
    """Timed Text (.ttml, .dfxp, .itt, .xml) in any of its namespaces, and what YouTube writes. Times within times add
    up, but for those of Apple. Of several languages at one time, the first is taken.

    Raises:
        DataError: if it is other XML.
    """
    top = root(text)
    if local(top) in ("transcript", "timedtext"):
        yield from _youtube(top)
        return
    if local(top) != "tt":
        raise DataError("is no Timed Text")
    given = attributes(top)
    whole, parts = ([float(one) for one in given.get("frameRateMultiplier", "").split()] + [1.0, 1.0])[:2]
    rate = (number(given.get("frameRate")) or 30.0) * whole / parts
    ticks = number(given.get("tickRate")) or (rate if "frameRate" in given else 1.0)
    agents = {
        attributes(one).get("id"): " ".join("".join(one.itertext()).split())
        for one in top.iter()
        if local(one) == "agent"
    }
    of_apple = "timing" in given or any("unit" in attributes(one) for one in top.iter() if local(one) == "span")
    waiting: list[tuple[Element, float, float, str, str]] = [(top, 0.0, math.inf, "", "")]
    starts: dict[float, str] = {}  # of cues, and the language of the first that begins then
    while waiting:
        element, start, end, speaker, language = waiting.pop()
        start = 0.0 if of_apple else start
        given = attributes(element)
        times = {name: _offset(given[name], rate, ticks) for name in ("begin", "end", "dur") if name in given}
        if None in times.values():
            yield Flaw(" ".join(f'{name}="{given[name]}"' for name in times))
            continue
        begin = start + (times.get("begin") or 0.0)
        ends = (start + (times.get("end") or math.inf), begin + (times.get("dur") or math.inf))
        end = min(end, *ends)
        speaker = agents.get(agent, agent) if (agent := given.get("agent")) else speaker
        language = given.get("lang", language)
        is_whole = not any(attributes(one).get("unit") == "sentence" for one in element)
        inside = any("begin" in attributes(one) for one in element.iter() if one is not element)
        if local(element) in ("p", "span") and is_whole and (math.isfinite(end) or ("begin" in given and not inside)):
            if starts.setdefault(begin, language) == language:  # and no translation of what is said then
                yield Cue(begin, end if math.isfinite(end) else begin, _inside(element), speaker)
        else:
            waiting += reversed([(child, begin, end, speaker, language) for child in element])


def _youtube(top: Element) -> Iterator[Cue | Flaw]:
    """YouTube's captions as XML: <text start="1.5" dur="2"> of seconds, or <p t="1500" d="2000"> of milliseconds."""
    for element in top.iter():
        given = element.attrib
        start, length, unit = ("t", "d", 1_000) if "t" in given else ("start", "dur", 1)
        if local(element) not in ("p", "text") or start not in given:
            continue
        times = [_offset(given.get(name, "0"), 1.0, 1.0) for name in (start, length)]
        if times[0] is None or times[1] is None:
            yield Flaw(f'{start}="{given[start]}" {length}="{given.get(length)}"')
        else:
            words = html.unescape(_inside(element))  # written for HTML within XML
            yield Cue(times[0] / unit, (times[0] + times[1]) / unit, words)


def _offset(text: str, rate: float, ticks: float) -> float | None:
    """Seconds of a time expression of TTML, such as 00:00:01.5, 00:00:01:12, 1.5s, 36f, 10000t; None if it is none."""
    text = text.strip().replace(",", ".")
    if match := re.fullmatch(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)(?:[:;](\d{1,4}(?:\.\d{1,4})?))?", text):
        hours, minutes, whole, frames = (float(one or 0) for one in match.groups())
        return 3_600 * hours + 60 * minutes + whole + frames / rate
    if match := re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?)(h|ms|m|s|f|t|)", text):
        return float(match[1]) * {"h": 3_600, "m": 60, "ms": 0.001, "f": 1 / rate, "t": 1 / ticks}.get(match[2], 1)
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
            after = " " if attributes(one).get("unit") == "word" else ""
            waiting += reversed([one.text or "", *(part for child in one for part in (child, child.tail or "")), after])
    return html.escape("".join(parts), quote=False)
