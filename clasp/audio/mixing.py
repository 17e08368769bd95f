"""Many channels to one, in which none takes away from another."""

import numpy as np

OFFSET = 0.1  # of a channel's loudness: from there on its mean is an offset and no sound
FAINT = 0.1  # of the loudest channel: a fainter one is no reference
IN_STEP, ALIKE = 0.95, 0.5  # correlation with the reference of the same sound at the same time, and at any other
LONGEST_LAG = 0.1  # seconds
LAG_RATE = 11_025  # Hz, or a little more, at which lags are looked for
FRAME = 0.032  # seconds
STEADY, LIVELY = 3.0, 10.0  # dB by which the frames of hiss, hum or time code differ, and those of anything else
SOFT, LOUD = 20, 90  # percentiles of the frames that are compared
TELLING = 1.0  # seconds: what is shorter is mixed as what was before it


class Mixer:
    """The mean of channels, block by block.

    A channel that has the sound of another one, but with its poles swapped (a cable) or a little later (a microphone
    farther away), is turned over and moved: otherwise what is said would cancel. Left out are offsets, and channels of
    nothing but steady noise beside one that has more.
    """

    def __init__(self) -> None:
        self._begin(channels=1)

    def _begin(self, channels: int) -> None:
        self._reference = 0  # the channel whose poles and times count as the right ones
        self._offsets = np.zeros(channels, np.float32)
        self._weights = np.full(channels, 1 / channels, np.float32)
        self._lags = np.zeros(channels, np.int64)  # samples by which each is later than the reference

    def mixed(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """One channel, float32 (n,), of what follows: float32 (n, channels) of `rate` Hz."""
        sound = np.ascontiguousarray(samples.T)  # (channels, n)
        is_telling = sound.shape[1] >= TELLING * rate
        if len(sound) != len(self._lags):
            self._begin(len(sound))
        if is_telling:
            offsets = sound.mean(axis=1)
            self._offsets = np.where(np.abs(offsets) > OFFSET * _loudness(sound), offsets, 0).astype(np.float32)
        if self._offsets.any():
            sound = sound - self._offsets[:, None]
        if len(sound) == 1:
            return sound[0]
        if is_telling:
            self._compare(sound, rate)
        mono = np.where(self._lags == 0, self._weights, 0) @ sound
        for channel in np.flatnonzero(self._lags):
            early, late = max(0, -self._lags[channel]), max(0, self._lags[channel])
            mono[early : len(mono) - late] += self._weights[channel] * sound[channel, late : len(mono) - early]
        return mono

    def _compare(self, sound: np.ndarray, rate: int) -> None:
        """Find which channels, float32 (channels, n), have the same sound, and which have none but noise."""
        size = round(FRAME * rate)
        frames = sound[:, : sound.shape[1] - sound.shape[1] % size].reshape(len(sound), -1, size)
        soft, loud = np.percentile(_loudness(frames), (SOFT, LOUD), axis=1) + 1e-6  # (channels,) each
        spans = 20 * np.log10(loud / soft)
        if spans.max() > LIVELY:
            self._weights = np.where(spans < STEADY, 0, 1 / len(sound)).astype(np.float32)
        loudness = _loudness(sound) * (self._weights != 0)
        if loudness[self._reference] <= FAINT * loudness.max():
            self._reference = int(loudness.argmax())
        self._weights, self._lags = np.abs(self._weights), np.zeros_like(self._lags)
        for channel in np.flatnonzero(loudness):
            if channel != self._reference:
                lag, correlation = _lag(sound[self._reference], sound[channel], rate)
                if abs(correlation) >= ALIKE:
                    self._lags[channel] = lag
                    self._weights[channel] *= np.sign(correlation)


def _loudness(sound: np.ndarray) -> np.ndarray:
    """Root mean square of float32 (..., n)."""
    return np.sqrt(np.einsum("...n,...n->...", sound, sound) / sound.shape[-1])


def _lag(one: np.ndarray, other: np.ndarray, rate: int) -> tuple[int, float]:
    """By how many samples the second of two channels, float32 (n,) each, is later than the first, and how they are
    correlated then: negatively where it is turned over."""
    at_once = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
    if abs(at_once) >= IN_STEP:
        return 0, at_once
    step = max(1, rate // LAG_RATE)
    count, most = len(one) // step, round(LONGEST_LAG * rate / step)
    pair = np.stack([sum(sound[start : step * count : step] for start in range(step)) for sound in (one, other)])
    spectra = np.fft.rfft(pair, 1 << (count + most).bit_length())
    products = np.fft.irfft(spectra[0].conj() * spectra[1])
    products = np.concatenate([products[-most:], products[: most + 1]])  # for lags from -most to most
    best = int(np.abs(products).argmax())
    return (best - most) * step, float(products[best] / max(1e-9, np.linalg.norm(pair[0]) * np.linalg.norm(pair[1])))
