"""Transcripts in every format, as independent programs read them, and as this one takes them up again."""

import csv
import html
import io
import json
import math
import re
import zipfile
from codecs import BOM_UTF8
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import opentimelineio
import pysubs2
import pytest
from praatio import textgrid
from pympi import Eaf

from clasp.errors import DataError, LibraryError
from clasp.speech.transcript import Word
from index.exports.formats import FORMATS, export, packed
from index.exports.transcript import RecordingTranscript, Utterance
from index.ingest import transcripts
from index.ingest.tables import Table
from index.records import Note, Recording, Segment

HOUR = 3_600.0
HARD = "<b>Ann & Söhne</b>"  # the name of a speaker
PERSIAN = "آنا"
WORDS = (Word("It", 5.0, 5.4, 0.9), Word("was", 5.4, 5.4, 0.8), Word("late.", 5.3, 7.0, 0.5))
QDE = "{urn:QDA-XML:project:1.0}"
JOINER = "\u2060"


def spoken(number: int, start: float, end: float, text: str = "", speaker: str = "", machine: str = "") -> Segment:
    return Segment(number, "tape", start, end, text, "en", speaker, "", machine, 0.8 if machine else None)


SEGMENTS = (
    spoken(1, 0.0, 2.5, "We left at dawn: 2 < 3 & <i>so on</i> --> {\\an8} \"then\".", "Anna"),
    spoken(2, 2.0, 4.0, "Two\nlines,\n\nand a gap.", "Anna"),  # overlaps the one before it
    spoken(3, 4.5, 5.0, "", "Bert"),  # no transcript
    spoken(4, 5.0, 7.0, "", HARD, "It was late."),
    spoken(5, 8.0, 8.0004, "7", ""),  # a digit, less than a millisecond long
    spoken(6, 8.0004, 8.0008, "Yes.", ""),
    spoken(7, 9.0, 9.01, "No.", "Antonella Ort"),
    spoken(8, 9.01, 9.02, "No?", PERSIAN),  # in the same frame of a film
    spoken(9, HOUR + 0.25, HOUR + 1.5, "صبح زود راه افتادیم.", PERSIAN),
    spoken(10, 101 * HOUR, 101 * HOUR + 1.001, "The end &amp; all *of* it.", "Speaker: [1]"),
)  # fmt: skip
SAID = [one.transcript for one in SEGMENTS if one.transcript]


@pytest.fixture
def tape() -> RecordingTranscript:
    facts = {"speaker": "Anna", "category": "oral_history", "date": "1962-05", "added": "2026-11-30T10:00:00+00:00"}
    facts["tags"] = "oral history, 1962"
    recording = Recording("tape", Path("/secret/Kaffee & <Kuchen>.mp3"), "Hafen\n<1962> & *später*", 4e5, "en", **facts)
    return RecordingTranscript(recording, SEGMENTS, {4: WORDS})


@pytest.fixture
def short(tape: RecordingTranscript) -> RecordingTranscript:
    """What lies within the first hundred hours, beyond which some readers cannot go."""
    return RecordingTranscript(tape.recording, SEGMENTS[:-1], tape.words)


def written(name: str, transcript: RecordingTranscript) -> str:
    (file,) = export(name, [transcript])
    assert "/secret" not in repr(file.content), "where a file lies is nobody else's business"
    assert file.content.startswith(BOM_UTF8) == (name == "csv"), "Excel needs it"
    return file.content.decode("utf-8-sig")


def spans(transcript: RecordingTranscript) -> list[tuple[int, int]]:
    return [(one.start, one.end) for one in transcript.utterances]


def in_tiers(transcript: RecordingTranscript) -> dict[str, list[tuple[int, int, str]]]:
    """Utterances by speaker."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for one in transcript.utterances:
        found.setdefault(one.speaker, []).append((one.start, one.end, one.text))
    return found


def by_speaker(tiers: dict[str, list[tuple[int, int, str]]]) -> dict[str, list[tuple[int, int, str]]]:
    """The tiers of utterances, put together by speaker; none may overlap in itself."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for name, intervals in tiers.items():
        assert all(start < end for start, end, _ in intervals)
        assert all(one[1] <= other[0] for one, other in pairwise(intervals))
        match = re.fullmatch(r"(?:(.*) - )?utterances(?: \d)?", name)
        if match:
            found[match[1] or ""] = sorted(found.get(match[1] or "", []) + intervals)
    return found


