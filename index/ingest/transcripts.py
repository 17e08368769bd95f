"""Transcripts, in the formats that people and programs write them in.

transcript = read(Path("interview.srt"))
transcript.cues, transcript.text, transcript.language
"""

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path

from clasp.errors import DataError
from clasp.filenames import readable, suffix
from clasp.text.words import join
from index import languages
from index.ingest import documents, ebu, encodings, ohms, recognizer_json, spreadsheets, tables
from index.ingest.annotations import chat, elan, exmaralda, flex, praat, transcriber, without_codes
from index.ingest.captions import sami, substation, subtitles, timed, ttml
from index.ingest.cues import SPEED, Cue, Flaw, Turn, spoken
from index.ingest.pages import hypertext, markdown, otranscribe, page_or_text, without_signs, without_tags
from index.ingest.texts import plain, timed_utterances, timed_words
from index.metadata import is_known

READERS: dict[str, Callable[[str], Iterator[Cue | Flaw]]] = {
    ".srt": timed, ".vtt": timed, ".webvtt": timed, ".sbv": timed, ".sub": subtitles, ".ttml": ttml, ".dfxp": ttml,
    ".itt": ttml, ".xml": ohms.interview_or_captions, ".srv1": ttml, ".srv2": ttml, ".srv3": ttml, ".ytt": ttml,
    ".ass": substation, ".ssa": substation, ".smi": sami, ".sami": sami, ".eaf": elan,
    ".textgrid": praat, ".cha": chat, ".trs": transcriber, ".exb": exmaralda,
    ".flextext": flex, ".json": recognizer_json.recognized, ".jsonl": recognizer_json.recognized,
    ".json3": recognizer_json.recognized, ".ctm": timed_words, ".stm": timed_utterances,
    ".otr": otranscribe, ".tsv": tables.cues,
    ".tab": tables.cues, ".csv": tables.cues, ".lrc": plain, ".txt": page_or_text, ".md": markdown,
    ".html": hypertext, ".htm": hypertext,
}  # fmt: skip
"""How each format of text is read, by the suffix of its files in lower case."""
CONVERTED: dict[str, tuple[Callable[[Path], str], str]] = {
    **dict.fromkeys(ebu.SUFFIXES, (ebu.read, ".vtt")),
    **dict.fromkeys(documents.SUFFIXES, (documents.read, ".txt")),
}
"""How files that are no text become one, and in which format."""
SUFFIXES = (*READERS, *CONVERTED, *spreadsheets.SUFFIXES)
"""Those of all formats, the better first."""
UNTIMED: dict[str, Callable[[str], str]] = {
    ".txt": without_tags,
    ".md": without_signs,
    ".json": recognizer_json.untimed,
    ".jsonl": recognizer_json.untimed,
    ".cha": without_codes,
    ".xml": ohms.untimed,
}
"""What is said where no times are known."""
BEGINNINGS = {  # how formats begin, also where they are called .txt
    kind: re.compile(rf"\s*(?:<[?!][^<>]*>\s*)*(?:{beginning})", re.IGNORECASE)
    for kind, beginning in {
        ".json": r'\{\s*"[^"]*"\s*:|\[\s*\{\s*"', ".ass": r"\[Script Info\]", ".textgrid": 'File type = "ooTextFile',
        ".ttml": r"<(?:\w+:)?tt\b", ".smi": "<sami", ".eaf": "<annotation_document", ".trs": r"<trans\b",
    }.items()
}  # fmt: skip
STATED = {  # where formats say their language, if it is a single one
    ".vtt": re.compile(r"\A\s*WEBVTT.*\n(?:.+\n){0,9}?Language: *([\w-]+)"),
    ".cha": re.compile(r"^@Languages:[ \t]*([\w-]+)[ \t]*$", re.MULTILINE),
}
SHORTEST = 0.01  # seconds that a cue lasts
LONGEST, SLOWEST = 60.0, 0.05  # seconds, and characters a second, at which the end of a cue is believed
APART, SHORT = 2.0, 1.0  # seconds: lines without times are no captions that roll


@dataclass(frozen=True)
class SuppliedTranscript:
    """What is said in a recording."""

    cues: tuple[Cue, ...] = ()  # in the order of time; none where no times are known
    turns: tuple[Turn, ...] = ()  # the same where no times are known, a line each
    text: str = ""  # all of it
    language: str = ""  # BCP-47, where the transcript says it
    speaker: str = ""  # where one speaks all of it
    flaws: tuple[Flaw, ...] = ()
    remarks: tuple[str, ...] = ()  # sentences on these, which name the file


