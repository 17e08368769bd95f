"""Transcripts as people write them, with times or without: every utterance gets its words, and who says them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp import Clasp
from clasp.audio.decode import SAMPLE_RATE, decode
from clasp.phones import inventory
from clasp.phones.alignment import pack
from clasp.phones.inventory import INVENTORY
from index.demo import open_demo
from index.ingest.cues import Turn
from index.ingest.pipeline import Ingestor
from index.ingest.transcript_alignment import aligned
from index.library import Library, Segment
from tests.index.conftest import last

SPOKEN = ("adventure-01", "adventure-02", "adventure-03", "adventure-04", "adventure-05", "adventure-06")
NAMES = ("Anna", "Ben", "Anna", "Anna", "Ben", "Anna")


@pytest.fixture(scope="module")
def demo(bundled: Clasp) -> Library:
    return open_demo(bundled)


def of_language(library: Library, language: str) -> list[Segment]:
    found = [one for recording in library.recordings() for one in library.segments_of(recording.id)]
    return [one for one in found if one.language == language][:40]


def test_in_every_language_of_the_demo(demo: Library):
    for language in demo.languages():
        segments = of_language(demo, language)
        turns = [Turn("1962", "Archive"), *(Turn(one.transcript, one.speaker) for one in segments)]
        found = aligned(turns, segments, demo.phones(segments), language)
        right = [one.text == old.transcript for one, old in zip(found, segments, strict=True)]
        assert sum(right) >= len(right) - 1, language
        assert [one.speaker for one in found] == [one.speaker for one in segments]


UNSPACED = {
    "ja": [
        "朝の渡し船は霧の中を出た。",
        "市場で魚を売る声が聞こえる。",
        "祖母は毎日日記を書いていた。",
        "橋は洪水で流された。",
    ],
    "zh": ["早上的渡船在雾中出发。", "市场里有人在卖鱼。", "祖母每天写日记。", "桥被洪水冲走了。"],
    "th": ["เรือข้ามฟากออกไปในหมอก", "มีคนขายปลาในตลาด", "คุณยายเขียนบันทึกทุกวัน", "สะพานถูกน้ำท่วมพัดไป"],
}


@pytest.mark.parametrize("language", UNSPACED)
def test_without_spaces_letters_are_read_among_the_others(language: str):
    said = UNSPACED[language]
    read = [inventory.from_text(text, language) for text in said]
    phones = [pack(np.eye(len(INVENTORY), dtype=np.float32)[one]) for one in read]
    segments = [Segment(0, "talk", number, number + 1) for number in range(len(said))]
    found = aligned([Turn("".join(said[:2])), Turn("".join(said[2:]))], segments, phones, language)
    assert [one.text for one in found] == said


def test_languages_that_nobody_can_read(demo: Library):
    segments = of_language(demo, "en")[:3]
    found = aligned([Turn(one.transcript) for one in segments], segments, demo.phones(segments), "tlh")
    assert [one.text for one in found] == ["", "", ""]


def interview(demo: Library, folder: Path, seconds: float = 1.0) -> list[str]:
    """A recording of some sentences, with pauses of so many seconds between; what is said in each."""
    segments = [demo.segments_of(name)[0] for name in SPOKEN]
    pause = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    sound = [part for name in SPOKEN for part in (pause, decode(demo.recording(name).path).samples)]
    folder.mkdir()
    soundfile.write(folder / "talk.wav", np.concatenate([*sound, pause]), SAMPLE_RATE)
    return [one.transcript for one in segments]


def write(file: Path, said: list[str]) -> None:
    turns = [f"{name.upper()}: {text}" for name, text in zip(NAMES, said, strict=True)]
    file.write_text("\n\n".join(["An interview about journeys", "4 May 1983, transcribed by hand", *turns]), "utf-8")


def test_an_interview_and_the_words_of_its_speakers(demo: Library, bundled: Clasp, tmp_path: Path):
    said = interview(demo, tmp_path / "in")
    write(tmp_path / "in" / "talk.txt", said)
    with Library.create(tmp_path / "library", bundled) as library:
        state = last(Ingestor(library, bundled).add([tmp_path / "in"]))
        (recording,) = library.recordings()
        found = library.segments_of(recording.id)
        assert [(one.text, one.speaker.title()) for one in found] == list(zip(said, NAMES, strict=True))
        assert (state.added, state.updated, state.remarks) == (1, 0, ())
        again = last(Ingestor(library, bundled).add([tmp_path / "in"]))
        assert (again.existing, again.updated) == (1, 0)


def test_one_that_comes_later_or_after_a_stop(demo: Library, bundled: Clasp, tmp_path: Path, monkeypatch):
    said = interview(demo, tmp_path / "in")
    with Library.create(tmp_path / "library", bundled) as library:
        last(Ingestor(library, bundled).add([tmp_path / "in"]))
        assert not any(one.text for one in library.segments_of(library.recordings()[0].id))
        write(tmp_path / "in" / "talk.txt", said)
        monkeypatch.setattr(library, "apply_sidecar", _stopped)
        with pytest.raises(KeyboardInterrupt):
            last(Ingestor(library, bundled).add([tmp_path / "in"]))
        monkeypatch.undo()
        state = last(Ingestor(library, bundled).add([tmp_path / "in"]))
        assert (state.existing, state.updated) == (1, 1)
        (recording,) = library.recordings()
        assert recording.language == "en"  # as it was read
        assert [one.text for one in library.segments_of(recording.id)] == said


def _stopped(*_: object) -> None:
    raise KeyboardInterrupt


def subtitles(cues: list[tuple[float, float, str]]) -> str:
    def clock(seconds: float) -> str:
        return f"00:00:{seconds:06.3f}".replace(".", ",")

    return "\n\n".join(f"{clock(start)} --> {clock(end)}\n{text}" for start, end, text in cues)


def half(text: str, number: int) -> str:
    words = text.split()
    return " ".join(words[len(words) // 2 :] if number else words[: len(words) // 2])


@pytest.mark.parametrize("kind", ["a paragraph", "across pauses", "late", "of another language"])
def test_times_are_less_exact_than_words(kind: str, demo: Library, bundled: Clasp, tmp_path: Path):
    said = interview(demo, tmp_path / "in")
    with Library.create(tmp_path / "library", bundled) as library:
        last(Ingestor(library, bundled).add([tmp_path / "in"]))
        spans = [(one.start, one.end) for one in library.segments_of(library.recordings()[0].id)]
        middles = [(start + end) / 2 for start, end in spans]
        cues = {
            "a paragraph": [(spans[0][0], spans[-1][1], " ".join(said))],
            "across pauses": [
                (start, end, f"{half(before, 1)} {half(after, 0)}")
                for start, end, before, after in zip(
                    [0.0, *middles], [*middles, spans[-1][1]], ["", *said], [*said, ""], strict=True
                )
            ],
            "late": [(start + 3, end + 3, text) for (start, end), text in zip(spans, said, strict=True)],
            "of another language": [(*span, f"Nummer {number}") for number, span in enumerate(spans)],
        }[kind]
        (tmp_path / "in" / "talk.srt").write_text(subtitles(cues), "utf-8")
        last(Ingestor(library, bundled).add([tmp_path / "in"]))
        found = [one.text for one in library.segments_of(library.recordings()[0].id)]
    assert found == ([text for _, _, text in cues] if kind == "of another language" else said)


@pytest.mark.parametrize("kind", ["srt", "txt"])
def test_an_utterance_is_cut_where_somebody_else_goes_on(kind: str, demo: Library, bundled: Clasp, tmp_path: Path):
    said = interview(demo, tmp_path / "in", seconds=0.1)
    with Library.create(tmp_path / "library", bundled) as library:
        last(Ingestor(library, bundled).add([tmp_path / "in"]))
        (recording,) = library.recordings()
        before = library.segments_of(recording.id)
        assert len(before) == 2
        library.notes.add(recording.id, before[-1].end - 0.5, "The end.")
        library.corrections.store(before[0].id, "As I have corrected it.", before="")
        if kind == "txt":
            write(tmp_path / "in" / "talk.txt", said)
        else:
            starts = np.cumsum([0.1, *(decode(demo.recording(name).path).duration + 0.1 for name in SPOKEN)])
            cues = [
                (start + 0.2, end - 0.2, f"{name.upper()}: {text}")
                for start, end, name, text in zip(starts, starts[1:], NAMES, said, strict=False)
            ]
            (tmp_path / "in" / "talk.srt").write_text(subtitles(cues), "utf-8")
        state = last(Ingestor(library, bundled).add([tmp_path / "in"]))
        assert (state.updated, state.failed, state.remarks) == (1, (), ())
        found = library.segments_of(recording.id)
        assert found[0].transcript == "As I have corrected it." and found[0].id == before[0].id
        spoken = [(one.text, one.speaker.title()) for one in found if one.start >= before[1].start]
        assert spoken == list(zip(said[3:], NAMES[3:], strict=True))
        assert [one.segment for one in library.notes.of(recording.id)] == [found[-1].id]
        assert library.segments() == sorted(found, key=lambda one: one.id)
        assert last(Ingestor(library, bundled).add([tmp_path / "in"])).updated == 0


def test_one_of_another_recording_is_named_and_kept_as_a_text(demo: Library, bundled: Clasp, tmp_path: Path):
    interview(demo, tmp_path / "in")
    other = [one.transcript for one in of_language(demo, "en")[-6:]]
    write(tmp_path / "in" / "talk.txt", other)
    with Library.create(tmp_path / "library", bundled) as library:
        state = last(Ingestor(library, bundled).add([tmp_path / "in"]))
        (recording,) = library.recordings()
        assert not any(one.text for one in library.segments_of(recording.id))
        assert all(text in recording.text for text in other)
        assert [remark.partition(":")[0] for remark in state.remarks] == [
            "The transcript of talk.wav has no times, and what is said was not recognized in it"
        ]


def test_words_that_were_not_recognized_stay_with_those_beside_them(demo: Library):
    segments = of_language(demo, "de")[:6]
    turns = [Turn(one.transcript) for one in segments]
    turns[2] = replace(turns[2], text=f"Na ja, {turns[2].text}")
    found = aligned(turns, segments, demo.phones(segments), "de")
    assert [one.text for one in found] == [turn.text for turn in turns]
