"""What recognizers write of a recording (.json): Whisper and its like, and the services that sell transcripts.

They agree on little but this: somewhere are things that have a text and times, for sentences, for words or for both.
"""

import html
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from clasp.errors import DataError
from index.ingest.clocks import seconds
from index.ingest.cues import Cue

TEXTS = (
    "text", "punctuated_word", "word", "transcript", "display", "DisplayText", "content", "body", "value", "utf8",
    "segment", "sentence", "lines",
)  # fmt: skip
STARTS = (
    "start",
    "begin",
    "start_time",
    "startTime",
    "startOffset",
    "ts",
    "from",
    "Offset",
    "offset",
    "data_start",
    "time",
    "start_timestamp",
)
ENDS = (
    "end", "end_time", "endTime", "endOffset", "end_ts", "to", "resultEndTime", "resultEndOffset", "data_end",
    "end_timestamp",
)  # fmt: skip
LENGTHS = ("duration", "dur", "Duration")
SPEAKERS = (
    "speaker_name", "speakerName", "voice", "speaker", "speaker_label", "speaker_id", "speakerId", "speakerLabel",
    "speakerTag",
)  # fmt: skip
LANGUAGES = ("language", "language_code", "languageCode", "detected_language", "locale")
UNITS = {
    "Ms": 1e-3,
    "_ms": 1e-3,
    "Milliseconds": 1e-3,
    "InTicks": 1e-7,
    "": 1.0,
}  # what the name of a time ends with, and its unit
TURNS = "turns"  # where it is noted who speaks when, and not what
SLOWEST = 0.05  # characters a second; where whole numbers would be slower than that, they are milliseconds, or ticks
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")  # of ISO 8601
_SPACE = re.compile(r"\s*")
_SAME = 0.8  # share of the longest text that sentences must have to be all of it
_LONG = 15.0  # seconds: what lasts longer on average is a turn or a paragraph, within which words have their own times


@dataclass(frozen=True)
class _Piece:
    """Something with a text, and perhaps times."""

    text: str
    start: float | None
    end: float | None
    speaker: str
    whole: bool  # the times are whole numbers, whose unit nobody tells


def recognized(text: str) -> Iterator[Cue]:
    """The sentences, or where there are none the words."""
    found: dict[str, list[_Piece]] = defaultdict(list)
    names: dict[str, str] = {}
    for one in _loaded(text):
        _gather(one, "", "", found)
        names |= _names(one)
    lists = [_once(pieces) for pieces in map(_joined, found.values()) if pieces and pieces[0].start is not None]
    lengths = [sum(len(one.text) for one in pieces) for pieces in lists]
    complete = [pieces for pieces, length in zip(lists, lengths, strict=True) if length >= _SAME * max(lengths)]
    pieces = min(complete, key=_fitness, default=[])
    unit, turns = _unit(pieces), [] if any(one.speaker for one in pieces) else found.get(TURNS, [])
    for one in pieces:
        start = one.start or 0.0
        end = start if one.end is None else one.end
        speaker = one.speaker or next((turn.speaker for turn in turns if _lies_in(turn, (start + end) / 2)), "")
        speaker = names.get(speaker, speaker)
        yield Cue(unit * start, unit * end, html.escape(one.text, quote=False), speaker)


def _lies_in(turn: _Piece, time: float) -> bool:
    return (turn.start or 0.0) <= time <= (turn.end or 0.0)


def _once(pieces: list[_Piece]) -> list[_Piece]:
    """What is said, where all of it is told twice: the half that knows who speaks, or else the first."""
    texts = ["".join(re.findall(r"\w+", one.text.lower())) for one in pieces]
    whole, lengths = "".join(texts), list(accumulate(map(len, texts)))
    middle = len(whole) // 2
    half = lengths.index(middle) + 1 if middle in lengths else 0
    if not half or half == len(pieces) or whole[:middle] != whole[middle:]:
        return pieces
    return pieces[half:] if any(one.speaker for one in pieces[half:]) else pieces[:half]


def _fitness(pieces: list[_Piece]) -> tuple[bool, bool, int]:
    """What comes first of several ways to tell the same: with speakers, in sentences, in fewer parts."""
    unit = _unit(pieces)
    times = [time * unit for one in pieces for time in (one.start, one.end) if time is not None]
    return not any(one.speaker for one in pieces), max(times) - min(times) > _LONG * len(pieces), len(pieces)


