"""What a similarity is worth: the probability that a hit says the same as the query.

A function of the two cosines and of the alignment score of the phones (see `clasp.phones.alignment`), fitted on
held-out pairs by `python -m clasp calibrate` and stored with the model as calibration.json. There is one per
direction: speech lies closer to speech than to text.

- "text": a typed query, a hit in the same language;
- "few", "word": the same for queries of two or three words, and of one (where they are not fitted, as "text");
- "speech": a spoken query;
- "translation": a typed query, a hit in another language; only the meaning counts.

Of each there is another one for hits without a transcript, whose meaning is less sure.

The fit is also the weight that the halves have by default: the better of two hits is the more probable one.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from clasp.errors import ModelError
from clasp.text.words import count as count_words

Direction = Literal["text", "few", "word", "speech", "translation"]
Witness = Literal["meaning", "sound", "words"]
TINY = 1e-300  # log of a probability of 1 would be 0, whose odds are infinite
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
WITNESSES: tuple[Witness, ...] = get_args(Witness)
SHORT = ("few", "word")  # that may be missing
FEW = 3  # words of a short query
NEVER = -50.0  # log odds


def by_length(text: str) -> Direction:
    """The direction of a typed query and a hit in its language: "text", or for a few words "few" or "word"."""
    count = count_words(text)
    return "text" if count > FEW else "few" if count > 1 else "word"


@dataclass(frozen=True)
class MatchProbability:
    """Three ways to say the same: by the meaning, by the sound, or by words of the transcript.

        p = 1 − (1 − m)(1 − s)(1 − w)
        m = σ(meaning_bias + meaning_slope · meaning)
        s = σ(sound_bias + sound_meaning_slope · meaning + sound_slope · sound + alignment_slope · alignment score)
        w = σ(word_bias + word_slope · coverage), 0 where no word is covered

    of the cosines of meaning and sound, and the share of the query's words in the transcript. Where the
    words are others, their sound is noise that no longer counts; where they are the same, it decides.
    """

    meaning_bias: float
    meaning_slope: float
    sound_bias: float
    sound_meaning_slope: float
    sound_slope: float
    alignment_slope: float
    threshold: float  # probability below which a hit is no strong match
    word_bias: float = NEVER
    word_slope: float = 0.0
    possible: float = 0.0  # probability below which a hit is no possible match either
    measured: dict[str, float] = field(default_factory=dict)  # counts and errors of the fit, for the report

    def log_odds(
        self, meaning: np.ndarray, sound: np.ndarray, alignment_score: np.ndarray, coverage: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Log odds, float64, that each hit says the same as the query: they still differ where probabilities are all
        but 1. All arguments have one shape.

        Args:
            meaning: cosines of the meaning halves.
            sound: cosines of the sound halves; of no effect across languages.
            alignment_score: of the phones; of no effect across languages.
            coverage: shares of the query's words that are in the transcripts.
        """
        none = -np.logaddexp(0, self._odds(meaning, sound, alignment_score, coverage)).sum(0)  # log of 1 − p
        return np.log(-np.expm1(np.minimum(none, -TINY))) - none

    def witness(
        self, meaning: np.ndarray, sound: np.ndarray, alignment_score: np.ndarray, coverage: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Which of WITNESSES speaks most for each hit, as its number there, int64; arguments as of `log_odds`."""
        return self._odds(meaning, sound, alignment_score, coverage).argmax(0)

    def _odds(
        self, meaning: np.ndarray, sound: np.ndarray, alignment_score: np.ndarray, coverage: np.ndarray | float
    ) -> np.ndarray:
        """Log odds by each of WITNESSES alone, float64 (3, ...)."""
        meaning = np.asarray(meaning, float)
        by_meaning = self.meaning_bias + self.meaning_slope * meaning
        by_sound = (
            self.sound_bias
            + self.sound_meaning_slope * meaning
            + self.sound_slope * np.asarray(sound, float)
            + self.alignment_slope * np.asarray(alignment_score, float)
        )
        coverage = np.asarray(coverage, float)
        by_words = np.where(coverage > 0, self.word_bias + self.word_slope * coverage, NEVER)
        return np.stack(np.broadcast_arrays(by_meaning, by_sound, by_words))

    def probability(
        self, meaning: np.ndarray, sound: np.ndarray, alignment_score: np.ndarray, coverage: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Probabilities in [0, 1], by the logistic function; arguments as of `log_odds`."""
        return 0.5 * (1 + np.tanh(self.log_odds(meaning, sound, alignment_score, coverage) / 2))


@dataclass(frozen=True)
class Calibration:
    """Calibrated scores of one model, of hits that have a transcript and of those that have none.

    `false_match_rate` is the share of queries without an answer in the library for which some hit would still
    pass the threshold.
    """

    directions: dict[Direction, MatchProbability]
    false_match_rate: float
    untranscribed: dict[Direction, MatchProbability] = field(default_factory=dict)  # none: as `directions`

    def of(self, direction: Direction, *, transcribed: bool = True) -> MatchProbability:
        """The fit of one direction, see the module, to hits that have a transcript or have none.

        Raises:
            ValueError: if there is no such direction.
        """
        if direction in SHORT and direction not in self.directions:
            direction = "text"
        if direction not in self.directions:
            raise ValueError(f"Unknown direction {direction!r}: expected one of {', '.join(DIRECTIONS)}.")
        return (
            self.directions[direction] if transcribed else self.untranscribed.get(direction, self.directions[direction])
        )

    def is_short(self, direction: Direction) -> bool:
        """Whether a query of this direction is a few words, and fitted as such."""
        return direction in SHORT and direction in self.directions

    @classmethod
    def rough(cls) -> "Calibration":
        """What the cosine of meanings is worth before anything has been measured: even odds at 0.5."""
        by_meaning = MatchProbability(-8.0, 16.0, -40.0, 0.0, 0.0, 0.0, threshold=0.5)
        return cls({direction: by_meaning for direction in DIRECTIONS}, math.nan)

    def save(self, path: Path) -> None:
        """Write calibration.json."""
        text = json.dumps({"version": 4, **asdict(self)}, indent=2, sort_keys=True)
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
            found, others = stored["directions"], stored.get("untranscribed", {})
            directions = {
                name: MatchProbability(**found[name]) for name in DIRECTIONS if name in found or name not in SHORT
            }
            untranscribed = {name: MatchProbability(**others[name]) for name in directions if name in others}
            return cls(directions, float(stored["false_match_rate"]), untranscribed)
        except FileNotFoundError as error:
            raise ModelError(f"The model has no calibration ({path} is missing): {remedy}") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{path} is not a calibration of CLASP ({error!r}): {remedy}") from error
