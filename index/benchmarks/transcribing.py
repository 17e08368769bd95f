"""How fast speech is transcribed, packed into full windows and one utterance a window, and how many words are wrong."""

import time
from collections import defaultdict
from collections.abc import Sequence

from clasp.audio.decode import Waveform, decode
from clasp.errors import DataError
from clasp.evaluation.recognizers import word_error_rate
from clasp.speech.transcriber import Transcriber
from clasp.training.data import corpora
from index.benchmarks.benchmark import Figure

SPEED = 30  # times as fast as it lasts: what is asked for
CORPORA = ("en-commonvoice13", "de-kerstin", "fr-commonvoice17", "nl-nathalie")
LANGUAGES = ("en", "de", "fr", "nl")
ALONE = 8  # utterances that are also heard one a window

Spoken = tuple[Waveform, str, str]  # with its text and BCP-47 tag


def transcribing(count: int, data: str | None = None) -> list[Figure]:
    """Speed and word errors by language, of the transcriber that is set.

    Args:
        count: utterances of each language: real ones of the validation split where the training data lies in `data`,
            else those of the demo library.
    """
    transcriber = Transcriber.load()
    if transcriber is None:
        raise DataError("CLASP_TRANSCRIBER is none: name a transcriber to measure it.")
    by_language: dict[str, list[Spoken]] = defaultdict(list)
    for one in _spoken(count, data):
        by_language[one[2]].append(one)
    rows, sounds, seconds = [], 0.0, 0.0
    for language, spoken in by_language.items():
        waveforms = [waveform for waveform, _, _ in spoken]
        texts, taken = _timed(transcriber, waveforms, language)
        wrong = word_error_rate([text for _, text, _ in spoken], texts)
        length = sum(one.duration for one in waveforms)
        sounds, seconds = sounds + length, seconds + taken
        rows.append(
            Figure(f"{language}: {len(spoken)} utterances, {length:.0f} s", f"{length / taken:.0f}×, {wrong:.1%} wrong")
        )
    few = [waveform for waveform, _, _ in next(iter(by_language.values()))[:ALONE]]
    _, alone = _timed(transcriber, few, next(iter(by_language)), alone=True)
    speed = sounds / seconds
    return [
        Figure(
            f"transcribe by {transcriber.name}, packed", f"{speed:.0f} times as fast as it lasts", f"≥ {SPEED} times",
            speed >= SPEED,
        ),
        Figure("the same, one utterance a window", f"{sum(one.duration for one in few) / alone:.0f} times"),
        *rows,
    ]  # fmt: skip


def _timed(
    transcriber: Transcriber, waveforms: Sequence[Waveform], language: str, *, alone: bool = False
) -> tuple[list[str], float]:
    """Texts, and the seconds that they took."""
    began = time.perf_counter()
    groups = [[one] for one in waveforms] if alone else [waveforms]
    texts = [found.text for group in groups for found in transcriber.transcribe(group, language)]
    return texts, time.perf_counter() - began


def _spoken(count: int, data: str | None) -> list[Spoken]:
    """So many utterances of each language."""
    chosen: dict[str, list[Spoken]] = defaultdict(list)
    try:
        clips = [one for one in corpora.clips(data, CORPORA) if one.split == "validation"]
    except DataError:
        return _of_the_demo_library(count)
    for one in clips:
        if len(chosen[one.language]) < count:
            chosen[one.language].append((decode(one.audio()), one.text, one.language))
    return [one for found in chosen.values() for one in found]


def _of_the_demo_library(count: int) -> list[Spoken]:
    from index.demo import DEMO, read

    recordings, segments = read(DEMO)
    places = {one.id: DEMO / one.path for one in recordings if one.text}
    whole = [one for one in segments if one.start == 0 and one.recording in places]
    chosen: dict[str, list[Spoken]] = defaultdict(list)
    for one in whole:
        if one.language in LANGUAGES and len(chosen[one.language]) < count:
            chosen[one.language].append((decode(places[one.recording]), one.text, one.language))
    return [one for found in chosen.values() for one in found]
