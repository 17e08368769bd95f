"""What a trained recogniser goes on to learn from: new recordings by their texts, old ones as it recognised them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clasp.audio.decode import decode
from clasp.device import to_device
from clasp.phones import inventory
from clasp.phones.recognizer import PhoneRecogniser
from clasp.speech.encoder import PhoneSpeechEncoder
from clasp.speech.whisper_encoder import FRAME_RATE, log_mel
from clasp.training.augment import augment
from clasp.training.checkpoint import autocast
from clasp.training.data.clips import Clip
from clasp.training.data.shards import IGNORED
from clasp.training.recognizer import losses
from clasp.training.speech_features import pad

RENDERINGS = 3  # of a recording: as it is, and augmented


@dataclass(frozen=True)
class Lesson:
    """A recording: what the frozen backbone makes of each of its renderings, float16 (frames, features); phones of its
    text, int64 (n,); and for each rendering the phone at every 40 ms, int64 (ceil(frames / 2),), where those are to be
    learned instead."""

    renderings: list[np.ndarray]
    spoken: Tensor
    labels: list[Tensor] | None

    @property
    def frames(self) -> int:
        """Frames of the recording as it is."""
        return len(self.renderings[0])


def lessons(clips: Sequence[Clip], encoder: PhoneSpeechEncoder, *, repeat: bool = False) -> list[Lesson]:
    """The clips, the shortest first; with `repeat`, what the encoder recognises in them now is to be learned and not
    their texts. The backbone hears each of them once, here."""
    found = []
    for number, clip in enumerate(clips):
        device = encoder.recogniser.head.weight.device
        mel = log_mel(to_device(decode(clip.audio(), max_seconds=30).samples, device))
        with torch.inference_mode():
            renderings = encoder.backbone([mel, *_augmented(mel, number)] if not repeat else [mel])
        stored = [one.half().cpu().numpy() for one in renderings]
        spoken = torch.from_numpy(inventory.from_text(clip.text, clip.language))
        found.append(Lesson(stored, spoken, [_recognised(encoder.recogniser, stored[0])] if repeat else None))
    return sorted(found, key=lambda lesson: lesson.frames)


def draw_batch(shelves: Sequence[list[Lesson]], seconds: float, step: int) -> list[Lesson]:
    """About `seconds` of speech from each shelf, all of one length: that of any lesson of the first."""
    random = np.random.default_rng((0, step))
    length = shelves[0][random.integers(len(shelves[0]))].frames
    count = max(1, round(seconds * FRAME_RATE / length))
    batch: list[Lesson] = []
    for shelf in shelves:
        middle = int(np.searchsorted([lesson.frames for lesson in shelf], length))
        first = min(max(middle - count, 0), max(len(shelf) - 2 * count, 0))
        near = shelf[first : first + 2 * count]
        batch += [near[place] for place in random.choice(len(near), min(count, len(near)), replace=False)]
    return batch


def loss(recogniser: PhoneRecogniser, batch: Sequence[Lesson], step: int) -> Tensor:
    """How badly a batch is recognised: by frames where they are known, else by the order of the phones."""
    random = np.random.default_rng((1, step))
    device = recogniser.head.weight.device
    chosen = [int(random.integers(len(lesson.renderings))) for lesson in batch]
    features, lengths = pad([lesson.renderings[one] for lesson, one in zip(batch, chosen, strict=True)])
    with autocast():
        logits, frames = recogniser(features.to(device), lengths.to(device))
    labels = torch.full(logits.shape[:2], IGNORED)
    for row, lesson, one in zip(labels, batch, chosen, strict=True):
        if lesson.labels is not None:
            row[: len(lesson.labels[one])] = lesson.labels[one]
    by_frames, by_order = losses(logits.float(), frames, labels, [lesson.spoken for lesson in batch])
    return by_frames + by_order


def _augmented(mel: Tensor, seed: int) -> list[Tensor]:
    """Other renderings of a spectrogram (time, BINS)."""
    draw = torch.Generator().manual_seed(seed)
    batch = mel.cpu()[None].repeat(RENDERINGS - 1, 1, 1)
    unknown = torch.full((RENDERINGS - 1, -(-len(mel) // 4)), IGNORED)
    made, lengths, _ = augment(batch, torch.full((RENDERINGS - 1,), len(mel)), unknown, draw)
    longest = 30 * 2 * FRAME_RATE
    return [one[: min(length, longest)].to(mel.device) for one, length in zip(made, lengths.tolist(), strict=True)]


@torch.no_grad()
def _recognised(recogniser: PhoneRecogniser, features: np.ndarray) -> Tensor:
    """The likeliest phone, or silence, at every 40 ms: int64 (ceil(frames / 2),)."""
    device = recogniser.head.weight.device
    batch, lengths = pad([features])
    logits, _ = recogniser(batch.to(device), lengths.to(device))
    return logits[0].argmax(-1).cpu()
