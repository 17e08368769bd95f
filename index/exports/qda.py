"""Projects of qualitative data analysis (.qdpx, REFI-QDA 1.5), as ATLAS.ti, MAXQDA, NVivo and others exchange them.

The recordings are sources that stay outside the project, with transcripts that are synchronised with them; who speaks
is coded, by a code for each speaker. Notes are notes at a moment of their recording, coded by their tags.
"""

import io
import zipfile
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from index.exports.transcript import RecordingTranscript, one_line
from index.records import Note

NAMESPACE = "urn:QDA-XML:project:1.0"
SCHEMA = f"{NAMESPACE} http://schema.qdasoftware.org/versions/Project/v1.0/Project.xsd"
SCHEMA_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
PROGRAM = "CLASP"


def qdpx(*transcripts: RecordingTranscript) -> bytes:
    """A project with these recordings as its sources."""
    user, notes = _guid("user"), [note for each in transcripts for note in each.notes]
    speakers = sorted({one.speaker for each in transcripts for one in each.utterances} - {""})
    tags = sorted({tag for note in notes for tag in note.tags})
    names = [("speaker", one) for one in speakers] + [("tag", one) for one in tags]
    project = Element("Project", {
        "xmlns": NAMESPACE, "xmlns:xsi": SCHEMA_INSTANCE, "xsi:schemaLocation": SCHEMA,
        "name": transcripts[0].title if len(transcripts) == 1 else "Transcripts",
        "origin": PROGRAM, "creatingUserGUID": user,
    })  # fmt: skip
    SubElement(SubElement(project, "Users"), "User", {"guid": user, "name": PROGRAM})
    if names:
        codes = SubElement(SubElement(project, "CodeBook"), "Codes")
        for kind, name in names:
            SubElement(codes, "Code", {"guid": _guid(kind, name), "name": name, "isCodable": "true"})
    sources = SubElement(project, "Sources")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in transcripts:
            text = _source(sources, one)
            if text:
                archive.writestr(_member(f"sources/{_guid('transcript', one.recording.id)}.txt"), text)
        _add_notes(project, notes)
        archive.writestr(_member("project.qde"), ElementTree.tostring(project, encoding="utf-8", xml_declaration=True))
    return content.getvalue()


def _source(sources: Element, transcript: RecordingTranscript) -> str:
    """Add a recording and its transcript; the text of that."""
    recording = transcript.recording.id
    source = SubElement(sources, "VideoSource" if transcript.is_film else "AudioSource", {
        "guid": _guid("recording", recording), "name": transcript.title, "path": f"relative:///{transcript.file}",
    })  # fmt: skip
    text = _add_transcript(source, transcript) if transcript.utterances else ""
    for start, end, note in transcript.note_spans:
        selection = SubElement(source, "VideoSelection" if transcript.is_film else "AudioSelection", {
            "guid": _guid("moment", recording, note.id), "name": one_line(note.summary)[:60], "begin": str(start),
            "end": str(end),
        })  # fmt: skip
        for tag in note.tags:
            coding = SubElement(selection, "Coding", {"guid": _guid("tagging", recording, note.id, tag)})
            SubElement(coding, "CodeRef", {"targetGUID": _guid("tag", tag)})
        if note.text:
            SubElement(selection, "NoteRef", {"targetGUID": _guid("note", recording, note.id)})
    return text


def _add_notes(project: Element, notes: Sequence[Note]) -> None:
    """Add the texts of notes, to which their moments refer."""
    written = [one for one in notes if one.text]
    if not written:
        return
    element = SubElement(project, "Notes")
    for one in written:
        name = one_line(one.text)
        note = SubElement(element, "Note", {"guid": _guid("note", one.recording, one.id), "name": name[:60]})
        SubElement(note, "PlainTextContent").text = name


def _add_transcript(source: Element, transcript: RecordingTranscript) -> str:
    """Add the transcript of a recording to it; its text."""
    recording = transcript.recording.id
    guid = _guid("transcript", recording)
    element = SubElement(source, "Transcript", {
        "guid": guid, "name": transcript.title, "plainTextPath": f"internal://{guid}.txt"
    })  # fmt: skip
    points: list[dict[str, str]] = []
    selections: list[tuple[int, str, str, list[str]]] = []
    text = ""
    for number, one in enumerate(transcript.utterances):
        line = f"{one.speaker}: {one.text}" if one.speaker else one.text
        ends: list[str] = []
        for time, position in ((one.start, len(text)), (one.end, len(text) + len(line))):
            ends.append(_guid("point", recording, number, len(ends)))
            points.append({"guid": ends[-1], "timeStamp": str(time), "position": str(position)})
        selections.append((number, one.speaker, line, ends))
        text += line + "\n"
    for point in points:  # the schema wants them all first
        SubElement(element, "SyncPoint", point)
    for number, speaker, line, (first, last) in selections:
        selection = SubElement(element, "TranscriptSelection", {
            "guid": _guid("selection", recording, number), "name": line[:60], "fromSyncPoint": first,
            "toSyncPoint": last,
        })  # fmt: skip
        if speaker:
            coding = SubElement(selection, "Coding", {"guid": _guid("coding", recording, number)})
            SubElement(coding, "CodeRef", {"targetGUID": _guid("speaker", speaker)})
    return text


def _guid(*names: str | int) -> str:
    """Always the same for the same thing, so that a project that is exported again replaces what it was."""
    return str(uuid5(NAMESPACE_URL, "/".join(map(str, (PROGRAM, *names)))))


def _member(name: str) -> zipfile.ZipInfo:
    """A file of the archive; without a date, for which no transcript has one."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    return member
