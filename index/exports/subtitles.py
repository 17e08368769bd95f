"""Subtitles and captions: SubRip (.srt) and WebVTT (.vtt).

SubRip has no way to write what looks like markup. An invisible letter, the word joiner, keeps readers from taking it
for that; it breaks no line, and `index.ingest.cues` takes it out again.
"""

import html

from index.exports.clocks import clock
from index.exports.transcript import RecordingTranscript

JOINER = "\u2060"
MARKUP = ("<", "{", "\\", "**", "-->")  # begin a tag, an override, a break, bold letters, an arrow


def srt(transcript: RecordingTranscript) -> bytes:
    """SubRip, with speakers in brackets before a colon."""
    cues = (
        f"{number}\n{clock(one.start, ',')} --> {clock(one.end, ',')}\n{_unmarked(one.labelled)}\n\n"
        for number, one in enumerate(transcript.utterances, start=1)
    )
    return "".join(cues).encode()


def vtt(transcript: RecordingTranscript) -> bytes:
    """WebVTT, with speakers as voices."""
    cues = []
    for one in transcript.utterances:
        tag = f"<v {html.escape(one.speaker, quote=False)}>" if one.speaker else ""
        cues.append(f"\n{clock(one.start)} --> {clock(one.end)}\n{tag}{html.escape(one.text, quote=False)}\n")
    return "".join(["WEBVTT\n", *cues]).encode()


def _unmarked(text: str) -> str:
    for mark in MARKUP:
        text = text.replace(mark, mark[0] + JOINER + mark[1:])
    return text if html.unescape(text) == text else text.replace("&", "&amp;")
