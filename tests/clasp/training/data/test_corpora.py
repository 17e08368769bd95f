"""Reading recordings in every layout that people have, and tables with everything wrong that can be."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import decode
from clasp.errors import DataError
from clasp.training.data import corpora, readers, tables
from clasp.training.data.clips import Clip
from clasp.training.data.synthesis import Voice, speak

RATE = 16_000
TEXTS = ["The ship was lost.", "Bread is baked.", "The train leaves.", "Snow fell."]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Recordings of TEXTS."""
    folder = tmp_path_factory.mktemp("said")
    paths = [folder / f"{number}.wav" for number in range(len(TEXTS))]
    for path, text in zip(paths, TEXTS, strict=True):
        soundfile.write(path, speak(text, Voice("espeak", "en-us", "en")).samples, RATE)
    return paths


def table(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    return path


def brown_zip(folder: Path, files: dict[str, str], categories: dict[str, str]) -> None:
    with zipfile.ZipFile(folder / "brown.zip", "w") as archive:
        archive.writestr("brown/cats.txt", "".join(f"{name} {categories[name]}\n" for name in files))
        for name, text in files.items():
            archive.writestr(f"brown/{name}", text)


def test_brown_holds_out_whole_files_and_long_sentences(tmp_path: Path) -> None:
    names = [f"c{letter}{number:02d}" for letter in "ab" for number in range(1, 12)]
    splits = {name: {"0": "test", "5": "validation"}.get(name[-1], "train") for name in names}
    longest, too_long = " ".join(["word/nn"] * 47), " ".join(["word/nn"] * 48)
    said = f"``/`` It/pps is/bez here/rb ''/'' ,/, he/pps said/vbd ./.\n\n{longest}\n\n{too_long}\n"
    categories = {name: "news" if name[1] == "a" else "lore" for name in names}
    brown_zip(tmp_path, dict.fromkeys(names, said), categories)
    sentences = corpora.brown(tmp_path)
    assert len(sentences) == 2 * len(names)
    assert {sentence.id[:4]: sentence.split for sentence in sentences} == splits
    assert {sentence.id[:4]: sentence.category for sentence in sentences} == categories
    assert sentences[0].text == '"It is here", he said.'
    assert sentences[0].place == "brown/ca01 sentence 1"


@pytest.mark.slow
def test_brown_is_the_corpus_of_the_paper() -> None:
    try:
        folder = corpora.data_folder()
    except DataError as error:
        pytest.skip(str(error))
    sentences = corpora.brown(folder)
    assert len(sentences) == 55_173
    assert {sentence.category for sentence in sentences} == set(corpora.CATEGORIES)
    assert len(corpora.CATEGORIES) == 15


def test_packed_clips_keep_speakers_and_sentences_apart(said: list[Path], tmp_path: Path) -> None:
    (tmp_path / "speech").mkdir()
    brown_zip(tmp_path, {}, {})
    with zipfile.ZipFile(tmp_path / "speech" / "en-test.zip", "w") as archive:
        rows = [(f"{speaker}-{text}.wav", f"s{speaker}", text) for speaker in range(40) for text in range(4)]
        lines = [f"{file}\ten\t{speaker}\t{TEXTS[text]} {speaker[-1]}\n" for file, speaker, text in rows]
        archive.writestr("en-test/metadata.tsv", "file\tlanguage\tspeaker\ttext\n" + "".join(lines))
        for file, _, text in rows:
            archive.write(said[text], f"en-test/{file}")
    clips = corpora.clips(tmp_path)
    by_split = {split: [clip for clip in clips if clip.split == split] for split in ("train", "validation", "test")}
    assert all(by_split.values())
    speakers = [{clip.speaker for clip in part} for part in by_split.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers))
    held_out = {clip.text for clip in by_split["test"] + by_split["validation"]}
    assert not held_out & {clip.text for clip in by_split["train"]}
    np.testing.assert_array_equal(decode(clips[0].audio()).samples, decode(said[0]).samples)
    reading = readers.read(tmp_path / "speech" / "en-test.zip")
    assert len(reading.clips) == 160
    assert not reading.skipped
    with pytest.raises(DataError, match=r"metadata\.tsv"):
        readers.read(tmp_path / "brown.zip")


def test_speech_brown_is_read_as_published(said: list[Path], tmp_path: Path) -> None:
    entries = []
    for number, (path, text) in enumerate(zip(said, TEXTS, strict=True)):
        file = f"dataset/part{number % 2 + 1}/audios/audio_{number}.wav"
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(path.read_bytes())
        entries.append({"id": number, "file_path": file, "text": text, "category": "news"})
    entries.append({"id": 4, "file_path": "dataset/part1/audios/audio_4.wav", "text": "Lost.", "category": "lore"})
    entries.append({"id": 5, "text": "No file."})
    (tmp_path / "global_metadata.json").write_text(json.dumps(entries))
    reading = readers.read(tmp_path)
    assert reading == readers.read(tmp_path / "global_metadata.json")
    assert [(clip.id, clip.text, clip.category) for clip in reading.clips] == [
        (str(number), text, "news") for number, text in enumerate(TEXTS)
    ]
    assert {clip.language for clip in reading.clips} == {"en"}
    assert [row.place for row in reading.skipped] == ["global_metadata.json entry 6", "global_metadata.json entry 5"]
    (tmp_path / "global_metadata.json").write_text('{"part1": []}')
    with pytest.raises(DataError, match="no list"):
        readers.read(tmp_path)


