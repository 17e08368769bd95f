"""Interviews of the Oral History Metadata Synchronizer (.xml): transcripts, and what is known of a recording.

A transcript is WebVTT, or lines of which it is said at which one each minute begins.
"""

import html
import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from xml.etree.ElementTree import Element

from index.ingest import captions
from index.ingest.clocks import seconds
from index.ingest.cues import SPEED, Cue, Flaw
from index.ingest.safe_xml import attributes, local, root

SUFFIXES = (".xml",)
_INTERVIEW = re.compile(r"\s*(?:<[?!][^<>]*>\s*)*<(?:\w+:)?ROOT\b")
_NO_SPEECH = re.compile(  # references and the notes at the end, times within the text
    r"\[\[?footnotes\]\]?.*|\[\[?footnote\]\]?.*?\[\[?/footnote\]\]?|\{[\d:]*\}|\A\s*Transcript:", re.DOTALL
)
_SPEAKER = re.compile(r"\s*([A-Z][A-Z.'’ -]{0,40}):\s*(?=\S)")
_SYNC = re.compile(r"\s*(\d{1,3})\s*:([\s\d()|]*\d[\s\d()|]*)")
_MARK = re.compile(r"(\d{1,6})\s*(?:\(\d*\)\s*)?(?:\||\Z)")  # lines, and words in them
FACTS = {
    "title": ("title",), "speaker": ("interviewee",), "category": ("collection_name",), "language": ("language",),
    "tags": ("keyword", "subject"),
}  # fmt: skip
"""The elements of a record that have the fields of a Recording, its date aside."""


def interview_or_captions(text: str) -> Iterator[Cue | Flaw]:
    """What is said when, in an interview or in Timed Text; of an interview without a transcript, what its index quotes.

    Raises:
        DataError: if it is other XML.
    """
    record = _record(text)
    if record is None:
        yield from captions.ttml(text)
        return
    words, sync = _first(record, "vtt_transcript"), _SYNC.fullmatch(_first(record, "sync"))
    if words.strip():
        yield from captions.timed(f"WEBVTT\n\n{words.strip().removeprefix('WEBVTT')}")
    elif sync:
        marks = [0, *map(int, _MARK.findall(sync[2]))]
        yield from _spread(_lines(record), marks, 60.0 * int(sync[1]))
    elif not untimed(text).strip():
        yield from _quoted(record)


def untimed(text: str) -> str:
    """What is said in an interview; '' of other XML."""
    record = _record(text)
    return "" if record is None else "\n".join(_lines(record))


def facts(text: str) -> dict[str, str]:
    """What an interview says of its recording, by the fields of a Recording; nothing where it is none.

    Raises:
        DataError: if it is no XML that can be read.
    """
    record = _record(text)
    if record is None:
        return {}
    found = {
        fact: [one.text or "" for name in names for one in record if local(one) == name]
        for fact, names in FACTS.items()
    }
    found["date"] = [attributes(one).get("value", "") for one in record if local(one) == "date"]
    known = {fact: list(filter(str.strip, values)) for fact, values in found.items()}
    return {fact: "; ".join(values if fact == "tags" else values[:1]) for fact, values in known.items() if values}


def _record(text: str) -> Element | None:
    """The interview; None where it is none."""
    elements = root(text) if _INTERVIEW.match(text) else ()
    return next((one for one in elements if local(one) == "record"), None)


def _first(element: Element, name: str) -> str:
    return next((one.text or "" for one in element if local(one) == name), "")


def _lines(record: Element) -> list[str]:
    """The lines of a transcript, as many as they are counted."""
    return _NO_SPEECH.sub(lambda found: "\n" * found[0].count("\n"), _first(record, "transcript")).split("\n")


def _spread(lines: list[str], marks: list[int], step: float) -> Iterator[Cue]:
    """Lines over the time between two marks, each of which is the line in which such a time begins."""
    speaker = ""
    for place, (begin, end) in enumerate(pairwise([*marks, len(lines)])):
        between = [one for one in lines[begin:end] if one.strip()]
        letters = [0, *accumulate(map(len, between))]
        length = step if place < len(marks) - 1 else min(step, letters[-1] / SPEED)
        times = [place * step + passed / max(1, letters[-1]) * length for passed in letters]
        for words, start, until in zip(between, times, times[1:], strict=False):
            if named := _SPEAKER.match(words):
                speaker = named[1].strip()
            said = words[named.end() :] if named else words
            yield Cue(start, until, html.escape(said, quote=False), speaker)


def _quoted(record: Element) -> Iterator[Cue]:
    """What the points of an index quote of what is said there."""
    for point in (one for one in record.iter() if local(one) == "point"):
        start, words = seconds(_first(point, "time")), _first(point, "partial_transcript")
        if start is not None and words.strip():
            yield Cue(start, start + len(words) / SPEED, html.escape(words, quote=False))
