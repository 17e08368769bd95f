"""A transcript of one utterance, and how far it can be trusted."""

import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

LOOP = 4  # times that the same words in a row make a loop
LOOPED = 8  # most words that repeat as one
LAUGHTER = re.compile(r"(?:[hj]+[aeiou]+h*){3,}|(?:ха|хе|ها|は|ハ|哈|呵|ㅋ|ㅎ|하){3,}|5{3,}")
LETTERS_A_SECOND = 35  # nobody speaks faster


@dataclass(frozen=True)
class Word:
    """A word as it is written, punctuation included."""

    text: str
    start: float  # seconds from the beginning of the utterance
    end: float
    probability: float


@dataclass(frozen=True)
class Transcript:
    """What a recognizer understood of an utterance; its text is '' where nobody speaks, or nothing is understood.

    Attributes:
        language: ISO 639, as the recognizer names it; '' where it did not listen.
        log_probability: mean over the tokens, natural logarithm; 0 where there are none.
        compression_ratio: of the text; what repeats itself compresses well.
        no_speech: probability that there is no speech in the window that the utterance was decoded in.
    """

    text: str
    language: str = ""
    words: tuple[Word, ...] = ()
    log_probability: float = 0.0
    compression_ratio: float = 1.0
    no_speech: float = 0.0

    @property
    def confidence(self) -> float:
        """Geometric mean of the probabilities of the tokens, 0 to 1."""
        return math.exp(self.log_probability) if self.text else 0.0


NO_TRANSCRIPT = Transcript("", no_speech=1.0)  # where there is no voice


def compression_ratio(text: str) -> float:
    """Bytes of a text by bytes of it compressed; 1 for an empty one."""
    content = text.encode()
    return len(content) / len(zlib.compress(content)) if content else 1.0


def loops(words: Sequence[object]) -> bool:
    """Whether the same one to LOOPED words come LOOP times in a row or more."""
    for size in range(1, LOOPED + 1):
        repeated = 0
        for place in range(size, len(words)):
            repeated = repeated + 1 if words[place] == words[place - size] else 0
            if repeated >= size * (LOOP - 1):
                return True
    return False


def is_implausible(text: str, seconds: float) -> bool:
    """Whether a text has no words, is laughter, or is longer than anybody could speak in that time."""
    letters = "".join(letter for letter in text.casefold() if letter.isalnum())
    if not letters or LAUGHTER.fullmatch(letters):
        return True
    return len(letters) > LETTERS_A_SECOND * seconds
