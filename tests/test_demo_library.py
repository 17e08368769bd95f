"""The shipped library: what its texts hold, and that its sound is what the tables say."""

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from clasp.audio.decode import decode
from clasp.errors import DataError
from clasp.training.data import demo, kokoro
from clasp.training.data.rooms import ROOMS
from ui.search import examples as ui_examples

CATEGORIES = {
    "adventure", "belles_lettres", "editorial", "fiction", "government", "hobbies", "humor", "learned",
    "lore", "mystery", "news", "religion", "reviews", "romance", "science_fiction",
}  # fmt: skip
SCRIPTS = {
    "ru": "[а-яё]",
    "ar": "[\u0620-\u064a]",
    "fa": "[\u0620-\u06cc]",
    "hi": "[\u0900-\u097f]",
    "zh": "[一-鿿]",
}


@pytest.fixture(scope="module")
def texts() -> dict[str, demo.Text]:
    return {text.id: text for text in demo.read(demo.LIBRARY / "texts.tsv", demo.Text)}


@pytest.fixture(scope="module")
def files() -> list[demo.File]:
    return demo.read(demo.LIBRARY / "metadata.tsv", demo.File)


@pytest.fixture(scope="module")
def segments() -> list[demo.Segment]:
    return demo.read(demo.LIBRARY / "segments.tsv", demo.Segment)


@pytest.fixture(scope="module")
def examples() -> list[demo.Example]:
    return demo.read(demo.LIBRARY / "examples.tsv", demo.Example)


def test_utterances_cover_categories_and_languages(texts):
    utterances = [text for text in texts.values() if not text.recording]
    english = Counter(text.category for text in utterances if text.language == "en")
    others = Counter(text.language for text in utterances if text.language != "en")
    assert english == dict.fromkeys(CATEGORIES, 40)
    assert sum(others.values()) == 300 and len(others) >= 12 and min(others.values()) >= 20
    assert {text.category for text in texts.values()} == CATEGORIES


def test_texts_are_sentences_of_their_language(texts):
    for text in texts.values():
        if text.id == text.recording:
            continue
        assert re.search(r"[.?!。？।؟]$", text.text), text
        if text.language in SCRIPTS:
            letters = [letter for letter in text.text if letter.isalpha()]
            native = [letter for letter in letters if re.match(SCRIPTS[text.language], letter, re.I)]
            assert len(native) > 0.95 * len(letters), text
        if text.language != "zh" and not text.recording:
            assert 5 <= len(text.text.split()) <= 20, text


def test_no_text_is_said_twice(texts):
    def words(text: str) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", text.lower()))

    bags = [(text, words(text.text)) for text in texts.values()]
    for place, (text, bag) in enumerate(bags):
        for other, seen in bags[:place]:
            assert len(bag & seen) <= 0.5 * len(bag | seen), (text.id, other.id)


def test_paraphrases_and_translations_lead_to_a_text(texts):
    pairs = [(text, texts[text.same_as]) for text in texts.values() if text.same_as]
    assert all(other.language == "en" for _, other in pairs)
    assert sum(text.language == "en" for text, _ in pairs) >= 60
    translated = [text for text, _ in pairs if text.language != "en"]
    assert 130 <= len(translated) <= 190
    assert len({text.language for text in translated}) >= 12


def test_metadata_lists_every_text_once(texts, files, segments):
    spoken = {text.id: text for text in texts.values() if not text.recording or text.id == text.recording}
    assert [file.id for file in files] == [*spoken]
    for file in files:
        text = spoken[file.id]
        assert (file.text, file.language, file.category) == (text.text, text.language, text.category)
        assert file.kind == ("recording" if text.recording else "sentence") and file.room == text.room
        said = [one for one in texts.values() if one.recording == file.id != one.id] or [text]
        assert set(file.voice.split()) == {str(demo.voice(one)) for one in said}
        speakers = {one.speaker for one in said}
        assert file.speaker == (speakers.pop() if len(speakers) == 1 else "")
    inside = [text for text in texts.values() if text.recording and text.id != text.recording]
    assert [(one.id, one.recording, one.language, one.speaker, one.text) for one in segments] == [
        (text.id, text.recording, text.language, text.speaker, text.text) for text in inside
    ]


@pytest.mark.slow
def test_every_file_decodes_and_is_as_long_as_the_metadata_says(files):
    for file in files:
        waveform = decode(demo.LIBRARY / file.file)
        assert waveform.duration == pytest.approx(float(file.duration), abs=0.01), file
        assert np.abs(waveform.samples).max() > 0.2, file
        assert 0.02 < np.sqrt(np.mean(waveform.samples**2)) < 0.2, file
        limits = (60, 720) if file.kind == "recording" else (1.5, 12)
        assert limits[0] <= waveform.duration <= limits[1], file


def test_the_folder_holds_nothing_else_and_is_small(files, examples):
    named = {file.file for file in files} | {example.file for example in examples if example.file}
    found = {path.relative_to(demo.LIBRARY).as_posix() for path in demo.LIBRARY.rglob("*.ogg")}
    assert found == named
    assert sum(path.stat().st_size for path in demo.LIBRARY.rglob("*") if path.is_file()) <= demo.MAX_BYTES


def test_segments_follow_each_other_inside_their_recordings(files, segments):
    recordings = {file.id: file for file in files if file.kind == "recording"}
    assert len(recordings) >= 4 and {segment.recording for segment in segments} == recordings.keys()
    for recording in recordings.values():
        spans = [(float(s.start), float(s.end)) for s in segments if s.recording == recording.id]
        assert 15 <= len(spans) <= 120
        assert spans[0][0] >= 0 and spans[-1][1] <= float(recording.duration) + 0.01
        assert all(0.7 <= end - start <= 12 for start, end in spans)
        assert all(0.4 <= after - end <= 1 for (_, end), (after, _) in pairwise(spans))


