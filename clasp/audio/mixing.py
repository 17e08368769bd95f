"""Many channels to one, none of which takes away from another."""

import numpy as np

AGAINST = -0.5  # correlation with the reference from which on a channel is wired the wrong way round
FAINT = 0.1  # of the loudest channel: a fainter one is no reference


class Mixer:
    """The mean of channels, block by block.

    A channel that runs against another one (a cable or an adapter with its poles swapped) is turned over first:
    otherwise what is said would cancel.
    """

    def __init__(self) -> None:
        self._reference = 0  # the channel whose poles count as the right ones

    def mixed(self, samples: np.ndarray) -> np.ndarray:
        """One channel, float32 (n,), of what follows: float32 (n, channels)."""
        channels = samples.shape[1]
        if channels == 1:
            return samples[:, 0]
        loudness = np.sqrt(np.einsum("nc,nc->c", samples, samples, dtype=np.float64))  # (channels,)
        if self._reference >= channels or loudness[self._reference] < FAINT * loudness.max():
            self._reference = int(loudness.argmax())
        products = samples[:, self._reference] @ samples  # (channels,)
        against = products < AGAINST * loudness * loudness[self._reference]
        return samples @ (np.where(against, -1, 1) / channels).astype(np.float32)
