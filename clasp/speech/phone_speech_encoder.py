"""Speech to meaning by way of its phones: what the bundled model does with speech.

    {"dim": 384, "speech": {"backbone": "whisper-base", "recognizer": {"width": 384, ...},
     "ngrams": {"runs": 200000, ...}, "readings": 8}}

A frozen backbone reads the waveform once; the recognizer reads phones from its features, the n-gram encoder a
meaning from the phones. The backbone's weights are not the model's own; one that is given by its sizes instead of the
name has weights of the model's.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clasp.device import autocast, cpu_has_bfloat16
from clasp.phones import inventory
from clasp.phones.encoder import pad as pad_phones
from clasp.phones.ngrams import PhoneNgramEncoder
from clasp.phones.recognizer import PhoneRecognizer
from clasp.speech.encoder import SpeechEncoder, SpeechOutput
from clasp.speech.whisper_encoder import FRAME_RATE, WhisperEncoder, log_mel

PRETRAINED = "whisper-base"
PIECE = 20 * 2 * FRAME_RATE  # spectrogram frames: longer speech is encoded in pieces of 20 s
TOGETHER = 32  # pieces


class PhoneSpeechEncoder(SpeechEncoder):
    """Waveforms to phones and meaning vectors.

    Args:
        config: as in the module's docstring.

    Raises:
        ModelError: if the weights of a pretrained backbone are not to be had.
    """

    def __init__(self, config: dict[str, Any]):
        super().__init__(config)
        settings = config["speech"]
        self.pretrained = settings["backbone"] == PRETRAINED
        if self.pretrained:
            self.backbone = WhisperEncoder.pretrained()
            if cpu_has_bfloat16():  # four times as fast as float32
                self.backbone = self.backbone.to(torch.bfloat16)
        else:
            self.backbone = WhisperEncoder(**settings["backbone"])
        taps = len(self.backbone.taps)
        self.recognizer = PhoneRecognizer(self.backbone.dim, taps, **settings["recognizer"])
        self.ngrams = PhoneNgramEncoder(**settings["ngrams"], dim=config["dim"])

    @property
    def stored(self) -> nn.Module:
        """Without a pretrained backbone."""
        return nn.ModuleDict({"recognizer": self.recognizer, "ngrams": self.ngrams}) if self.pretrained else self

    def forward(self, samples: list[Tensor]) -> SpeechOutput:
        """As any speech encoder."""
        features, moments = self.features(samples)
        recognized = self.recognize(features)
        meaning = functional.normalize(self.pool_ngrams(recognized).float(), dim=-1)
        return SpeechOutput(meaning, recognized, moments)

    def features(self, samples: list[Tensor]) -> tuple[list[list[Tensor]], Tensor]:
        """What the backbone makes of each utterance, in pieces, (frames, features) each; and the moments of its
        lowest layers, see `WhisperEncoder.moments`."""
        mels = _spectrograms(samples)
        made: list[Tensor] = []
        moments: list[Tensor] = []
        for batch in _chunks([piece for mel in mels for piece in mel], TOGETHER):
            features, of_batch = self.backbone.encode(batch)
            made += features
            moments.append(of_batch)
        pieces = iter(made)
        return [[next(pieces) for _ in mel] for mel in mels], _of_wholes(torch.cat(moments), mels)

    def moments(self, samples: list[Tensor]) -> Tensor:
        """The moments of `features`, computed by the lowest layers alone."""
        mels = _spectrograms(samples)
        batches = _chunks([piece for mel in mels for piece in mel], TOGETHER)
        return _of_wholes(torch.cat([self.backbone.moments(batch) for batch in batches]), mels)

    def recognize(self, features: list[list[Tensor]]) -> list[Tensor]:
        """Recognized phones of utterances, as distributions (phones, inventory)."""
        posteriors: list[Tensor] = []
        for batch in _chunks([piece for parts in features for piece in parts], TOGETHER):
            lengths = torch.tensor([len(piece) for piece in batch], device=batch[0].device)
            padded = nn.utils.rnn.pad_sequence(batch, batch_first=True)  # (batch, time, features)
            logits, counts = self.recognizer(padded.to(self.recognizer.head.weight.dtype), lengths)
            posteriors += [row[:count] for row, count in zip(logits.float().softmax(-1), counts.tolist(), strict=True)]
        taken, recognized = iter(posteriors), []
        for parts in features:
            whole = torch.cat([next(taken) for _ in parts])  # (time, inventory), 25 rows per second
            recognized.append(torch.from_numpy(inventory.collapse_posteriors(whole.cpu().numpy())).to(whole.device))
        return recognized

    def pool_ngrams(self, recognized: list[Tensor]) -> Tensor:
        """Meaning of recognized phones, (batch, dim), not normalised."""
        count = self.config["speech"].get("readings", 1)
        read = [torch.from_numpy(inventory.readings(one.cpu().numpy(), count)) for one in recognized]
        batch, lengths = pad_phones([one.T for one in read])  # (batch, time, readings)
        device = recognized[0].device
        return self.ngrams(batch.transpose(1, 2).to(device), lengths.to(device))


def _spectrograms(samples: list[Tensor]) -> list[tuple[Tensor, ...]]:
    """Of each utterance, in pieces."""
    with autocast(samples[0].device, torch.float32):  # quiet bins need every digit
        return [log_mel(one).split(PIECE) for one in samples]


def _of_wholes(moments: Tensor, mels: list[tuple[Tensor, ...]]) -> Tensor:
    """Moments of utterances, (batch, 2 · width), by those of their pieces."""
    parts = moments.split([len(mel) for mel in mels])
    lengths = [torch.tensor([len(piece) for piece in mel], device=moments.device)[:, None] for mel in mels]
    return torch.stack([(part * count).sum(0) / count.sum() for part, count in zip(parts, lengths, strict=True)])


def _chunks(items: list[Tensor], size: int) -> list[list[Tensor]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
