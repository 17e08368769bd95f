"""Cues: what is said when. Subtitles show words, to be read; here they become what was spoken, to be found."""

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise


@dataclass(frozen=True)
class Cue:
    """What is said in a stretch of a recording."""

    start: float  # seconds
    end: float
    text: str
    speaker: str = ""


@dataclass(frozen=True)
class Turn:
    """What is said by one speaker, at no known time."""

    text: str
    speaker: str = ""


@dataclass(frozen=True)
class Flaw:
    """What of a transcript has no times that can be read, and is left out."""

    written: str  # as it stands there
    line: int = 0  # from 1; 0 where that tells nothing


@dataclass(frozen=True)
class _Shown:
    """Lines that stand on the screen together."""

    start: float
    end: float
    lines: list[str]
    speaker: str
    marked: str  # as it was written

    @property
    def words(self) -> list[str]:
        return " ".join(self.lines).split()


_SPEAKER_TAG = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]+([^<>]*)>")  # of WebVTT
_BREAK = re.compile(r"<br ?/?>|\\[Nn]|\|", re.IGNORECASE)
_RUBY = re.compile(r"<rt>[^<>]*</rt>")  # how what stands below is pronounced
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{(?:\\|[a-zA-Z]+:)[^{}]*\}|\*\*")
_UNSEEN = re.compile(r"[\xad\u200b\u2060\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # hyphens, directions
_NAME = r"[^\W\d_][\w.'’&-]*(?: [\w.'’&#-]+){0,3}"
_TURN = r"(?:[-–—] ?)?(?:>+ ?)?"  # what may stand before whoever speaks
_ASIDE = r"(?: ?[(\[][^()\[\]]{1,30}[)\]])?"  # "ANNA (laughing): …"
_CERTAIN = re.compile(rf"{_TURN}\[(?!\d+:[\d:.,]*\])([^\[\]]{{1,100}})\]: ?")  # a name, not a clock
_PREFIX = re.compile(rf"{_TURN}(?:\(([^\[\]():]{{1,40}})\):|({_NAME}){_ASIDE} ?:(?= |$)|([^\W\d_]{{1,10}})：) ?")
_BRACKETED = re.compile(rf"{_TURN}[\[(]({_NAME})[\])](?: |$)")
_LETTERED = re.compile(rf"{_TURN}([A-Z]\d?)\. +(?=\S)")  # "Q. When was that?"
_DASHED = re.compile(rf"{_TURN}({_NAME}) ?[-–—] +(?=\S)")
_TAGS = r"(?:[biuscvp]|br|em|font|lang|rt|ruby|span|strong)\b"
_ANGLED = re.compile(rf"^[ \t]*(?:&lt;({_NAME})&gt;|<(?!{_TAGS})({_NAME})>)(?=[ \t]|$)", re.MULTILINE | re.IGNORECASE)
_LABEL = re.compile(r"(?:SPEAKER|Speaker|speaker|spk)[_ ]?\d+")  # of programs that tell speakers apart
_NOTE = re.compile(r"[♩♪♫♬🎵🎶]|\[([^\[\]]{0,80})\]|［[^［］]{0,80}］")
_SOUND = re.compile(r"[(（][^()（）]*[)）]|\*[^*]*\*")
SPEED = 12  # characters a second at which is spoken what has no end
TOGETHER = 0.3  # seconds that may lie between two captions of which one takes over words of the other


def spoken(cues: Iterable[Cue]) -> list[Cue]:
    """Cues with markup as text: its speakers named, each word of captions that roll over the screen once.

    A speaker is whom a tag names (<v Anna>), or what stands before a colon: in brackets ("[Anna]: The ferry is late."),
    in capitals ("ANNA: The ferry is late."), or otherwise where most lines have that; so does what stands in brackets
    before most lines ("[Anna] The ferry", "<Anna> The ferry"), a letter ("Q. When was that?") or a name before a dash
    where such come back. Whatever else stands in square brackets, or makes a whole cue in round ones,
    is a note, such as [laughter].
    """
    shown = [piece for cue in cues for piece in _pieces(cue)]
    usual = frozenset(pattern for pattern in (_PREFIX, _BRACKETED, _LETTERED, _DASHED) if _is_usual(pattern, shown))
    return _once([piece for one in shown for piece in _by_speaker(one, usual)])


def _is_usual(pattern: re.Pattern[str], shown: list[_Shown]) -> bool:
    """Whether most of what is shown names speakers so; where it may be no name, whether they speak again."""
    named = [match[1] for one in shown if (match := next(filter(None, map(pattern.match, one.lines)), None))]
    in_turn = pattern not in (_LETTERED, _DASHED) or len(set(named)) < len(named)
    return len(named) > 1 and 2 * len(named) >= len(shown) and in_turn


def _pieces(cue: Cue) -> Iterator[_Shown]:
    """What each of the voices that are tagged says."""
    written = _ANGLED.sub(lambda name: f"[{name[1] or name[2]}]", cue.text)
    parts = _SPEAKER_TAG.split(_BREAK.sub("\n", _RUBY.sub("", written)))
    speakers = [cue.speaker, *(" ".join(html.unescape(name).split()) for name in parts[1::2])]
    turns = []
    for speaker, marked in zip(speakers, parts[::2], strict=True):
        seen = _UNSEEN.sub("", html.unescape(_MARKUP.sub("", marked)))
        lines = [" ".join(line.split()) for line in seen.split("\n")]
        turns.append((speaker, [line for line in lines if line], marked))
    yield from _in_turn(cue.start, cue.end, [one for one in turns if one[1]])


def _by_speaker(one: _Shown, usual: frozenset[re.Pattern[str]]) -> Iterator[_Shown]:
    """What is said by each of those who are named before it."""
    turns: list[tuple[str, list[str], str]] = [(one.speaker, [], one.marked)]
    for place, line in enumerate(one.lines):
        name, rest = _named(line, usual)
        if not rest and place + 1 == len(one.lines):  # nothing follows that they might say
            name, rest = "", line
        if name:
            turns.append((name, [], one.marked))
        turns[-1][1].append(re.sub(r"^(?:[-–—] |>>+ ?)", "", rest))
    said = [(name, _without_notes(lines), marked) for name, lines, marked in turns]
    yield from _in_turn(one.start, one.end, [each for each in said if each[1]])


def _named(line: str, usual: frozenset[re.Pattern[str]]) -> tuple[str, str]:
    """Whom a line names before what is said, and that; '' and the line where it names nobody."""
    if match := _CERTAIN.match(line):
        return match[1], line[match.end() :]
    if match := _PREFIX.match(line):
        name, rest = next(filter(None, match.groups())), line[match.end() :]
        capitals = name.isupper() and not rest.isupper()
        if (_PREFIX in usual and not name[0].islower()) or capitals or _LABEL.fullmatch(name):
            return name, rest
    elif match := _BRACKETED.match(line):
        usually = _BRACKETED in usual and not match[1][0].islower()
        if usually or _LABEL.fullmatch(match[1]):
            return match[1], line[match.end() :]
    elif match := next((found for one in (_LETTERED, _DASHED) if one in usual and (found := one.match(line))), None):
        return ("", line) if match[1][0].islower() else (match[1], line[match.end() :])
    return "", line


def _without_notes(lines: list[str]) -> list[str]:
    """The lines without what nobody says; a word in doubt, such as [harbour?], is said."""
    told = [_NOTE.sub(lambda note: (note[1] or "")[:-1] if (note[1] or "").endswith("?") else "", one) for one in lines]
    words = [" ".join(one.split()) for one in told]
    return [] if _SOUND.fullmatch(" ".join(words).strip()) else [one for one in words if one]


def _in_turn(start: float, end: float, turns: list[tuple[str, list[str], str]]) -> Iterator[_Shown]:
    """Share the time of a cue among those who speak in it, by how much they say."""
    ends = list(accumulate(sum(map(len, lines)) for _, lines, _ in turns))
    begin = start
    for (speaker, lines, marked), passed in zip(turns, ends, strict=True):
        until = start + passed / ends[-1] * (end - start)
        yield _Shown(begin, until, lines, speaker, marked)
        begin = until


def _once(shown: list[_Shown]) -> list[Cue]:
    """Each word once, if captions roll: if they go on with what the one before them has, and add to it."""
    if not shown:
        return []
    taken = [0, *(_taken_over(one, other) for one, other in pairwise(shown))]
    together = sum(other.start - one.end <= TOGETHER for one, other in pairwise(shown))
    grown = sum(
        count > 0 and (count < len(one.words) or one.marked != shown[place - 1].marked)
        for place, (count, one) in enumerate(zip(taken, shown, strict=True))
    )
    rolling = grown > 0 and sum(map(bool, taken)) > 1 and 2 * sum(map(bool, taken)) >= together
    cues: list[Cue] = []
    known: set[tuple[float, float, str]] = set()
    for count, one in zip(taken, shown, strict=True):
        words = one.words[count:] if rolling else one.words
        key = (one.start, one.end, " ".join(words))
        if words and key not in known:
            known.add(key)
            cues.append(Cue(*key, one.speaker))
        elif cues and not words:
            cues[-1] = replace(cues[-1], end=max(cues[-1].end, one.end))
    return cues


def _taken_over(one: _Shown, other: _Shown) -> int:
    """How many words of `other` were on the screen before: its first lines, or all that stood there."""
    if other.start - one.end > TOGETHER:
        return 0
    before, words = one.words, other.words
    ends = {len(before)}
    for count in range(1, min(4, len(other.lines)) + 1):
        ends.add(len(" ".join(other.lines[:count]).split()))
    fitting = (end for end in sorted(ends, reverse=True) if 0 < end <= min(len(before), len(words)))
    return next((end for end in fitting if before[-end:] == words[:end]), 0)
