"""Annotations in tiers, two for each speaker, utterances and their words, and one of notes: ELAN (.eaf) and Praat
(.TextGrid).

    Anna - utterances       |  We left at dawn.  |
    Anna - words            | We |left|at| dawn. |
    notes                       | The flood #1962|

A tier holds nothing that overlaps: where one speaker's utterances do, there are further ones, "Anna - utterances 2".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from index.exports.clocks import decimal
from index.exports.transcript import RecordingTranscript, Utterance, one_line

UNKNOWN_DATE = "1970-01-01T00:00:00+00:00"
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
EAF_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
INCLUDED = "Included_In"
CONSTRAINT = "Time alignable annotations within the parent annotation's time interval, gaps are allowed"


@dataclass(frozen=True)
class Interval:
    """A text from one time to a later one, in milliseconds."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Tier:
    """Intervals in the order of time, none of which overlap."""

    name: str
    speaker: str
    intervals: list[Interval]
    kind: str = "utterance"  # or "word", "note"
    parent: str = ""  # name of the tier of which these are the words


def elan(transcript: RecordingTranscript) -> bytes:
    """ELAN, version 3.0 of its format; words lie in the utterances that they are of."""
    tiers = _tiers(transcript)
    every = [one for tier in tiers for one in tier.intervals]
    document = Element("ANNOTATION_DOCUMENT", {
        "AUTHOR": "", "DATE": transcript.recording.added or UNKNOWN_DATE, "FORMAT": "3.0", "VERSION": "3.0",
        "xmlns:xsi": SCHEMA_INSTANCE, "xsi:noNamespaceSchemaLocation": EAF_SCHEMA,
    })  # fmt: skip
    _elan_header(document, transcript, len(every))
    times = [time for one in every for time in (one.start, one.end)]
    in_order = sorted(range(len(times)), key=times.__getitem__)
    order = SubElement(document, "TIME_ORDER")
    for place in in_order:
        SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": f"ts{place}", "TIME_VALUE": str(times[place])})
    number = 0
    for tier in tiers:
        facts = {"LINGUISTIC_TYPE_REF": tier.kind, "TIER_ID": tier.name}
        given = {"PARTICIPANT": tier.speaker, "PARENT_REF": tier.parent}
        element = SubElement(document, "TIER", facts | {name: value for name, value in given.items() if value})
        for one in tier.intervals:
            slots = {"TIME_SLOT_REF1": f"ts{2 * number}", "TIME_SLOT_REF2": f"ts{2 * number + 1}"}
            annotation = SubElement(element, "ANNOTATION")
            aligned = SubElement(annotation, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{number + 1}", **slots})
            SubElement(aligned, "ANNOTATION_VALUE").text = one.text
            number += 1
    aligned_type = {"TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
    SubElement(document, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": "utterance", **aligned_type})
    SubElement(document, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": "word", **aligned_type, "CONSTRAINTS": INCLUDED})
    SubElement(document, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": "note", **aligned_type})
    SubElement(document, "CONSTRAINT", {"DESCRIPTION": CONSTRAINT, "STEREOTYPE": INCLUDED})
    return ElementTree.tostring(document, encoding="UTF-8", xml_declaration=True) + b"\n"


def _elan_header(document: Element, transcript: RecordingTranscript, annotations: int) -> None:
    header = SubElement(document, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    file = quote(transcript.file)
    kind = transcript.media_type or "unknown"
    media = {"MEDIA_URL": f"file:///{file}", "MIME_TYPE": kind, "RELATIVE_MEDIA_URL": f"./{file}"}
    SubElement(header, "MEDIA_DESCRIPTOR", media)
    SubElement(header, "PROPERTY", {"NAME": "lastUsedAnnotationId"}).text = str(annotations)


def praat(transcript: RecordingTranscript) -> bytes:
    """Praat's long text format; what lies between the intervals is empty ones."""
    tiers = _tiers(transcript) or [Tier("utterances", "", [])]
    ends = [tier.intervals[-1].end for tier in tiers if tier.intervals]
    last = max([1, round(1_000 * transcript.recording.duration), *ends])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *_span(0, last)]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, tier in enumerate(tiers, start=1):
        filled = list(_filled(tier.intervals, last))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f"        name = {_quoted(tier.name)}"]
        lines += [*_span(0, last, 8), f"        intervals: size = {len(filled)}"]
        for place, one in enumerate(filled, start=1):
            lines += [f"        intervals [{place}]:", *_span(one.start, one.end, 12)]
            lines.append(f"            text = {_quoted(one.text)}")
    return ("\n".join(lines) + "\n").encode()


def _tiers(transcript: RecordingTranscript) -> list[Tier]:
    """All tiers: of who speaks, and of notes."""
    notes = list(_notes(transcript))
    return _spoken(transcript.utterances) + ([Tier("notes", "", notes, kind="note")] if notes else [])


def _notes(transcript: RecordingTranscript) -> Iterator[Interval]:
    """The notes, each until its end or the next one; those of one moment together."""
    texts: dict[int, list[str]] = {}
    ends: dict[int, int] = {}
    for start, end, note in transcript.note_spans:
        texts.setdefault(start, []).append(one_line(note.summary))
        ends[start] = end
    for start, following in pairwise([*texts, max(ends.values(), default=0)]):
        yield Interval(start, min(ends[start], following), "; ".join(texts[start]))


def _spoken(utterances: Sequence[Utterance]) -> list[Tier]:
    """Tiers of utterances by speaker, in the order in which they first speak, each before that of its words."""
    lanes: dict[str, list[list[Utterance]]] = {}
    for one in utterances:
        of_speaker = lanes.setdefault(one.speaker, [])
        free = next((lane for lane in of_speaker if lane[-1].end <= one.start), None)
        if free is None:
            of_speaker.append([one])
        else:
            free.append(one)
    tiers = []
    for speaker, of_speaker in lanes.items():
        for number, lane in enumerate(of_speaker, start=1):
            before, after = f"{speaker} - " if speaker else "", f" {number}" if number > 1 else ""
            name = f"{before}utterances{after}"
            tiers.append(Tier(name, speaker, [Interval(one.start, one.end, one.text) for one in lane]))
            words = [word for one in lane for word in _words(one)]
            if words:
                tiers.append(Tier(f"{before}words{after}", speaker, words, kind="word", parent=name))
    return tiers


def _words(utterance: Utterance) -> Iterator[Interval]:
    """The words of an utterance, within it and one after the other, each at least a millisecond long; none where there
    is no room for that."""
    texts = [(text, word) for word in utterance.words if (text := one_line(word.text))]
    at, end = utterance.start, utterance.end
    if len(texts) > end - at:
        return
    for following, (text, word) in zip(reversed(range(len(texts))), texts, strict=True):
        start = min(max(round(1_000 * word.start), at), end - following - 1)
        at = min(max(round(1_000 * word.end), start + 1), end - following)
        yield Interval(start, at, text)


def _filled(intervals: list[Interval], last: int) -> Iterator[Interval]:
    """The intervals and the gaps between them, from 0 to `last`."""
    at = 0
    for one in intervals:
        if one.start > at:
            yield Interval(at, one.start, "")
        yield one
        at = one.end
    if at < last:
        yield Interval(at, last, "")


def _span(start: int, end: int, indent: int = 0) -> list[str]:
    return [f"{' ' * indent}xmin = {decimal(start)}", f"{' ' * indent}xmax = {decimal(end)}"]


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))
