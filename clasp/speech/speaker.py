"""Who speaks: an embedding of the speaker of an utterance, from the lowest layers of the backbone.

    head = SpeakerHead.load(folder)      # of a model; None where it has none
    embeddings = head(moments)           # float32 (n, 128), unit rows

What a speaker sounds like is in the mean and the deviation over time of what the lowest layers give; phones and words
lie higher. The head is a linear map of both, learned by discriminant analysis: the cosine of two embeddings is high if
one speaker made them, near 0 or below if two did.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from clasp.errors import ModelError

FILE = "speaker.safetensors"
LEAST_SPREAD = 1e-4  # of a feature over time, lest rounding makes a square root of what is below zero


@dataclass(frozen=True, eq=False)
class SpeakerHead:
    """A linear map and what its cosines are worth.

    Attributes:
        weights: float32 (features, dim); bias: float32 (dim,).
        cluster: mean cosine from which utterances of one recording are taken to be of one speaker.
        match: cosine of mean embeddings from which speakers of two recordings are taken to be the same.
    """

    weights: np.ndarray
    bias: np.ndarray
    cluster: float
    match: float

    @property
    def dim(self) -> int:
        """Of an embedding."""
        return len(self.bias)

    @cached_property
    def checksum(self) -> str:
        """16 letters: embeddings of heads with different ones do not compare."""
        return hashlib.sha256(self.weights.astype(np.float16).tobytes() + self.bias.tobytes()).hexdigest()[:16]

    @classmethod
    def load(cls, folder: Path | None) -> "SpeakerHead | None":
        """The one in a model's folder, if it has one.

        Raises:
            ModelError: if the file is damaged.
        """
        path = None if folder is None else folder / FILE
        if path is None or not path.is_file():
            return None
        try:
            stored = load_file(path)
            weights, bias = stored["weights"].astype(np.float32), stored["bias"].astype(np.float32)
            cluster, match = stored["thresholds"].astype(float).tolist()
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ModelError(f"{path} is damaged ({error}): restore it.") from error
        if weights.ndim != 2 or bias.shape != weights.shape[1:] or not np.isfinite(weights).all():
            raise ModelError(f"{path} holds no linear map: restore it.")
        return cls(weights, bias, cluster, match)

    def save(self, folder: Path) -> None:
        """Write it to a model's folder, weights as float16."""
        thresholds = np.array([self.cluster, self.match], np.float32)
        stored = {"weights": self.weights.astype(np.float16), "bias": self.bias, "thresholds": thresholds}
        save_file(stored, folder / FILE)

    def __call__(self, moments: np.ndarray) -> np.ndarray:
        """Embeddings of utterances.

        Args:
            moments: float32 (n, features), as `WhisperEncoder.moments` gives them.

        Returns:
            float32 (n, dim), unit rows.

        Raises:
            ModelError: if the head belongs to a backbone of another width.
        """
        if moments.shape[1] != len(self.weights):
            raise ModelError(
                f"The speaker head takes {len(self.weights)} numbers of an utterance, the backbone gives "
                f"{moments.shape[1]}: train it for this model, or delete {FILE}."
            )
        return unit(features(moments) @ self.weights + self.bias)


def features(moments: np.ndarray) -> np.ndarray:
    """Means and deviations over time, float32 (n, features), from means and mean squares."""
    mean, square = np.split(moments, 2, axis=1)
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, LEAST_SPREAD**2))], 1)


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows (n, dim) at unit length, float32."""
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)