def common_voice(folder: Path, said: list[Path], rows: dict[str, list[tuple[str, str, str]]]) -> None:
    (folder / "clips").mkdir()
    for name, lines in rows.items():
        cells = [f"{speaker}\t{file}\t{text}\t\t5\t0\t\tpt-BR" for speaker, file, text in lines]
        table(folder / f"{name}.tsv", "client_id\tpath\tsentence\tage\tup_votes\tdown_votes\taccents\tlocale", *cells)
        for _, file, _ in lines:
            (folder / "clips" / file).write_bytes(said[0].read_bytes())


def test_common_voice_keeps_its_official_splits(said: list[Path], tmp_path: Path) -> None:
    rows = {
        "train": [("ana", "a.wav", 'Ela disse "sim')], "dev": [("rui", "b.wav", "Bom dia.")],
        "test": [("eva", "c.wav", "Boa noite.")], "validated": [("zé", "d.wav", "Adeus.")],
    }  # fmt: skip
    common_voice(tmp_path, said, rows)
    clips = readers.read(tmp_path).clips
    assert [(clip.speaker, clip.text, clip.split, clip.language) for clip in clips] == [
        ("ana", 'Ela disse "sim', "train", "pt"), ("rui", "Bom dia.", "validation", "pt"),
        ("eva", "Boa noite.", "test", "pt"),
    ]  # fmt: skip
    assert [clip.split for clip in readers.read(tmp_path / "dev.tsv").clips] == ["validation"]


def test_fleurs_keeps_its_official_splits(said: list[Path], tmp_path: Path) -> None:
    for number, name in enumerate(("train", "dev", "test")):
        wave = tmp_path / "audio" / name / f"{number}.wav"
        wave.parent.mkdir(parents=True)
        wave.write_bytes(said[number].read_bytes())
        text = TEXTS[number]
        table(tmp_path / f"{name}.tsv", f"17\t{wave.name}\t{text}\t{text.lower()}\tb r e a d\t40000\tMALE", "18\tno")
    reading = readers.read(tmp_path, "en")
    assert [(clip.split, clip.text, clip.language) for clip in reading.clips] == [
        (split, text, "en") for split, text in zip(("train", "validation", "test"), TEXTS, strict=False)
    ]
    assert [row.place for row in reading.skipped] == ["train.tsv line 2", "dev.tsv line 2", "test.tsv line 2"]


def test_common_voice_without_splits_keeps_speakers_and_sentences_apart(said: list[Path], tmp_path: Path) -> None:
    rows = [(f"speaker {who}", f"{who}-{what}.wav", f"Frase {what % 9}.") for who in range(30) for what in range(2)]
    rows += [(f"speaker {who}", f"{who}-own.wav", f"Frase própria {who}.") for who in range(30)]
    common_voice(tmp_path, said, {"validated": rows, "invalidated": rows[:1]})
    reading = readers.read(tmp_path)
    splits = {split: [clip for clip in reading.clips if clip.split == split] for split in ("train", "test")}
    held_out = [clip for clip in reading.clips if clip.split != "train"]
    assert all(splits.values())
    for field in ("speaker", "text"):
        held = {getattr(clip, field) for clip in held_out}
        assert not held & {getattr(clip, field) for clip in splits["train"]}
    assert len(reading.clips) + len(reading.skipped) == len(rows)
    assert {row.reason for row in reading.skipped} == {"its sentence is said by a speaker who is held out"}


@pytest.mark.parametrize(("separator", "encoding"), [(",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-8")])
def test_pairs_of_the_user(separator: str, encoding: str, said: list[Path], tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "a b" / "één.wav").write_bytes(said[0].read_bytes())
    text = "Het schip, dat was; verloren." if separator == "\t" else '"Het schip, dat was; verloren."'
    lines = ["Text", "FILE", "language", "speaker", "category", "split"], [text, "a b/één.wav", "nl", "An", "", "dev"]
    table(tmp_path / "mine.csv", *(separator.join(cells) for cells in lines), "", encoding=encoding)
    for path in (tmp_path, tmp_path / "mine.csv"):
        reading = readers.read(path)
        assert reading.clips == [
            Clip("a b/één.wav", "Het schip, dat was; verloren.", "nl", "", "validation", "mine.csv line 2",
                 tmp_path.name, "An", tmp_path / "a b" / "één.wav")
        ]  # fmt: skip
        assert decode(reading.clips[0].audio()).duration > 0.5
    assert reading.summary() == "1 clips (0 train, 1 validation, 0 test); 0 rows left out"


