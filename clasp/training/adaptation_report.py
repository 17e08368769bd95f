"""What a model finds before and after it is adapted: pairs held out, general speech, and the metrics of both."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.table import Table

from clasp.audio.decode import Waveform, decode
from clasp.evaluation.metrics import ranks, summary
from clasp.model import Clasp
from clasp.phones import inventory
from clasp.phones.edit_distance import edit_distance
from clasp.training.data import demo
from clasp.training.data.clips import Clip, letters, remove_leaks, split_of
from clasp.training.data.corpora import batched

HELD_OUT, AT_MOST = 0.2, 0.3  # share of the pairs
SPEAKERS = 5  # with fewer, no speaker is held out
POOL = 500  # pairs among which the held-out ones are looked for
GENERAL = 0.25  # share of the demo library that is measured and never trained on
BACKGROUND = 5.0  # dB by which another voice is fainter when general speech is measured: clear speech is too easy
AT_ONCE = 64  # clips decoded at a time
BOTH_WAYS = "both directions"

Metrics = dict[str, dict[str, float]]
"""By direction: hits@1, recall@10, mrr, meaning_hits@1 (by the meaning half alone), queries; "phones": error_rate."""


def hold_out(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """Clips to learn from, and clips that are held out.

    As their table says; where it does not, a fifth, by speaker where there are enough of them, else by sentence. No
    sentence is on both sides.
    """
    if any(clip.split != split_of(letters(clip.text)) for clip in clips):
        return _parted(list(clips))
    speakers = {clip.speaker for clip in clips}
    by_sentence = _parted(_split(clips, [letters(clip.text) for clip in clips]))
    if "" in speakers or len(speakers) < SPEAKERS:
        return by_sentence
    by_speaker = _parted(_split(clips, [clip.speaker for clip in clips]))
    too_few = not by_speaker[1] or len(by_speaker[0]) < len(clips) / 2  # they all read the same sentences
    return by_sentence if too_few else by_speaker


def general_speech(library: Path) -> tuple[list[Clip], list[Clip]]:
    """The one-sentence recordings of a demo library: those to be repeated in training, and those to be measured."""
    clips = [
        Clip(
            file.id, file.text, file.language, file.category, "train", file.id, "demo", file.voice, library / file.file
        )
        for file in demo.read(library / "metadata.tsv", demo.File)
        if file.kind == "sentence"
    ]
    measured = {letters(clip.text) for clip in clips if _share(letters(clip.text)) < GENERAL}
    return (
        [clip for clip in clips if letters(clip.text) not in measured],
        [clip for clip in clips if letters(clip.text) in measured],
    )


def measure(model: Clasp, asked: Sequence[Clip], others: Sequence[Clip] = (), *, background: bool = False) -> Metrics:
    """What `model` finds of the clips `asked`, in a pool of them and the first of the `others`.

    Args:
        background: whether another clip of the pool is mixed into each.
    """
    pool = [*asked, *others[: max(POOL - len(asked), 0)]]
    labels = [letters(clip.text) for clip in pool]
    texts = model.encode_text([clip.text for clip in pool], [clip.language for clip in pool])
    vectors, errors, total = [], 0, 0
    for places in batched(list(range(len(pool))), AT_ONCE):
        waves = [decode(pool[place].audio()) for place in places]
        if background:
            waves = [_with_background(wave, waves[place - 1]) for place, wave in enumerate(waves)]
        spoken = model.encode_speech(waves, return_phones=True)
        vectors.append(spoken.vectors)
        for place, recognized in zip(places, spoken.phones, strict=True):
            if place < len(asked):
                reference = inventory.from_text(pool[place].text, pool[place].language)
                errors += edit_distance(reference, recognized.argmax(-1))
                total += len(reference)
    speech = np.concatenate(vectors)
    found = _both_ways(speech, texts, labels, len(asked))
    by_meaning = _both_ways(model.halves(speech)[0], model.halves(texts)[0], labels, len(asked))
    metrics = {
        way: {name: summary(some)[name] for name in ("hits@1", "recall@10", "mrr")}
        | {"meaning_hits@1": summary(by_meaning[way])["hits@1"], "queries": len(some)}
        for way, some in found.items()
    }
    return metrics | {"phones": {"error_rate": errors / total}}


def table(before: dict[str, Metrics], after: dict[str, Metrics]) -> Table:
    """Metrics of "yours" and "general" speech, as far as they are there, for reading."""
    shown = Table(title="Before → after")
    for heading in ("speech", "direction", "queries", "HITS@1", "recall@10", "MRR", "HITS@1, meaning", "phone errors"):
        shown.add_column(heading, justify="left" if heading in ("speech", "direction") else "right")
    for speech, metrics in after.items():
        for way in ("speech→text", "text→speech"):
            old, new = before[speech][way], metrics[way]
            errors = (before[speech]["phones"]["error_rate"], metrics["phones"]["error_rate"])
            pairs = [(old[name], new[name]) for name in ("hits@1", "recall@10", "mrr", "meaning_hits@1")]
            pairs += [errors] if way == "speech→text" else []
            shown.add_row(speech, way, str(new["queries"]), *(f"{was:.3f} → {now:.3f}" for was, now in pairs))
    return shown


def _both_ways(speech: np.ndarray, texts: np.ndarray, labels: list[str], count: int) -> dict[str, np.ndarray]:
    """Ranks of the first `count` of each, looked for in all of the other; by direction, and of both together."""
    found = {
        "speech→text": ranks(speech[:count], texts, labels[:count], labels),
        "text→speech": ranks(texts[:count], speech, labels[:count], labels),
    }
    return found | {BOTH_WAYS: np.concatenate(list(found.values()))}


def _split(clips: Sequence[Clip], keys: Sequence[str]) -> list[Clip]:
    """The clips with whole keys in the test split, drawn by their hashes until they are HELD_OUT of all."""
    sizes, held, total = Counter(keys), set(), 0
    for key in sorted(sizes, key=_share):
        if total < HELD_OUT * len(clips) and total + sizes[key] <= AT_MOST * len(clips):
            held.add(key)
            total += sizes[key]
    return [replace(clip, split="test" if key in held else "train") for clip, key in zip(clips, keys, strict=True)]


def _parted(clips: list[Clip]) -> tuple[list[Clip], list[Clip]]:
    clean, _ = remove_leaks(clips)
    return [clip for clip in clean if clip.split == "train"], [clip for clip in clean if clip.split != "train"]


def _share(key: str) -> float:
    """A number from 0 to 1 that depends on the key alone, and not as its split does."""
    return int(hashlib.sha256(f"held out: {key}".encode()).hexdigest()[:8], 16) / 2**32


def _with_background(wave: Waveform, other: Waveform) -> Waveform:
    """A voice with another one behind it, both of them repeated or cut to the length of the first."""
    first, second = wave.samples, np.resize(other.samples, len(wave.samples))
    gain = 10 ** (-BACKGROUND / 20) * np.sqrt(np.mean(first**2) / max(np.mean(second**2), 1e-12))
    both = first + gain * second
    return Waveform((both / max(1.0, float(np.abs(both).max()))).astype(np.float32))
