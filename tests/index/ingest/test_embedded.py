"""Subtitles within the file of a recording: taken as those beside it are, on the clock of the file."""

import subprocess
from pathlib import Path

import pytest

from index.ingest.embedded import subtitles
from index.ingest.sidecars import SidecarIndex
from tests.index.ingest.test_sidecars import SAID, SRT, write

SOUND = ["-f", "lavfi", "-i", "sine=duration=9:sample_rate=16000"]


def video(path: Path, *options: str, late: float = 0.0, tags: tuple[str, ...] = ("eng",)) -> Path:
    """A file with sound and, of each language, the same subtitles, all of which begin later than the file."""
    write(path.with_name("text.srt"), SRT.replace("The harbour", "<i>The</i> harbour"))
    text = ["-itsoffset", str(late), "-i", str(path.with_name("text.srt"))]
    maps = [part for number in range(len(tags) + 1) for part in ("-map", str(number))]
    languages = [part for number, tag in enumerate(tags) for part in (f"-metadata:s:s:{number}", f"language={tag}")]
    command = ["ffmpeg", "-v", "error", *SOUND, *text * len(tags), *maps, *languages, *options, str(path)]
    subprocess.run(command, check=True)
    return path


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.mkv", "srt", "flac"), ("a.mka", "ass", "flac"), ("a.webm", "webvtt", "libopus"), ("a.mp4", "mov_text", "aac")],
)
def test_subtitles_in_a_recording(tmp_path: Path, name: str, codec: str, sound: str) -> None:
    path = video(tmp_path / name, "-c:s", codec, "-c:a", sound, late=2.0)
    known = SidecarIndex().of(path)
    assert known.text == SAID and known.language == "en"
    assert [(round(one.start, 1), round(one.end, 1)) for one in known.cues] == [(2.0, 3.8), (3.8, 5.7)]


@pytest.mark.parametrize(
    ("spoken", "language", "remarks"),
    [
        ("de-AT", "de", []),
        (
            "", "en",
            ["a.mkv has subtitles in several languages (en, de): the first were taken. Say which is spoken to have "
             "others."],
        ),
        (
            "fr", "",
            ["a.mkv has subtitles in another language (en, de) than what is spoken (fr): they were passed over."],
        ),
    ],
)  # fmt: skip
def test_subtitles_in_several_languages(tmp_path: Path, spoken: str, language: str, remarks: list[str]) -> None:
    path = video(tmp_path / "a.mkv", "-c:s", "srt", "-c:a", "flac", tags=("eng", "deu"))
    sidecars = SidecarIndex()
    assert sidecars.of(path, spoken).language == language and sidecars.remarks == remarks


def test_a_transcript_beside_a_recording_comes_first(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mkv", "-c:s", "srt", "-c:a", "flac")
    write(tmp_path / "a.txt", "Another one.")
    assert SidecarIndex().of(path).text == "Another one."


def test_what_has_no_subtitles(tmp_path: Path) -> None:
    for name, content in (("a.mkv", b""), ("b.mp4", b"RIFF"), ("c.wav", b"RIFF")):
        write(tmp_path / name, content)
        assert subtitles(tmp_path / name) == []
    assert subtitles(tmp_path / "none.mkv") == []
