"""The language of each window of a recording: detected in it, and judged in the light of the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

PRIOR = 1e-3  # share of a recording that a language is taken to have before it was detected


@dataclass
class LanguageTally:
    """The languages of a recording, as far as they were detected; what comes later is judged in their light.

    A window keeps a language of its own if that is clear: people switch.
    """

    seconds: dict[str, float] = field(default_factory=dict)

    def choose(self, detected: dict[str, float]) -> str:
        """The language of a window, given the probabilities that were detected."""
        total = sum(self.seconds.values())
        if not total:
            return max(detected, key=detected.__getitem__)
        return max(detected, key=lambda code: detected[code] * math.sqrt(self.seconds.get(code, 0.0) / total + PRIOR))

    def add(self, language: str, seconds: float) -> None:
        """A window of so many seconds was in this language."""
        self.seconds[language] = self.seconds.get(language, 0.0) + seconds

    def merged(self, detected: Sequence[dict[str, float]], seconds: Sequence[float]) -> "LanguageTally":
        """This one, with what was detected in some windows of so many seconds."""
        merged = LanguageTally(dict(self.seconds))
        for found, length in zip(detected, seconds, strict=True):
            for code, share in found.items():
                merged.add(code, share * length)
        return merged
