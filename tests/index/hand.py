"""A transcriber that writes down the pitch of what it hears, without a trained model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.speech.languages import LanguageTally
from clasp.speech.transcript import Transcript, Word


@dataclass
class Hand:
    """Stands where a transcriber stands when recordings are transcribed."""

    name: str = "hand"
    words: str = "hertz"
    most: int = 4  # utterances at once

    def together(self, durations: Sequence[float]) -> int:
        return min(self.most, len(durations))

    def transcribe(
        self, waveforms: Sequence[Waveform], language: str = "", tally: LanguageTally | None = None
    ) -> list[Transcript]:
        for one in waveforms if tally is not None else ():
            tally.add(language or "en", one.duration)
        return [self._written(one, language or "en") for one in waveforms]

    def _written(self, one: Waveform, language: str) -> Transcript:
        spectrum = np.abs(np.fft.rfft(one.samples))
        pitch = f"{spectrum.argmax() * SAMPLE_RATE / len(one.samples):.0f}"
        words = (Word(pitch, 0.0, 0.5, 0.9), Word(self.words, 0.5, 1.0, 0.8))
        return Transcript(f"{pitch} {self.words}", language, words, -0.2, 1.0, 0.1)


def tone(pitch: float, seconds: float = 2.0) -> np.ndarray:
    """A tone of so many hertz, float32 (n,)."""
    return (0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)
