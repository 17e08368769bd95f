"""What archives and programs leave beside recordings, in the many ways in which they write it: each is read, or named.

Times are those of two cues, at 0 and 1.8 seconds; the recording itself is not read.
"""

import json
from pathlib import Path

import pytest

from index.ingest import encodings
from index.ingest.sidecars import Sidecar, SidecarIndex
from index.ingest.walk import find_files
from tests.index.ingest.test_sidecars import CSV, EAF, SAID, SRT, TOLD, told, write

ONE, TWO = "The harbour was flooded", "after the storm."


def beside(folder: Path, name: str, content: str | bytes, recording: str = "a.wav") -> tuple[Sidecar, list[str]]:
    """What is known of a recording with one file beside it, and what was not understood."""
    write(folder / recording, b"RIFF")
    write(folder / name, content)
    sidecars = SidecarIndex(folders=[folder])
    return sidecars.of(folder / recording), sidecars.remarks


STAMPS = (
    "00:00:01.800 --> 00:00:03.700", "0:0:1,8 --> 0:0:3,7", "00:01,800 --> 00:03,700", "1.8 --> 3.7",
    "00:00:01,800 -> 00:00:03,700", "00:00:01,800 —> 00:00:03,700", "00:00:01,800 --&gt; 00:00:03,700",
    "00:00:01,800 – 00:00:03,700", "00:00:01:800 --> 00:00:03:700", "00:00:01:20 --> 00:00:03:18",
    "00:00:01;20 --> 00:00:03;18", "00：00：01，800 --> 00：00：03，700", "00 : 00 : 01,800 --> 00 : 00 : 03,700",
    "00:00:01`800 --> 00:00:03'700", "٠٠:٠٠:٠١,٨٠٠ --> ٠٠:٠٠:٠٣,٧٠٠", "00:00:03,700 --> 00:00:01,800",
    "00:00:01,800 --> 00:00:03,700 align:start position:50%,line-left", "00:00:01,800 --> 00:00:03,700 {\\an8}",
)  # fmt: skip


@pytest.mark.parametrize("stamp", STAMPS)
def test_times_of_subtitles(tmp_path: Path, stamp: str) -> None:
    known, remarks = beside(tmp_path, "a.srt", SRT.replace("00:00:01,800 --> 00:00:03,700", stamp))
    assert [one.text for one in known.cues] == [ONE, TWO] and remarks == []
    assert known.cues[1].start == pytest.approx(1.8) and known.cues[1].end == pytest.approx(3.7, abs=0.03)


NO_STAMPS = (
    "00:00:0l,800 --> 00:00:03,700", "1:00:00:01,800 --> 3", "00:00:01,800 -->", "00:00:0l,800,00:00:03,700",
)  # fmt: skip


@pytest.mark.parametrize("stamp", NO_STAMPS)
def test_times_that_cannot_be_read_are_named_and_the_rest_is_taken(tmp_path: Path, stamp: str) -> None:
    known, remarks = beside(tmp_path, "a.srt", SRT.replace("00:00:01,800 --> 00:00:03,700", stamp))
    assert [one.text for one in known.cues] == [ONE]
    assert len(remarks) == 1 and remarks[0].startswith(
        f"a.srt, line 6: left out, for its times cannot be read ({stamp!r}"
    )


