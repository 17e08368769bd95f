"""What a model makes of the utterances and texts of an evaluation; each is encoded once, whoever asks for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from clasp.evaluation import utterances
from clasp.evaluation.query_sets import Text
from clasp.evaluation.utterances import Utterance
from clasp.model import Clasp, EncoderOutput
from clasp.training.data.corpora import batched

CLIPS = 64  # decoded and encoded at a time: 64 clips of 10 s are 40 MB


@dataclass(frozen=True, eq=False)
class EncodedUtterance:
    """What a model makes of an utterance."""

    vector: np.ndarray  # float32 (dim,)
    phones: np.ndarray  # float32 (phones, inventory), distributions
    duration: float  # seconds of sound
    seconds: float  # that the model took, decoding left out


class Encodings:
    """The vectors and phones of utterances and texts by one model, kept in memory."""

    def __init__(self, model: Clasp, cache: Path = utterances.CACHE) -> None:
        """`cache` is where `utterances.prepare` keeps what it has synthesised."""
        self.model = model
        self.cache = cache
        self._utterances: dict[Utterance, EncodedUtterance] = {}
        self._texts: dict[tuple[Text, ...], EncoderOutput] = {}

    def utterances(self, asked: Sequence[Utterance]) -> list[EncodedUtterance]:
        """Encoded utterances that `utterances.prepare` has made ready; progress on stderr."""
        missing = [one for one in dict.fromkeys(asked) if one not in self._utterances]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("Encoding speech", total=len(missing))
            for batch in batched(missing, CLIPS):
                waveforms = list(utterances.waveforms(batch, self.cache))
                began = time.perf_counter()
                found = self.model.encode_speech(waveforms, return_phones=True)
                rate = (time.perf_counter() - began) / sum(one.duration for one in waveforms)
                for one, vector, phones, wave in zip(batch, found.vectors, found.phones, waveforms, strict=True):
                    self._utterances[one] = EncodedUtterance(vector, phones, wave.duration, rate * wave.duration)
                progress.advance(task, len(batch))
        return [self._utterances[one] for one in asked]

    def speech(self, asked: Sequence[Utterance]) -> EncoderOutput:
        """Vectors and phones of utterances."""
        found = self.utterances(asked)
        return EncoderOutput(np.stack([one.vector for one in found]), [one.phones for one in found])

    def texts(self, asked: Sequence[Text]) -> EncoderOutput:
        """Vectors and phones of texts, none of them empty; where no language is given, the model tells."""
        key = tuple(asked)
        if key not in self._texts:
            languages = [one.language or self.model.language_of(one.text) for one in key]
            self._texts[key] = self.model.encode_text([one.text for one in key], languages, return_phones=True)
        return self._texts[key]
