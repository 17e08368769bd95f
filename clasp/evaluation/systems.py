"""Ways to search speech, side by side: what each makes of utterances and of texts, and how it ranks them.

A system turns utterances and texts into unit vectors of one space; it may rank by more than their cosine. What is
compared:

    search          as the product ranks: fused meaning, sound, phones, one calibrated probability
    search-direct   the same without transcripts, or before they are there
    fused           direct and transcript, weighed by the model's gate
    transcript      the words that a recognizer writes, through the text encoder: the usual way to search speech
    direct          the meaning that the model hears, without any transcript
    sound           the phones that the model hears
    text            the words that were really said, through the text encoder: a recognizer without errors
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from clasp.calibration import by_length
from clasp.evaluation.encodings import Encodings
from clasp.evaluation.query_sets import Text
from clasp.evaluation.rerank import Phones, coverages, log_odds
from clasp.evaluation.transcripts import Transcripts
from clasp.evaluation.utterances import Utterance
from clasp.phones.alignment import pack, unpack
from clasp.speech.gate import evidence, fuse_meaning, stacked
from clasp.text.words import words

if TYPE_CHECKING:
    from clasp.calibration import Direction


def _by_kind(queries: Sequence[Text | Utterance]) -> tuple[list[Text], list[Utterance]]:
    """Typed and spoken ones."""
    return [one for one in queries if isinstance(one, Text)], [one for one in queries if isinstance(one, Utterance)]


class System(ABC):
    """Embeds utterances and texts, and ranks the ones by the others."""

    name: str
    calibrated = False  # whether its scores are log odds that an utterance says the same as the query

    def __init__(self, encodings: Encodings) -> None:
        self._encodings = encodings
        self._model = encodings.model

    @abstractmethod
    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """Vectors of utterances, float32 (n, dim), unit rows; a zero row is not found by its cosine."""

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        """Vectors of texts, float32 (n, dim), unit rows; their meaning unless a system says otherwise."""
        return self._model.halves(self._encodings.texts(texts).vectors)[0]

    def rank(self, queries: Sequence[Text | Utterance], pool: Sequence[Utterance]) -> np.ndarray:
        """Scores of every utterance of the pool for every query, float (n, m), the higher the better.

        Args:
            queries: all typed, or all spoken.
        """
        typed, spoken = _by_kind(queries)
        asked = self.encode_text(typed) if typed else self.encode_speech(spoken)
        return asked @ self.encode_speech(pool).T

    def knows(self, languages: set[str]) -> bool:
        """Whether it understands speech in all of these languages (BCP-47 tags)."""
        return True


class Direct(System):
    """The meaning half of the model's vectors."""

    name = "direct"

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self._model.halves(self._encodings.speech(utterances).vectors)[0]


class Sound(System):
    """The sound half of the model's vectors."""

    name = "sound"

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self._model.halves(self._encodings.speech(utterances).vectors)[1]

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        return self._model.halves(self._encodings.texts(texts).vectors)[1]


class TrueText(System):
    """What is really said, as if it had been transcribed without errors."""

    name = "text"

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self.encode_text([Text(one.text, one.language) for one in utterances])


class Transcribed(System):
    """What a recognizer writes; a zero row where it understands nothing."""

    name = "transcript"

    def __init__(self, encodings: Encodings, transcripts: Transcripts) -> None:
        super().__init__(encodings)
        self.transcripts = transcripts

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        found = self.transcripts.of(utterances)
        rows = [row for row, one in enumerate(found) if one.text.strip()]
        vectors = np.zeros((len(found), self._model.meaning_dim), np.float32)
        if rows:
            vectors[rows] = self.encode_text([Text(found[row].text, utterances[row].language) for row in rows])
        return vectors

    def knows(self, languages: set[str]) -> bool:
        return self.transcripts.knows(languages)


