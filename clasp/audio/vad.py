"""Utterances of a recording of any length: speech found by voice activity, cut at its pauses.

    for utterance in utterances(stream("interview.mp4")):
        print(utterance.start, utterance.end, utterance.waveform.duration)

Each lasts 2 to 15 s (a file shorter than that: its whole length). What is no speech (silence, noise, music) is left
out; speech down to -60 dB of full scale is found. Speech without a pause is cut where the voice is weakest, and both
parts overlap. Memory does not grow with the length.
"""

import math
import warnings
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.audio.decode import SAMPLE_RATE, Waveform, within_full_scale
from clasp.paths import package_folder

WINDOW = 512  # samples, 32 ms: what silero-vad hears at once
CONTEXT = 64  # samples before a window that it hears as well
BLOCK = 960  # windows heard together, half a minute

QUIET, AUDIBLE = 0.01, 0.05  # loudness (RMS) below which speech is raised before it is looked for, and to what
MOST_GAIN = 1_000.0  # 60 dB
NEAR = 24  # windows on either side, 0.8 s, of which the loudest decides by how much one is raised
STEADY = 2.0  # times as loud as the softest of them; where it is no more, there is nothing but noise

SHORTEST, LONGEST = 2.0, 15.0  # seconds of an utterance
VOICED, UNVOICED = 0.5, 0.35  # probability at which speech begins, and below which it ends
LEAST_VOICED = 0.25  # seconds of speech; less is a click or a cough
PAUSE, LATE_PAUSE, LONG_PAUSE = 0.4, 0.15, 1.5  # seconds that end an utterance; a long one; one that is too short
LATE = 10.0  # seconds from which an utterance is a long one
OVERLAP = 1.0  # seconds that the parts of speech without a pause share
MARGIN = 0.15  # seconds of the pause that are kept on either side


@dataclass(frozen=True, eq=False)
class Utterance:
    """A stretch of speech."""

    start: float  # seconds from the beginning of the recording
    end: float
    waveform: Waveform


class VoiceActivity(nn.Module):
    """silero-vad's network for 16 kHz, with its weights, over many windows at a time.

    The package itself hears one window per call, which takes ten times as long; the probabilities are the same.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, 3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, 3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell = nn.LSTM(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)
        self.load_state_dict(dict(zip(self.state_dict(), _weights(), strict=True)))  # both in the order of the layers
        self.eval()
        self._state: tuple[Tensor, Tensor] | None = None
        self._context = torch.zeros(CONTEXT)

    @torch.inference_mode()
    def forward(self, samples: Tensor) -> Tensor:
        """Probabilities of speech, float32 (windows,), in what follows on what was heard before.

        Args:
            samples: float32 (windows · WINDOW,).
        """
        before = torch.cat([self._context, samples])
        self._context = before[-CONTEXT:]
        windows = before.unfold(0, CONTEXT + WINDOW, WINDOW)  # (windows, 576)
        spectrum = self.stft_conv(functional.pad(windows, (0, CONTEXT), mode="reflect")[:, None])  # (windows, 258, 4)
        real, imaginary = spectrum.chunk(2, dim=1)
        hidden = torch.hypot(real, imaginary)
        for convolution in (self.conv1, self.conv2, self.conv3, self.conv4):
            hidden = convolution(hidden).relu()  # the last: (windows, 128, 1)
        recalled, self._state = self.lstm_cell(hidden.squeeze(-1), self._state)  # (windows, 128)
        return self.final_conv(recalled.relu().unsqueeze(-1)).sigmoid().flatten()


@cache
def _weights() -> list[Tensor]:
    """Of silero-vad's network for 16 kHz, in the order of its layers."""
    with warnings.catch_warnings():  # torch.jit is deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.load(package_folder("silero_vad") / "data" / "silero_vad.jit")
    return [value for name, value in scripted.state_dict().items() if name.startswith("_model.")]