def test_what_is_said_is_on_one_line_and_takes_time(tape: RecordingTranscript) -> None:
    assert [one.text for one in tape.utterances] == [" ".join(text.split()) for text in SAID]
    assert spans(tape)[3:5] == [(8_000, 8_001), (8_000, 8_001)]
    noise = RecordingTranscript(tape.recording, (spoken(1, 0.0, 1.0, "a\x00b\ud800c\uffff\u2028d", "A\tB"),), {})
    assert noise.utterances == [Utterance(0, 1_000, "a b c d", "A B", ())]


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_subtitles_are_read_by_pysubs2(name: str, short: RecordingTranscript) -> None:
    events = pysubs2.SSAFile.from_string(written(name, short), format_=name).events
    assert [(one.start, one.end) for one in events] == spans(short)
    texts = [one.text.replace(JOINER, "") for one in events]
    if name == "srt":
        assert texts == [one.labelled for one in short.utterances]
    else:
        assert texts[1].endswith("Two lines, and a gap.") and texts[3:5] == ["7", "Yes."]


def test_captions_name_speakers_as_voices_and_escape_markup(tape: RecordingTranscript) -> None:
    text = written("vtt", tape)
    assert text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n<v Anna>We left at dawn: 2 &lt; 3 &amp; &lt;i&gt;")
    assert "<v &lt;b&gt;Ann &amp; Söhne&lt;/b&gt;>It was late." in text
    assert "\n101:00:00.000 --> 101:00:01.001\n" in text
    cues = text.removeprefix("WEBVTT\n\n").split("\n\n")
    assert len(cues) == len(tape.utterances) and all(len(cue.strip().split("\n")) == 2 for cue in cues)


def test_subtitles_beyond_a_hundred_hours_are_not_cut_off(tape: RecordingTranscript) -> None:
    assert "\n101:00:00,000 --> 101:00:01,001\n" in written("srt", tape)


def test_elan_reads_its_tiers(tape: RecordingTranscript, tmp_path: Path) -> None:
    path = tmp_path / "tape.eaf"
    path.write_text(written("eaf", tape), encoding="utf-8")
    eaf = Eaf(str(path))
    tiers = {name: [(*one[:2], one[2]) for one in sorted(eaf.get_annotation_data_for_tier(name))]
             for name in eaf.get_tier_names()}  # fmt: skip
    assert by_speaker(tiers) == in_tiers(tape)
    assert "Anna - utterances 2" in tiers
    words = tiers[f"{HARD} - words"]
    assert [text for *_, text in words] == ["It", "was", "late."] and words[0][0] == 5_000 and words[-1][1] == 7_000
    top = ElementTree.parse(path).getroot()
    participants = {one.get("PARTICIPANT", "") for one in top.iter("TIER")}
    assert participants == {one.speaker for one in tape.utterances}
    (below,) = (one for one in top.iter("TIER") if one.get("PARENT_REF"))
    assert below.get("PARENT_REF") == f"{HARD} - utterances"
    assert eaf.get_linked_files()[0]["RELATIVE_MEDIA_URL"] == "./Kaffee%20%26%20%3CKuchen%3E.mp3"
    assert [child.tag for child in top][-3:] == ["LINGUISTIC_TYPE", "LINGUISTIC_TYPE", "CONSTRAINT"]
    every = [one.get("ANNOTATION_ID") for one in top.iter("ALIGNABLE_ANNOTATION")]
    assert len(set(every)) == len(every) == int(top.findtext("HEADER/PROPERTY", ""))


def test_praat_reads_its_tiers(tape: RecordingTranscript, tmp_path: Path) -> None:
    path = tmp_path / "tape.TextGrid"
    path.write_text(written("textgrid", tape), encoding="utf-8")
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="error")
    assert (grid.minTimestamp, grid.maxTimestamp) == (0, 4e5)
    tiers = {name: [(round(1_000 * one.start), round(1_000 * one.end), one.label) for one in grid.getTier(name).entries]
             for name in grid.tierNames}  # fmt: skip
    assert by_speaker(tiers) == in_tiers(tape)
    assert [text for *_, text in tiers[f"{HARD} - words"]] == ["It", "was", "late."]
    whole = textgrid.openTextgrid(str(path), includeEmptyIntervals=True)
    for name in whole.tierNames:
        entries = whole.getTier(name).entries
        assert entries[0].start == 0 and entries[-1].end == 4e5
        assert all(one.end == other.start for one, other in pairwise(entries))


