"""How far a transcript is believed beside the direct meaning: the gate between two witnesses of one utterance.

    meaning = fuse_meaning(direct, transcript, evidence, Gate.load(folder))

Both witnesses are unit vectors in the space of meanings. The gate, a logistic function of what is known of them,
weighs the transcript's against the direct one's; where there is no transcript the direct one stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from clasp.errors import ModelError
from clasp.speech.transcript import Transcript

FILE = "gate.safetensors"
WELL = frozenset((  # languages that Whisper base writes about as well as English
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "ca", "uk", "tr", "ja", "id", "sv", "no", "da", "ro",
))  # fmt: skip
FAIRLY = frozenset(("zh", "ko", "ar", "hi", "ur", "cs", "fi", "el", "hu", "bg", "hr", "sk", "vi", "he", "ms", "gl"))
LEARNED = ("en", "de", "fr", "nl", "it", "ru", "fa", "zh", "uz")  # languages of real recordings to learn from
EVIDENCE = (  # the columns, and the weights that are used until some are learned
    ("log probability", 2.0),  # mean over the tokens
    ("repetition", -1.0),  # compression ratio above 1.5
    ("no speech", -1.0),  # probability
    ("words", 0.5),  # logarithm of one more than there are
    ("phone entropy", 0.3),  # mean over the recognized phones, nats: how unsure the direct witness is
    ("supplied", 2.5),  # 1 for a transcript that came with the recording
    ("fairly known", -0.7),  # 1 for such a language
    ("hardly known", -1.2),
    *((language, 0.0) for language in LEARNED),  # 1 for this language: how its trust differs from others'
)
BIAS = 1.4


@dataclass(frozen=True, eq=False)
class Gate:
    """Weights, float32 (len(EVIDENCE),), and bias of the logistic function."""

    weights: np.ndarray
    bias: float

    @classmethod
    def default(cls) -> "Gate":
        """One whose weights were set by hand."""
        return cls(np.array([weight for _, weight in EVIDENCE], np.float32), BIAS)

    @classmethod
    def load(cls, folder: Path | None) -> "Gate":
        """The one that was learned with a model; the default one where its folder has none.

        Raises:
            ModelError: if the file is damaged.
        """
        path = None if folder is None else folder / FILE
        if path is None or not path.is_file():
            return cls.default()
        try:
            stored = load_file(path)
            weights, bias = stored["weights"].astype(np.float32), stored["bias"].astype(np.float32)
        except (OSError, KeyError, SafetensorError) as error:
            raise ModelError(f"{path} is damaged ({error}): restore it.") from error
        if weights.ndim != 1 or len(weights) > len(EVIDENCE) or bias.size != 1 or not np.isfinite(weights).all():
            raise ModelError(f"{path} holds no {len(EVIDENCE)} weights and a bias: restore it.")
        weights = np.pad(weights, (0, len(EVIDENCE) - len(weights)))  # learned before the last columns were known
        return cls(weights, float(bias.reshape(())))

    def save(self, folder: Path) -> None:
        """Write it to a model's folder."""
        save_file({"weights": self.weights, "bias": np.array([self.bias], np.float32)}, folder / FILE)

    def transcript_weight(self, evidence: np.ndarray) -> np.ndarray:
        """The weight of each transcript, float32 (n,) between 0 and 1, by its evidence, (n, len(EVIDENCE))."""
        return (1 / (1 + np.exp(-(evidence @ self.weights + self.bias)))).astype(np.float32)


def evidence(found: Transcript, phones: np.ndarray, *, supplied: bool = False) -> np.ndarray:
    """What is known of a transcript and of the direct meaning, float32 (len(EVIDENCE),).

    Args:
        phones: distributions, float (phones, inventory), as `unpack` gives those that are stored; none for a model that
            recognizes no phones.
        supplied: whether the transcript came with the recording; its text and language are all that counts then.
    """
    language = found.language.lower().split("-")[0]
    known = supplied or language in WELL
    chances = np.clip(phones, 1e-6, 1)
    entropy = float(-(chances * np.log(chances)).sum(1).mean()) if len(phones) else 0.0
    return np.array(
        [
            0.0 if supplied else found.log_probability,
            0.0 if supplied else max(0.0, found.compression_ratio - 1.5),
            0.0 if supplied else found.no_speech,
            np.log1p(len(found.text.split())),
            entropy,
            supplied,
            not known and language in FAIRLY,
            not known and language not in FAIRLY,
            *(not supplied and language == learned for learned in LEARNED),
        ],
        np.float32,
    )


def fuse_meaning(direct: np.ndarray, transcript: np.ndarray, evidence: np.ndarray, gate: Gate) -> np.ndarray:
    """One meaning of two witnesses.

    Args:
        direct: float (n, dim), unit rows, of the speech itself.
        transcript: float (n, dim), unit rows, of the transcript; a zero row where there is no transcript.
        evidence: float (n, len(EVIDENCE)).

    Returns:
        float32 (n, dim), unit rows; those of `direct` where there is no transcript.
    """
    share = np.where(transcript.any(axis=1), gate.transcript_weight(evidence), 0.0)[:, None]
    fused = (1 - share) * direct + share * transcript
    norms = np.linalg.norm(fused, axis=1, keepdims=True)
    return np.where(norms > 1e-6, fused / np.maximum(norms, 1e-6), direct).astype(np.float32)


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Evidence of n transcripts, float32 (n, len(EVIDENCE))."""
    return np.array(rows, np.float32).reshape(-1, len(EVIDENCE))
