"""Utterances side by side in windows of 30 s, which is what Whisper's decoder was trained with.

An utterance that is alone in a window costs as much as a full window, and without the window the decoder
fails: so short ones share it, half a second of silence between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from clasp.audio.decode import SAMPLE_RATE
from clasp.speech.whisper_encoder import HOP, LONGEST, LOUDEST, TRAILING_SILENCE, log_mel

FRAMES = LONGEST * SAMPLE_RATE // HOP  # of the spectrogram, in a window
SILENT = LOUDEST - 2  # what Whisper is given for the quietest bin
GAP = 0.5  # seconds of silence after an utterance
MOST = 29.0  # seconds of a window that are filled
PIECE = 28.0  # seconds of an utterance that stay together; a longer one is cut where it is quietest
QUIET = 4.0  # seconds at the end of a piece in which that may be


@dataclass(frozen=True, eq=False)
class Window:
    """What the recognizer is given: float32 (bins, FRAMES), and where in it each utterance lies, in seconds."""

    mel: np.ndarray
    spans: tuple[tuple[float, float], ...]

    @property
    def end(self) -> float:
        """Seconds of it that are filled."""
        return self.spans[-1][1]


def packed(durations: Sequence[float]) -> list[list[int]]:
    """Which utterances, of so many seconds, share a window: neighbours, as many as there is room for."""
    windows: list[list[int]] = []
    filled = MOST
    for number, duration in enumerate(durations):
        if not windows or filled + duration + GAP > MOST:
            windows.append([])
            filled = 0.0
        windows[-1].append(number)
        filled += duration + GAP
    return windows


def window(utterances: Sequence[np.ndarray], bins: int) -> Window:
    """Utterances, float32 (n,) each at 16 kHz, in one window; each is as loud in it as the others."""
    mel = np.full((FRAMES, bins), SILENT, np.float32)
    spans, first = [], 0
    for samples in utterances:
        loud = torch.from_numpy(samples / np.float32(max(np.abs(samples).max(initial=0), 1e-6)))
        part = log_mel(loud, bins).numpy()[: FRAMES - first]  # (frames, bins), the pause included
        mel[first : first + len(part)] = SILENT + 2 * part
        spans.append((first * HOP / SAMPLE_RATE, first * HOP / SAMPLE_RATE + len(samples) / SAMPLE_RATE))
        first = min(FRAMES, first + len(part) + round((GAP - TRAILING_SILENCE) * SAMPLE_RATE / HOP))
    return Window(np.ascontiguousarray(mel.T), tuple(spans))


def pieces(samples: np.ndarray) -> list[np.ndarray]:
    """Speech, float32 (n,), in parts of no more than PIECE seconds."""
    parts, most, late = [], round(PIECE * SAMPLE_RATE), round((PIECE - QUIET) * SAMPLE_RATE)
    step = SAMPLE_RATE // 10
    while len(samples) > most:
        loudness = np.abs(samples[late:most]).reshape(-1, step).mean(1)  # of every tenth of a second
        end = late + int(loudness.argmin()) * step + step // 2
        parts.append(samples[:end])
        samples = samples[end:]
    return [*parts, samples]