def untimed(text: str) -> str:
    """All that is said, where only that stands there."""
    found = _loaded(text)
    whole = found[0] if len(found) == 1 and isinstance(found[0], dict) else {}
    whole_text = next((whole[name] for name in ("text", "transcript") if isinstance(whole.get(name), str)), "")
    lists = (_gather(one, "", "", defaultdict(list)) for one in found if isinstance(one, list))
    return whole_text or " ".join(filter(None, lists))


def language(text: str) -> str:
    """The language that was heard, as it is written there; '' where it is not."""
    waiting, tried = list(_loaded(text)), 0
    while waiting and tried < 1_000:
        one, tried = waiting.pop(0), tried + 1
        if isinstance(one, dict):
            tags = (one[name] for name in LANGUAGES if isinstance(one.get(name), str))
            if tag := next((tag for tag in tags if tag.lower() not in ("auto", "multi")), ""):
                return str(tag)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one[:1]
    return ""


def _names(one: Any) -> dict[str, str]:
    """Names of speakers by their identifiers, where there is a list of them."""
    listed = one.get("speakers") if isinstance(one, dict) else None
    speakers = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    pairs = [(each.get("id", each.get("spkid")), each.get("name")) for each in speakers]
    return {_label(str(key)): name.strip() for key, name in pairs if isinstance(name, str) and name.strip()}


def _label(speaker: str) -> str:
    """What a speaker is called who has only a number."""
    return f"Speaker {speaker}" if speaker.isdecimal() else speaker


def _loaded(text: str) -> list[Any]:
    """What stands there: one thing, or one behind the other."""
    decoder, found, place = json.JSONDecoder(), [], _end_of_space(text, 0)
    try:
        while place < len(text):
            one, place = decoder.raw_decode(text, place)
            found.append(one)
            place = _end_of_space(text, place)
    except (ValueError, RecursionError) as error:
        raise DataError("is no JSON that can be read") from error
    return found


def _end_of_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _gather(one: Any, path: str, speaker: str, found: dict[str, list[_Piece]]) -> str:
    """Note what is said in something, by where it stands. Returns its text."""
    if isinstance(one, list):
        if len(one) == 3 and isinstance(one[2], str) and all(isinstance(each, int | float) for each in one[:2]):
            one = dict(zip(("start", "end", "text"), one, strict=True))
        elif len(one) == 3 and isinstance(one[0], str) and all(isinstance(each, int | float) for each in one[1:]):
            one = dict(zip(("text", "start", "end"), one, strict=True))
        elif len(one) > 5 and isinstance(one[4], str) and all(isinstance(each, int | float) for each in one[:4]):
            one = dict(zip(("start", "end", "text"), one[2:5], strict=True))  # faster-whisper: number, offset, …
        else:
            taken = one[:1] if path.endswith(("alternatives", "nBest")) else one  # the best first
            parts = [_gather(each, path, speaker, found) for each in taken]
            apart = any(part[:1].isspace() or part[-1:].isspace() for part in parts)
            return ("" if apart else " ").join(part for part in parts if part)
    if not isinstance(one, dict):
        return ""
    best = one.get("alternatives")
    told = {**best[0], **one} if isinstance(best, list) and best and isinstance(best[0], dict) else one
    if isinstance(who := one.get("participant"), dict):  # of a meeting
        told = {"speaker": who.get("name"), **told}
    speaker = next((str(told[name]) for name in SPEAKERS if isinstance(told.get(name), str | int)), speaker)
    speaker = _label(speaker)
    inside = [
        _gather(value, f"{path}/{'0' if name.isdecimal() else name}", speaker, found)
        for name, value in one.items()
        if name != "phones"
    ]
    text = next((words for name in TEXTS if (words := _words(one.get(name))) is not None), None)
    if text is None:
        text = next(filter(None, inside), "")
    start, end, whole = _span(one)
    if text and (start is not None or end is not None or _untimed(one)):
        found[path].append(_Piece(text, start, end, speaker, whole))
    elif speaker and start is not None and end is not None:
        found[TURNS].append(_Piece("", start, end, speaker, whole))
    return text