def test_words_without_room_are_left_out_and_others_pushed_into_their_utterance(tape: RecordingTranscript) -> None:
    words = {1: tuple(Word(letter, 50.0, 50.0, 1.0) for letter in "abc")}
    late = RecordingTranscript(tape.recording, (spoken(1, 1.0, 1.003, machine="a b c"),), words)
    intervals = re.findall(r'xmin = ([\d.]+)\n +xmax = ([\d.]+)\n +text = "(\w)"', written("textgrid", late))
    assert intervals == [("1.000", "1.001", "a"), ("1.001", "1.002", "b"), ("1.002", "1.003", "c")]
    none = RecordingTranscript(tape.recording, (spoken(1, 1.0, 1.002, machine="a b c"),), words)
    assert "words" not in written("textgrid", none)


@pytest.mark.parametrize("file", ["tape.mp3", "tape.mp4"])
def test_editors_read_the_list_of_cuts(file: str, tape: RecordingTranscript) -> None:
    recording = Recording("tape", Path(file), "Hafen\n1962", 4e5)
    transcript = RecordingTranscript(recording, tape.segments, tape.words)
    timeline = opentimelineio.adapters.read_from_string(written("edl", transcript), "cmx_3600", rate=25)
    assert timeline.name == "Hafen 1962"
    assert [track.name for track in timeline.tracks] == (["A1"] if file == "tape.mp3" else ["V", "A1"])
    clips = list(timeline.tracks[0])
    assert [one.name for one in clips] == [file] * len(tape.utterances)
    ranges = [(one.source_range.start_time.value, one.source_range.duration.value) for one in clips]
    day = 24 * 3_600 * 25
    for (start, duration), one in zip(ranges, tape.utterances, strict=True):
        assert abs(start - one.start / 40 % day) <= 0.5
        assert duration >= 1 and abs(duration - (one.end - one.start) / 40) <= 1
    comments = [one.metadata["cmx_3600"]["comments"][0] for one in clips]
    assert comments == [f"COMMENT: {one.labelled}" for one in tape.utterances]


def test_more_than_999_cuts(tape: RecordingTranscript) -> None:
    many = tuple(spoken(n, float(n), n + 0.5, f"number {n}") for n in range(1, 1_203))
    text = written("edl", RecordingTranscript(tape.recording, many, {}))
    timeline = opentimelineio.adapters.read_from_string(text, "cmx_3600", rate=25)
    assert len(timeline.tracks[0]) == 1_202


def test_a_project_of_qualitative_analysis(tape: RecordingTranscript) -> None:
    other = RecordingTranscript(Recording("film", Path("film.mp4"), "Film", 3.0), (), {})
    (file,) = export("qdpx", [tape, other])
    assert file.name == "transcripts.qdpx" and file == export("qdpx", [tape, other])[0], "always the same"
    with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
        assert archive.testzip() is None
        project = ElementTree.fromstring(archive.read("project.qde"))
        names = archive.namelist()
        audio, video = project.find(f"{QDE}Sources") or ()
        assert (audio.tag, video.tag) == (f"{QDE}AudioSource", f"{QDE}VideoSource") and len(video) == 0
        (transcript,) = audio
        (member,) = (name for name in names if name != "project.qde")
        assert transcript.get("plainTextPath") == f"internal://{member.removeprefix('sources/')}"
        text = archive.read(member).decode()
    assert [child.tag.removeprefix(QDE) for child in project] == ["Users", "CodeBook", "Sources"]
    guids = [one.get("guid") for one in project.iter() if one.get("guid")]
    assert len(set(guids)) == len(guids)
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one or "") for one in guids)
    codes = {one.get("guid"): one.get("name") for one in project.iter(f"{QDE}Code")}
    assert set(codes.values()) == {one.speaker for one in tape.utterances} - {""}
    points = {one.get("guid"): (int(one.get("timeStamp", "")), int(one.get("position", "")))
              for one in transcript.iter(f"{QDE}SyncPoint")}  # fmt: skip
    selections = list(transcript.iter(f"{QDE}TranscriptSelection"))
    for selection, one in zip(selections, tape.utterances, strict=True):
        (start, first), (end, last) = points[selection.get("fromSyncPoint")], points[selection.get("toSyncPoint")]
        assert (start, end) == (one.start, one.end)
        assert text[first:last] == (f"{one.speaker}: {one.text}" if one.speaker else one.text)
        coded = [codes[ref.get("targetGUID")] for ref in selection.iter(f"{QDE}CodeRef")]
        assert coded == ([one.speaker] if one.speaker else [])


