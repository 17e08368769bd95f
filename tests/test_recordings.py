"""Files as the world makes them: all that is said in them is heard, found, cut out and played, when it is said."""

import io
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform, cut, decode, stream
from index.ingest.pipeline import Ingestor
from index.ingest.walk import find_files
from index.library import Library
from tests.index.ear import Ear
from tests.recordings import cases, ffmpeg, with_sentences
from ui import audio

AGREE = 0.1  # seconds
NAMES = tuple(cases({name: np.zeros(SAMPLE_RATE, np.float32) for name in "abcd"}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sentences")


@pytest.fixture(scope="module")
def clips(folder: Path) -> dict[str, np.ndarray]:
    return with_sentences(folder)


def place(samples: np.ndarray, clip: np.ndarray) -> tuple[float, float]:
    """Second at which a clip is most like what is heard, and their correlation there; either way round."""
    around = np.zeros(SAMPLE_RATE // 2, np.float32)
    padded = np.concatenate([around, samples, around])
    products = np.abs(scipy.signal.correlate(padded, clip, "valid", "fft"))
    first = int(products.argmax())
    lengths = np.linalg.norm(padded[first : first + len(clip)]) * np.linalg.norm(clip)
    return (first - len(around)) / SAMPLE_RATE, float(products.max() / max(lengths, 1e-9))


def played(recording, start: float, end: float) -> np.ndarray:
    """What a browser plays from one second to another, at 16 kHz."""
    first, last = (audio.HEADER + audio.SAMPLE * round(second * audio.RATE) for second in (start, end))
    head = b"".join(audio.wav(recording, 0, audio.HEADER - 1))
    content = b"".join(audio.wav(recording, first, last - 1))
    assert len(content) == last - first
    samples, rate = soundfile.read(io.BytesIO(head + content), dtype="float32")
    return scipy.signal.resample_poly(samples, SAMPLE_RATE, rate).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_said_is_heard_when_it_is_said(name: str, folder: Path, clips: dict, tmp_path: Path):
    case, path = cases(clips)[name], folder / name
    case.make(folder, name)
    blocks = stream(path)
    samples = np.concatenate(list(blocks))
    assert case.flaw in blocks.flaw and bool(case.flaw) == bool(blocks.flaw)
    if case.seconds:
        assert len(samples) / SAMPLE_RATE == pytest.approx(case.seconds, abs=AGREE)
    ear = Ear()
    with Library.create(tmp_path / "library", ear) as library:
        *_, state = Ingestor(library, ear).add([path])
        assert (state.added, len(state.partial), state.failed) == (1, bool(case.flaw), ())
        (recording,) = library.recordings()
        segments = library.segments()
        assert recording.track == blocks.track
    for sentence, second in case.said:
        clip, end = clips[sentence], second + len(clips[sentence]) / SAMPLE_RATE
        for heard, begin in (
            (samples, 0.0),
            (cut(path, second, end).samples, second),
            (played(recording, second, end), second),
        ):
            found, match_probability = place(heard, clip)
            assert begin + found == pytest.approx(second, abs=AGREE), (sentence, begin, match_probability)
            assert match_probability > 0.6, (sentence, begin)
        middle = (second + end) / 2
        assert any(one.start < middle < one.end for one in segments), (sentence, segments)
    if not case.flaw:
        assert len(segments) <= len(case.said)


def test_what_is_no_speech_is_not_found(folder: Path, clips: dict, tmp_path: Path):
    """Noise of any loudness."""
    random = np.random.default_rng(0)
    for decibels in (-20, -50, -60, -80):
        noise = 10 ** (decibels / 20) * random.standard_normal(20 * SAMPLE_RATE)
        soundfile.write(tmp_path / f"noise{decibels}.flac", noise, SAMPLE_RATE, "PCM_24")
    ear = Ear()
    with Library.create(tmp_path / "library", ear) as library:
        *_, state = Ingestor(library, ear).add([tmp_path])
        assert (len(state.silent), state.failed, len(library)) == (4, (), 0)


def test_a_track_can_be_chosen(folder: Path, clips: dict, tmp_path: Path):
    path, ear = tmp_path / "two.mkv", Ear()
    ffmpeg("-i", folder / "a.wav", "-i", folder / "b.wav", "-map", 0, "-map", 1, "-c:a", "flac", path)
    with Library.create(tmp_path / "library", ear) as library:
        for track, sentence in ((0, "a"), (2, "b"), (1, "a")):
            *_, state = Ingestor(library, ear, track=track).add([path])
            assert (state.added, state.failed) == (1, ())
            (recording,) = library.recordings()
            clip = clips[sentence]
            assert place(played(recording, 0, len(clip) / SAMPLE_RATE), clip)[1] > 0.9
            query = ear.encode_speech([Waveform(clip)], return_phones=True).vectors[0]
            segment, *_ = library.candidates(query, 1).segments
            assert segment.recording == recording.id and recording.track == (track or 1)
        assert [state.existing for state in Ingestor(library, ear).add([path])][-1] == 1
        *_, state = Ingestor(library, ear, track=3).add([path])
        assert "has 2 sound tracks: there is no track 3" in state.failed[0][1]


def test_samples_that_are_no_numbers_are_silent(folder: Path, clips: dict, tmp_path: Path):
    samples = clips["a"].copy()
    samples[2_000:2_100] = np.nan
    samples[9_000] = np.inf
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE, "FLOAT")
    assert place(decode(tmp_path / "a.wav").samples, clips["a"])[1] > 0.99


DAMAGED = {  # how a file is made, and what is said of it
    "a.ogg": "", "a.opus": "", "a.mka": "", "a.flac": "", "a.m4a": "-movflags faststart", "a.mp3": "", "a.ac3": "",
    "bare.mp3": "-write_xing 0 -q:a 5 -ar 44100", "a.aac": "", "a.mp2": "", "a.avi": "", "pcm.avi": "-c:a pcm_s16le",
    "a.webm": "", "a.ts": "-c:a aac", "a.latm": "-c:a aac",
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_within_a_file_is_named(name: str, folder: Path, clips: dict, tmp_path: Path):
    """What is left is heard up to the end."""
    path, random = tmp_path / name, np.random.default_rng(0)
    ffmpeg("-i", folder / "abcd.wav", *DAMAGED[name].split(), path)
    content = path.read_bytes()
    first, last = len(content) * 4 // 10, len(content) * 6 // 10
    overwritten = content[:first] + random.bytes(last - first) + content[last:]
    path.write_bytes(overwritten)
    blocks = stream(path)
    samples = np.concatenate(list(blocks))
    assert "damaged" in blocks.flaw and "end is missing" not in blocks.flaw
    assert place(samples, clips["a"])[1] > 0.6 and place(samples, clips["d"])[1] > 0.6
    path.write_bytes(content[:first] + content[last + 7 :])
    blocks = stream(path)
    assert sum(map(len, blocks)) > 8 * SAMPLE_RATE or name == "a.m4a"
    assert "damaged" in blocks.flaw


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.flv", "-ar 44100 -c:a libmp3lame"), ("a.wma", "-ar 44100"), ("a.rm", "-ar 44100 -c:a ac3")],
)
def test_a_stretch_that_lacks_is_named(name: str, options: str, folder: Path, clips: dict, tmp_path: Path):
    """Where only the times of what follows tell of it, as after a pause."""
    ffmpeg("-i", folder / "abcd.wav", *options.split(), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) * 4 // 10] + content[len(content) * 6 // 10 + 7 :])
    blocks = stream(tmp_path / name)
    assert place(np.concatenate(list(blocks)), clips["a"])[1] > 0.6
    assert "is damaged" in blocks.flaw


@pytest.mark.parametrize("name", ["a.voc", "a.w64", "a.au"])
def test_a_file_without_its_end_is_named(name: str, folder: Path, clips: dict, tmp_path: Path):
    ffmpeg("-i", folder / "abcd.wav", *(["-c:a", "pcm_s16le"] if name == "a.voc" else []), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for end, flaw in ((len(content), ""), (len(content) * 6 // 10, "its end is missing")):
        (tmp_path / name).write_bytes(content[:end])
        blocks = stream(tmp_path / name)
        assert place(np.concatenate(list(blocks)), clips["a"])[1] > 0.9
        assert flaw in blocks.flaw and bool(flaw) == bool(blocks.flaw)


def test_tags_between_frames_are_no_damage(folder: Path, clips: dict, tmp_path: Path):
    """Such as a picture, which is large and like noise."""
    tag = b"ID3\x03\0\0\0\x03\x54\x60" + np.random.default_rng(0).bytes(60_000)
    for name in ("a.mp3", "a.aac"):
        ffmpeg("-i", folder / "a.wav", tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content + tag + content)
        blocks = stream(tmp_path / name)
        assert sum(map(len, blocks)) > 1.9 * len(clips["a"]) and blocks.flaw == ""


def test_a_length_that_is_not_true_is_no_damage(folder: Path, clips: dict, tmp_path: Path):
    path = tmp_path / "a.avi"
    ffmpeg("-i", folder / "a.wav", path)
    content = bytearray(path.read_bytes())
    place = content.index(b"strh") + 40
    for length in (0, 10**6):
        content[place : place + 4] = length.to_bytes(4, "little")
        path.write_bytes(content)
        blocks = stream(path)
        assert sum(map(len, blocks)) >= len(clips["a"]) and blocks.flaw == ""


@pytest.mark.parametrize("kind", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "PCM_U8"])
def test_samples_with_the_high_byte_first(kind: str, folder: Path, clips: dict, tmp_path: Path):
    soundfile.write(tmp_path / "a.wav", clips["a"], SAMPLE_RATE, kind, endian="BIG", format="WAV")
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RIFX"
    blocks = stream(tmp_path / "a.wav")
    samples = np.concatenate(list(blocks))
    assert len(samples) == len(clips["a"]) and blocks.flaw == ""
    np.testing.assert_allclose(samples, clips["a"], atol=0.01)


def test_a_file_of_a_video_server_is_whole(folder: Path, clips: dict, tmp_path: Path):
    picture = "-f lavfi -i color=black:s=720x576:r=25:d=3 -shortest -map 1:v -map 0:a -c:v mpeg2video -ar 48000"
    ffmpeg("-i", folder / "a.wav", *picture.split(), tmp_path / "a.gxf")
    blocks = stream(tmp_path / "a.gxf")
    assert sum(map(len, blocks)) > 2.5 * SAMPLE_RATE and blocks.flaw == ""


@pytest.mark.parametrize("name", ["a.wav", "a.m4a", "a.mp3", "a.mkv", "a.ac3", "a.ts"])
def test_deep_in_a_long_file_it_is_cut_where_it_is(name: str, folder: Path, clips: dict, tmp_path: Path):
    """Whatever the format knows of itself."""
    path = tmp_path / name
    options = ["-q:a", 8, "-write_xing", 0, "-ar", 44_100] if name == "a.mp3" else ["-ar", 44_100]
    ffmpeg("-stream_loop", 20, "-i", folder / "abcd.wav", *options, path)
    samples = np.concatenate(list(stream(path)))
    for start in (61.3, 149.0, 222.7):
        expected = samples[round(start * SAMPLE_RATE) :][: 5 * SAMPLE_RATE]
        found = cut(path, start, start + 5).samples
        shift, match_probability = place(found, expected)
        assert abs(shift) < 0.01 and match_probability > 0.95


def test_names_are_bytes(folder: Path, clips: dict, tmp_path: Path):
    named = tmp_path / "names"
    (named / "Aufnahmen von früher ").mkdir(parents=True)
    names = (
        b"1-one.wav", b"2-J\xfcrgen.wav", "3-Ju\u0308rgen.wav".encode(), b"4-blank.wav ", b"5-what?!.WAV",
        b"6: colon.wav", "Aufnahmen von früher /7\nlines.wav".encode(),
    )  # fmt: skip
    for number, name in enumerate(names):
        samples = np.append(np.zeros(800 * number, np.float32), clips["a"])
        soundfile.write(tmp_path / "sound", samples, SAMPLE_RATE, format="WAV")
        shutil.copy(tmp_path / "sound", os.fsencode(named) + b"/" + name)
    ear = Ear()
    with Library.create(tmp_path / "library", ear) as library:
        *_, state = Ingestor(library, ear).add([named])
        assert (state.added, state.failed) == (len(names), ())
        titles = {one.title for one in library.recordings()}
        assert titles == {"1-one", "2-Jürgen", "3-Jürgen", "4-blank", "5-what?!", "6: colon", "7�lines"}
        paths = {os.fsencode(one.path) for one in library.recordings()}
        assert paths == {os.fsencode(named) + b"/" + name for name in names}
        assert all(library.audio(segment)[0].is_file() for segment in library.segments())
        assert all(len(played(one, 0, 1)) == SAMPLE_RATE for one in library.recordings())
    with Library.open(tmp_path / "library", ear) as library:
        *_, state = Ingestor(library, ear).add([named])
        assert state.existing == len(names)


def test_links_are_followed_and_what_is_passed_over_is_named(folder: Path, clips: dict, tmp_path: Path):
    inside, outside = tmp_path / "in", tmp_path / "out"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    shutil.copy(folder / "a.wav", inside / "deep" / "a.wav")
    shutil.copy(folder / "b.wav", outside / "b.wav")
    (inside / "elsewhere").symlink_to(outside)
    (inside / "deep" / "round").symlink_to(inside)
    (inside / "gone.wav").symlink_to(tmp_path / "nothing")
    (inside / "notes.pdf").write_bytes(b"%PDF")
    (inside / "a.srt").write_text("")
    found = find_files([inside, tmp_path / "nowhere"])
    assert [path.name for path in found.files] == ["a.wav", "b.wav"]
    assert [(path.name, reason[:12]) for path, reason in found.failed] == [
        ("gone.wav", "It is a link"),
        ("nowhere", "There is no "),
    ]
    assert [path.name for path in found.skipped] == ["notes.pdf"]


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="everyone may look at everything")
def test_a_locked_folder_stops_nothing(folder: Path, clips: dict):
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        for part in ("1", "2", "3"):
            (place / part).mkdir()
            shutil.copy(folder / "a.wav", place / part / "a.wav")
        (place / "2").chmod(0)
        own = os.geteuid()
        try:
            os.seteuid(own or 65_534)  # nothing is locked for root
            found = find_files([place])
        finally:
            os.seteuid(own)
        (place / "2").chmod(0o755)
    assert [path.parent.name for path in found.files] == ["1", "3"]
    ((path, reason),) = found.failed
    assert path == place / "2" and reason == "The folder cannot be opened: Permission denied."
