"""Utterances of held-out sets as a model hears them, and how long that takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress

from clasp.evaluation import test_sets
from clasp.evaluation.test_sets import Utterance
from clasp.training.data.corpora import batched

if TYPE_CHECKING:
    from clasp.model import Clasp

CLIPS = 64  # decoded and encoded at a time: 64 clips of 10 s are 40 MB


@dataclass(frozen=True, eq=False)
class Heard:
    """An utterance as the model hears it."""

    vector: np.ndarray  # float32 (dim,)
    phones: np.ndarray  # float32 (phones, inventory), distributions
    duration: float  # seconds of sound
    seconds: float  # that the model took, decoding left out


def listen(model: "Clasp", utterances: Sequence[Utterance], cache: Path = test_sets.CACHE) -> list[Heard]:
    """Embed utterances that `test_sets.prepare` has made ready; progress on stderr."""
    heard: list[Heard] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Listening", total=len(utterances))
        for batch in batched(utterances, CLIPS):
            waveforms = list(test_sets.waveforms(batch, cache))
            began = time.perf_counter()
            spoken = model.encode_speech(waveforms, return_phones=True)
            rate = (time.perf_counter() - began) / sum(waveform.duration for waveform in waveforms)
            each = zip(spoken.vectors, spoken.phones, waveforms, strict=True)
            heard += [Heard(vector, phones, one.duration, rate * one.duration) for vector, phones, one in each]
            progress.advance(task, len(batch))
    return heard
