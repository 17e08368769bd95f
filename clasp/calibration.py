"""What a similarity is worth: the probability that a hit says the same as the query.

A logistic function of the two cosines, fitted on held-out pairs by `python -m clasp calibrate` and stored
with the model as calibration.json. There is one per direction: speech lies closer to speech than to text.

- "text": a typed query, a hit in the same language;
- "speech": a spoken query;
- "translation": a typed query, a hit in another language; only the meaning counts.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from .errors import ModelError

Direction = Literal["text", "speech", "translation"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True)
class Logistic:
    """p = 1 / (1 + exp(-(bias + meaning · meaning cosine + sound · sound cosine)))."""

    bias: float
    meaning: float
    sound: float
    cutoff: float  # probability below which a hit is no good match
    measured: dict[str, float] = field(default_factory=dict)  # counts and errors of the fit, for the report

    def probability(self, meaning: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """Probabilities in [0, 1] of cosines, all of one shape."""
        logits = self.bias + self.meaning * np.asarray(meaning, float) + self.sound * np.asarray(sound, float)
        return 0.5 * (1 + np.tanh(logits / 2))  # the logistic function, without overflow


@dataclass(frozen=True)
class Calibration:
    """Calibrated scores of one model.

    `false_match_rate` is the share of queries without an answer in the library for which some hit would still
    pass the cut-off.
    """

    directions: dict[str, Logistic]
    false_match_rate: float

    def probability(self, direction: Direction, meaning: np.ndarray, sound: np.ndarray) -> np.ndarray:
        """The probability, float64 in [0, 1], that each hit says the same as the query.

        Args:
            direction: which kind of query and hit, see the module.
            meaning: (n,) cosines of the meaning halves.
            sound: (n,) cosines of the sound halves; of no effect for "translation".
        """
        return self._of(direction).probability(meaning, sound)

    def cutoff(self, direction: Direction) -> float:
        """The probability below which a hit is not a good match."""
        return self._of(direction).cutoff

    def save(self, path: Path) -> None:
        """Write calibration.json."""
        text = json.dumps({"version": 1, **asdict(self)}, indent=2, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read calibration.json.

        Raises:
            ModelError: if it is missing or not what `save` writes.
        """
        remedy = "fit it with: python -m clasp calibrate --model FOLDER"
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            directions = {name: Logistic(**stored["directions"][name]) for name in DIRECTIONS}
            return cls(directions, float(stored["false_match_rate"]))
        except FileNotFoundError as error:
            raise ModelError(f"The model has no calibration ({path} is missing): {remedy}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} is not a calibration of CLASP ({error!r}): {remedy}") from error

    def _of(self, direction: Direction) -> Logistic:
        if direction not in self.directions:
            raise ValueError(f"Unknown direction {direction!r}: expected one of {', '.join(DIRECTIONS)}.")
        return self.directions[direction]