def utterances(blocks: Iterable[np.ndarray], start: float = 0.0) -> Generator[Utterance, None, None]:
    """Cut speech into utterances as it comes.

    Args:
        blocks: float32 (n,) each, 16 kHz.
        start: seconds to pass over; times still count from the beginning.
    """
    voice = VoiceActivity()
    cutter = Segmenter(round(start * SAMPLE_RATE / WINDOW))
    for samples in _evenly(blocks, cutter.position * WINDOW):
        whole = np.pad(samples, (0, -len(samples) % WINDOW))
        yield from cutter.feed(samples, voice(torch.from_numpy(audible(whole))).numpy())
    yield from cutter.finish()


class Segmenter:
    """Decides where an utterance begins and ends. Times in it are counted in windows from the beginning.

    With `patient`, a short utterance waits long for more; otherwise every pause ends one.
    """

    def __init__(self, position: int = 0, *, patient: bool = True) -> None:
        self._patient = patient
        self.position = position  # of the window that comes next
        self._samples = np.empty(0, np.float32)  # what may still be needed
        self._first = position  # window at which those begin
        self._from = position  # before it everything is settled
        self._voiced = False
        self._chances: list[float] = []  # probabilities since the utterance began
        self._begun: int | None = None  # first window of the utterance
        self._spoken = position  # window after the last one with speech

    def feed(self, samples: np.ndarray, probabilities: np.ndarray) -> Iterator[Utterance]:
        """Take what follows: float32 (n,), and (windows,) of it. Only the last may not be whole windows."""
        self._samples = np.concatenate([self._samples, samples])
        for probability in probabilities.tolist():
            self._voiced = probability >= (UNVOICED if self._voiced else VOICED)
            self.position += 1
            if self._voiced:
                self._begun = self.position - 1 if self._begun is None else self._begun
                self._spoken = self.position
            if self._begun is not None:
                self._chances.append(probability)
                yield from self._ended()
        self._forget()

    def finish(self) -> Iterator[Utterance]:
        """What is left at the end of the recording."""
        if self._begun is not None:
            yield from self._cut(self._spoken)

    @property
    def voiced(self) -> bool:
        """Whether the last window was speech."""
        return self._voiced

    def so_far(self) -> Utterance | None:
        """The beginning of the utterance that has not ended; None where there is none, or too little of it."""
        if self._begun is None or not self._enough():
            return None
        return self._utterance(max(self._from, self._begun - _windows(MARGIN), self._first), self.position)

    def ending(self) -> Utterance | None:
        """The utterance that this pause ends if it holds, exactly as it will be then; None where there is none, or
        some of it is still to come."""
        if self._begun is None or self._voiced or not self._enough():
            return None
        first, last = self._bounds(self._spoken, self._spoken + self._pause())
        return self._utterance(first, last) if last <= self.position else None

    def _ended(self) -> Iterator[Utterance]:
        if self.position - self._spoken >= self._pause():
            yield from self._cut(self._spoken)
        elif _seconds(self.position - self._beginning + 1) > LONGEST - 2 * MARGIN:
            late = len(self._chances) // 2
            weakest = self._beginning + late + int(np.argmin(self._chances[late:]))
            voiced = self._chances[weakest - self._beginning] >= UNVOICED
            kept = self._chances[weakest - self._beginning - (_windows(OVERLAP) if voiced else 0) :]
            spoken = self._spoken
            yield from self._cut(weakest, overlap=voiced)
            self._begun, self._chances, self._spoken = self.position - len(kept), kept, spoken

    def _cut(self, end: int, overlap: bool = False) -> Iterator[Utterance]:
        """The utterance up to a window; the next one begins after it, unless they may overlap."""
        first, last = self._bounds(end, self.position)
        enough = self._enough()
        self._from = last - _windows(OVERLAP) - _windows(MARGIN) if overlap else last
        self._begun, self._chances = None, []
        if enough:
            yield self._utterance(first, last)

    @property
    def _beginning(self) -> int:
        assert self._begun is not None, "no utterance has begun"
        return self._begun

    def _pause(self) -> int:
        """Windows without speech that end the utterance."""
        length = _seconds(self._spoken - self._beginning)
        pause = LONG_PAUSE if length < SHORTEST and self._patient else PAUSE if length < LATE else LATE_PAUSE
        return math.ceil(pause * SAMPLE_RATE / WINDOW)

    def _enough(self) -> bool:
        """Whether there is more speech in it than in a click or a cough."""
        return _seconds(sum(chance >= UNVOICED for chance in self._chances)) >= LEAST_VOICED

    def _bounds(self, end: int, position: int) -> tuple[int, int]:
        """First window, and the one after the last, of the utterance up to `end` that is cut at `position`."""
        margin = _windows(MARGIN)
        first, last = max(self._from, self._beginning - margin), min(position, end + margin)
        missing = _windows(SHORTEST) + 1 - (last - first)
        if missing > 0:  # silence around it makes up for what is missing
            last = min(position, last + missing // 2)
            first = max(self._from, last - _windows(SHORTEST) - 1)
            last = min(position, max(last, first + _windows(SHORTEST) + 1))
        return first, last

    def _utterance(self, first: int, last: int) -> Utterance:
        samples = self._samples[(first - self._first) * WINDOW : (last - self._first) * WINDOW]
        start = first * WINDOW / SAMPLE_RATE
        waveform = Waveform(within_full_scale(samples.copy()))
        return Utterance(start, start + waveform.duration, waveform)

    def _forget(self) -> None:
        """Let go of samples that no utterance can need any more."""
        begun = self.position if self._begun is None else self._begun
        needed = max(self._from, begun - _windows(SHORTEST))
        if needed > self._first:
            self._samples = self._samples[(needed - self._first) * WINDOW :].copy()
            self._first = needed


def audible(samples: np.ndarray) -> np.ndarray:
    """Samples, float32 (windows · WINDOW,), raised where all is quiet for a while, but for steady noise: the network
    hears no speech below -45 dB of full scale."""
    loudest, _ = _around(samples)
    lively, softest = _around(np.diff(samples, prepend=samples[:1]))  # without hum, which covers what it is under
    quiet = (loudest < QUIET) & (lively > STEADY * softest)
    if not quiet.any():
        return samples
    gains = np.log(np.where(quiet, np.minimum(MOST_GAIN, AUDIBLE / np.maximum(loudest, 1e-9)), 1))
    centres = (np.arange(len(loudest)) + 0.5) * WINDOW
    return samples * np.exp(np.interp(np.arange(len(samples)), centres, gains)).astype(np.float32)


def _around(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The loudest and the softest (RMS) near each window, (windows,) each."""
    windows = samples.reshape(-1, WINDOW)
    energies = np.einsum("wn,wn->w", windows, windows) / WINDOW
    loudness = np.sqrt(np.convolve(np.pad(energies, 1, mode="edge"), np.full(3, 1 / 3), "valid"))
    near = np.lib.stride_tricks.sliding_window_view(np.pad(loudness, NEAR, mode="edge"), 2 * NEAR + 1)
    return near.max(axis=1), near.min(axis=1)


def _evenly(blocks: Iterable[np.ndarray], skipped: int) -> Iterator[np.ndarray]:
    """The same samples without the first ones, BLOCK windows at a time; the last may be shorter."""
    size, parts, held = BLOCK * WINDOW, [], 0
    for block in blocks:
        rest = block[skipped:]
        skipped -= len(block) - len(rest)
        parts.append(rest)
        held += len(rest)
        if held >= size:
            whole = np.concatenate(parts)
            for start in range(0, held - held % size, size):
                yield whole[start : start + size]
            parts, held = [whole[held - held % size :]], held % size
    if held:
        yield np.concatenate(parts)


def _seconds(windows: int) -> float:
    return windows * WINDOW / SAMPLE_RATE


def _windows(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / WINDOW)