BROKEN = {
    "a.sub": ("{1}{1}25\n{0}{45}%s\n", "{4S}{92}"), "a.lrc": ("[00:00.00]%s\n", "[00:0l.80]"),
    "a.txt": ("[00:00:00] %s\n", "[00:0O:01] "), "a.ctm": ("a 1 0.0 1.8 %s\n", "a 1 x 1.9 "),
    "a.labels.txt": ("0.0\t1.8\t%s\n", "1.8s\tx\t"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_the_format_a_line_whose_times_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    head, stamp = BROKEN[name]
    known, remarks = beside(tmp_path, name, head.replace("%s", ONE) + stamp + "storm\n")
    assert len(known.cues) == 1 and len(remarks) == 1
    assert "left out, for its times cannot be read" in remarks[0] and repr(stamp)[1:-1] in remarks[0]


JSON: dict[str, object] = {
    "lists": [[0.0, 1.8, ONE], [1.8, 3.7, TWO]],
    "whisper.cpp": {"transcription": [
        {"timestamps": {"from": "00:00:00,000", "to": "00:00:01,800"}, "text": ONE},
        {"offsets": {"from": 1800, "to": 3700}, "text": TWO}]},
    "chunks without an end": {"chunks": [
        {"timestamp": [0.0, 1.8], "text": ONE}, {"timestamp": [1.8, None], "text": TWO}]},
    "AWS": {"results": {"transcripts": [{"transcript": SAID}], "audio_segments": [
        {"start_time": "0.0", "end_time": "1.8", "transcript": ONE},
        {"start_time": "1.8", "end_time": "3.7", "transcript": TWO}]}},
    "AWS, words": {"results": {"items": [
        {"start_time": "0.0", "end_time": "1.8", "alternatives": [{"content": ONE}], "type": "pronunciation"},
        {"start_time": "1.8", "end_time": "3.7", "alternatives": [{"content": TWO[:-1]}], "type": "pronunciation"},
        {"alternatives": [{"content": "."}], "type": "punctuation"}]}},
    "Google": {"results": [
        {"alternatives": [{"transcript": ONE, "words": [{"endTime": "1.8s", "startTime": "0s", "word": ONE}]},
                          {"transcript": "no", "words": []}]},
        {"alternatives": [{"transcript": TWO, "words": [{"startTime": "1.8s", "endTime": "3.7s", "word": TWO}]}]}]},
    "Azure": {"recognizedPhrases": [
        {"offset": "PT0S", "duration": "PT1.8S", "nBest": [{"display": ONE}, {"display": "no"}]},
        {"offsetInTicks": 18000000, "durationInTicks": 19000000, "nBest": [{"display": TWO}]}]},
    "Deepgram": {"results": {"channels": [{"alternatives": [{"transcript": SAID, "words": [
        {"word": "x", "punctuated_word": ONE, "start": 0, "end": 1.8},
        {"word": "x", "punctuated_word": TWO, "start": 1.8, "end": 3.7}]}]}]}},
    "AssemblyAI": {"text": SAID, "utterances": [
        {"text": ONE, "start": 0, "end": 1800}, {"text": TWO, "start": 1800, "end": 3700}]},
    "YouTube": {"events": [
        {"tStartMs": 0, "dDurationMs": 1800, "segs": [{"utf8": "The harbour"}, {"utf8": " was flooded"}]},
        {"tStartMs": 1800, "dDurationMs": 1900, "segs": [{"utf8": TWO}]}]},
    "podcasts": {"segments": [
        {"startTime": 0.0, "endTime": 1.8, "body": ONE}, {"startTime": 1.8, "endTime": 3.7, "body": TWO}]},
    "Trint": {"paras": [{"time": 0.0, "words": [{"duration": 1800, "text": ONE, "time": 0}]},
                        {"time": 1.8, "words": [{"duration": 1900, "text": TWO, "time": 1800}]}]},
    "Happy Scribe": [{"words": [{"text": ONE, "data_start": 0.0, "data_end": 1.8}]},
                     {"words": [{"text": TWO, "data_start": 1.8, "data_end": 3.7}]}],
    "faster-whisper": [
        [1, 0, 0.0, 1.8, ONE, [50364], -0.2, 1.1, 0.01], [2, 180, 1.8, 3.7, TWO, [50454], -0.2, 1.1, 0.01]],
    "Parakeet": {"text": SAID, "timestamp": {"word": [{"word": "The", "start": 0.0, "end": 0.4}], "segment": [
        {"segment": ONE, "start": 0.0, "end": 1.8}, {"segment": TWO, "start": 1.8, "end": 3.7}]}},
    "Google, seconds and nanos": {"results": [{"alternatives": [{"transcript": SAID, "words": [
        {"start_time": {}, "end_time": {"seconds": 1, "nanos": 800000000}, "word": ONE},
        {"start_time": {"seconds": "1", "nanos": 800000000}, "end_time": {"seconds": "3"}, "word": TWO}]}]}]},
    "all of it twice": {"results": [
        {"alternatives": [{"transcript": ONE}], "resultEndTime": "1.8s"},
        {"alternatives": [{"transcript": TWO}], "resultEndTime": "3.7s"},
        {"alternatives": [{"words": [{"word": ONE}, {"word": TWO}]}], "resultEndTime": "3.7s"}]},
    "paragraphs": {"text": SAID, "utterances": [{"start": 0, "end": 20000, "text": SAID, "words": [
        {"text": ONE, "start": 0, "end": 1800}, {"text": TWO, "start": 1800, "end": 20000}]}]},
    "Watson": {"results": [
        {"final": True, "alternatives": [{"transcript": ONE, "timestamps": [[ONE, 0.0, 1.8]]}]},
        {"final": True, "alternatives": [{"transcript": TWO, "timestamps": [[TWO, 1.8, 3.7]]}]}]},
    "Fireflies": [{"sentence": ONE, "startTime": "0.0", "endTime": "1.8"},
                  {"sentence": TWO, "startTime": "1.8", "endTime": "3.7"}],
    "aeneas": {"fragments": [{"begin": "0.000", "end": "1.800", "lines": ONE.split(" ", 1)},
                             {"begin": "1.800", "end": "3.700", "lines": [TWO]}]},
    "Label Studio": [{"annotations": [{"result": [{"value": {"start": 0.0, "end": 1.8, "text": [ONE]}},
                                                  {"value": {"start": 1.8, "end": 3.7, "text": [TWO]}}]}]}],
    "Gentle": {"words": [
        {"case": "success", "word": ONE, "start": 0.0, "end": 1.8, "startOffset": 0, "endOffset": 9},
        {"case": "success", "word": TWO[:9], "start": 1.8, "end": 3.7, "phones": [{"phone": "dh", "duration": 0.1}]},
        {"case": "not-found-in-audio", "word": TWO[10:], "startOffset": 90, "endOffset": 99}]},
    "numbered": {"0": {"start": 0.0, "end": 1.8, "text": ONE}, "1": {"start": 1.8, "end": 3.7, "text": TWO}},
    "AWS, speakers apart": {"results": {"speaker_labels": {"segments": [
        {"start_time": "0.0", "end_time": "1.8", "speaker_label": "a", "items": []},
        {"start_time": "1.8", "end_time": "3.7", "speaker_label": "b", "items": []}]}, "items": [
        {"start_time": "0.0", "end_time": "1.8", "alternatives": [{"content": ONE}], "type": "pronunciation"},
        {"start_time": "1.8", "end_time": "3.7", "alternatives": [{"content": TWO}], "type": "pronunciation"}]}},
    "Vosk": {"text": SAID, "result": [
        {"start": 0.0, "end": 1.8, "word": ONE}, {"start": 1.8, "end": 3.7, "word": TWO}]},
    "Recall": [{"participant": {"id": number, "name": name}, "words": [
        {"text": words, "start_timestamp": {"relative": start}, "end_timestamp": {"relative": end}}]}
        for number, (name, words, start, end) in enumerate((("Anna", ONE, 0.0, 1.8), ("Ben", TWO, 1.8, 3.7)))],
}  # fmt: skip


@pytest.mark.parametrize("case", JSON)
def test_what_recognizers_write(tmp_path: Path, case: str) -> None:
    known, remarks = beside(tmp_path, "a.json", json.dumps(JSON[case]))
    assert [one.text for one in known.cues] == [ONE, TWO] and remarks == []
    assert known.cues[1].start == pytest.approx(1.8)


SPEAKERS: dict[str, object] = {
    "a list of names": {
        "segments": [{"start": 0.0, "end": 3.7, "speaker": "0f3e", "text": SAID}],
        "speakers": [{"id": "0f3e", "name": "Anna"}, {"id": None}],
    },
    "another key": {"sentences": [{"start_time": 0.0, "end_time": 3.7, "speaker_name": "Anna", "text": SAID}]},
    "with the words": {"results": [
        {"start_time": 0.0, "end_time": 3.7, "alternatives": [{"content": SAID, "speaker": "Anna"}]}]},
    "Podlove": [{"start": "00:00:00.000", "end": "00:00:03.700", "speaker": "1", "voice": "Anna", "text": SAID}],
    "with what is told a second time": {"results": [
        {"alternatives": [{"words": [{"word": SAID, "startTime": "0s", "endTime": "3.7s"}]}]},
        {"alternatives": [{"words": [{"word": SAID, "startTime": "0s", "endTime": "3.7s", "speakerTag": "Anna"}]}]}]},
}  # fmt: skip


@pytest.mark.parametrize("case", SPEAKERS)
def test_where_recognizers_name_speakers(tmp_path: Path, case: str) -> None:
    assert beside(tmp_path, "a.json", json.dumps(SPEAKERS[case]))[0].facts == {"speaker": "Anna"}


def test_who_speaks_where_it_is_not_said_with_the_words(tmp_path: Path) -> None:
    known, _ = beside(tmp_path, "a.json", json.dumps(JSON["AWS, speakers apart"]))
    assert [one.speaker for one in known.cues] == ["a", "b"]


def test_the_language_that_was_heard_and_not_what_was_asked_for(tmp_path: Path) -> None:
    asked = {"params": {"language": "auto"}, "result": {"language": "en"}, "segments": [[0, 1.8, ONE]]}
    assert beside(tmp_path, "a.json", json.dumps(asked))[0].language == "en"


def test_parts_of_words(tmp_path: Path) -> None:
    """Such as Soniox writes, and those who keep the tokens of a network."""
    parts = (" The", " har", "bour", " was", " flooded", " after", " the", " storm", ".")
    tokens = [{"text": part, "start_ms": 300 * n, "end_ms": 300 * n + 250} for n, part in enumerate(parts)]
    known, _ = beside(tmp_path, "a.json", json.dumps({"tokens": tokens}))
    assert known.text == SAID and known.cues[1].end == pytest.approx(0.85)


def test_json_a_line_and_json_without_times(tmp_path: Path) -> None:
    lines = [json.dumps({"start": start, "end": start + 1.8, "text": text}) for start, text in ((0.0, ONE), (1.8, TWO))]
    assert beside(tmp_path, "a.json", "\n".join(lines))[0].text == SAID
    known, _ = beside(tmp_path, "a.json", json.dumps({"text": SAID}))
    assert known.text == SAID and known.cues == ()


TEXTS = {
    "Otter": f"Anna Bell  0:00  \n{ONE}\n\nBen O'Neil  0:01.8\n{TWO}\n",
    "Rev": f"Anna Bell (00:00):\n{ONE}\n\nBen (00:01.8):\n{TWO}\n",
    "names before times": f"Anna [00:00:00]: {ONE}\nBen [00:00:01.8]: {TWO}\n",
    "whisper.cpp": f"[00:00:00.000 --> 00:00:01.800]   {ONE}\n[00:00:01.800 --> 00:00:03.700]   {TWO}\n",
    "faster-whisper": f"[0.00s -> 1.80s] {ONE}\n[1.80s -> 3.70s] {TWO}\n",
    "Teams": f"0:0:0.0 --> 0:0:1.8\nAnna Bell\n{ONE}\n\n0:0:1.8 --> 0:0:3.7\nBen\n{TWO}\n",
    "Audacity, commas": f"0,000000\t1,800000\t{ONE}\n\\\t100,0\t200,0\n1,800000\t3,700000\t{TWO}\n",
    "ELAN": f"Anna\t00:00:00.000\t00:00:01.800\t{ONE}\nBen\t00:00:01.800\t00:00:03.700\t{TWO}\n",
    "f4": f"Anna: {ONE} #00:00:01-8#\nBen: {TWO} #00:00:03-7#\n",
    "in a paragraph": f"[00:00] {ONE} [00:01.8] {TWO}\n",
    "Sonix": f"Anna Bell: [00:00:00] {ONE}\n\nBen: [00:00:01.8] {TWO}\n",
    "spans with names": f"00:00:00 - 00:00:01.8 Anna:\n{ONE}\n\n00:00:01.8 - 00:00:03.7 Ben:\n{TWO}\n",
    "NVivo": f"Timespan\tContent\tSpeaker\n0:00.0 - 0:01.8\t{ONE}\tAnna\n0:01.8 - 0:03.7\t{TWO}\tBen\n",
    "Premiere": f"00;00;00;00 - 00;00;01;20\nUnknown\n{ONE}\n\n00;00;01;20 - 00;00;03;18\nUnknown\n{TWO}\n",
    "spans": f"00:00:00 - 00:00:01.8 {ONE}\n00:00:01.8 - 00:00:03.7 {TWO}\n",
    "spans in brackets": f"[0:00.0 - 0:01.8] {ONE}\n[0:01.8 - 0:03.7] {TWO}\n",
    "each end in brackets": f"[0:00] - [0:01.8] {ONE}\n[0:01.8] - [0:03.7] {TWO}\n",
    "spans of seconds": f"(0.0s to 1.8s) {ONE}\n(1.8s to 3.7s) {TWO}\n",
    "spans in lines of their own": f"[00:00:00 – 00:00:01.8]\n{ONE}\n\n[00:00:01.8 – 00:00:03.7]\n{TWO}\n",
    "spans before colons": f"0:00:00.0 --> 0:00:01.8: {ONE}\n0:00:01.8 --> 0:00:03.7: {TWO}\n",
    "MPL2": f"[0][18]{ONE}\n[18][37]/{TWO}\n",
    "MicroDVD": f"{{1}}{{1}}25\n{{0}}{{45}}{ONE}\n{{45}}{{92}}{TWO}\n",
    "Recorder": f"Anna Bell\n00:00\n{ONE}\n\nBen\n00:01.8\n{TWO}\n",
    "Teams, with a heading": "Sync-20240501_103000-Meeting Recording\nMay 1, 2024, 10:30AM\n4s\n\nAnna Bell started "
    f"transcription\n\nAnna Bell   0:00\n{ONE}\n\nBen   0:01.8\n{TWO}\n\nAnna Bell stopped transcription\n",
    "Meet": f"Meeting - Transcript\n0:00:00\n \nAnna: {ONE}\n0:00:01.8\n\nAnna: {TWO}\n",
    "Otter, its last line": f"Anna  0:00  \n{ONE}\n\nBen  0:01.8  \n{TWO}\n\nTranscribed by https://otter.ai\n",
    "YouTube, copied": f"Transcript\n\n0:00\n0 seconds\n{ONE}\n0:01.8\n1 minute, 2 seconds\n{TWO}\n",
    "Sonix, with a heading": f"a.wav\n\nAnna [00:00:00] {ONE}\n\nBen [00:00:01.8] {TWO}\n",
    "Transana": f"¤<0>{ONE}¤<1800>{TWO}\n",
    "Whisper's tokens": f"<|startoftranscript|><|en|><|0.00|> {ONE}<|1.80|><|1.80|> {TWO}<|3.70|><|endoftext|>",
    "Encore": f"0001 00:00:00:00 00:00:01:20 {ONE}\n0002 00:00:01:20 00:00:03:18 {TWO}\n",
    "JACOsub": f"0:00:00.00 0:00:01.80 D {ONE}\n0:00:01.80 0:00:03.70 D {TWO}\n",
    "PowerDivX": f"{{0:00:00}}{{0:00:01.8}}{ONE}\n{{0:00:01.8}}{{0:00:03.7}}{TWO}\n",
    "Swift": f"TIMEIN: 00:00:00:00\tDURATION: 01:20\tTIMEOUT: 00:00:01:20\n{ONE}\n\n"
    f"TIMEIN: 00:00:01:20\tDURATION: --:--\tTIMEOUT: 00:00:03:18\n{TWO}\n",
    "QuickTime": f"{{QTtext}} {{font:x}}\n{{timeScale:30}}\n"
    f"[00:00:00.00]\n{{textEncoding:256}}{ONE}\n[00:00:01.80]\n{TWO}\n",
    "TMPlayer": f"00:00:00:{ONE.replace(' was', '|was')}\n00:00:01.8:{TWO}\n",
    "Tactiq": f"tactiq.io\n# Title\n# https://x.org\n\n00:00:00.000 {ONE}\n00:00:01.800 {TWO}\n",
    "Word": f"Audio file\na.wav\n\nTranscript\n00:00:00 Speaker 1\n{ONE}\n\n00:00:01.8 Speaker 2\n{TWO}\n",
    "Fathom": f"Meeting\nVIEW RECORDING - 4 mins\n\n---\n\n0:00 - Anna (Pier)\n  {ONE}\n\n0:01.8 - Ben\n  {TWO}\n",
    "Grain": f"Anna (0:00 - 0:01.8)\n{ONE}\n\nBen (0:01.8 - 0:03.7)\n{TWO}\n",
    "Krisp": f"Anna Bell | 00:00\n{ONE}\n\nBen | 00:01.8\n{TWO}\n",
    "Avoma": f"0:00 | Anna\n{ONE}\n\n0:01.8 | Ben\n{TWO}\n",
    "Temi": f"Speaker 1:    00:00    {ONE}\n\nSpeaker 2:    00:01.8    {TWO}\n",
    "angle brackets": f"<00:00:00> {ONE}\n<00:00:01.8> {TWO}\n",
    "braces": f"{{00:00}} {ONE}\n{{00:01.8}} {TWO}\n",
    "seconds in brackets": f"[0.0] {ONE}\n[1.8s] {TWO}\n",
    "numbered lines": f"1  [0:00] Anna: {ONE}\n2\n3  [0:01.8] Anna: {TWO}\n",
    "Rev, its last line": f"Anna (00:00):\n{ONE}\n\nBen (00:01.8):\n{TWO}\n\n"
    "This transcript was exported on May 1, 2024 - view latest version here.\n",
    "Praat, as a table": f"tmin\ttier\ttext\ttmax\n0\tx\t{ONE}\t1.8\n1.8\tx\t{TWO}\t3.7\n",
    "ELAN, each time in several ways": f"Anna\t00:00:00.000\t0.0\t0\t00:00:01.800\t1.8\t1800\t{ONE}\n"
    f"Anna\t00:00:01.800\t1.8\t1800\t00:00:03.700\t3.7\t3700\t{TWO}\n",
    "names with frames": f"Anna 00:00:00:00: {ONE}\n\nBen 00:00:01:20: {TWO}\n",
    "lyrics": f"[ti:x]\n[ar:y]\n[al:z]\n[00:00.00]{ONE}\n[00:01.80]{TWO}\n",
    "names before dashes and times": f"Anna - 00:00\n{ONE}\nBen – 00:01.8\n{TWO}\n",
}


@pytest.mark.parametrize("case", TEXTS)
def test_texts_with_times(tmp_path: Path, case: str) -> None:
    known, remarks = beside(tmp_path, "a.txt", TEXTS[case])
    assert [(one.text, round(one.start, 2)) for one in known.cues] == [(ONE, 0.0), (TWO, 1.8)] and remarks == []


OTHERS = {
    "a.md": f"# a\n\n- File: a.wav\n\n**Anna** (0:00) {ONE}\n\n> Note (0:01): no speech\n\n**Ben** (0:01.8) {TWO}\n",
    "a.de.md": f"![[a.wav]]\n\n- 0:00 {ONE}\n- 0:01.8 {TWO}\n",
    "a.en.md": f"**Anna:** [00:00:00](https://x.org/a?t=0) {ONE}\n\n**Ben:** [00:00:01.8](https://x.org/a) {TWO}\n",
    "a.html": f"<head><title>x</title></head><h1>a</h1><p><b>Anna:</b> [0:00] {ONE}</p><p>Ben: [0:01.8] {TWO}</p>",
    "a.otr": json.dumps({"text": f"<p><span class='timestamp'>0:00</span>&nbsp;{ONE}</p><p>0:01.8 {TWO}<br></p>"}),
    "a.smi": f"<SAMI><SYNC Start=0><P Class=ENCC>{ONE}<P Class=DECC>Nein\n<SYNC Start=1800><P Class=ENCC>{TWO}</SAMI>",
    "a.ko.smi": f"<SAMI><SYNC Start=0><P Class=ENCC>{ONE}<SYNC Start=0><P Class=KRCC>항구"
    f"<SYNC Start=1800>"
    f"<P Class=ENCC>{TWO}<SYNC Start=1800><P Class=KRCC>폭풍<SYNC Start=3700><P Class=KRCC>&nbsp;</SAMI>",
    "a.dfxp": f"<tt><body><div lang='en'><p begin='0s' end='1.8s'>{ONE}</p><p begin='1.8s' end='3.7s'>{TWO}</p></div>"
    "<div lang='de'><p begin='0s' end='1.8s'>Hafen</p><p begin='1.8s' end='3s'>Sturm</p></div></body></tt>",
    "a.vtt": f"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:0,MPEGTS:900000\n\n00:00.000 --> 00:01.800\n{ONE}\n\nWEBVTT\n"
    f"X-TIMESTAMP-MAP=LOCAL:0,MPEGTS:900000\n\n00:01.800 --> 00:03.700\n{TWO}\n\nWEBVTT\n",
    "a.en.vtt": "WEBVTT\n\n" + "".join(
        f"{times}\n" + json.dumps({"speakerName": "Anna", "spokenText": words, "spokenLanguage": "en-us"}) + "\n\n"
        for times, words in (("00:00.000 --> 00:01.800", ONE), ("00:01.800 --> 00:03.700", TWO))
    ),
    "a.de.vtt": f"WEBVTT\n00:00.000 --> 00:01.800\n{ONE}\n\n00:01.800 --> 00:03.700\n&lrm;{TWO}\n",
    "a.jsonl": "\n".join(
        json.dumps({"start": start, "end": end, "text": words, "speaker": "Anna"})
        for start, end, words in ((0.0, 1.8, ONE), (1.8, 3.7, TWO))
    ),
    "a.tsv": f'start\tend\ttext\n0\t1800\t{ONE}\n1800\t3700\t{TWO}\n',
    "a.wav.annotations.eaf": EAF.replace(SAID, ONE)
    .replace(
        "</TIER>",
        "<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID='b'"
    f" TIME_SLOT_REF1='t3' TIME_SLOT_REF2='t2'><ANNOTATION_VALUE>{TWO}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>"
    "</ANNOTATION></TIER>",
        1,
    )
    .replace("</TIME_ORDER>", "<TIME_SLOT TIME_SLOT_ID='t3' TIME_VALUE='1800'/></TIME_ORDER>"),
    "a.trs": "<!DOCTYPE Trans SYSTEM 'trans-14.dtd'><Trans><Speakers><Speaker id='s' name='Anna'/></Speakers><Turn "
    f"speaker='s' startTime='0' endTime='3.7'><Sync time='0'/>The <Event desc='b'/>{ONE[4:]}<Sync time='1.8'/>{TWO}"
    "</Turn></Trans>",
    "a.ctm": f"a 1 0.0 1.8 {ONE.replace(' ', '_')}\na 1 1.8 1.9 {TWO.replace(' ', '_')} 0.9\n",
    "a.en.json3": json.dumps(JSON["YouTube"]),
    "a.srv1": f'<transcript><text start="0" dur="1.8">{ONE}</text><text start="1.8" dur="1.9">{TWO}</text>'
    "</transcript>",
    "a.en.srv3": f'<timedtext format="3"><body><p t="0" d="1800"><s>The</s><s t="400">{ONE[3:]}</s></p>'
    f'<p t="1800" d="1900">{TWO}</p></body></timedtext>',
    "a.ttml": '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:p="http://podcasts.apple.com/transcript-ttml-internal" '
    'xmlns:ttm="http://www.w3.org/ns/ttml#metadata"><body><div>'
    + "".join(
        f'<p begin="{times[0]}" end="{times[1]}" ttm:agent="Anna"><span begin="{times[0]}" end="{times[1]}" '
        'p:unit="sentence">'
        + "".join(f'<span begin="{times[0]}" end="{times[1]}" p:unit="word">{word}</span>' for word in text.split())
        + "</span></p>"
        for times, text in (((0.0, 1.8), ONE), ((1.8, 3.7), TWO))
    )
    + "</div></body></tt>",
    "a.exb": '<basic-transcription><head><speakertable><speaker id="S"><abbreviation>Anna</abbreviation></speaker>'
    '</speakertable></head><basic-body><common-timeline><tli id="T0" time="0.0"/><tli id="T1" time="1.8"/>'
    '<tli id="T2"/><tli id="T3" time="9"/></common-timeline><tier speaker="S" type="t">'
    f'<event start="T0" end="T1">{ONE}</event><event start="T1" end="T2">{TWO}</event></tier>'
    '<tier speaker="S" type="a"><event start="T0" end="T1">Der Hafen'
    "</event></tier></basic-body></basic-transcription>",
    "a.flextext": '<document><interlinear-text><paragraphs><paragraph><phrases><phrase begin-time-offset="0" '
    f'end-time-offset="1800" speaker="Anna"><item type="txt">{ONE}</item><item type="gls">Der Hafen</item></phrase>'
    '<phrase begin-time-offset="1800" end-time-offset="3700"><words>'
    + "".join(f'<word><item type="txt">{word}</item><item type="gls">x</item></word>' for word in TWO.split())
    + "</words></phrase></phrases></paragraph></paragraphs></interlinear-text></document>",
    "a.cha": f'@Begin\n*Anna:\t{ONE} \x15%snd:"a.wav"_0_1800\x15\n*Ben:\t{TWO} \x151800_3700\x15\n@End\n',
    "a.stm": f";; x\na 1 Anna 0.0 1.8 <o,f0> {ONE}\na 1 Ben 1.80 3.70 {TWO}\n",
    "a.labels.txt": f"0.0\t1.8\t{ONE}\n1.8\t3.7\t{TWO}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_transcripts_of_other_formats(tmp_path: Path, name: str) -> None:
    known, remarks = beside(tmp_path, name, OTHERS[name])
    assert [(one.text.replace("_", " "), round(one.start, 2)) for one in known.cues] == [(ONE, 0.0), (TWO, 1.8)]
    assert remarks == [] and {one.speaker for one in known.cues} <= {"Anna", "Ben", ""}


def test_annotations_that_begin_later_than_the_recording(tmp_path: Path) -> None:
    known, _ = beside(
        tmp_path, "a.eaf", EAF.replace("<TIME_ORDER>", '<MEDIA_DESCRIPTOR TIME_ORIGIN="9000"/><TIME_ORDER>')
    )
    assert [one.start for one in known.cues] == [9.0]


def test_utterances_of_chat_without_times(tmp_path: Path) -> None:
    one, two = ONE.replace("was", "0is was@s:eng"), TWO.replace("after", "(af)ter")
    known, remarks = beside(tmp_path, "a.cha", f"@Begin\n*CHI:\t{one} &=laughs\n%mor:\tn|x\n*CHI:\t{two}\n@End\n")
    assert known.text == SAID and known.facts == {"speaker": "CHI"} and remarks == []


@pytest.mark.parametrize("words", ["sprite.jpg#xywh=0,0,160,90", '{"speaker": "Anna"}'])
def test_cues_that_are_no_text(tmp_path: Path, words: str) -> None:
    known, remarks = beside(tmp_path, "a.vtt", f"WEBVTT\n\n00:00.000 --> 00:01.800\n{words}\n")
    assert known.text == "" and remarks == ["a.vtt holds no words that are understood: it was passed over."]


@pytest.mark.parametrize("name", ["a.html", "a.txt"])
def test_a_page_without_times_may_be_any_page(tmp_path: Path, name: str) -> None:
    known, remarks = beside(tmp_path, name, f"<!DOCTYPE html>\n<html><body><p>{ONE}</p></body></html>")
    assert known.text == "" and f"{name} is a web page without times" in remarks[0]


MARKED_UP = {
    "a page with times": f"<html><head><style>p {{}}</style></head><p>[0:00] {ONE}</p><p>[0:01.8] {TWO}</p></html>",
    "paragraphs": f"<p>{ONE.replace('was', '<b>was</b>')}</p>\n<p class='x'>{TWO}</p>",
    "a list": f"<ol><li>{ONE}<li>{TWO}</ol>",
    "within lines": f"{ONE.replace('was', '<i>was</i>')}<br/>{TWO.replace(' ', '&nbsp;')}",
    "JSON": json.dumps(JSON["YouTube"]),
    "TTML": f"<?xml version='1.0'?>\n<tt><body><p begin='0s' end='1.8s'>{ONE}</p>"
    f"<p begin='1.8s' end='3s'>{TWO}</p></body></tt>",
    "SAMI": f"<SAMI><SYNC Start=0><P Class=ENCC>{ONE}<SYNC Start=1800><P Class=ENCC>{TWO}</SAMI>",
    "ASS": "[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    f"Dialogue: 0,0:00:00.00,0:00:01.80,Default,,0,0,0,,{{\\i1}}{ONE}\n"
    f"Dialogue: 0,0:00:01.80,0:00:03.70,Default,,0,0,0,,{TWO}\n",
}  # fmt: skip


@pytest.mark.parametrize("case", MARKED_UP)
def test_markup_in_what_is_called_text_is_not_said(tmp_path: Path, case: str) -> None:
    known, remarks = beside(tmp_path, "a.txt", MARKED_UP[case])
    assert known.text == SAID and remarks == []


def test_what_stands_before_a_text_is_not_said(tmp_path: Path) -> None:
    known, _ = beside(tmp_path, "a.md", f"---\ntitle: Harbour\ntags:\n- a\n---\n{ONE}\n{TWO}\n")
    assert known.text == SAID
    known, _ = beside(tmp_path, "a.txt", f"If 1 < 2 & b > c, AT&T: {ONE}")
    assert known.text == f"If 1 < 2 & b > c, AT&T: {ONE}"


SPOKEN = {
    "[laughter] The harbour": "The harbour", "(applause)": "", "♪ The harbour ♪": "The harbour", "[MUSIC]": "",
    "The [inaudible 00:01:10] harbour": "The harbour", "The [harbour?] was": "The harbour was",
    "The<br>harbour": "The harbour",
    "The harbour (which was old) was": "The harbour (which was old) was",
    "{y:i}The {\\an8}har\u00adbour": "The harbour",
    "<laughter> The harbour": "The harbour", "The|harbour": "The harbour",
    "I <3 the harbour": "I <3 the harbour", "The\\Nharbour": "The harbour", "- The harbour": "The harbour",
}  # fmt: skip


@pytest.mark.parametrize("text", SPOKEN)
def test_notes_and_signs_are_no_speech(tmp_path: Path, text: str) -> None:
    known, _ = beside(tmp_path, "a.srt", SRT.replace(ONE, text))
    assert known.text.removesuffix(TWO).strip() == SPOKEN[text]


@pytest.mark.parametrize(
    "label",
    ["[Anna] ", "[ANNA] ", "(Anna) ", "(ANNA): ", "ANNA (V.O.): ", "[SPEAKER_00] ", "Anna [sings]: ", "ANNA:\n"],
)
def test_labels_of_speakers(tmp_path: Path, label: str) -> None:
    known, _ = beside(tmp_path, "a.srt", SRT.replace("The", f"{label}The").replace("after", f"{label}after"))
    assert known.text == SAID and {one.speaker.lower() for one in known.cues} <= {"anna", "speaker_00"}
    assert known.facts["speaker"]


TURNS = {
    "names in angle brackets": f"<Anna> {ONE}\n<Anna> {TWO}\n", "letters": f"A. {ONE}\nA. {TWO}\n",
    "a screenplay": f"ANNA\n{ONE}\n\nANNA\n{TWO}\n",
    "dashes": f"Anna – {ONE}\n\nAnna – {TWO}\n", "numbered lines": f"1   Anna: {ONE}\n2\n1   Anna: {TWO}\n",
}  # fmt: skip


def test_what_is_said_before_the_first_time(tmp_path: Path) -> None:
    known, _ = beside(tmp_path, "a.txt", f"{ONE}\n\n0:30 {TWO}\n0:40 {TWO}\n")
    assert (known.cues[0].text, known.cues[0].end) == (ONE, 30.0)


def test_units_of_times(tmp_path: Path) -> None:
    for one, two in (("0h00m00s", "0h01m02s"), ("0'00\"", "1'02\""), ("0m00s", "1m02s")):
        known, _ = beside(tmp_path, "a.txt", f"{one} {ONE}\n{two} {TWO}\n")
        assert [(cue.text, cue.start) for cue in known.cues] == [(ONE, 0.0), (TWO, 62.0)]


def test_who_speaks_in_webex(tmp_path: Path) -> None:
    cues = f'1 "Anna Bell" (12)\n00:00.000 --> 00:01.800\n{ONE}\n\n2 "Ben" (3)\n00:01.800 --> 00:03.700\n{TWO}\n'
    known, _ = beside(tmp_path, "a.vtt", f"WEBVTT\n\n{cues}")
    assert [(cue.speaker, cue.text) for cue in known.cues] == [("Anna Bell", ONE), ("Ben", TWO)]


def test_json_in_which_there_are_only_texts(tmp_path: Path) -> None:
    assert beside(tmp_path, "a.json", json.dumps([{"speaker": "A", "text": ONE}, {"text": TWO}]))[0].text == SAID


@pytest.mark.parametrize("case", TURNS)
def test_who_speaks_in_a_text_without_times(tmp_path: Path, case: str) -> None:
    known, remarks = beside(tmp_path, "a.txt", TURNS[case])
    assert known.text == SAID and known.facts["speaker"] in ("Anna", "ANNA", "A") and remarks == []


@pytest.mark.parametrize(
    "text",
    [
        "A. apples\nB. pears\n",
        "Harbour – flooded\nPier – lost\n",
        "3 ships\n2 boats\n1 pier\n",
        "We start with a text\nOn it\n",
    ],
)
def test_what_is_no_name_and_no_number_of_a_line(tmp_path: Path, text: str) -> None:
    assert beside(tmp_path, "a.txt", text)[0].text == " ".join(text.split())


def test_what_was_encoded_twice(tmp_path: Path) -> None:
    for encoding in ("cp1252", "latin-1"):
        text = "“Über” den Häfen".strip("“”") if encoding == "latin-1" else "Über den Häfen – „ja“"
        known, _ = beside(tmp_path, "a.txt", text.encode().decode(encoding, "ignore").encode())
        assert known.text == text


LETTERS = {
    "항구가 침수되었다": ("cp949",),
    "안녕하세요 여러분": ("cp949",),
    "你好，大家好": ("gb18030",),
    "是的\n我知道\n你在哪里": ("gb18030",),
    "是的，沒錯。": ("big5",),
    "はい、そうです。\nパンを焼きました。": ("cp932", "euc_jp"),
    "港は火曜日の朝の嵐の後に浸水しました。": ("shift_jis", "euc_jp", "iso2022_jp", "utf-16-le", "utf-32-le"),
    "港口在星期二早上的暴风雨之后被淹没了。": ("gb18030",),
    "화요일 아침 폭풍 이후 항구가 침수되었습니다.": ("cp949",),
    "غرق الميناء بعد العاصفة صباح يوم الثلاثاء.": ("cp1256", "iso8859_6"),
    "הנמל הוצף אחרי הסערה ביום שלישי.": ("cp1255", "iso8859_8"),
    "Гавань была затоплена после шторма.": ("cp1251", "koi8_r", "cp866", "iso8859_5", "utf-32-be"),
    "ท่าเรือถูกน้ำท่วมหลังพายุในเช้าวันอังคาร": ("cp874",),
    "Während der Flut läuteten früh die Glocken, und die Brücke hielt nicht.": ("cp1252", "mac_roman", "cp850"),
    "L’été dernier, le port a été inondé après la tempête.": ("cp1252", "mac_roman"),
    "Port został zalany po burzy we wtorek, źle żyć.": ("cp1250", "iso8859_2"),
    "Liman salı sabahı fırtınadan sonra sular altında kaldı, çok üzgünüz.": ("cp1254",),
}


@pytest.mark.parametrize(("text", "encoding"), [(text, one) for text, many in LETTERS.items() for one in many])
def test_encodings(text: str, encoding: str) -> None:
    assert encodings.decoded(SRT.replace(ONE, text).encode(encoding)) == SRT.replace(ONE, text)


def test_voices_that_overlap(tmp_path: Path) -> None:
    said = f"<Sync time='0'/><Who nb='1'/>{ONE}<Who nb='2'/>{TWO}"
    turn = f"<Turn speaker='a b' startTime='0' endTime='3.7'>{said}</Turn>"
    names = "<Speaker id='a' name='Anna'/><Speaker id='b' name='Ben'/>"
    known, _ = beside(tmp_path, "a.trs", f"<Trans><Speakers>{names}</Speakers>{turn}</Trans>")
    assert [(one.speaker, one.text) for one in known.cues] == [("Anna", ONE), ("Ben", TWO)]


@pytest.mark.parametrize(
    "content", [SRT.replace("\n", "\n\n"), SRT.replace("1\n00", "1  00").replace("2\n00", "2  00")]
)
def test_lines_of_subtitles_that_are_far_apart_or_joined(tmp_path: Path, content: str) -> None:
    known, remarks = beside(tmp_path, "a.srt", content)
    assert [one.text for one in known.cues] == [ONE, TWO] and remarks == []


NAMES = (
    "a.mp3.srt",
    "a (en).srt", "a [en].srt", "a.en[cc].srt", "a.en-en.srt", "a.english (SDH).srt", "a.und.srt", "a.srt.txt",
    " a.srt",
    "a.srt ", "a_transcription.srt", "a.en-US (auto-generated).srt", "a_transcript_en.srt",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_names_of_transcripts(tmp_path: Path, name: str) -> None:
    known, remarks = beside(tmp_path, name, SRT)
    assert known.text == SAID and remarks == []


def test_which_of_several_transcripts_was_taken_is_said(tmp_path: Path) -> None:
    write(tmp_path / "a.en.forced.srt", SRT.replace(ONE, "Harbour"))
    write(tmp_path / "a.en.vtt", SRT)  # the same words
    known, remarks = beside(tmp_path, "a.en.srt", SRT)
    assert known.text == SAID
    assert remarks == ["a.wav has several transcripts: a.en.srt was taken, and not a.en.forced.srt, which differs."]


@pytest.mark.parametrize(
    ("name", "saved"),
    [("a.doc", "a.docx"), ("a.pdf", "a.txt"), ("a.xls", "a.xlsx"), ("a.scc", "a.srt"), ("a.flk", "a.eaf")],
)
def test_documents_are_named(tmp_path: Path, name: str, saved: str) -> None:
    assert beside(tmp_path, name, b"PK\3\4")[1] == [f"{name} cannot be read: save what is in it as {saved}."]


CELLS = (
    "file:///media/x/a.wav", "https://x.org/a.wav?dl=1#t=10", "a%2Ewav", "a.mp3", "a .wav", "a.wav\u200b",
    "b.wav; a.wav", "b.pdf (https://x.org/q),a.wav (https://x.org/xyz)",
)  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_files_that_tables_name(tmp_path: Path, cell: str) -> None:
    known, remarks = beside(tmp_path, "metadata.csv", CSV.replace("a.wav", f'"{cell}"'))
    assert told(known) == TOLD and remarks == []


@pytest.mark.parametrize(
    ("file", "cell"),
    [
        ("a b.wav", "a_b.wav"), ("a_b.wav", "A B"), ("a b.wav", "a+b.mp3"), ("007.wav", "7"), ("1234.wav", "1234.0"),
        ("a.wav", '"=HYPERLINK(""tapes/a.wav"";""a"")"'), ("a.wav", "[the pier](tapes/a.wav)"),
    ],
)  # fmt: skip
def test_files_whose_names_were_changed_on_their_way(tmp_path: Path, file: str, cell: str) -> None:
    (tmp_path / file).write_bytes(b"RIFF")
    (tmp_path / "metadata.csv").write_text(CSV.replace("a.wav", cell), "utf-8")
    sidecars = SidecarIndex([tmp_path / file], [tmp_path])
    assert told(sidecars.of(tmp_path / file)) == TOLD and sidecars.remarks == []
    (tmp_path / "A-B.wav").write_bytes(b"RIFF")  # of two that are alike, the one that is named so
    if file == "a_b.wav":
        assert told(SidecarIndex([tmp_path / file, tmp_path / "A-B.wav"]).of(tmp_path / file)) == ("",) * 5


HEADS = {
    "file": ("ID", "Name", "Имя файла", "ファイル名", "File(s)", "dc:identifier"),
    "title": (
        "2. Title",
        "Title of interview",
        "Title of recording",
        "dc:title",
        "Dublin Core:Title",
        "Title / Titre",
        "Название",
        "标题",
    ),
    "speaker": (
        "Name of the interviewee",
        "Entrevistado/a",
        "dc.contributor.interviewee",
        "Item Type Metadata:Interviewee",
        "Interviewee(s)",
        "Narrators",
        "Zeitzeuge",
        "Témoin",
        "Рассказчик",
    ),
    "category": ("dc:subject", "Sachgebiet"),
    "language": ("dc.language.iso", "Sprache(n)", "dc:language", "Язык", "Språk"),
    "date": ("Date of interview", "Date (YYYY-MM-DD)", "Dates", "Recorded at", "Year", "Дата", "timestamp"),
}


@pytest.mark.parametrize(("column", "head"), [(column, head) for column, heads in HEADS.items() for head in heads])
def test_names_of_columns(tmp_path: Path, column: str, head: str) -> None:
    known, remarks = beside(tmp_path, "metadata.csv", CSV.replace(column, head, 1))
    assert told(known) == TOLD and remarks == []


def test_cells_that_say_nothing(tmp_path: Path) -> None:
    row = "a.wav,Harbour,unknown,n/a,-,n.d.\n"
    known, remarks = beside(tmp_path, "metadata.csv", CSV.split("\n")[0] + "\n" + row)
    assert known.facts == {"title": "Harbour"} and remarks == []
    row = "a.wav,Harbour,NA,#N/A,#REF!,NaT\n"
    known, remarks = beside(tmp_path, "metadata.csv", CSV.split("\n")[0] + "\n" + row)
    assert known.facts == {"title": "Harbour"} and remarks == []


def test_quotation_marks_as_databases_write_them(tmp_path: Path) -> None:
    known, remarks = beside(tmp_path, "metadata.csv", 'file,title\na.wav,"The \\"old\\", new pier"\n')
    assert known.facts == {"title": 'The "old", new pier'} and remarks == []


CUE_TABLES = {
    "milliseconds": f"start,end,text\n0,1800,{ONE}\n1800,3700,{TWO}\n",
    "other names": (
        f"Speaker Name,Start Time,End Time,Transcript\n,00:00:00:00,00:00:01:20,{ONE}\n,00:00:01:20,0:03,{TWO}\n"
    ),
    "Subtitle Edit": (
        f"Number,Start time in milliseconds,End time in milliseconds,Text\n1,0,1800,{ONE}\n2,1800,3700,{TWO}\n"
    ),
    "lengths": f"begin;duration;text\n0;1,8;{ONE}\n1,8;1,9;{TWO}\n",
    "of a film": f"TC In,TC Out,Dialogue\n00:00:00:00,00:00:01:20,{ONE}\n00:00:01:20,00:00:03:18,{TWO}\n",
    "beginnings": f"Speaker,Timestamp,Text\n,00:00:00,{ONE}\n,00:00:01.8,{TWO}\n",
}


@pytest.mark.parametrize("case", CUE_TABLES)
def test_tables_that_are_transcripts(tmp_path: Path, case: str) -> None:
    known, remarks = beside(tmp_path, "a.csv", CUE_TABLES[case])
    assert [(one.text, round(one.start, 2)) for one in known.cues] == [(ONE, 0.0), (TWO, 1.8)] and remarks == []


def test_a_table_with_what_is_said_in_each_recording(tmp_path: Path) -> None:
    assert beside(tmp_path, "metadata.csv", f"file,transcription\na.wav,{SAID}\n")[0].text == SAID


def test_quotation_marks_that_open_in_one_row_and_close_in_another(tmp_path: Path) -> None:
    """Whisper writes what is said into its tables as it is."""
    known, remarks = beside(tmp_path, "a.tsv", f'start\tend\ttext\n0\t1800\t"{ONE}\n1800\t3700\t{TWO}"\n')
    assert [(one.text, one.start) for one in known.cues] == [(f'"{ONE}', 0.0), (f'{TWO}"', 1.8)]
    assert remarks == ["a.tsv, line 3: quotation marks do not match; they were taken as text."]


def test_an_end_that_is_far_too_late(tmp_path: Path) -> None:
    known, _ = beside(tmp_path, "a.srt", SRT.replace("> 00:00:03", "> 24:00:03"))
    assert [one.text for one in known.cues] == [ONE, TWO] and known.cues[1].end == pytest.approx(3.7, abs=0.5)


def test_pages_of_a_text_and_their_numbers(tmp_path: Path) -> None:
    assert beside(tmp_path, "a.txt", f"{ONE}\n\n1\n\f{TWO}\n\f3\n")[0].text == SAID


def test_markers_are_no_labels(tmp_path: Path) -> None:
    """What Avid writes has one time, and a number at the end."""
    markers = f"Anna\t01:00:00:00\tA1\tred\t{ONE}\t1\nAnna\t01:00:01:20\tA1\tred\t{TWO}\t1\n"
    assert beside(tmp_path, "a.txt", markers)[0].cues == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.vtt", f"WEBVTT\nKind: captions\nLanguage: de\n\n00:00.000 --> 00:01.800\n{ONE}\n"),
        ("a.cha", f"@Begin\n@Languages:\tdeu\n*CHI:\t{ONE} .\n@End\n"),
    ],
)
def test_the_language_that_a_transcript_says_it_is_in(tmp_path: Path, name: str, content: str) -> None:
    assert beside(tmp_path, name, content)[0].language == "de"


ARCHIVES: dict[str, tuple[dict[str, str], dict[str, str], list[str]]] = {  # files, titles or texts, what is named
    "a table above a folder": ({"metadata.csv": "file,title\nb/1.wav,one\n"}, {"b/1.wav": "one"}, []),
    "a table above folders": (
        {"metadata.csv": "file,title\nb/1.wav,one\nC:\\x\\c\\1.wav,two\n2,three\n1.wav,four\nd/2.wav,five\n"},
        {"b/1.wav": "one", "c/1.wav": "two", "c/2.wav": "three"},
        ["metadata.csv names files that are not beside it: '1.wav' (line 5), 'd/2.wav' (line 6)."],
    ),
    "a table in the folder itself counts more": (
        {"metadata.csv": "file,title\nb/1.wav,one\n", "b/metadata.csv": "file,title\n1.wav,own\n", "c/2.wav": ""},
        {"b/1.wav": "own", "c/2.wav": ""}, [],
    ),
    "what is said, in a table above": (
        {"metadata.csv": f"file,text\nb/1.wav,{ONE}\n"}, {"b/1.wav": ONE, "c/1.wav": ""}, [],
    ),
    "a folder of transcripts": (
        {"text/1.srt": SRT, "text/3.srt": SRT, "text/readme.txt": ONE}, {"audio/1.wav": SAID},
        ["Passed over, for no recording has its name: 3.srt."],
    ),
    "folders of transcripts with the names of others": (
        {"text/b/1.srt": SRT, "text/d/1.srt": SRT}, {"audio/b/1.wav": SAID, "audio/c/1.wav": ""},
        ["Passed over, for no recording has its name: d/1.srt."],
    ),
    "transcripts in a folder below": ({"text/1.srt": SRT}, {"1.wav": SAID}, []),
    "transcripts that may be of several folders": (
        {"text/1.srt": SRT}, {"b/1.wav": "", "c/1.wav": ""},
        ["Passed over, for no recording has its name: text/1.srt."],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ARCHIVES)
def test_archives_of_several_folders(tmp_path: Path, case: str) -> None:
    files, right, remarks = ARCHIVES[case]
    for name in (*files, *right):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, files.get(name, ""))
    found = find_files([tmp_path])
    sidecars = SidecarIndex(found.files, found.folders)
    known = {file.relative_to(tmp_path).as_posix(): sidecars.of(file) for file in found.files}
    assert {name: one.facts.get("title", one.text) for name, one in known.items()} == right
    assert sidecars.remarks == remarks


def test_texts_with_times_that_belong_to_no_recording_are_named(tmp_path: Path) -> None:
    for name, content in (("a.wav", ""), ("closed_caption.txt", f"[Anna] 08:30:00\n{ONE}\n"), ("notes.txt", ONE)):
        write(tmp_path / name, content)
    sidecars = SidecarIndex([tmp_path / "a.wav"], [tmp_path])
    sidecars.of(tmp_path / "a.wav")
    assert sidecars.remarks == ["Passed over, for no recording has its name: closed_caption.txt."]


def test_what_most_likely_holds_recordings_and_is_not_read_is_named(tmp_path: Path) -> None:
    for name in ("a.wav", "tapes.zip", "b.DS2", "c.mp3.part", "d.zoom", "e.jpg"):
        write(tmp_path / name, "")
    found = find_files([tmp_path])
    assert [one.name for one in found.files] == ["a.wav"] and [one.name for one in found.skipped] == ["e.jpg"]
    assert [reason for _, reason in found.failed] == [
        "b.DS2 is of a kind that cannot be decoded: save it as WAV with the program that it is from.",
        "c.mp3.part is not complete: wait for its download, or repeat it.",
        "d.zoom is not converted yet: open it with Zoom.",
        "tapes.zip is an archive: unpack it.",
    ]


def test_a_recording_that_is_in_the_cloud_is_named(tmp_path: Path) -> None:
    for name in ("a.wav", ".b.m4a.icloud", ".notes.pdf.icloud"):
        write(tmp_path / name, b"RIFF")
    found = find_files([tmp_path])
    assert [path.name for path in found.files] == ["a.wav"] and found.skipped == ()
    assert [(path.name, reason) for path, reason in found.failed] == [
        (".b.m4a.icloud", "It is in iCloud and not on this computer: download it.")
    ]


def test_hidden_and_system_files(tmp_path: Path) -> None:
    for name in ("a.wav", "._a.wav", ".b.wav", "c.wav.", "@eaDir/d.wav", "$RECYCLE.BIN/e.wav", "__MACOSX/f.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, b"RIFF")
    found = find_files([tmp_path])
    assert [one.name for one in found.files] == ["a.wav", "c.wav."] and [one.name for one in found.skipped] == [
        ".b.wav"
    ]
