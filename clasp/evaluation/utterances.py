"""Utterances of held-out sets, spoken by synthesizers or recorded, and their sound.

    prepare(utterances)
    for waveform in waveforms(utterances):
        ...

Synthesised clips are kept as 16 kHz FLAC files, named by voice and text; delete the folder and they are spoken again.
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

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode
from clasp.evaluation.distortions import Distorted
from clasp.training.data import parallel, synthesis
from clasp.training.data.clips import Clip
from clasp.training.data.synthesis import Voice

CACHE = Path("runs/eval")

T = TypeVar("T")


@dataclass(frozen=True)
class Utterance:
    """A sentence of a set: said by a synthetic voice, or recorded, or recorded and distorted."""

    text: str
    language: str  # BCP-47 tag
    source: Voice | Clip | Distorted
    category: str = ""


def label(text: str) -> str:
    """What equal texts have in common, whatever their spelling of case and punctuation."""
    return parallel.key(text)


def distinct(items: Iterable[T], count: int, text: Callable[[T], str]) -> list[T]:
    """At most `count` items of distinct texts, in the order of the texts' hashes: the same on every machine."""
    found = {label(text(item)): item for item in items}
    ordered = sorted(found, key=lambda key: hashlib.sha256(key.encode()).digest())
    return [found[key] for key in ordered[:count]]


def spoken(texts: Iterable[str], count: int, voices: Sequence[Voice]) -> tuple[Utterance, ...]:
    """`count` of the texts, the voices taking turns."""
    chosen = distinct(texts, count, str)
    turns = (voices[number % len(voices)] for number in range(len(chosen)))
    return tuple(Utterance(text, voice.language, voice) for text, voice in zip(chosen, turns, strict=True))


def prepare(utterances: Iterable[Utterance], cache: Path = CACHE) -> None:
    """Speak what is not in the cache yet, with progress on stderr; may be interrupted and run again.

    Raises:
        DataError: if a synthesizer is missing or says nothing.
    """
    paths = {_path(one, cache): (one.text, one.source) for one in utterances if isinstance(one.source, Voice)}
    missing = {path: spoken for path, spoken in paths.items() if not path.is_file()}
    if not missing:
        return
    cache.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    for path, (text, voice) in track(missing.items(), "Speaking held-out sentences", console=console):
        speech = synthesis.speak(text, voice)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        soundfile.write(unfinished, speech.samples, SAMPLE_RATE, format="FLAC")
        unfinished.replace(path)


def waveforms(utterances: Iterable[Utterance], cache: Path = CACHE) -> Iterator[Waveform]:
    """The sound of each utterance, decoded one at a time; `prepare` must have been there."""
    for utterance in utterances:
        source = utterance.source
        if isinstance(source, Distorted):
            yield source.waveform()
        else:
            yield decode(source.audio() if isinstance(source, Clip) else _path(utterance, cache))


def _path(utterance: Utterance, cache: Path) -> Path:
    digest = hashlib.sha256(f"{utterance.source!r} {utterance.text}".encode()).hexdigest()
    return cache / f"{digest[:20]}.flac"
