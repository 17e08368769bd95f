"""Many channels to one, none of which takes away from another."""

import numpy as np

AGAINST = -0.5  # correlation with the loudest channel from which on a channel is wired the wrong way round


def mixed(samples: np.ndarray) -> np.ndarray:
    """The mean of the channels, float32 (n,), of samples, float32 (n, channels).

    A channel that runs against the loudest one (a cable or an adapter with its poles swapped) is turned over first:
    otherwise what is said would cancel.
    """
    channels = samples.shape[1]
    if channels == 1:
        return samples[:, 0]
    loudness = np.sqrt(np.einsum("nc,nc->c", samples, samples, dtype=np.float64))  # (channels,)
    loudest = int(loudness.argmax())
    products = samples[:, loudest] @ samples  # (channels,)
    weights = np.where(products < AGAINST * loudness * loudness[loudest], -1, 1) / channels
    return samples @ weights.astype(np.float32)