def read(path: Path) -> SuppliedTranscript:
    """A transcript in a file with one of SUFFIXES.

    Raises:
        DataError: if it is too large, cannot be read, or holds no words.
    """
    kind = suffix(path.name)
    if kind in spreadsheets.SUFFIXES:
        table = tables.Table.read(path)
        return _named(path, assembled(table.cues() if table.of_cues else ()))
    convert, kind = CONVERTED.get(kind, (encodings.read, kind))
    text = convert(path)
    try:
        transcript = parse(text, kind)
    except (DataError, RecursionError) as error:
        raise DataError(f"{readable(path.name)} {str(error) or 'cannot be read'}: it was passed over.") from error
    return _named(path, transcript)


def _named(path: Path, transcript: SuppliedTranscript) -> SuppliedTranscript:
    """A transcript with remarks that name its file.

    Raises:
        DataError: if it holds no words.
    """
    flawed = tuple(remarks(readable(path.name), transcript.flaws))
    if not transcript.text:
        raise DataError(*flawed or [f"{readable(path.name)} holds no words that are understood: it was passed over."])
    return replace(transcript, remarks=flawed)


def parse(text: str, kind: str) -> SuppliedTranscript:
    """A transcript in the format of files with this suffix.

    Raises:
        DataError: if it is of another format; what is wrong, as the end of a sentence.
    """
    if kind == ".txt":
        kind = next((other for other, beginning in BEGINNINGS.items() if beginning.match(text)), kind)
    transcript = assembled(READERS[kind](text))
    if not transcript.cues and kind in UNTIMED:
        transcript = replace(without_times(UNTIMED[kind](text)), flaws=transcript.flaws)
    return replace(transcript, language=_language(text, kind))


def assembled(written: Iterable[Cue | Flaw]) -> SuppliedTranscript:
    """A transcript of cues with markup, in any order."""
    written = list(written)
    found = [one for one in written if isinstance(one, Cue) and isfinite(one.start + one.end)]
    cues = [
        one if is_known(one.speaker) else replace(one, speaker="")
        for one in spoken(one for one in _in_order(found) if one.end > 0)
    ]
    flaws = tuple(one for one in written if isinstance(one, Flaw))
    return SuppliedTranscript(tuple(cues), text=join(one.text for one in cues), speaker=_speaker(cues), flaws=flaws)


def without_times(text: str) -> SuppliedTranscript:
    """A transcript of a text in lines."""
    lines = [line for line in text.split("\n") if line.strip()]
    said = spoken(Cue(n * APART, n * APART + SHORT, html.escape(line, quote=False)) for n, line in enumerate(lines))
    turns: list[Turn] = []
    for one in said:  # a line that names nobody goes on
        going_on = turns[-1].speaker if turns and not one.speaker else ""
        turns.append(Turn(one.text, one.speaker if is_known(one.speaker) else going_on))
    return SuppliedTranscript(turns=tuple(turns), text=join(one.text for one in said), speaker=_speaker(said))


def _speaker(cues: list[Cue]) -> str:
    """Who speaks all of it; '' where that is not one."""
    speakers = {one.speaker for one in cues}
    return speakers.pop() if len(speakers) == 1 else ""


def _in_order(cues: list[Cue]) -> list[Cue]:
    """Cues by their beginnings. One whose times are swapped has them in order; one that has no length, or such that
    nobody speaks so slowly, lasts as long as it takes to say it, or until the next."""
    forward = [one if one.end >= 0 else replace(one, end=one.start) for one in cues]
    ordered = [replace(one, start=max(0.0, min(one.start, one.end)), end=max(one.start, one.end)) for one in forward]
    ordered.sort(key=lambda one: one.start)
    starts = sorted({one.start for one in ordered})
    for place, one in enumerate(ordered):
        if one.end <= one.start or one.end - one.start > max(LONGEST, len(one.text) / SLOWEST):
            after = bisect_right(starts, one.start)
            following = starts[after] if after < len(starts) else inf
            end = min(following, one.start + len(one.text) / SPEED)
            ordered[place] = replace(one, end=one.end if one.end < one.start else max(end, one.start + SHORTEST))
    return ordered


def remarks(name: str, flaws: tuple[Flaw, ...]) -> Iterator[str]:
    """A sentence on what was left out, if anything was."""
    if flaws:
        lines = [str(one.line) for one in flaws if one.line]
        where = f", line {tables.some(lines)}" if lines else ""
        yield (
            f"{name}{where}: left out, for its times cannot be read ({flaws[0].written[:40]!r}): write them as "
            "00:01:02,500 --> 00:01:04,000, or as the format has it."
        )


def _language(text: str, kind: str) -> str:
    """The language that a transcript says it is in; '' where it does not."""
    if kind in (".json", ".jsonl"):
        return languages.known_tag(recognizer_json.language(text))
    found = STATED[kind].search(text) if kind in STATED else None
    return languages.known_tag(found[1]) if found else ""