class Fused(Transcribed):
    """Both witnesses, weighed by the model's gate, as a library weighs them."""

    name = "fused"

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        direct = self._model.halves(self._encodings.speech(utterances).vectors)[0]
        return fuse_meaning(direct, super().encode_speech(utterances), self.evidence(utterances), self._model.gate)

    def evidence(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """What the gate knows of each, float32 (n, len(EVIDENCE)); the phones are as a library stores them."""
        phones, found = self._encodings.speech(utterances).phones, self.transcripts.of(utterances)
        return stacked([evidence(one, unpack(pack(own))) for one, own in zip(found, phones, strict=True)])


class DirectSearch(System):
    """The two stages of a search in a library without transcripts; by the cosine alone for a model without phones."""

    name = "search-direct"

    def __init__(self, encodings: Encodings) -> None:
        super().__init__(encodings)
        self.calibrated = self._model.aligner is not None

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return self._encodings.speech(utterances).vectors

    def encode_text(self, texts: Sequence[Text]) -> np.ndarray:
        return self._encodings.texts(texts).vectors

    def rank(self, queries: Sequence[Text | Utterance], pool: Sequence[Utterance]) -> np.ndarray:
        typed, spoken = _by_kind(queries)
        asked = self._encodings.texts(typed) if typed else self._encodings.speech(spoken)
        vectors = self.encode_speech(pool)
        if not self.calibrated:
            return asked.vectors @ vectors.T
        packed = [pack(one) for one in self._encodings.speech(pool).phones]
        odds = np.empty((len(queries), len(pool)))
        kinds = np.array([kind(query, pool) for query in queries])
        written = self.transcripts(pool)
        known, transcribed = [frozenset(words(text)) for text in written], np.array([bool(text) for text in written])
        for one in set(kinds.tolist()):
            rows = np.flatnonzero(kinds == one).tolist()
            phones = Phones([asked.phones[row] for row in rows], packed, not typed, True)
            covered = coverages([queries[row].text for row in rows], known) if typed else None
            odds[rows] = log_odds(self._model, one, asked.vectors[rows], vectors, phones, covered, transcribed)
        return odds

    def transcripts(self, utterances: Sequence[Utterance]) -> list[str]:
        """The transcripts that a library would have of utterances, "" where it has none."""
        return [""] * len(utterances)


class Search(DirectSearch):
    """The same in a library whose transcripts are there. A spoken query has none."""

    name = "search"

    def __init__(self, encodings: Encodings, fused: Fused) -> None:
        super().__init__(encodings)
        self._fused = fused

    def encode_speech(self, utterances: Sequence[Utterance]) -> np.ndarray:
        vectors, meaning_dim = super().encode_speech(utterances).copy(), self._model.meaning_dim
        lengths = np.linalg.norm(vectors[:, :meaning_dim], axis=1, keepdims=True)
        vectors[:, :meaning_dim] = lengths * self._fused.encode_speech(utterances)
        return vectors

    def transcripts(self, utterances: Sequence[Utterance]) -> list[str]:
        return [one.text.strip() for one in self._fused.transcripts.of(utterances)]

    def knows(self, languages: set[str]) -> bool:
        return self._fused.knows(languages)


def systems(encodings: Encodings, transcripts: Transcripts | None) -> list[System]:
    """All that can be compared: those that need transcripts only if there are any."""
    found: list[System] = [DirectSearch(encodings), Direct(encodings), TrueText(encodings)]
    if encodings.model.sound_dim:
        found.insert(2, Sound(encodings))
    if transcripts is not None:
        fused = Fused(encodings, transcripts)
        found = [Search(encodings, fused), fused, Transcribed(encodings, transcripts), *found]
    return found


def kind(query: Text | Utterance, pool: Sequence[Utterance]) -> "Direction":
    """Which calibration a query is for."""
    if not isinstance(query, Text):
        return "speech"
    return by_length(query.text) if query.language in {None, *(one.language for one in pool)} else "translation"
