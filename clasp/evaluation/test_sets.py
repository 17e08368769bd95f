"""Held-out sets: sentences and voices that training never sees, spoken once and kept under runs/eval.

    held_out = speech_set("brown", data)
    for waveform in waveforms(held_out.utterances):
        ...

The choice of sentences is fixed by hashes, so that a set is the same on every machine. Synthesised clips are
16 kHz FLAC files named by voice and text; delete the folder and they are spoken again.

Where fewer recordings are held out than a pool should have, the held-out ones ask and other recordings of the same
corpora fill the pool: of the validation split first, then of the training split. They are never asked for, only
mistaken for an answer.
"""

import csv
import functools
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import soundfile
from rich.console import Console
from rich.progress import track

from clasp.audio.decode import SAMPLE_RATE, Waveform, decode
from clasp.evaluation.distortions import Distorted
from clasp.training.data import corpora, parallel, synthesis
from clasp.training.data.corpora import Clip
from clasp.training.data.items import SPOKEN_LANGUAGES
from clasp.training.data.synthesis import HELD_OUT_VOICES, TRAINING_VOICES, Voice, espeak_voice

CACHE = Path("runs/eval")
PARAPHRASES = Path(__file__).parent / "paraphrases.tsv"
WORDS = range(5, 31)  # length of a Brown or FLORES sentence in an evaluation

T = TypeVar("T")


@dataclass(frozen=True)
class Utterance:
    """A sentence of a set: said by a synthetic voice, or recorded, or recorded and distorted."""

    text: str
    language: str  # BCP-47 tag
    source: Voice | Clip | Distorted
    category: str = ""


@dataclass(frozen=True)
class SpeechSet:
    """Utterances of distinct sentences, the pool.

    `translations[language][i]` says in writing what utterance i says: in another language, or in other words.
    The first `queries` utterances ask and are asked for, all where it is None; the rest is there to be mistaken.
    """

    utterances: tuple[Utterance, ...]
    translations: dict[str, tuple[str, ...]]
    queries: int | None = None


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
    eligible = [s for s in corpora.brown(data) if s.split == split and len(s.text.split()) in WORDS]
    category = {sentence.text: sentence.category for sentence in eligible}
    utterances = spoken(category, count, voices)
    return SpeechSet(tuple(replace(one, category=category[one.text]) for one in utterances), {})


def real(data: Path, split: str, parts: dict[str, int], pool: int = 0) -> SpeechSet:
    """Recordings of a held-out split, at most so many of each corpus; others fill up a pool of that size."""
    chosen: list[Clip] = []
    for corpus, count in parts.items():
        chosen += _fresh(data, split, (corpus,), count, chosen)
    queries = len(chosen)
    for rest in ("validation", "train"):
        chosen += _fresh(data, rest, tuple(parts), max(0, pool - len(chosen)), chosen)
    return SpeechSet(tuple(Utterance(clip.text, clip.language, clip) for clip in chosen), {}, queries)


def flores(data: Path, count: int) -> SpeechSet:
    """`count` English FLORES sentences said by training voices, translated into every language."""
    found = {text: others for text, others in flores_sentences(data).items() if len(others) == len(parallel.LANGUAGES)}
    utterances = spoken([text for text in found if len(text.split()) in WORDS], count, TRAINING_VOICES)
    return SpeechSet(
        utterances,
        {language: tuple(found[one.text][language] for one in utterances) for language in parallel.LANGUAGES},
    )


def foreign(data: Path, count: int, language: str) -> SpeechSet:
    """`count` FLORES sentences in a language other than English, each said by an espeak-ng voice of its own."""
    found = {text: others[language] for text, others in flores_sentences(data).items() if language in others}
    english = _choose([text for text in found if len(text.split()) in WORDS], count, str)
    texts = _choose([found[text] for text in english], count, str)
    return SpeechSet(tuple(Utterance(text, language, espeak_voice(language, text)) for text in texts), {})


def paraphrases(data: Path, pool: int) -> SpeechSet:
    """The pairs of paraphrases.tsv: what is said by training voices is asked for in other words.

    Held-out Brown sentences in the same voices fill up the pool.
    """
    with PARAPHRASES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    turns = (TRAINING_VOICES[number % len(TRAINING_VOICES)] for number in range(len(rows)))
    said = [Utterance(row["said"], "en", voice, row["category"]) for row, voice in zip(rows, turns, strict=True)]
    others = brown(data, "test", pool - len(rows), TRAINING_VOICES).utterances
    return SpeechSet((*said, *others), {"en": tuple(row["asked"] for row in rows)}, len(rows))


@functools.cache
def flores_sentences(data: Path) -> dict[str, dict[str, str]]:
    """The English FLORES sentences, each with its translations: language -> text. Some lack a language."""
    found: dict[str, dict[str, str]] = {}
    for pair in parallel.read(data / "parallel", parallel.FLORES, parallel.LANGUAGES):
        found.setdefault(pair.english, {})[pair.language] = pair.other
    return found


def spoken(texts: Iterable[str], count: int, voices: Sequence[Voice]) -> tuple[Utterance, ...]:
    """`count` of the sentences, the voices taking turns."""
    chosen = _choose(texts, count, lambda text: text)
    turns = (voices[index % len(voices)] for index in range(len(chosen)))
    return tuple(Utterance(text, voice.language, voice) for text, voice in zip(chosen, turns, strict=True))


EVERY = 10_000  # more recordings than a corpus holds out
SETS: dict[str, Callable[[Path], SpeechSet]] = {
    "brown": lambda data: brown(data, "test", 1000, TRAINING_VOICES),
    "brown-festival": lambda data: brown(data, "test", 1000, HELD_OUT_VOICES),
    "english": lambda data: real(data, "test", {"en-commonvoice13": EVERY, "en-speechocean": EVERY}, 1000),
    "english-300": lambda data: real(data, "test", {"en-commonvoice13": 150, "en-speechocean": 150}),
    "french": lambda data: real(data, "test", {"fr-commonvoice17": EVERY}, 500),
    "german": lambda data: real(data, "test", {"de-kerstin": EVERY}, 200),
    "dutch": lambda data: real(data, "test", {"nl-nathalie": EVERY}, 200),
    "flores": lambda data: flores(data, 500),
    "paraphrases": lambda data: paraphrases(data, 1000),
    **{f"spoken-{language}": functools.partial(foreign, count=300, language=language) for language in SPOKEN_LANGUAGES},
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
        source = utterance.source
        if isinstance(source, Distorted):
            yield source.waveform()
        else:
            yield decode(source.audio() if isinstance(source, Clip) else _path(utterance, cache))


def _fresh(data: Path, split: str, names: tuple[str, ...], count: int, taken: Iterable[Clip]) -> list[Clip]:
    """At most `count` recordings of a split whose sentences are not among those taken."""
    labels = {label(clip.text) for clip in taken}
    eligible = [clip for clip in corpora.clips(data, names) if clip.split == split]
    return _choose([clip for clip in eligible if label(clip.text) not in labels], count, lambda clip: clip.text)


def _choose(items: Iterable[T], count: int, text: Callable[[T], str]) -> list[T]:
    """At most `count` items of distinct sentences, in the order of their texts' hashes."""
    distinct = {label(text(item)): item for item in items}
    ordered = sorted(distinct, key=lambda key: hashlib.sha256(key.encode()).digest())
    return [distinct[key] for key in ordered[:count]]


def _path(utterance: Utterance, cache: Path) -> Path:
    digest = hashlib.sha256(f"{utterance.source!r} {utterance.text}".encode()).hexdigest()
    return cache / f"{digest[:20]}.flac"