def test_notes_come_along_in_annotations_and_projects(tape: RecordingTranscript, tmp_path: Path) -> None:
    notes = (
        Note(1, "tape", 0.5, "The <first>\nmorning", ("harbour", "1962"), 1),
        Note(2, "tape", 0.5, "", ("fog",), 1),
        Note(3, "tape", 2.2, "And a gap", (), 2),
        Note(4, "tape", 4e5, "The end"),
    )
    noted = replace(tape, notes=notes)
    spans = [(500, 2_200, "The <first> morning #harbour #1962; #fog"), (2_200, 4_000, "And a gap"),
             (400_000_000, 400_001_000, "The end")]  # fmt: skip
    (file := tmp_path / "tape.eaf").write_text(written("eaf", noted))
    assert [one[:3] for one in Eaf(str(file)).get_annotation_data_for_tier("notes")] == spans
    for name in ("eaf", "textgrid"):
        cues = [transcripts.parse(written(name, one), FORMATS[name].suffix.lower()).cues for one in (noted, tape)]
        assert cues[0] == cues[1], "what is noted was not said"
    (content,) = (one.content for one in export("qdpx", [noted]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        project = ElementTree.fromstring(archive.read("project.qde"))
    assert [child.tag.removeprefix(QDE) for child in project] == ["Users", "CodeBook", "Sources", "Notes"]
    texts = {one.get("guid"): one.findtext(f"{QDE}PlainTextContent") for one in project.iter(f"{QDE}Note")}
    codes = {one.get("guid"): one.get("name") for one in project.iter(f"{QDE}Code")}
    found = [
        (int(one.get("begin", "")), [texts[ref.get("targetGUID")] for ref in one.iter(f"{QDE}NoteRef")],
         [codes[ref.get("targetGUID")] for ref in one.iter(f"{QDE}CodeRef")])
        for one in project.iter(f"{QDE}AudioSelection")
    ]  # fmt: skip
    assert found == [
        (500, ["The <first> morning"], ["harbour", "1962"]), (500, [], ["fog"]), (2_200, ["And a gap"], []),
        (400_000_000, ["The end"], []),
    ]  # fmt: skip


def test_a_table_keeps_what_has_no_transcript(tape: RecordingTranscript) -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", tape))))
    assert [row["transcript"] for row in rows] == [one.transcript for one in SEGMENTS]
    assert [(float(row["start"]), float(row["end"])) for row in rows] == [
        (round(one.start, 3), round(one.end, 3)) for one in SEGMENTS
    ]
    assert [row["speaker"] for row in rows] == [one.speaker for one in SEGMENTS]
    assert {row["tags"] for row in rows} == {"oral history, 1962"}
    assert rows[3]["transcript_source"] == "machine" and rows[0]["file"] == "Kaffee & <Kuchen>.mp3"


def test_a_table_beside_its_recording_is_read_as_it_was_written(tape: RecordingTranscript, tmp_path: Path) -> None:
    (file,) = export("csv", [tape])
    (tmp_path / file.name).write_bytes(file.content)
    table = Table.read(tmp_path / file.name, [tape.recording.path.name])
    cues = [(one.start, html.unescape(one.text), one.speaker) for one in table.cues(tape.recording.path.name)]
    assert cues == [(round(one.start, 3), one.transcript, one.speaker) for one in SEGMENTS]


def test_json_has_the_times_of_words(tape: RecordingTranscript) -> None:
    found = json.loads(written("json", tape))
    assert found["language"] == "en" and found["recordings"][0]["title"] == tape.recording.title
    assert [one["text"] for one in found["segments"]] == [one.transcript for one in SEGMENTS]
    assert found["segments"][3]["words"][0] == {"word": "It", "start": 5.0, "end": 5.4, "probability": 0.9}
    assert found["segments"][0]["words"] == []
    assert found["recordings"][0]["tags"] == found["segments"][0]["tags"] == ["oral history", "1962"]


def test_markdown_is_escaped(tape: RecordingTranscript) -> None:
    lines = written("md", tape).split("\n")
    assert lines[0] == r"# Hafen \<1962\> \& \*später\*"
    assert (
        "- Date: 1962-05" in lines and "- Tags: oral history, 1962" in lines and r"- Category: oral\_history" in lines
    )
    assert r"**\<b\>Ann \& Söhne\</b\>** (0:00:05) It was late." in lines
    assert "(0:00:08) 7" in lines and any("(101:00:00)" in line for line in lines)


@pytest.mark.parametrize("name", ["srt", "vtt", "txt", "audacity", "eaf", "textgrid", "json"])
def test_what_is_exported_is_imported_as_it_was(name: str, tape: RecordingTranscript) -> None:
    suffix = "." + FORMATS[name].suffix.rpartition(".")[2].lower()
    cues = transcripts.parse(written(name, tape), suffix).cues
    key = lambda one: (round(1_000 * one.start), one.text)  # noqa: E731
    expected = sorted(((one.start, one.text), one) for one in tape.utterances)
    assert len(cues) == len(expected)
    plain = str.maketrans("[]", "()")

    def without_html(text: str) -> str:  # what looks like HTML in a text is taken for it
        return html.unescape(re.sub("</?b>", "", text)) if name in ("txt", "audacity") else text

    for cue, (_, one) in zip(sorted(cues, key=key), expected, strict=True):
        if "{\\an8}" not in one.text or name == "srt":
            assert cue.text == without_html(one.text)
        assert cue.speaker == without_html(
            one.speaker.translate(plain) if name in ("srt", "txt", "audacity") else one.speaker
        )
        assert math.isclose(cue.start, one.start / 1_000, abs_tol=0.001)
        assert math.isclose(cue.end, one.end / 1_000, abs_tol=0.0101 if one.end - one.start < 10 else 0.001)


@pytest.mark.parametrize("name", ["srt", "vtt", "txt", "eaf", "textgrid", "json"])
def test_a_single_speaker_is_imported_again(name: str, tape: RecordingTranscript) -> None:
    alone = RecordingTranscript(tape.recording, (spoken(1, 1.0, 2.0, "We left.", "anna"),), {})
    (cue,) = transcripts.parse(written(name, alone), FORMATS[name].suffix.lower()).cues
    assert (cue.start, cue.end, cue.text, cue.speaker) == (1.0, 2.0, "We left.", "anna")


def test_files_have_names_that_any_system_takes(tape: RecordingTranscript) -> None:
    def named(number: int, title: str) -> RecordingTranscript:
        return RecordingTranscript(Recording(f"id{number}", Path("a.wav"), title, 1.0), SEGMENTS[:1], {})

    titles = ["Hafen", "HAFEN", "a/b\\c: d?", "..", "con", "نامه", "ж" * 400]
    files = export("srt", [named(number, title) for number, title in enumerate(titles)])
    names = [file.name.removesuffix(".srt") for file in files]
    assert names[:6] == ["Hafen", "HAFEN (2)", "a_b_c_ d_", "id3", "con_", "نامه"]
    assert set(names[6]) == {"ж"} and len(files[6].name.encode()) < 255
    together = packed(files)
    with zipfile.ZipFile(io.BytesIO(together.content)) as archive:
        assert archive.namelist() == [file.name for file in files]
        assert archive.read(files[5].name) == files[5].content
    assert packed(files[:1]) == files[0]


def test_what_cannot_be_exported_is_said(tape: RecordingTranscript) -> None:
    with pytest.raises(DataError, match="no format 'doc': choose one of srt, "):
        export("doc", [tape])
    silent = RecordingTranscript(tape.recording, SEGMENTS[2:3], {})
    with pytest.raises(LibraryError, match="no transcript to export"):
        export("srt", [silent])
    assert [file.name for file in export("eaf", [silent, tape])] == ["Hafen _1962_ & _später_.eaf"]
    (row,) = csv.DictReader(io.StringIO(written("csv", silent)))
    assert (row["start"], row["transcript"]) == ("4.5", "")
