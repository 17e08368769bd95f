"""Utterances in which several people speak without a pause, cut where the next one begins.

for part in parts(utterance, [12.4]):
    print(part.start, part.end, part.waveform.duration)
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from clasp.audio.decode import SAMPLE_RATE, Waveform
from clasp.audio.vad import Utterance

REACH = 0.8  # seconds before and after the time at which somebody is thought to begin
FRAME = 160  # samples, 10 ms
QUIET = 15  # frames of a moment between two people
FAR = 2.0  # by how much louder, as a logarithm, a moment may be that is a second nearer
SHORTEST = 0.5  # seconds of a part


def parts(utterance: Utterance, changes: Sequence[float]) -> list[Utterance]:
    """The parts of an utterance, cut at the quietest moments near those at which somebody else goes on speaking; one,
    where there is no room for more.

    Args:
        changes: about when, in seconds of the recording.
    """
    samples, start = utterance.waveform.samples, utterance.start
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    around = np.pad(np.log(frames.std(axis=1) + 1e-5), QUIET // 2, mode="edge")
    loudness = np.convolve(around, np.full(QUIET, 1 / QUIET), "valid")  # (len(frames),)
    shortest = round(SHORTEST * SAMPLE_RATE / FRAME)
    cuts = [0]  # frames
    for about in sorted(changes):
        change, reach = (round(seconds * SAMPLE_RATE / FRAME) for seconds in (about - start, REACH))
        first, last = max(change - reach, cuts[-1] + shortest), min(change + reach, len(frames) - shortest)
        if first <= change < last:  # nearer to either end, it is there that somebody else begins
            away = np.abs(np.arange(first, last) - change) * FRAME / SAMPLE_RATE
            cuts.append(first + int((loudness[first:last] + FAR * away).argmin()))
    bounds = [*(cut * FRAME for cut in cuts), len(samples)]
    return [
        Utterance(start + begin / SAMPLE_RATE, start + end / SAMPLE_RATE, Waveform(samples[begin:end]))
        for begin, end in pairwise(bounds)
    ]
