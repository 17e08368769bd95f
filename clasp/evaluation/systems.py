"""Ways to search speech, side by side: what each makes of recordings and of texts, and how it ranks them.

A system turns recordings and texts into unit vectors of one space; it may rank by more than their cosine. What can be
compared today:

    search       as the product ranks: both halves of the vectors, the phones, one calibrated probability
    direct       the meaning that the model hears, without any transcript
    sound        the phones that the model hears
    transcript   a recogniser's words, through the same text encoder
    fused        direct and transcript, the mean of the two
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from clasp.errors import ModelError
from clasp.evaluation import asr, asr_baseline
from clasp.evaluation.query_sets import Text
from clasp.evaluation.rerank import Phones, log_odds
from clasp.evaluation.retrieval import filled
from clasp.evaluation.test_sets import Utterance
from clasp.phones.alignment import pack

if TYPE_CHECKING:
    from clasp.calibration import Direction
    from clasp.evaluation.evaluate import Evaluation
    from clasp.model import EncoderOutput


class System(ABC):
    """Embeds recordings and texts, and ranks the ones by the others."""

    name: str

    @abstractmethod
    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """Vectors of recordings, float32 (n, dim), unit rows; a zero row is not found by its cosine."""

    @abstractmethod
    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        """Vectors of texts, float32 (n, dim), unit rows."""

    def rank(self, queries: Sequence[Text | Utterance], pool: Sequence[Utterance]) -> np.ndarray:
        """Scores of every recording of the pool for every query, float (n, m), the higher the better.

        Args:
            queries: all typed, or all spoken.
        """
        asked = self.encode_text(queries) if isinstance(queries[0], Text) else self.encode_speech(queries)
        return asked @ self.encode_speech(pool).T

    def knows(self, languages: set[str]) -> bool:
        """Whether it understands speech in all of these languages (BCP-47 tags)."""
        return True


class Half(System):
    """The meaning or the sound of the model's vectors."""

    def __init__(self, evaluation: "Evaluation", name: str, half: int) -> None:
        self.name = name
        self._evaluation = evaluation
        self._half = half  # of Clasp.halves

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self._evaluation.model.halves(self._evaluation.spoken(utterances).vectors)[self._half]

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        return self._evaluation.model.halves(_read(self._evaluation, texts).vectors)[self._half]


class Search(System):
    """The whole vectors, and for ranking the two stages of a search."""

    name = "search"

    def __init__(self, evaluation: "Evaluation") -> None:
        self._evaluation = evaluation

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self._evaluation.spoken(utterances).vectors

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        return _read(self._evaluation, texts).vectors

    def rank(self, queries: Sequence[Text | Utterance], pool: Sequence[Utterance]) -> np.ndarray:
        model, typed = self._evaluation.model, isinstance(queries[0], Text)
        asked = _read(self._evaluation, queries) if typed else self._evaluation.spoken(queries)
        heard = self._evaluation.spoken(pool)
        similarities = asked.vectors @ heard.vectors.T
        if model.aligner is None:
            return similarities
        phones = Phones(asked.phones, [pack(one) for one in heard.phones], not typed, True)
        kind = _kind(queries, pool)
        return filled(log_odds(model, kind, asked.vectors, heard.vectors, phones), similarities)


class Transcript(System):
    """What a recogniser writes, through the model's text encoder."""

    name = "transcript"

    def __init__(self, evaluation: "Evaluation", recogniser: str) -> None:
        """Raises ModelError if there is no such recogniser, see `asr.transcriber`."""
        asr.transcriber(recogniser)
        self._evaluation = evaluation
        self._recogniser = recogniser

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        evaluation = self._evaluation
        heard = asr_baseline.transcribe(self._recogniser, utterances, evaluation.cache)
        texts, languages = [one.text for one in heard], [one.language for one in utterances]
        return evaluation.model.halves(asr_baseline.embed(evaluation.model, texts, languages))[0]

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        return self._evaluation.model.halves(_read(self._evaluation, texts).vectors)[0]

    def knows(self, languages: set[str]) -> bool:
        return all(_understands(self._recogniser, language) for language in languages)


class Fused(System):
    """The mean of what others make of the same recording; they share the encoder of texts."""

    name = "fused"

    def __init__(self, parts: Sequence[System]) -> None:
        self._parts = parts

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        both = sum(part.encode_speech(utterances) for part in self._parts)
        return both / np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        return self._parts[0].encode_text(texts)

    def knows(self, languages: set[str]) -> bool:
        return all(part.knows(languages) for part in self._parts)


def systems(evaluation: "Evaluation", recogniser: str | None) -> list[System]:
    """All that can be compared: with a recogniser (see `asr.transcriber`) also what transcripts give."""
    direct = Half(evaluation, "direct", 0)
    found: list[System] = [Search(evaluation), direct]
    if evaluation.model.sound_dim:
        found.append(Half(evaluation, "sound", 1))
    if recogniser is not None:
        transcript = Transcript(evaluation, recogniser)
        found += [transcript, Fused((direct, transcript))]
    return found


def _read(evaluation: "Evaluation", texts: Sequence[Text]) -> "EncoderOutput":
    languages = [one.language or evaluation.model.language_of(one.text) for one in texts]
    return evaluation.written([one.text for one in texts], languages)


def _kind(queries: Sequence[Text | Utterance], pool: Sequence[Utterance]) -> "Direction":
    """Which calibration the queries are for."""
    if not isinstance(queries[0], Text):
        return "speech"
    return "text" if {one.language for one in queries} & {None, *(one.language for one in pool)} else "translation"


@cache
def _understands(recogniser: str, language: str) -> bool:
    try:
        asr.transcriber(recogniser, language)
    except ModelError:
        return False
    return True