def _words(value: Any) -> str | None:
    """A text, or the lines of one."""
    is_lines = isinstance(value, list) and value and all(isinstance(line, str) for line in value)
    return " ".join(value) if is_lines else value if isinstance(value, str) else None


def _untimed(one: dict[str, Any]) -> bool:
    """Whether it is one of several things, of which others may have times: a comma, a word that was not found."""
    return "type" in one or "word" in one or any(name in one for name in STARTS)


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """What is said, where what has no times goes with what stands before it, or else behind it."""
    cues: list[_Piece] = []
    spaced = 2 * sum(one.text[:1].isspace() for one in pieces) > len(pieces)  # what begins with none goes on a word
    for one in pieces:
        if cues and spaced and one.start is not None and len(one.text.split()) == 1 and not one.text[0].isspace():
            cues[-1] = replace(cues[-1], text=cues[-1].text + one.text, end=one.end)
        elif one.start is None and one.end is not None:  # it goes on where the one before it ends
            cues.append(replace(one, start=(cues[-1].end if cues else 0.0) or 0.0))
        elif cues and (one.start is None or cues[-1].start is None or not re.search(r"\w", one.text)):
            between = " " if one.text[:1].isalnum() and not cues[-1].text.endswith(" ") else ""
            times = one if cues[-1].start is None else cues[-1]
            cues[-1] = replace(times, text=cues[-1].text + between + one.text)
        elif one.text.strip():
            cues.append(one)
    return cues


def _unit(pieces: list[_Piece]) -> float:
    """Seconds that whole numbers count: the largest unit in which nobody speaks too slowly."""
    timed = [one for one in pieces if one.start is not None and one.end is not None]
    if not timed or not all(one.whole for one in timed):
        return 1.0
    length = sum((one.end or 0.0) - (one.start or 0.0) for one in timed)
    letters = sum(len(one.text) for one in timed)
    return next((unit for unit in (1.0, 1e-3) if letters >= SLOWEST * unit * length), 1e-7)


def _span(one: dict[str, Any]) -> tuple[float | None, float | None, bool]:
    """Start and end, and whether they are whole numbers of an unknown unit."""
    if one.get("case", "success") != "success":  # of Gentle: what it did not find has places of letters
        return None, None, False
    for name in ("offsets", "timestamps"):  # milliseconds, or clocks
        if isinstance(inner := one.get(name), dict):
            unit = 1e-3 if name == "offsets" else 1.0
            start, end = (_number(inner.get(key)) for key in ("from", "to"))
            return (None if start is None else unit * start), (None if end is None else unit * end), False
    if isinstance(pair := one.get("timestamp"), list) and len(pair) == 2:
        return _number(pair[0]), _number(pair[1]), False
    start, end = _time(one, STARTS), _time(one, ENDS)
    if start is None and "tStartMs" in one:
        start = _time(one, ("tStart",))
    if start is None and "endOffset" in one:  # Google leaves out a zero
        start = 0.0
    length = _time(one, (*LENGTHS, "dDuration"))
    if end is None and start is not None and length is not None:
        end = start + length
    given = [one[name] for name in (*STARTS, *ENDS, *LENGTHS) if one.get(name) is not None]
    return start, end, bool(given) and all(isinstance(value, int) for value in given)


def _time(one: dict[str, Any], names: tuple[str, ...]) -> float | None:
    """The first of some times that there are."""
    for name in names:
        for ending, unit in UNITS.items():
            value = _number(one.get(name + ending))
            if value is not None:
                return unit * value
    return None


def _number(value: Any) -> float | None:
    """A number, or one that is written "1.8s", "PT1.8S", "00:00:01,800", {"seconds": 1, "nanos": 800000000} or
    {"relative": 1.8}."""
    if isinstance(value, dict) and "relative" in value:
        value = value["relative"]
    if isinstance(value, dict) and value.keys() <= {"seconds", "nanos"}:
        return (_number(value.get("seconds")) or 0.0) + (_number(value.get("nanos")) or 0.0) / 1e9
    if isinstance(value, str):
        if match := _DURATION.fullmatch(value.strip()):
            hours, minutes, rest = (float(part or 0) for part in match.groups())
            return 3_600 * hours + 60 * minutes + rest
        return seconds(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
