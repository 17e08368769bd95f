"""Features of recordings by two frozen backbones, float16 (recordings, speech + image features), computed once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clasp.audio.decode import Waveform, decode
from clasp.device import autocast, in_batches, parameters_of, precision, to_device, usual_size
from clasp.errors import DataError
from clasp.files import sha256
from clasp.speech.fused_encoder import FusedSpeechEncoder
from clasp.training.data.clips import Clip
from clasp.training.feature_cache import CachedFeatures, cache_folder, cached_features

ANYWHERE = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")  # of a configuration, that say nothing


def of_recordings(encoder: FusedSpeechEncoder, corpora: Sequence[list[Clip]], folder: Path) -> CachedFeatures:
    """Speech features and image features of every clip side by side, (clips, speech_dim + image features).

    Args:
        encoder: without phones, with a spectrogram; on the device where it is to compute.
        corpora: clips of each.

    Raises:
        AudioError: if a recording cannot be decoded.
        DataError: if the disk has no room for them, or a backbone gives what is no number.
    """
    assert encoder.spectrogram is not None
    settings = _lasting({part: encoder.config[part] for part in ("speech", "spectrogram")})
    size = 2 * sum(map(len, corpora)) * (encoder.speech_dim + encoder.spectrogram.dim)
    home = cache_folder(folder, settings, settings, [encoder.speech, encoder.spectrogram], size)
    return cached_features(
        home, corpora, _audio_checksum, _decoded, lambda waves: _features(encoder, waves), "features"
    )


@torch.inference_mode()
def _features(encoder: FusedSpeechEncoder, waveforms: list[Waveform]) -> np.ndarray:
    """float16 (waveforms, width), in the precision that a model of this encoder has."""
    assert encoder.spectrogram is not None
    device, parameters, spectrogram = encoder.device, parameters_of(encoder), encoder.spectrogram
    rows: dict[int, Tensor] = {}

    def encode(places: list[int]) -> None:
        samples = [to_device(waveforms[place].samples, device) for place in places]
        with autocast(device, precision(device, parameters)):
            parts = [encoder.pool_states(samples), spectrogram(encoder.spectrograms(samples))]
        for place, row in zip(places, torch.cat([part.float() for part in parts], 1).cpu(), strict=True):
            rows[place] = row

    most = usual_size(device, parameters)
    in_batches([waveform.duration for waveform in waveforms], most, encode)
    found = torch.stack([rows[place] for place in range(len(waveforms))]).numpy().astype(np.float16)
    if not np.isfinite(found).all():
        raise DataError("A backbone gives numbers that are none, or above 65,504: choose another one.")
    return found


def _audio_checksum(clip: Clip) -> str:
    audio = clip.audio()
    return hashlib.sha256(audio).hexdigest() if isinstance(audio, bytes) else sha256(audio)


def _decoded(clip: Clip) -> Waveform:
    return decode(clip.audio())


def _lasting(settings: Any) -> Any:
    """Settings without what depends on where they were read."""
    if isinstance(settings, dict):
        return {name: _lasting(value) for name, value in settings.items() if name not in ANYWHERE}
    return settings
