"""Whisper's tokens: its prompt, and words made of what it writes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

UNSPACED = frozenset(("zh", "ja", "th", "lo", "my", "km", "bo", "yue"))  # languages that put no spaces between words
OTHER_TAGS = {  # ISO 639 codes that Whisper knows under another name
    "nb": "no", "fil": "tl", "iw": "he", "jv": "jw", "cmn": "zh", "mo": "ro", "in": "id", "prs": "fa", "arb": "ar",
}  # fmt: skip
UNFINISHED = "\ufffd"  # what the first bytes of a letter look like


@dataclass(frozen=True)
class TokenSpan:
    """A word and which tokens it is written with."""

    text: str
    first: int
    last: int  # the one after it


class WhisperTokens:
    """The vocabulary of one of the Whisper models."""

    def __init__(self, path: Path) -> None:
        """Read a tokenizer.json."""
        self._tokenizer = Tokenizer.from_file(str(path))
        self.end = self._id("<|endoftext|>")
        self.without_times = self._id("<|notimestamps|>")

    @cached_property
    def languages(self) -> frozenset[str]:
        """Codes of the languages it knows."""
        names = (name[2:-2] for name in self._tokenizer.get_vocab() if name.startswith("<|") and name.endswith("|>"))
        return frozenset(name for name in names if name.isalpha() and name.islower() and 2 <= len(name) <= 3)

    def code(self, language: str) -> str:
        """Its code of a BCP-47 tag; '' if it does not know the language."""
        primary = language.lower().replace("_", "-").split("-")[0]
        code = OTHER_TAGS.get(primary, primary)
        return code if code in self.languages else ""

    def start(self, language: str) -> list[int]:
        """The prompt: to transcribe in this language."""
        return [self._id("<|startoftranscript|>"), self._id(f"<|{language}|>"), self._id("<|transcribe|>")]

    def text(self, tokens: list[int]) -> str:
        """What tokens say, those that are no text left out."""
        return self._tokenizer.decode([token for token in tokens if token < self.end])

    def words(self, tokens: list[int], language: str) -> list[TokenSpan]:
        """The words that text tokens are written with, spaces and punctuation included; of a language without spaces,
        a few letters each."""
        pieces: list[TokenSpan] = []
        first = 0
        for last in range(1, len(tokens) + 1):
            text = self._tokenizer.decode(tokens[first:last], skip_special_tokens=False)
            if UNFINISHED not in text or last == len(tokens):
                pieces.append(TokenSpan(text, first, last))
                first = last
        words: list[TokenSpan] = []
        for piece in pieces:
            begins = piece.text.startswith(" ") or (language in UNSPACED and any(map(str.isalnum, piece.text)))
            if words and not begins:
                words[-1] = TokenSpan(words[-1].text + piece.text, words[-1].first, piece.last)
            else:
                words.append(piece)
        return words

    def _id(self, name: str) -> int:
        number = self._tokenizer.token_to_id(name)
        if number is None:
            raise ValueError(f"there is no {name} in the vocabulary")
        return number


def times(alignment: list[tuple[int, int]], tokens: int, rate: int) -> np.ndarray:
    """Seconds at which each of some tokens begins, and the last one ends, float64 (tokens + 1,).

    Args:
        alignment: pairs of a token and a frame, in order.
        rate: frames per second.
    """
    if not alignment:
        return np.zeros(tokens + 1)
    token, frame = np.array(alignment).T
    begun = np.searchsorted(token, np.arange(tokens + 1)).clip(max=len(frame) - 1)
    return frame[begun] / rate
