"""Transcripts by Whisper base: on speech of the demo library, on sounds in which nobody speaks, and on bad days."""

from pathlib import Path

import numpy as np
import pytest

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode
from clasp.errors import ClaspError, ModelError
from clasp.evaluation.recognizers import word_error_rate
from clasp.speech.languages import LanguageTally
from clasp.speech.transcriber import Transcriber, _is_doubtful, _unless_doubtful
from clasp.speech.transcript import Transcript, Word, compression_ratio
from index.demo import read
from tests.clasp.sounds import sounds

LIBRARY = Path(__file__).parents[3] / "assets" / "library"


@pytest.fixture(scope="module")
def whisper() -> Transcriber:
    return Transcriber.load("base")


def spoken(language: str, count: int) -> list[tuple[str, Waveform]]:
    """Sentences of the demo library in a language, of as many voices as there are, and their sound."""
    recordings, segments = read(LIBRARY)
    places = {one.id: one.path for one in recordings}
    chosen = [one for one in segments if one.language == language and one.start == 0][::3][:count]
    return [(one.text, decode(LIBRARY / places[one.recording])) for one in chosen]


@pytest.fixture(scope="module")
def english() -> list[tuple[str, Waveform]]:
    return spoken("en", 12)


@pytest.fixture(scope="module")
def heard(whisper: Transcriber, english: list[tuple[str, Waveform]]) -> list[Transcript]:
    return whisper.transcribe([sound for _, sound in english])


def test_packed_utterances_are_told_apart(english, heard):
    assert word_error_rate([text for text, _ in english], [one.text for one in heard]) < 0.35
    for (text, _), one in zip(english, heard, strict=True):  # each has its own words, not its neighbour's
        others = [word_error_rate([other], [one.text]) for other, _ in english]
        assert word_error_rate([text], [one.text]) == min(others)


def test_what_is_known_of_a_transcript(english, heard):
    for (_, sound), one in zip(english, heard, strict=True):
        assert one.language == "en" and 0.2 < one.confidence <= 1 and one.compression_ratio < 2
        assert 0 <= one.no_speech <= 1
        assert " ".join(word.text for word in one.words) == one.text
        times = [time for word in one.words for time in (word.start, word.end)]
        assert times == sorted(times) and times[0] >= 0 and times[-1] <= sound.duration + 1e-6
        assert all(0 <= word.probability <= 1 for word in one.words)


def test_one_that_is_heard_alone_or_is_quiet_says_the_same(whisper, english, heard):
    text, sound = english[0]
    for samples in (sound.samples, sound.samples * np.float32(0.02)):
        (alone,) = whisper.transcribe([Waveform(samples)], "en-GB")
        assert word_error_rate([heard[0].text], [alone.text]) <= 0.3, text


