"""Plain texts (.txt, .lrc, .ctm, .stm) with times in them, wherever people and programs put these."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from index.ingest import captions, tables
from index.ingest.clocks import ALMOST, CLOCK, TIME, matched, seconds
from index.ingest.cues import SPEED, Cue, Flaw

_MARK = re.compile(
    rf"[ \t]*(?:[\[(]({CLOCK})[\])]|#({CLOCK})#|^({CLOCK})(?=\s|[:=]|$))[ \t]*(?:[-–—:=|][ \t]*)?", re.MULTILINE
)
_WORD = r"[^\W\d_a-zà-öø-ÿ][\w.'’&-]*|\d+"
_NAME = rf"(?:{_WORD})(?: (?:{_WORD})){{0,4}}"
_NAMED = rf"{_NAME}(?: \([^()]*\))?"  # with what they do, or for whom
_LISTED = rf"{_NAME}(?:, {_NAME})?(?: \([^()\d]*\))?"  # as in a directory: "Miller, Anna (Guest)"
_TURN = re.compile(
    rf"\s*(?:\[({_NAME})\]|({_LISTED})):?\s+(?:[|–—-]\s+)?(?:[\[(]({CLOCK})(?:\s*[-–—]\s*{CLOCK})?[\])]\s*:?"
    rf"|({CLOCK})\s*(?::(?!\d)|(?!\s*\S)|(?<=\s{{2}})(?=\S)))\s*(.*)"
)
_NAME_ABOVE = re.compile(rf"(?:\A|(?<=\n\n))[ \t]*({_NAME})[ \t]*\n[ \t]*({CLOCK})[ \t]*$", re.MULTILINE)
_CAPITALS_ABOVE = re.compile(r"(?:\A|(?<=\n\n))([^\W\d_a-z][^a-z\n\d:]{1,30})\n(?=\S)")  # as in a screenplay
_IN_SIGNS = re.compile(rf"^([ \t]*)[<{{*]({CLOCK})[>}}*](?=[ \t])", re.MULTILINE)
_OF_UNITS = re.compile(r"^\[?(?:(\d{1,2})h ?)?(\d{1,3})(?:m|['’′]) ?(\d\d)(?:s|[\"”″]|''|’’)\]?(?=[ \t])", re.MULTILINE)
_OF_SECONDS = re.compile(r"^\[(\d{1,6}(?:\.\d{1,3})?s|\d{1,6}\.\d{1,3})\]", re.MULTILINE)
_BEGINNING = 60.0  # seconds in which there is a first time in what has a heading
_HEADING = 10  # lines that may stand above the first turn
_OF_PROGRAMS = re.compile(
    r"^(?:Transcribed by https?://\S+|.{1,60} (?:started|stopped) transcription"
    r"|(?:Transcription|Meeting) ended after [\d:]+|This editable transcript was computer generated.*"
    r"|This transcript was exported on .*)[ \t]*$",
    re.MULTILINE,
)
_PAGES = re.compile(r"(?:^[ \t]*\d{1,4}[ \t]*\n+)?\f(?:[ \t]*\d{1,4}[ \t]*$)?", re.MULTILINE)  # with their numbers
_SWIFT = re.compile(rf"^TIMEIN: ({TIME})\s.*TIMEOUT: ({TIME})[ \t]*$", re.MULTILINE)
_UNITS = r"\d+ (?:hours?|minutes?|seconds?)"
_SPELLED = re.compile(rf"^([ \t]*{CLOCK}[ \t]*)\n{_UNITS}(?:,? {_UNITS})*[ \t]*$", re.MULTILINE)  # of YouTube
_LINE_NUMBER = re.compile(r"[ \t]*(\d{1,5})(?:[.)]?[ \t]+|[ \t]*$)")
_TOKENS = re.compile(r"(?:<\|[a-z_]+\|>)|¤<(\d{1,9})>|(<\|(\d{1,6}\.\d\d)\|>)(?:\s*\2)*")  # of Transana and Whisper
_ALMOST = re.compile(rf"\s*(?:\[{ALMOST}\]|\({ALMOST}\))")
_SPAN = re.compile(  # 0:00 - 0:02, [0:00 - 0:02], [0:00] - [0:02]
    rf"\s*(?:#?\d{{1,6}}\s+(?=\d+:))?[\[({{]?({TIME})[\])}}]?\s*(?:[-–—>→]+|to|bis|(?<=[\s\]}})])(?=\S?\d+:))\s*"
    rf"[\[({{]?({TIME})(?:(?:[\])]|(?=[:\s]|$)):?(?:\s+(?:D (?=\S))?(.*)|$)|\}}(.*))"
)
_WORD_TIMES = re.compile(r"<\d{1,3}:[\d:.]*>")  # of lyrics
_OFFSET = re.compile(r"^\[offset: ?([+-]?\d{1,7})\]", re.MULTILINE)  # of lyrics, milliseconds


def plain(text: str) -> Iterator[Cue | Flaw]:
    """A text with times: those of subtitles, labels of Audacity, a table, a time before, in or after most paragraphs
    ("[01:10] We left at dawn."), also with an end ("[01:10 --> 01:12] We left at dawn."), or one behind the name of
    whoever speaks. None of a text without times."""
    text = _OF_UNITS.sub(lambda time: f"[{time[1] or 0}:{time[2]:>02}:{time[3]}]", _IN_SIGNS.sub(r"\1[\2]", text))
    text = _OF_SECONDS.sub(lambda time: _as_clock(float(time[1].rstrip("s"))), text)
    text = _NAME_ABOVE.sub(r"\1 \2", _SPELLED.sub(r"\1", _TOKENS.sub(_clock, _SWIFT.sub(r"\1 --> \2", text))))
    lines = text.split("\n")
    broken = {place for place, line in enumerate(lines) if _ALMOST.match(line) and not _MARK.match(line)}
    whole = "\n".join("" if place in broken else line for place, line in enumerate(lines))
    if cues := list(_timed(whole)):
        yield from (Flaw(lines[place].strip(), place + 1) for place in sorted(broken))
    yield from cues


def of_speech(text: str) -> str:
    """A text without what programs say of themselves in it, and without the numbers of its lines."""
    lines = _OF_PROGRAMS.sub("", _PAGES.sub("\n", text)).split("\n")
    numbers = [_LINE_NUMBER.match(line) for line in lines if line.strip()]
    counted = [0, *(int(match[1]) for match in numbers if match)]
    rising = all(after in (before + 1, 1) for before, after in pairwise(counted))
    if len(numbers) > 2 and all(numbers) and rising:
        lines = [_LINE_NUMBER.sub("", line, count=1) for line in lines]
    text = "\n".join(lines).strip()
    headed = len(_CAPITALS_ABOVE.findall(text))
    return _CAPITALS_ABOVE.sub(r"\1: ", text) if headed > 1 and headed == len(re.split(r"\n{2,}", text)) else text


def _clock(token: re.Match[str]) -> str:
    """A time that Transana or Whisper writes, as others write it."""
    second = int(token[1]) / 1_000 if token[1] else float(token[3] or -1)
    return "" if second < 0 else _as_clock(second)


def _as_clock(second: float) -> str:
    return f"[{second // 60:.0f}:{second % 60:06.3f}]"


def _timed(text: str) -> Iterator[Cue | Flaw]:
    """The same, without lines whose times cannot be read."""
    lines = [line for line in text.split("\n") if line.strip()]
    turns = [(place, match) for place, line in enumerate(lines) if (match := _TURN.fullmatch(line))]
    spans = [(place, match) for place, line in enumerate(lines) if (match := _SPAN.fullmatch(line))]
    stamps = [match for line in lines if (match := captions.STAMP.fullmatch(line))]
    if stamps:
        cues = list(captions.timed(text))
        yield from _speakers_apart(_literal(cues) if all(one[1] for one in stamps) else cues)
    elif lines and tables.names_cues(lines[0]):
        yield from tables.cues(text)
    elif spans and 2 * len(spans) >= len(lines):
        for (_, one), body in zip(spans, _bodies(spans, lines), strict=True):
            words = "\n".join([one[3] or one[4] or "", *body])
            yield Cue(matched(one[1]), matched(one[2]), html.escape(words, quote=False))
    elif labels := _labels(lines):
        yield from labels
    elif captions.is_framed(text):
        yield from captions.framed(text)
    elif _are_turns(turns):
        starts = [matched(one[3] or one[4]) for _, one in turns]
        texts = ["\n".join([one[5], *body]) for (_, one), body in zip(turns, _bodies(turns, lines), strict=True)]
        yield from _following(starts, texts, [one[1] or one[2] for _, one in turns])
    else:
        yield from _speakers_apart(list(_marked(text.strip())))


def timed_words(text: str) -> Iterator[Cue | Flaw]:
    """Words with times (.ctm, as NIST has it): file, channel, start, length, word, and perhaps how sure it is."""
    for place, line in enumerate(text.split("\n"), 1):
        _, _, *rest = [*line.partition(";;")[0].split(), "", ""]
        if len(rest) < 5:
            continue
        start, length = map(seconds, rest[:2])
        if start is None or length is None:
            yield Flaw(line.strip(), place)
        else:
            yield Cue(start, start + length, html.escape(rest[2], quote=False))


def timed_utterances(text: str) -> Iterator[Cue | Flaw]:
    """Utterances with times (.stm, as NIST has it): file, channel, speaker, start, end, perhaps labels, and words."""
    for place, line in enumerate(text.split("\n"), 1):
        cells = line.partition(";;")[0].split(maxsplit=5)
        if len(cells) < 6:
            continue
        start, end = map(seconds, cells[3:5])
        if start is None or end is None:
            yield Flaw(line.strip(), place)
        else:
            words = re.sub(r"\A<[^<>]*>", "", cells[5])
            yield Cue(start, end, html.escape(words, quote=False), cells[2])


def _bodies(heads: list[tuple[int, re.Match[str]]], lines: list[str]) -> list[list[str]]:
    """The lines behind each of those at some places, up to the next of them."""
    ends = [*(place for place, _ in heads[1:]), len(lines)]
    return [lines[place + 1 : end] for (place, _), end in zip(heads, ends, strict=True)]


def _literal(cues: Sequence[Cue | Flaw]) -> list[Cue | Flaw]:
    """Cues of a text without markup."""
    return [replace(one, text=html.escape(one.text, quote=False)) if isinstance(one, Cue) else one for one in cues]


def _are_turns(found: list[tuple[int, re.Match[str]]]) -> bool:
    """Whether what looks like names with times begins turns: at the top of the text, or below its heading."""
    return (
        bool(found)
        and found[0][0] <= _HEADING * (len(found) > 1)
        and _rising([matched(m[3] or m[4]) for _, m in found])
    )


def _rising(times: Sequence[float]) -> bool:
    return all(one <= other for one, other in pairwise(times))


def _following(starts: Sequence[float], texts: Sequence[str], speakers: Sequence[str]) -> Iterator[Cue]:
    """Cues that last until the next one."""
    ends = [*starts[1:], starts[-1] + len(texts[-1]) / SPEED]
    for start, end, words, speaker in zip(starts, ends, texts, speakers, strict=True):
        yield Cue(start, end, html.escape(_WORD_TIMES.sub("", words), quote=False), speaker)


def _labels(lines: list[str]) -> list[Cue | Flaw]:
    """Labels of Audacity, and what ELAN writes without the names of columns: cells, of which two are times, in most
    lines."""
    found: list[Cue | Flaw] = []
    for line in lines:
        if line.startswith("\\\t"):  # frequencies of the label above
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        times = [value for cell in cells if (value := seconds(cell)) is not None]
        clocks = [value for cell in cells if ":" in cell and (value := seconds(cell)) is not None]
        times = clocks if len(clocks) > 1 else times  # of what ELAN writes in several ways
        others = [cell for cell in cells if seconds(cell) is None] or cells[2:3]  # said may be a number, too
        adjoin = any(None not in map(seconds, two) for two in pairwise(filter(None, cells)))
        if len(times) > 1 and adjoin and others:
            speaker = others[0] if len(others) > 1 else ""
            found.append(Cue(times[0], times[1], html.escape(others[-1], quote=False), speaker))
        else:
            found.append(Flaw(line.strip()))
    return found if 2 * sum(isinstance(one, Cue) for one in found) >= max(1, len(found)) else []


def _marked(text: str) -> Iterator[Cue]:
    """What is said from one time to the next; where a text does not begin with a time and ends with one, to each."""
    marks = list(_MARK.finditer(text))
    times = [matched(next(filter(None, mark.groups()))) for mark in marks]
    alone = [mark for mark in marks if not mark[3] or not text[mark.end(3) :].partition("\n")[0].strip()]
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    heading = text[: marks[0].start()].count("\n") if marks else 0
    headed = len(marks) > 1 and heading <= _HEADING and times[0] < _BEGINNING and _rising(times)
    if not marks or not (marks[0].start() == 0 or len(alone) > 1 or 2 * len(marks) >= lines or headed):
        return
    shift = int(found[1]) / 1_000 if (found := _OFFSET.search(text)) else 0.0
    if marks[0].start() > 0 and marks[-1].end() == len(text) and _rising(times) and not found:
        begins = [0, *(mark.end() for mark in marks)]
        for start, end, begin, mark in zip([0.0, *times], times, begins, marks, strict=False):
            yield Cue(start, end, html.escape(text[begin : mark.start()], quote=False))
        return
    before = text[: marks[0].start()]
    if len(before.strip()) > SPEED * times[0]:  # a heading, for which there is no time
        before = before.rpartition("\n")[2]
    if before.strip() and times[0] > 0:
        yield Cue(0.0, times[0], html.escape(before, quote=False))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    texts = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    for place in reversed(range(len(texts) - 1)):  # a line that is sung twice has two times before it
        if not texts[place] and marks[place].end() == marks[place + 1].start():
            texts[place] = texts[place + 1]
    order = sorted(range(len(texts)), key=times.__getitem__)
    yield from _following([times[n] - shift for n in order], [texts[n] for n in order], [""] * len(texts))


def _speakers_apart(cues: Sequence[Cue | Flaw]) -> Iterator[Cue | Flaw]:
    """Cues whose first line is the name of whoever speaks, where all of them have one."""
    halves = [one.text.strip().partition("\n") for one in cues if isinstance(one, Cue)]
    named = len(halves) > 0 and all(re.fullmatch(_NAMED, name.strip()) and rest.strip() for name, _, rest in halves)
    for one in cues:
        if named and isinstance(one, Cue):
            name, _, rest = one.text.strip().partition("\n")
            yield Cue(one.start, one.end, rest, name.partition(" (")[0].strip())
        else:
            yield one
