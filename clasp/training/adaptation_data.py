"""What a trained recognizer goes on to learn from: new recordings by their texts, old ones by pseudo-labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clasp.audio.decode import decode
from clasp.device import to_device
from clasp.phones import inventory
from clasp.phones.recognizer import PhoneRecognizer
from clasp.speech.phone_speech_encoder import PhoneSpeechEncoder
from clasp.speech.whisper_encoder import FRAME_RATE, log_mel
from clasp.training.augment import augment
from clasp.training.checkpoint import autocast
from clasp.training.data.clips import Clip
from clasp.training.data.shards import IGNORED
from clasp.training.recognizer import losses
from clasp.training.speech_features import pad

RENDERINGS = 3  # of a recording: as it is, and augmented


@dataclass(frozen=True)
class AdaptationExample:
    """A recording: features of each of its renderings by the frozen backbone, float16 (frames, features); phones of
    its text, int64 (n,); and for each rendering the phone at every 40 ms, int64 (ceil(frames / 2),), where those are to
    be learned instead."""

    renderings: list[np.ndarray]
    phones: Tensor
    frame_labels: list[Tensor] | None

    @property
    def frames(self) -> int:
        """Frames of the recording as it is."""
        return len(self.renderings[0])


def examples(
    clips: Sequence[Clip], encoder: PhoneSpeechEncoder, *, pseudo_labels: bool = False
) -> list[AdaptationExample]:
    """The clips, the shortest first; with `pseudo_labels`, what the encoder recognizes in them now is to be learned
    instead of their texts. The features of each are computed once, here."""
    found = []
    for number, clip in enumerate(clips):
        device = encoder.recognizer.head.weight.device
        mel = log_mel(to_device(decode(clip.audio(), max_seconds=30).samples, device))
        with torch.inference_mode():
            renderings = encoder.backbone([mel] if pseudo_labels else [mel, *_augmented(mel, number)])
        stored = [one.half().cpu().numpy() for one in renderings]
        phones = torch.from_numpy(inventory.from_text(clip.text, clip.language))
        labels = [_recognized(encoder.recognizer, stored[0])] if pseudo_labels else None
        found.append(AdaptationExample(stored, phones, labels))
    return sorted(found, key=lambda example: example.frames)


def draw_batch(sources: Sequence[list[AdaptationExample]], seconds: float, step: int) -> list[AdaptationExample]:
    """About `seconds` of speech from each source, all of one length: that of any example of the first."""
    rng = np.random.default_rng((0, step))
    length = sources[0][rng.integers(len(sources[0]))].frames
    count = max(1, round(seconds * FRAME_RATE / length))
    batch: list[AdaptationExample] = []
    for source in sources:
        middle = int(np.searchsorted([example.frames for example in source], length))
        first = min(max(middle - count, 0), max(len(source) - 2 * count, 0))
        near = source[first : first + 2 * count]
        batch += [near[place] for place in rng.choice(len(near), min(count, len(near)), replace=False)]
    return batch


def loss(recognizer: PhoneRecognizer, batch: Sequence[AdaptationExample], step: int) -> Tensor:
    """How badly a batch is recognized: by frames where they are known, else by the order of the phones."""
    rng = np.random.default_rng((1, step))
    device = recognizer.head.weight.device
    chosen = [int(rng.integers(len(example.renderings))) for example in batch]
    features, lengths = pad([example.renderings[one] for example, one in zip(batch, chosen, strict=True)])
    with autocast():
        logits, frames = recognizer(features.to(device), lengths.to(device))
    labels = torch.full(logits.shape[:2], IGNORED)
    for row, example, one in zip(labels, batch, chosen, strict=True):
        if example.frame_labels is not None:
            row[: len(example.frame_labels[one])] = example.frame_labels[one]
    by_frames, by_order = losses(logits.float(), frames, labels, [example.phones for example in batch])
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
def _recognized(recognizer: PhoneRecognizer, features: np.ndarray) -> Tensor:
    """The likeliest phone, or silence, at every 40 ms: int64 (ceil(frames / 2),)."""
    device = recognizer.head.weight.device
    batch, lengths = pad([features])
    logits, _ = recognizer(batch.to(device), lengths.to(device))
    return logits[0].argmax(-1).cpu()
