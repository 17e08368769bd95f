"""Moments of a long recording: held-out utterances of many speakers one after another, found again by their words."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from ..audio import SAMPLE_RATE
from .cases import CASES, TEXT_TO_SPEECH
from .retrieval import Result
from .testsets import Utterance, waveforms

if TYPE_CHECKING:
    from .evaluate import Evaluation

CASE = replace(next(case for case in CASES if case.name == "real-english"), directions=(TEXT_TO_SPEECH,))
ASKED = 100  # sentences
FLOOR = 0.70  # share whose moment is the first hit, of those whose utterance is the first
PAUSES = (0.5, 2.0)  # seconds between two utterances, at least and at most
OVERLAP = 0.5  # of the moment and the utterance: what they share, of what they take together
HITS = 10  # a moment that is not among them has the rank after the last


def moments(evaluation: "Evaluation") -> Result:
    """Ranks of the right moments for ASKED sentences, of those that the test CASE finds first utterance by utterance.

    What asks there makes up the recording here.
    """
    from index.ingest import ingest
    from index.library import Library
    from index.search import encode, search

    chosen = evaluation.sets[CASE.set]
    utterances = chosen.utterances[: chosen.queries]
    (alone,) = evaluation.run(CASE)
    places = np.unique(np.linspace(0, len(utterances) - 1, ASKED).astype(int))
    asked = places[alone.ranks[places] == 1].tolist()
    with tempfile.TemporaryDirectory(prefix="clasp-") as folder:
        file = Path(folder, "recording.flac")
        spans = record(file, utterances, evaluation.cache)
        with Library.create(Path(folder, "library"), evaluation.model) as library:
            for _ in ingest(library, evaluation.model, [file]):
                pass
            (recording,) = library.recordings()
            found = []
            for number in asked:
                query = encode(evaluation.model, text=utterances[number].text)
                hits = [match.segment for match in search(library, evaluation.model, query, k=HITS).matches]
                right = [overlap((hit.start, hit.end), spans[number]) >= OVERLAP for hit in hits]
                found.append(1 + (right.index(True) if True in right else HITS))
            title = f"moments of a recording of {recording.duration / 60:.0f} min, {CASE.title}"
            about = tuple(utterances[number] for number in asked)
            return Result("moments", title, TEXT_TO_SPEECH, len(library), np.array(found), {}, about, FLOOR)


def record(path: Path, utterances: tuple[Utterance, ...], cache: Path) -> list[tuple[float, float]]:
    """Write utterances one after another, in any order, with pauses between. Returns start and end of each, seconds."""
    draw = np.random.default_rng(0)
    order = draw.permutation(len(utterances)).tolist()
    spans = [(0.0, 0.0)] * len(utterances)
    position = 0
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16") as file:
        for number, waveform in zip(order, waveforms([utterances[one] for one in order], cache), strict=True):
            pause = np.zeros(round(SAMPLE_RATE * draw.uniform(*PAUSES)), np.float32)
            file.write(np.concatenate([pause, waveform.samples]))
            start = position + len(pause)
            position = start + len(waveform.samples)
            spans[number] = (start / SAMPLE_RATE, position / SAMPLE_RATE)
    return spans


def overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    """What two stretches share, of what they take together."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return max(0.0, shared) / (max(one[1], other[1]) - min(one[0], other[0]))
