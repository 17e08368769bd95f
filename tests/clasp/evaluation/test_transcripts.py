"""Transcripts are made once for each sound, in its language, and kept whole."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.errors import ModelError
from clasp.evaluation import utterances
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance
from clasp.speech.transcript import Transcript, Word
from clasp.training.data.synthesis import Voice


class Typist:
    """Writes "two" of everything in English, "three" in French, and knows no German."""

    name = "a/typist"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def transcribe(self, waveforms: Sequence[Waveform], language: str) -> list[Transcript]:
        if language == "de":
            raise ModelError("no German here")
        self.asked.append((language, len(waveforms)))
        text = {"en": "two", "fr": "três"}[language]
        word = Word(text, 0.1, 0.4, 0.75)
        return [Transcript(text, language, (word,), -0.3, 1.25, 0.125) for _ in waveforms]


def tones(cache: Path, *languages: str) -> list[Utterance]:
    """An utterance in each language, all of other sounds."""
    made = []
    for number, language in enumerate(languages):
        made.append(Utterance(f"number {number}", language, Voice("espeak", "a", language)))
        tone = 0.1 * np.sin(np.arange(8_000 * (1 + number)) * (0.05 + number / 20))
        soundfile.write(utterances._path(made[-1], cache), tone, SAMPLE_RATE)
    return made


def test_each_language_is_transcribed_by_itself_and_nothing_twice(tmp_path: Path) -> None:
    typist, spoken = Typist(), tones(tmp_path, "en", "fr", "en")
    transcripts = Transcripts(typist, tmp_path)
    first = transcripts.timed(spoken)
    assert [one.transcript.text for one in first] == ["two", "três", "two"]
    assert typist.asked == [("en", 2), ("fr", 1)]
    assert [one.audio_seconds for one in first] == [0.5, 1.0, 1.5]
    assert first[2].seconds == pytest.approx(3 * first[0].seconds)  # shares by duration
    assert transcripts.of(spoken[:1]) == [first[0].transcript]
    assert len(typist.asked) == 2


def test_they_are_kept_whole_with_the_time_that_they_took(tmp_path: Path) -> None:
    typist, spoken = Typist(), tones(tmp_path, "en", "fr", "en")
    first = Transcripts(typist, tmp_path).timed(spoken)
    assert Transcripts(typist, tmp_path).timed(spoken) == first
    assert len(typist.asked) == 2
    (kept,) = tmp_path.glob("transcripts-*.jsonl")
    kept.write_text(kept.read_text()[:-20])  # interrupted while it wrote
    again = Transcripts(typist, tmp_path).timed(spoken)
    assert typist.asked[2:] == [("fr", 1)]
    assert [one.transcript for one in again] == [one.transcript for one in first]


def test_a_language_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no German"):
        Transcripts(Typist(), tmp_path).of(tones(tmp_path, "de"))
