"""Held-out sets: sentences and voices that training never sees, spoken once and kept under runs/eval.

    held_out = speech_set("brown", data)
    for waveform in waveforms(held_out.utterances):
        ...

The choice of sentences is fixed by hashes, so that a set is the same on every machine. Synthesised clips are
16 kHz FLAC files named by voice and text; delete the folder and they are spoken again.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import soundfile
from rich.console import Console
from rich.progress import track

from ..audio import SAMPLE_RATE, Waveform, decode
from ..training import corpora, parallel, synthesis
from ..training.corpora import Clip
from ..training.synthesis import HELD_OUT_VOICES, TRAINING_VOICES, Voice

CACHE = Path(__file__).parents[2] / "runs" / "eval"
WORDS = range(5, 31)  # length of a Brown or FLORES sentence in an evaluation

T = TypeVar("T")


@dataclass(frozen=True)
class Utterance:
    """A sentence of a set: said by a synthetic voice, or recorded."""

    text: str
    language: str  # BCP-47 tag
    source: Voice | Clip


@dataclass(frozen=True)
class SpeechSet:
    """Utterances of distinct sentences; `translations[language][i]` says in writing what utterance i says."""

    utterances: tuple[Utterance, ...]
    translations: dict[str, tuple[str, ...]]


def speech_set(name: str, data: Path) -> SpeechSet:
    """One of SETS.

    Args:
        data: the folder of training data, see `corpora.data_folder`.

    Raises:
        DataError: if the data is missing.
    """
    return SETS[name](data)


def label(text: str) -> str:
    """What equal texts have in common, whatever their spelling of case and punctuation."""
    return parallel.key(text)


def brown(data: Path, split: str, count: int, voices: Sequence[Voice]) -> SpeechSet:
    """`count` Brown sentences of a held-out split, the voices taking turns."""
    eligible = [s.text for s in corpora.brown(data) if s.split == split and len(s.text.split()) in WORDS]
    return SpeechSet(spoken(eligible, count, voices), {})


def real(data: Path, split: str, parts: dict[str, int]) -> SpeechSet:
    """Recordings of a held-out split: at most so many of each corpus."""
    utterances: list[Utterance] = []
    for corpus, count in parts.items():
        eligible = [clip for clip in corpora.clips(data, (corpus,)) if clip.split == split]
        taken = {label(utterance.text) for utterance in utterances}
        fresh = [clip for clip in eligible if label(clip.text) not in taken]
        chosen = _choose(fresh, count, lambda clip: clip.text)
        utterances += [Utterance(clip.text, clip.language, clip) for clip in chosen]
    return SpeechSet(tuple(utterances), {})


def flores(data: Path, count: int) -> SpeechSet:
    """`count` English FLORES sentences said by training voices, translated into every language."""
    found: dict[str, dict[str, str]] = {}
    for pair in parallel.read(data / "parallel", parallel.FLORES, parallel.LANGUAGES):
        found.setdefault(pair.english, {})[pair.language] = pair.other
    eligible = [text for text, others in found.items() if len(others) == len(parallel.LANGUAGES)]
    utterances = spoken([text for text in eligible if len(text.split()) in WORDS], count, TRAINING_VOICES)
    return SpeechSet(
        utterances,
        {language: tuple(found[one.text][language] for one in utterances) for language in parallel.LANGUAGES},
    )


def spoken(texts: Iterable[str], count: int, voices: Sequence[Voice]) -> tuple[Utterance, ...]:
    """`count` of the sentences, the voices taking turns."""
    chosen = _choose(texts, count, lambda text: text)
    turns = (voices[index % len(voices)] for index in range(len(chosen)))
    return tuple(Utterance(text, voice.language, voice) for text, voice in zip(chosen, turns, strict=True))


SETS: dict[str, Callable[[Path], SpeechSet]] = {
    "brown": lambda data: brown(data, "test", 1000, TRAINING_VOICES),
    "brown-festival": lambda data: brown(data, "test", 1000, HELD_OUT_VOICES),
    "english": lambda data: real(data, "test", {"en-commonvoice13": 150, "en-speechocean": 150}),
    "french": lambda data: real(data, "test", {"fr-commonvoice17": 200}),
    "german": lambda data: real(data, "test", {"de-kerstin": 200}),
    "dutch": lambda data: real(data, "test", {"nl-nathalie": 200}),
    "flores": lambda data: flores(data, 300),
}


def prepare(utterances: Iterable[Utterance], cache: Path = CACHE) -> None:
    """Speak what is not in the cache yet, with progress on stderr; may be interrupted and run again.

    Raises:
        DataError: if a synthesizer is missing or says nothing.
    """
    paths = {_path(u, cache): u for u in utterances if isinstance(u.source, Voice)}
    missing = {path: utterance for path, utterance in paths.items() if not path.is_file()}
    if not missing:
        return
    cache.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    for path, utterance in track(missing.items(), "Speaking held-out sentences", console=console):
        spoken = synthesis.speak(utterance.text, utterance.source)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        soundfile.write(unfinished, spoken.samples, SAMPLE_RATE, format="FLAC")
        unfinished.replace(path)


def waveforms(utterances: Iterable[Utterance], cache: Path = CACHE) -> Iterator[Waveform]:
    """The sound of each utterance, decoded one at a time; `prepare` must have been there."""
    for utterance in utterances:
        clip = utterance.source
        yield decode(clip.audio() if isinstance(clip, Clip) else _path(utterance, cache))


def _choose(items: Iterable[T], count: int, text: Callable[[T], str]) -> list[T]:
    """At most `count` items of distinct sentences, in the order of their texts' hashes."""
    distinct = {label(text(item)): item for item in items}
    ordered = sorted(distinct, key=lambda key: hashlib.sha256(key.encode()).digest())
    return [distinct[key] for key in ordered[:count]]


def _path(utterance: Utterance, cache: Path) -> Path:
    digest = hashlib.sha256(f"{utterance.source!r} {utterance.text}".encode()).hexdigest()
    return cache / f"{digest[:20]}.flac"
