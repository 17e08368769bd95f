"""Texts: plain (.txt), Markdown (.md), and labels for Audacity."""

import re

from index.exports.clocks import clock, decimal, short_clock
from index.exports.transcript import RecordingTranscript, one_line
from index.metadata import FACTS

MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&])")  # of Markdown


def plain(transcript: RecordingTranscript) -> bytes:
    """A line for each utterance: its times, who speaks, what is said."""
    lines = (f"[{clock(one.start)} --> {clock(one.end)}] {one.labelled}\n" for one in transcript.utterances)
    return "".join(lines).encode()


def markdown(transcript: RecordingTranscript) -> bytes:
    """Title, facts, and a paragraph for each utterance and each note."""
    facts = {name: one_line(getattr(transcript.recording, name)) for name in FACTS if name != "title"}
    facts["file"] = transcript.file
    listed = [f"- {name.capitalize()}: {_escaped(value)}" for name, value in facts.items() if value]
    paragraphs = []  # and when they begin
    for one in transcript.utterances:
        speaker = f"**{_escaped(one.speaker)}** " if one.speaker else ""
        paragraphs.append((one.start, f"{speaker}({short_clock(one.start)}) {_escaped(one.text)}"))
    for note in transcript.notes:
        at = round(1_000 * note.at)
        paragraphs.append((at, f"> Note ({short_clock(at)}): {_escaped(one_line(note.summary))}"))
    paragraphs.sort(key=lambda one: one[0])
    return (
        "\n\n".join([f"# {_escaped(transcript.title)}", "\n".join(listed), *(text for _, text in paragraphs)]) + "\n"
    ).encode()


def labels(transcript: RecordingTranscript) -> bytes:
    """A track of labels for Audacity: start and end in seconds, who speaks, what is said."""
    lines = (f"{decimal(one.start)}\t{decimal(one.end)}\t{one.labelled}\n" for one in transcript.utterances)
    return "".join(lines).encode()


def _escaped(text: str) -> str:
    return MARKUP.sub(r"\\\1", text)