def test_longer_than_a_window(whisper, english, heard):
    gap = np.zeros(SAMPLE_RATE // 2, np.float32)
    sound = np.concatenate([part for _, one in english for part in (one.samples, gap)])
    assert len(sound) > 31 * SAMPLE_RATE
    (whole,) = whisper.transcribe([Waveform(sound)])
    assert word_error_rate([" ".join(one.text for one in heard)], [whole.text]) < 0.35
    assert whole.words[-1].end > 31 and whole.words[-1].end <= len(sound) / SAMPLE_RATE


def test_languages_are_detected_and_can_be_mixed(whisper, english):
    german = [sound for _, sound in spoken("de", 3)]
    tally = LanguageTally()
    found = whisper.transcribe([sound for _, sound in english[:6]], tally=tally)
    assert {one.language for one in found} == {"en"}
    switched = whisper.transcribe(german, tally=tally)  # the same recording goes on in German
    assert {one.language for one in switched} == {"de"} and set(tally.seconds) == {"en", "de"}
    assert {one.language for one in whisper.transcribe(german, "de-AT")} == {"de"}
    assert {one.language for one in whisper.transcribe(german, "tlh")} == {"de"}  # one that it does not know


@pytest.mark.parametrize(("ending", "count"), [(" 0", 12), pytest.param("", 60, marks=pytest.mark.slow)])
def test_nobody_speaks_so_nothing_is_written(whisper, ending: str, count: int):
    chosen = [(name, samples) for name, samples in sounds() if name.endswith(ending)]
    heard = {name: whisper.transcribe([Waveform(samples)])[0].text for name, samples in chosen}
    assert len(heard) >= count
    assert {name: text for name, text in heard.items() if text} == {}


def test_between_utterances_nothing_is_written_either(whisper, english, heard):
    """Sounds that share a window with speech are given none of its words."""
    empty = [Waveform(samples) for name, samples in sounds() if name.endswith(" 0") and len(samples) < 5 * SAMPLE_RATE]
    mixed = [sound for number, (_, one) in enumerate(english[:4]) for sound in (one, empty[number])]
    found = whisper.transcribe(mixed)
    assert [one.text for one in found[1::2]] == [""] * 4
    for one, before in zip(found[::2], heard, strict=False):
        assert word_error_rate([before.text], [one.text]) <= 0.3


def test_a_snippet_of_speech_is_no_sentence(whisper, english):
    fifth = SAMPLE_RATE // 5
    snippets = [Waveform(sound.samples[SAMPLE_RATE : SAMPLE_RATE + fifth]) for _, sound in english]
    assert [one.text for one in whisper.transcribe(snippets)] == [""] * len(english)


def test_out_of_memory_it_takes_fewer_windows_at_once(english, heard):
    whisper = Transcriber.load("base")
    hear = whisper._windows
    sizes = []

    def narrow(batch, *arguments):
        sizes.append(len(batch))
        if len(batch) > 1:
            raise RuntimeError("CUDA failed with error out of memory")
        return hear(batch, *arguments)

    whisper._windows = narrow
    found = whisper.transcribe([sound for _, sound in english])
    assert max(sizes) > 1 and whisper.batch == 1
    assert word_error_rate([one.text for one in heard], [one.text for one in found]) <= 0.1
    whisper._windows = lambda *_: (_ for _ in ()).throw(MemoryError())
    with pytest.raises(ClaspError, match="not enough memory"):
        whisper.transcribe([english[0][1]])


@pytest.mark.parametrize(
    ("text", "chance", "no_speech", "doubtful"),
    [
        ("The ferry did not leave the harbour.", 0.3, 0.1, False),
        ("The ferry did not leave the harbour.", 0.15, 0.1, True),
        ("Thank you.", 0.3, 0.1, True),
        ("Thank you.", 0.9, 0.1, False),
        ("Thank you.", 0.5, 0.7, True),
        ("ha ha ha ha", 0.99, 0.0, True),
        ("I know I know I know I know", 0.9, 0.0, True),
        ("", 1.0, 0.0, True),
    ],
)
def test_what_is_doubtful(text, chance, no_speech, doubtful):
    words = tuple(Word(word, 0.0, 0.1, chance) for word in text.split())
    found = Transcript(text, "en", words, np.log(chance), compression_ratio(text), no_speech)
    assert _is_doubtful(found, 3.0) == doubtful
    assert bool(_unless_doubtful(found, 3.0).text) != doubtful


def test_none_is_none(monkeypatch):
    monkeypatch.setenv("CLASP_TRANSCRIBER", "none")
    assert Transcriber.load() is None


def test_what_is_no_transcriber_is_said_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("CLASP_TRANSCRIBER", "gigantic")
    with pytest.raises(ModelError, match="no transcriber 'gigantic': CLASP_TRANSCRIBER is base, small"):
        Transcriber.load()
    (tmp_path / "model.bin").write_bytes(b"\x06\x00\x00\x00")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="no Whisper model that CTranslate2 can read"):
        Transcriber.load(str(tmp_path))
    monkeypatch.setenv("CLASP_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelError, match="Whisper small is not on this computer"):
        Transcriber.load("small")