def test_a_segment_is_loud_and_the_pause_behind_it_silent(files, segments):
    recording = next(file for file in files if file.kind == "recording")
    samples = decode(demo.LIBRARY / recording.file).samples
    for segment in [segment for segment in segments if segment.recording == recording.id][:-1]:
        start, end = (round(float(second) * 16_000) for second in (segment.start, segment.end))
        speech, pause = samples[start:end], samples[end + 800 : end + 4_800]
        assert np.sqrt(np.mean(pause**2)) < 0.05 * np.sqrt(np.mean(speech**2)), segment


def test_whoever_has_a_name_has_a_natural_voice_and_the_others_differ(texts):
    utterances = [text for text in texts.values() if text.id != text.recording]
    natural = {name for name, one in demo.CAST.items() if one.engine == "kokoro"}
    assert len(natural) == len(demo.CAST) - 1  # Whisper does not understand the German
    for text in utterances:
        one = demo.voice(text)
        assert (one.engine == "kokoro") == (text.speaker in natural), text
        assert one.engine != "kokoro" or one.language in kokoro.LANGUAGES
    voices = [demo.voice(text) for text in utterances if text.language == "en" and not text.recording]
    assert {voice.engine for voice in voices} == {"espeak", "flite"}
    assert min(Counter(map(str, voices)).values()) >= 10
    assert len({voice.rate for voice in voices}) >= 15 and len({voice.pitch for voice in voices}) >= 20


def test_there_is_an_interview_a_talk_in_two_languages_and_other_rooms(files, segments):
    recordings = {file.id: file for file in files if file.kind == "recording"}
    speakers = {name: {one.speaker for one in segments if one.recording == name} for name in recordings}
    assert 540 <= float(recordings["orpheum"].duration) <= 720 and len(speakers["orpheum"]) == 2
    assert {one.language for one in segments if one.recording == "guitar"} == {"en", "es"}
    assert {file.room for file in recordings.values()} == {"", *ROOMS}
    named = set().union(*speakers.values()) - {""}
    assert named == {*demo.CAST}
    assert len({(voice.name, voice.pitch) for voice in demo.CAST.values()}) == len(demo.CAST)


def test_examples_name_what_they_should_find(texts, files, segments, examples):
    searchable = {file.id for file in files if file.kind == "sentence"} | {segment.id for segment in segments}
    assert len(examples) >= 25
    for example in examples:
        assert example.expected and set(example.expected.split()) <= searchable, example
        assert bool(example.file) == (example.kind == "spoken")
    first = examples[: ui_examples.COUNT]
    assert {example.kind for example in first} == {*ui_examples.KINDS}
    abroad = [(example.language, texts[example.expected.split()[0]].language) for example in first]
    assert any(asked == "en" != found for asked, found in abroad)
    assert any(asked != "en" == found for asked, found in abroad)
    assert examples[0].query == "the ship was lost in the storm"
    assert "storm" in texts[examples[0].expected.split()[0]].text


def test_spoken_queries_decode(examples):
    spoken = [example for example in examples if example.file]
    assert len(spoken) >= 2
    for example in spoken:
        assert 1.5 <= decode(demo.LIBRARY / example.file).duration <= 8


TITLES = [
    "id\tcategory\tlanguage\ttext\tsame_as\trecording\tspeaker\troom",
    "een\tnews\tnl\tDe hond heeft de postbode begroet.\t\t\t\t",
    "twee\tnews\tzh\t那只狗向邮递员问好。\teen\t\t\t",
    "rede\tnews\tnl\tEen toespraak\t\trede\t\thall",
    "rede-1\tnews\tnl\tDames en heren, goedenavond allemaal.\t\trede\t\t",
    "rede-2\tnews\tnl\tIk zal het vandaag bij uitzondering kort houden.\t\trede\t\t",
]


def _write(folder, lines):
    (folder / "texts.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_second_build_keeps_what_is_unchanged_and_drops_what_is_gone(tmp_path):
    _write(tmp_path, TITLES)
    files, segments = demo.build(tmp_path)
    assert [file.id for file in files] == ["een", "twee", "rede"]
    assert [segment.id for segment in segments] == ["rede-1", "rede-2"]
    assert demo.read(tmp_path / "metadata.tsv", demo.File) == files
    metadata = (tmp_path / "metadata.tsv").read_text(encoding="utf-8").splitlines()
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "audio").iterdir()}

    assert demo.build(tmp_path) == (files, segments)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "audio").iterdir()} == before

    (tmp_path / "metadata.tsv").write_text("".join(f"{line}\n" for line in metadata[:-1]), encoding="utf-8")
    assert demo.build(tmp_path) == (files, segments)  # what an interrupted build has not spoken yet
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "audio").iterdir()}
    assert {name for name in after if after[name] != before[name]} == {"rede.ogg"}

    (tmp_path / "audio" / "een.ogg").write_bytes(b"broken")
    _write(tmp_path, [*TITLES[:2], *TITLES[3:5]])
    files, segments = demo.build(tmp_path)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "audio").iterdir()}
    assert after.keys() == {"een.ogg", "rede.ogg"} and all(after[name] != before[name] for name in after)
    assert [segment.id for segment in segments] == ["rede-1"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (TITLES[1:], "columns"),
        ([*TITLES, TITLES[1]], "een"),
        ([*TITLES[:3], TITLES[4]], "No title for rede"),
    ],
)
def test_malformed_texts_are_refused(tmp_path, lines, message):
    _write(tmp_path, lines)
    with pytest.raises(DataError, match=message):
        demo.build(tmp_path)