def test_pairs_need_nothing_but_file_and_text(said: list[Path], tmp_path: Path) -> None:
    numbers = range(50)
    for number in numbers:
        (tmp_path / f"{number}.wav").write_bytes(said[0].read_bytes())
    table(tmp_path / "all.csv", "file,text", *(f"{number}.wav,Das Schiff {number}" for number in numbers))
    clips = readers.read(tmp_path, language="de").clips
    assert [clip.text for clip in clips] == [f"Das Schiff {number}" for number in numbers]
    assert {clip.language for clip in clips} == {"de"}
    assert {clip.split for clip in clips} == {"train", "validation", "test"}
    assert sum(clip.split == "train" for clip in clips) > 25


def test_every_kind_of_bad_row_is_named_by_its_line(said: list[Path], tmp_path: Path) -> None:
    good = said[0].read_bytes()
    (tmp_path / "good.wav").write_bytes(good)
    (tmp_path / "again.wav").write_bytes(good)
    (tmp_path / "other.wav").write_bytes(good)
    (tmp_path / "words.wav").write_text("no sound at all")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty.wav").touch()
    tone = 0.1 * np.sin(np.arange(31 * RATE) / 10)
    soundfile.write(tmp_path / "long.wav", tone, RATE)
    soundfile.write(tmp_path / "short.wav", tone[:1_000], RATE)
    soundfile.write(tmp_path / "silent.wav", 0 * tone[:RATE], RATE)
    bad = {  # line: what stands there, what is said of it
        3: ("missing.wav,A text,en,", "no file missing.wav"),
        4: ("again.wav, ,en,", "no text"),
        5: ("words.wav,A text,en,", "not a recording"),
        6: ("folder/good.wav,A text,en,", "no file good.wav"),
        7: ("long.wav,A text,en,", "longer than 30 s"),
        8: ("short.wav,A text,en,", "at least 0.2 s"),
        9: ("silent.wav,A text,en,", "silent"),
        10: ("folder,A text,en,", "not a file"),
        11: ("empty.wav,A text,en,", "empty"),
        12: ("again.wav,A text,klingon,", "'klingon'"),
        13: ("./good.wav,Another text,en,", "duplicate: the same file as bad.csv line 2"),
        14: ("again.wav,A text, with a comma,en,", "5 columns where the header has 4"),
        15: ('again.wav,"A text,en,', "quotation marks"),
        16: ("again.wav,A text,en,later", "'later': expected train, validation or test"),
        17: (",A text,en,", "names no file"),
        18: ("again.wav,…,en,", "nothing of its text can be said"),
        19: (f"other.wav,{'A much longer text than that. ' * 9},en,", "too short for its text"),
        20: ("again.wav,caf\udce9,en,", "not UTF-8"),
    }
    lines = ["file,text,language,split", "good.wav,The ship was lost.,en,train", *(line for line, _ in bad.values())]
    (tmp_path / "bad.csv").write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    reading = readers.read(tmp_path / "bad.csv")
    assert [clip.place for clip in reading.clips] == ["bad.csv line 2"]
    reasons = {int(row.place.rsplit(" ", 1)[1]): row.reason for row in reading.skipped}
    assert sorted(reasons) == list(bad)
    for line, (_, expected) in bad.items():
        assert expected in reasons[line], (line, reasons[line])
    assert f"{len(bad)} rows left out" in reading.summary()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,words", "a.wav,Hello"], "expected a header with the columns file, text"),
        (["file,text"], "none of its 0 rows can be used"),
        (["file,text", "a.wav,Hello", "b.wav,"], "none of its 2 rows can be used, for example mine.csv line 3"),
    ],
)
def test_a_table_without_anything_to_read_is_refused(lines: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        readers.read(table(tmp_path / "mine.csv", *lines))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="UTF-16"):
        readers.read(table(tmp_path / "mine.csv", "file,text", encoding="utf-16"))
    with pytest.raises(DataError, match="cannot be read"):
        readers.read(tmp_path / "missing.csv")
    table(tmp_path / "other.csv", "file,text")
    with pytest.raises(DataError, match=r"tables: mine.csv, other.csv"):
        readers.read(tmp_path)
    (tmp_path / "metadata.csv").write_bytes(b"\0\xff\n")
    with pytest.raises(DataError, match="header"):
        tables.read(tmp_path / "metadata.csv", ("text",))


def test_tags_of_other_habits_are_understood() -> None:
    tags = ("en_US", "pt-BR", "zh-CN", "zh-HK", "sv-SE", "DE", "English", "xx", "")
    assert [readers.language_tag(tag) for tag in tags] == ["en", "pt", "zh", "yue", "sv", "de", None, None, None]
