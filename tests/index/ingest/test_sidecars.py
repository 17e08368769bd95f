"""Transcripts and tables as other programs leave them beside a recording: what is known of it then.

Each case is a folder with a recording of 3.7 seconds and what lies beside it; the recording itself is not read.
"""

from pathlib import Path

import pytest

from index.ingest import encodings
from index.ingest.sidecars import Sidecar, SidecarIndex

SRT = (
    "1\n00:00:00,000 --> 00:00:01,800\nThe harbour was flooded\n\n2\n00:00:01,800 --> 00:00:03,700\nafter the storm.\n"
)
VTT = "WEBVTT\n\n00:00.000 --> 00:01.800\nThe harbour was flooded\n\n00:01.800 --> 00:03.700\nafter the storm.\n"
SAID = "The harbour was flooded after the storm."
CSV = "file,title,speaker,category,language,date\na.wav,Harbour,Jürgen,history,en,1962-05-01\n"
TOLD = ("Harbour", "Jürgen", "history", "en", "1962-05-01")
ROLLING = (
    "WEBVTT\n\n00:00:00.000 --> 00:00:01.800\n \nThe<00:00:00.400><c> harbour</c>\n\n00:00:01.800 --> 00:00:01.810\n"
    "The harbour\n \n\n00:00:01.810 --> 00:00:03.700\nThe harbour\nwas<c> flooded</c>\n"
)
ROLLING_SRT = (
    "1\n00:00:00,000 --> 00:00:01,200\n\nthe harbour\n\n2\n00:00:01,200 --> 00:00:01,210\nthe harbour\n \n\n"
    "3\n00:00:01,210 --> 00:00:02,400\nthe harbour\nwas flooded\n\n4\n00:00:02,400 --> 00:00:02,410\nwas flooded\n \n\n"
    "5\n00:00:02,410 --> 00:00:03,700\nwas flooded\nafter the storm\n"
)
ASS = (
    "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
    "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    "Dialogue: 0,0:00:00.00,0:00:01.80,Default,,0,0,0,,{\\i1}The harbour{\\i0}\\Nwas flooded\n"
    "Comment: 0,0:00:00.00,0:00:03.70,Default,,0,0,0,,no speech\n"
    "Dialogue: 0,0:00:01.80,0:00:03.70,Default,,0,0,0,,after the storm.\n"
)
TTML = (
    '<?xml version="1.0" encoding="UTF-8"?><tt xmlns="http://www.w3.org/ns/ttml" xml:lang="en" '
    'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25"><head><metadata/></head><body><div>'
    '<p begin="00:00:00:00" end="00:00:01:20">The harbour<br/>was <span>flooded</span></p>'
    '<p begin="1.8s" dur="1900ms">after the storm.</p></div></body></tt>'
)
DFXP = (
    '<tt xmlns="http://www.w3.org/2006/10/ttaf1"><body><div><p begin="00:00:00.00" end="00:00:03.70">'
    "The harbour was flooded after the storm.</p></div></body></tt>"
)
EAF = (
    '<?xml version="1.0" encoding="UTF-8"?><ANNOTATION_DOCUMENT><TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" '
    'TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="t2" TIME_VALUE="3700"/></TIME_ORDER><TIER TIER_ID="said"><ANNOTATION>'
    '<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>The harbour '
    "was flooded after the storm.</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
    '<TIER TIER_ID="German" PARENT_REF="said"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1">'
    "<ANNOTATION_VALUE>Der Hafen.</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION></TIER></ANNOTATION_DOCUMENT>"
)
TEXTGRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \nxmax = 3.7 \ntiers? <exists> \nsize = 2 \n'
    'item []: \n    item [1]:\n        class = "IntervalTier" \n        name = "sentence" \n        xmin = 0 \n'
    "        xmax = 3.7 \n        intervals: size = 1 \n        intervals [1]:\n            xmin = 0 \n"
    '            xmax = 3.7 \n            text = "The harbour was flooded after the storm." \n    item [2]:\n'
    '        class = "IntervalTier" \n        name = "phones" \n        xmin = 0 \n        xmax = 3.7 \n'
    "        intervals: size = 1 \n        intervals [1]:\n            xmin = 0 \n            xmax = 3.7 \n"
    '            text = "dh" \n'
)
SHORT_TEXTGRID = (
    f'File type = "ooTextFile"\n"TextGrid"\n\n0\n3.7\n<exists>\n1\n"IntervalTier"\n"a"\n0\n3.7\n1\n0\n3.7\n"{SAID}"\n'
)
WHISPER = (
    '{"text": "...", "language": "en", "segments": [{"start": 0.0, "end": 1.8, "text": " The harbour was flooded"}, '
    '{"start": 1.8, "end": 3.7, "text": " after the storm."}]}'
)
WHISPERX = WHISPER.replace('"end": 1.8', '"end": 1.8, "speaker": "SPEAKER_00"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    return tmp_path


def write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def known(folder: Path, **options: str) -> tuple[Sidecar, list[str]]:
    """What is known of the recording, and what was not understood."""
    sidecars = SidecarIndex()
    return sidecars.of(folder / "a.wav", **options), sidecars.remarks


def said(beside: Sidecar) -> str:
    return beside.text_of(0.0, 3.7) if beside.cues else beside.text


def told(beside: Sidecar) -> tuple[str, ...]:
    return tuple(beside.facts.get(name, "") for name in ("title", "speaker", "category", "language", "date"))


TRANSCRIPTS: dict[str, tuple[str, str | bytes, str]] = {
    "srt": ("a.srt", SRT, SAID),
    "cp1252": ("a.srt", SRT.replace("flooded", "überflutet").encode("cp1252"), SAID.replace("flooded", "überflutet")),
    "no blank line": ("a.srt", SRT.replace("\n\n2", "\n2"), SAID),
    "blank line in a cue": ("a.srt", SRT.replace("was flooded", "was\n\nflooded"), SAID),
    "language in the name": ("a.en.srt", SRT, SAID),
    "region in the name": ("a.en-US.srt", SRT, SAID),
    "name of a language in the name": ("a.English.srt", SRT, SAID),
    "capitals": ("a.SRT", SRT, SAID),
    "all in capitals": ("A.SRT", SRT, SAID),
    "suffix of the recording in the name": ("a.wav.srt", SRT, SAID),
    "both": ("a.wav.en.vtt", VTT, SAID),
    "rolling": ("a.vtt", ROLLING, "The harbour was flooded"),
    "rolling, as SRT": ("a.srt", ROLLING_SRT, "the harbour was flooded after the storm"),
    "UTF-8 with a mark, CRLF": ("a.srt", b"\xef\xbb\xbf" + SRT.replace("\n", "\r\n").encode(), SAID),
    "CR": ("a.srt", SRT.replace("\n", "\r"), SAID),
    "UTF-16": ("a.srt", SRT.encode("utf-16"), SAID),
    "UTF-16 without a mark": ("a.srt", SRT.encode("utf-16-le"), SAID),
    "UTF-8 with a broken letter": (
        "a.srt",
        SRT.replace("flooded", "überflutet, ganz und gar, für Größe, Übermaß, Ärger, Öl, Höhe, Mühe").encode()
        + b"\xff",
        SAID.replace("flooded", "überflutet, ganz und gar, für Größe, Übermaß, Ärger, Öl, Höhe, Mühe") + " \ufffd",
    ),
    "coordinates": ("a.srt", SRT.replace("01,800\n", "01,800  X1:117 X2:619 Y1:042 Y2:428\n"), SAID),
    "no fractions": ("a.srt", SRT.replace(",000", "").replace(",800", "").replace(",700", ""), SAID),
    "points for commas": ("a.srt", SRT.replace(",", "."), SAID),
    "no hours": ("a.srt", SRT.replace("00:00:0", "00:0"), SAID),
    "no numbers, and a year": (
        "a.srt",
        SRT.replace("1\n00", "00", 1).replace("\n2\n", "\n").replace("storm.", "storm of\n1962"),
        "The harbour was flooded after the storm of 1962",
    ),
    "VTT that calls itself SRT": ("a.srt", VTT, SAID),
    "comments, styles, names of cues": (
        "a.vtt",
        VTT.replace(
            "WEBVTT\n",
            "WEBVTT - A\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:r\n\nNOTE no speech\n\nbeginning",
        ).replace("\n\n00:01", "\n\nNOTE\nno speech\n\nrest\n00:01"),
        SAID,
    ),
    "entities and markup": (
        "a.srt",
        SRT.replace("harbour", "<i>har</i>bour &amp; <font color=red>pier</font>"),
        SAID.replace("harbour", "harbour & pier"),
    ),
    "a negative time": ("a.srt", SRT.replace("00:00:00,000", "-00:00:00,500"), SAID),
    "a cue beyond 99 hours": ("a.srt", SRT + "\n3\n100:00:00,000 --> 100:00:01,000\nlater\n", SAID),
    "an empty cue": ("a.srt", SRT.replace("\n\n2\n", "\n\n2\n00:00:01,700 --> 00:00:01,750\n\n3\n"), SAID),
    "cues that overlap": ("a.srt", SRT.replace("00:00:01,800 -->", "00:00:01,200 -->"), SAID),
    "bilingual": ("a.srt", SRT.replace("storm.", "storm.\nNach dem Sturm."), SAID + " Nach dem Sturm."),
    "YouTube": (
        "a.sbv",
        SRT.replace("1\n", "").replace("2\n", "").replace("00:00:0", "0:00:0").replace(",", ".").replace(" --> ", ","),
        SAID,
    ),
    "ASS": ("a.ass", ASS, SAID),
    "TTML": ("a.ttml", TTML, SAID),
    "DFXP": ("a.dfxp", DFXP, SAID),
    "ELAN": ("a.eaf", EAF, SAID),
    "Praat": ("a.TextGrid", TEXTGRID, SAID),
    "Praat, short, UTF-16": (
        "a.TextGrid",
        SHORT_TEXTGRID.encode("utf-16"),
        SAID,
    ),
    "Whisper": ("a.json", WHISPER, SAID),
    "WhisperX": ("a.json", WHISPERX, SAID),
    "Whisper's table": (
        "a.tsv",
        "start\tend\ttext\n0\t1800\tThe harbour was flooded\n1800\t3700\tafter the storm.\n",
        SAID,
    ),
    "a table in seconds": ("a.csv", f'start,end,speaker,text\n0.0,3.7,Anna,"{SAID}"\n', SAID),
    "plain": ("a.txt", f"\ufeff{SAID}\n", SAID),
    "plain with times": ("a.txt", "[00:00:00] The harbour was flooded\n[00:00:02] after the storm.\n", SAID),
    "plain, of Audacity": (
        "a.txt",
        "0.000000\t1.800000\tThe harbour was flooded\n1.800000\t3.700000\tafter the storm.\n",
        SAID,
    ),
    "lyrics": ("a.lrc", "[ar: nobody]\n[00:00.00]The harbour was flooded\n[00:01.80]after the storm.\n", SAID),
    "cyrillic": (
        "a.txt",
        "Гавань была затоплена после шторма во вторник утром.\n".encode("cp1251"),
        "Гавань была затоплена после шторма во вторник утром.",
    ),
    "japanese": (
        "a.txt",
        "港は火曜日の朝の嵐の後に浸水しました。\n".encode("shift_jis"),
        "港は火曜日の朝の嵐の後に浸水しました。",
    ),
}


@pytest.mark.parametrize("case", TRANSCRIPTS)
def test_transcripts(case: str, folder: Path) -> None:
    name, content, right = TRANSCRIPTS[case]
    write(folder / name, content)
    beside, remarks = known(folder)
    assert said(beside) == right and remarks == []


SPEAKERS: dict[str, tuple[str, str, str]] = {
    "capitals": ("a.srt", SRT.replace("The", "ANNA: The"), "ANNA"),
    "most lines": ("a.srt", SRT.replace("The", "Anna Bell: The").replace("after", "Anna Bell: after"), "Anna Bell"),
    "a tag": ("a.vtt", VTT.replace("The", "<v.loud Anna Bell>The"), "Anna Bell"),
    "WhisperX": ("a.json", WHISPERX, "SPEAKER_00"),
    "WhisperX as SRT": ("a.srt", SRT.replace("The", "[SPEAKER_01]: The"), "SPEAKER_01"),
    "ASS": ("a.ass", ASS.replace("Default,,0,0,0,,{", "Default,Anna,0,0,0,,{"), "Anna"),
    "ELAN": ("a.eaf", EAF.replace('TIER_ID="said"', 'TIER_ID="said" PARTICIPANT="Anna"'), "Anna"),
    "who says most": ("a.srt", SRT.replace("The", "BEN: The").replace("after", "ANNA: after"), "ANNA"),
    "plain": ("a.txt", f"ANNA: {SAID}", "ANNA"),
    "none: a word before a colon": ("a.srt", SRT.replace("The", "Remember: the"), ""),
    "none: a time of day": ("a.srt", SRT.replace("after", "at 12:30 after"), ""),
}


@pytest.mark.parametrize("case", SPEAKERS)
def test_speakers(case: str, folder: Path) -> None:
    name, content, speaker = SPEAKERS[case]
    write(folder / name, content)
    beside, _ = known(folder)
    assert (beside.speaker_of(0.0, 3.7) if beside.cues else beside.facts.get("speaker", "")) == speaker
    assert len(said(beside).split()) == len(SAID.split()) + (2 if "12:30" in content else "Remember" in content)


TABLES: dict[str, tuple[str, str | bytes]] = {
    "commas": ("metadata.csv", CSV),
    "semicolons": ("metadata.csv", CSV.replace(",", ";")),
    "semicolons and a decimal comma": ("metadata.csv", CSV.replace(",", ";").replace("Harbour", '"Harbour"')),
    "carets": ("metadata.csv", CSV.replace(",", "^")),
    "tildes, said by Excel": ("metadata.csv", "sep=~\n" + CSV.replace(",", "~")),
    "separators of units": ("metadata.csv", CSV.replace(",", "\x1f")),
    "columns of blanks": ("metadata.txt", CSV.replace("a.wav", "a.wav  ").replace(",", "   ")),
    "as R writes it": (
        "metadata.csv",
        '"file" "title" "speaker" "category" "language" "date"\n'
        '"1" "a.wav" "Harbour" "Jürgen" "history" "en" "1962-05-01"\n',
    ),
    "each row a cell": ("metadata.csv", "".join(f'"{row}"\n' for row in CSV.split())),
    "as PostgreSQL shows it": (
        "metadata.csv",
        CSV.replace(",", " | ").replace("\n", "\n-------+-------+----\n", 1) + "(1 row)\n",
    ),
    "bars": ("metadata.csv", CSV.replace(",", "|")),
    "said by Excel": ("metadata.csv", "sep=;\n" + CSV.replace(",", ";")),
    "capitals": ("metadata.csv", CSV.replace("file,title,speaker", "File,Title,Speaker")),
    "name in capitals": ("METADATA.CSV", CSV),
    "tabs, UTF-16": ("metadata.csv", CSV.replace(",", "\t").encode("utf-16")),
    "tabs, as Excel names it": ("metadata.txt", CSV.replace(",", "\t").encode("utf-16")),
    "tsv": ("metadata.tsv", CSV.replace(",", "\t")),
    "cp1252": ("metadata.csv", CSV.encode("cp1252")),
    "old Mac": ("metadata.csv", CSV.replace("\n", "\r").encode("utf-8-sig")),
    "German date": ("metadata.csv", CSV.replace("1962-05-01", "01.05.1962")),
    "date in words": ("metadata.csv", CSV.replace("1962-05-01", "1. Mai 1962")),
    "date with a time": ("metadata.csv", CSV.replace("1962-05-01", "1962-05-01 00:00:00")),
    "name of a language": ("metadata.csv", CSV.replace(",en,", ",English,")),
    "code of a language": ("metadata.csv", CSV.replace(",en,", ",eng,")),
    "no suffix": ("metadata.csv", CSV.replace("a.wav", "a")),
    "other capitals": ("metadata.csv", CSV.replace("a.wav", " A.WAV ")),
    "with its folder": ("metadata.csv", CSV.replace("a.wav", "C:\\tapes\\a.wav")),
    "of one recording": ("a.csv", CSV.replace("a.wav,", "").replace("file,", "")),
    "of one recording, upright": (
        "a.csv",
        "title;Harbour\nspeaker;Jürgen\ncategory;history\nlanguage;en\ndate;1962-05-01\n",
    ),
    "German": (
        "metadata.csv",
        "Datei;Titel;Sprecher;Kategorie;Sprache;Datum\na.wav;Harbour;Jürgen;history;Englisch;1.5.1962\n",
    ),
    "French": (
        "metadata.csv",
        "Fichier,Titre,Locuteur,Catégorie,Langue,Date\na.wav,Harbour,Jürgen,history,anglais,1er mai 1962\n",
    ),
    "a title above": ("metadata.csv", "Our archive,,,,,\n\n" + CSV),
    "quoted line breaks": ("metadata.csv", CSV.replace("Harbour", '"Har\nbour"').replace("Har\nbour", "\nHarbour\n")),
    "the same row twice": ("metadata.csv", CSV + CSV.split("\n")[1]),
    "a day that another row settles": (
        "metadata.csv",
        CSV.replace("1962-05-01", "1/5/1962") + "a.wav,Harbour,Jürgen,history,en,\na.wav,,,,,01/05/1962\n"
        "a,,,,,13/5/1962\n",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables(case: str, folder: Path) -> None:
    name, content = TABLES[case]
    write(folder / name, content)
    beside, remarks = known(folder)
    assert told(beside) == TOLD and remarks == []


@pytest.mark.parametrize(
    "content",
    [
        CSV.replace("\n", ",Tags\n", 1).replace("-01\n", "-01,Flood; oral history | flood\n"),
        CSV.replace(",", ";").replace("\n", ";Keywords\n", 1).replace("-01\n", "-01;Flood, oral history\n"),
        CSV.replace("\n", ",Schlagwörter\n", 1).replace("-01\n", "-01,n/a\n")
        + "a.wav,,,,,,Flood\na.wav,,,,,,oral history\n",
    ],
)
def test_tags_of_a_table(content: str, folder: Path) -> None:
    write(folder / "metadata.csv", content)
    beside, remarks = known(folder)
    assert told(beside) == TOLD and beside.facts["tags"] == "Flood, oral history" and remarks == []


REMARKS: dict[str, tuple[str, str | bytes, tuple[str, ...], str]] = {
    "a date that can be two": (
        "metadata.csv",
        CSV.replace("1962-05-01", "5/1/1975"),
        (*TOLD[:4], ""),
        "metadata.csv, line 2: '5/1/1975' can be 5 January 1975 or 1 May 1975: write 1975-01-05 or 1975-05-01.",
    ),
    "a year of two digits": (
        "metadata.csv",
        CSV.replace("1962-05-01", "1.5.62"),
        (*TOLD[:4], ""),
        "leaves the century open",
    ),
    "no language": (
        "metadata.csv",
        CSV.replace(",en,", ",Narnian,"),
        (*TOLD[:3], "", TOLD[4]),
        "'Narnian' is no language",
    ),
    "a column": ("metadata.csv", CSV.replace("\n", ",x\n"), TOLD, "not understood and left out: column 'x'."),
    "a row of another file": (
        "metadata.csv",
        CSV + "b.wav,,,,,\n",
        TOLD,
        "files that are not beside it: 'b.wav' (line 3)",
    ),
    "a row that says otherwise": ("metadata.csv", CSV + "a.wav,Pier,,,,\n", TOLD, "line 3: another title"),
    "a cell too many": (
        "metadata.csv",
        CSV.replace("Harbour", "Harbour, old"),
        ("",) * 5,
        "line 2: left out",
    ),
    "no column": ("metadata.csv", "foo;bar\n1;2\n", ("",) * 5, "has no column that is understood"),
    "no files": ("metadata.csv", "title\nHarbour\n", ("",) * 5, "no column 'file'"),
    "a quotation mark": (
        "metadata.csv",
        CSV.replace("Harbour", '"Harbour'),
        ('"Harbour', *TOLD[1:]),
        "marks do not match",
    ),
    "an old spreadsheet": ("metadata.xls", b"", ("",) * 5, "metadata.xls cannot be read: save what is in it as"),
    "a document": ("metadata.docx", b"PK", ("",) * 5, "metadata.docx cannot be read: save what is in it as"),
    "a table as JSON": ("metadata.json", "[]", ("",) * 5, "metadata.json cannot be read: save what is in it as"),
    "no transcript": ("a.json", '{"title": "a"}', ("",) * 5, "a.json holds no words"),
    "broken JSON": ("a.json", "[" * 100_000, ("",) * 5, "a.json is no JSON"),
    "entities": ("a.ttml", '<!DOCTYPE t [<!ENTITY a "b">]><tt>&a;</tt>', ("",) * 5, "a.ttml is no XML"),
    "an empty transcript": ("a.srt", "", ("",) * 5, "a.srt holds no words"),
}


@pytest.mark.parametrize("case", REMARKS)
def test_what_is_not_understood_is_named_and_the_rest_is_taken(case: str, folder: Path) -> None:
    name, content, right, remark = REMARKS[case]
    write(folder / name, content)
    beside, remarks = known(folder)
    assert told(beside) == right and said(beside) == ""
    assert len(remarks) == 1 and remark in remarks[0]


def test_the_limit_of_what_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "LARGEST", 10)
    write(folder / "a.srt", SRT)
    write(folder / "metadata.csv", CSV)
    beside, remarks = known(folder)
    assert said(beside) == "" and beside.facts == {}
    assert [one.split(" is larger")[0] for one in remarks] == ["metadata.csv", "a.srt"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a b.wav", "a_b.srt"), ("a_b.wav", "a b.en.srt"), ("a_b.wav", "a_b_final.srt"), ("A_B.WAV", "a_b.wav.srt"),
        ("a b.wav", "a b transcript (corrected).srt"),
    ],
)  # fmt: skip
def test_lines_for_blanks_and_what_editors_add(file: str, name: str, tmp_path: Path) -> None:
    write(tmp_path / file, b"RIFF")
    write(tmp_path / name, SRT)
    sidecars = SidecarIndex([tmp_path / file], [tmp_path])
    assert said(sidecars.of(tmp_path / file)) == SAID and sidecars.remarks == []
    write(tmp_path / "a-b.wav", b"RIFF")
    assert said(SidecarIndex().of(tmp_path / "a-b.wav")) == ""


def test_of_two_recordings_the_one_of_the_same_name_has_the_transcript(tmp_path: Path) -> None:
    for name in ("a b.wav", "a_b.wav"):
        write(tmp_path / name, b"RIFF")
    write(tmp_path / "a_b.srt", SRT)
    sidecars = SidecarIndex()
    assert [said(sidecars.of(tmp_path / name)) for name in ("a b.wav", "a_b.wav")] == ["", SAID]


def test_of_several_transcripts_the_one_in_the_language_that_is_spoken(folder: Path) -> None:
    write(folder / "a.en.srt", SRT.replace("The harbour", "Harbour"))
    write(folder / "a.de.srt", SRT)
    beside, remarks = known(folder, language="de-AT")
    assert said(beside) == SAID and beside.language == "de"
    assert remarks == ["a.en.srt was passed over: it is in another language (en) than what is spoken (de-AT)."]


def test_where_nobody_says_what_is_spoken_it_is_asked(folder: Path) -> None:
    for tag in ("en", "de"):
        write(folder / f"a.{tag}.srt", SRT)
    beside, remarks = known(folder)
    assert beside.language == "de" and "transcripts in several languages: a.de.srt was taken" in remarks[0]


def test_a_transcript_of_another_recording_is_not_taken(folder: Path) -> None:
    (folder / "a.de.wav").write_bytes(b"RIFF")
    for name in ("a.de.srt", "a.2.srt", "ab.srt", "a.wav.draft.srt"):
        write(folder / name, SRT)
    sidecars = SidecarIndex([folder / "a.wav"], [folder])
    texts = {name: sidecars.of(folder / name).text for name in ("a.wav", "a.de.wav")}
    assert texts == {"a.wav": "", "a.de.wav": SAID}
    assert sidecars.remarks == ["Passed over, for no recording has its name: a.2.srt, a.wav.draft.srt, ab.srt."]


def test_a_transcript_that_cannot_be_read_gives_way_to_another(folder: Path) -> None:
    write(folder / "a.srt", "nothing")
    write(folder / "a.vtt", VTT)
    beside, remarks = known(folder)
    assert said(beside) == SAID and remarks == ["a.srt holds no words that are understood: it was passed over."]


def test_what_has_the_name_of_no_recording_is_named(folder: Path) -> None:
    for name in ("catalogue.csv", "b.srt", "notes.txt", "package.json", "a.srt", "a.fr.srt"):
        write(folder / name, SRT)
    sidecars = SidecarIndex([folder / "a.wav"], [folder])
    sidecars.of(folder / "a.wav")
    assert sidecars.remarks == ["Passed over, for no recording has its name: b.srt, catalogue.csv, notes.txt."]


def test_of_a_folder_from_which_only_some_are_added_nothing_is_said(folder: Path) -> None:
    for name in ("other.pdf", "bank.csv"):
        write(folder / name, "")
    sidecars = SidecarIndex([folder / "a.wav"])
    sidecars.of(folder / "a.wav")
    assert sidecars.remarks == []


def test_what_is_said_when(folder: Path) -> None:
    write(folder / "a.srt", SRT)
    beside, _ = known(folder)
    assert [beside.text_of(*span) for span in ((0, 1.7), (1.9, 3.7), (3.7, 9), (0.5, 0.6))] == [
        "The harbour was flooded", "after the storm.", "", "The harbour was flooded",
    ]  # fmt: skip
