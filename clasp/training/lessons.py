"""What a trained recogniser goes on to learn from: new recordings by their texts, and old ones as it heard them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .. import phones
from ..audio import decode
from ..mel import FRAME_RATE, log_mel
from ..recogniser import SUBSAMPLING, Recogniser, pad
from .augment import augment
from .checkpoint import autocast
from .clips import Clip
from .recogniser import losses
from .shards import IGNORED


@dataclass(frozen=True)
class Lesson:
    """A recording: spectrogram float32 (time, BINS), phones of its text int64 (n,), and the phone at every 40 ms,
    int64 (2 * ceil(time / 8),), where those are to be learned instead."""

    mel: Tensor
    said: Tensor
    labels: Tensor | None


def lessons(clips: Sequence[Clip], teacher: Recogniser | None = None) -> list[Lesson]:
    """The clips, the shortest first; with a teacher, what it hears in them is to be learned and not their texts."""
    found = []
    for clip in clips:
        mel = log_mel(decode(clip.audio()).samples)
        said = torch.from_numpy(phones.from_text(clip.text, clip.language))
        found.append(Lesson(mel, said, None if teacher is None else _heard(teacher, mel)))
    return sorted(found, key=lambda lesson: len(lesson.mel))


def draw_batch(shelves: Sequence[list[Lesson]], seconds: float, step: int) -> list[Lesson]:
    """About `seconds` of speech from each shelf, all of one length: that of any lesson of the first."""
    random = np.random.default_rng((0, step))
    length = len(shelves[0][random.integers(len(shelves[0]))].mel)
    count = max(1, round(seconds * FRAME_RATE / length))
    batch: list[Lesson] = []
    for shelf in shelves:
        middle = int(np.searchsorted([len(lesson.mel) for lesson in shelf], length))
        first = min(max(middle - count, 0), max(len(shelf) - 2 * count, 0))
        near = shelf[first : first + 2 * count]
        batch += [near[place] for place in random.choice(len(near), min(count, len(near)), replace=False)]
    return batch


def loss(recogniser: Recogniser, batch: Sequence[Lesson], step: int) -> Tensor:
    """How badly a batch is recognised: by frames where they are known, else by the order of the phones.

    In every other step it is augmented: only so are the very voices and rooms of the batch learned as well.
    """
    device = recogniser.head.weight.device
    mel, lengths = pad([lesson.mel for lesson in batch])
    labels = torch.full((len(batch), 2 * -(-mel.shape[1] // SUBSAMPLING)), IGNORED)
    for row, lesson in zip(labels, batch, strict=True):
        if lesson.labels is not None:
            row[: len(lesson.labels)] = lesson.labels
    if step % 2:
        mel, lengths, labels = augment(mel, lengths, labels, torch.Generator().manual_seed(step))
    with autocast():
        _, logits, frames = recogniser(mel.to(device), lengths.to(device))
    by_frames, by_order = losses(logits.float(), 2 * frames, labels, [lesson.said for lesson in batch])
    return by_frames + by_order


@torch.no_grad()
def _heard(recogniser: Recogniser, mel: Tensor) -> Tensor:
    """The likeliest phone, or silence, at every 40 ms: int64 (2 * ceil(time / 8),)."""
    _, logits, _ = recogniser(*pad([mel.to(recogniser.head.weight.device)]))
    return logits[0].argmax(-1).cpu()
