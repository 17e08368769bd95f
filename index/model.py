"""What is asked of the models that make and fill a library; `clasp.Clasp` and `clasp.speech.transcriber.Transcriber`
have it all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from clasp.audio.decode import Waveform
from clasp.speech.languages import LanguageTally
from clasp.speech.speaker import SpeakerHead
from clasp.speech.transcript import Transcript

if TYPE_CHECKING:
    from clasp.calibration import Calibration
    from clasp.model import EncoderOutput
    from clasp.phones.alignment import Aligner


class EmbeddingModel(Protocol):
    """What a library needs to know of the model that makes its vectors."""

    @property
    def checksum(self) -> str: ...

    @property
    def dim(self) -> int:
        """Of a vector."""

    @property
    def meaning_dim(self) -> int:
        """Of its first part, the meaning."""


class SpeechEncoder(EmbeddingModel, Protocol):
    """Makes the vectors, of speech and later of speech and its transcript, and tells what their likeness is worth."""

    @property
    def speaker_head(self) -> SpeakerHead | None:
        """What tells speakers apart, if it does."""

    def encode_speakers(self, waveforms: list[Waveform]) -> np.ndarray | None: ...

    def encode_speech(self, waveforms: list[Waveform], *, return_phones: Literal[True]) -> "EncoderOutput": ...

    def fuse(self, direct: np.ndarray, texts: list[str], evidence: np.ndarray) -> np.ndarray: ...

    def halves(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def language_of(self, text: str) -> str: ...

    @property
    def aligner(self) -> "Aligner | None": ...

    @property
    def calibration(self) -> "Calibration": ...


class TextEncoder(EmbeddingModel, Protocol):
    """Makes vectors of texts, for the map."""

    def encode_text(self, texts: list[str], languages: list[str] | None = None) -> np.ndarray: ...


class Transcriber(Protocol):
    """Writes down what is said."""

    name: str

    def together(self, durations: Sequence[float]) -> int: ...

    def transcribe(
        self, waveforms: Sequence[Waveform], language: str = "", tally: LanguageTally | None = None
    ) -> list[Transcript]: ...
