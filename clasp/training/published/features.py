"""Features of recordings and texts by frozen backbones, computed once and kept on disk.

    FOLDER/<checksum of speech and image backbone>/…    float16 (recordings, speech + image features)
    FOLDER/<checksum of the text encoder>/…             float32 (texts, dim), unit rows

The checksums are of weights and settings: other backbones, or the same after a change, have other folders. In each
`about.json` says whose it is. How the rows of a folder are stored: feature_cache.py.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from clasp.audio.decode import Waveform, decode
from clasp.device import autocast, in_batches, parameters_of, precision, to_device, usual_size
from clasp.errors import DataError
from clasp.files import sha256
from clasp.speech.fused_encoder import FusedSpeechEncoder
from clasp.training.data.clips import Clip
from clasp.training.published.feature_cache import CachedFeatures, cached_features

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

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
    settings = _lasting({part: encoder.config[part] for part in ("speech", "spectrogram")})
    home = folder / _fingerprint(settings, encoder.speech, encoder.spectrogram)
    width = encoder.speech_dim + encoder.spectrogram.dim
    _prepare(home, settings, sum(map(len, corpora)) * width * 2)
    return cached_features(
        home, corpora, _audio_checksum, _decoded, lambda waves: _features(encoder, waves), "features"
    )


def of_texts(text: "SentenceTransformer", texts: Sequence[str], folder: Path) -> CachedFeatures:
    """Unit vectors of texts, (texts, dim).

    Raises:
        DataError: if the disk has no room for them.
    """
    settings = {"encoder": str(text), "tokens": sorted(text.tokenizer.get_vocab().items())}
    home = folder / _fingerprint(settings, text)
    _prepare(home, {"encoder": str(text)}, len(texts) * text.get_embedding_dimension() * 4)

    def compute(some: list[str]) -> np.ndarray:
        return text.encode(some, batch_size=128, normalize_embeddings=True, show_progress_bar=False).astype(np.float32)

    return cached_features(home, [texts], _text_checksum, str, compute, "texts")


@torch.inference_mode()
def _features(encoder: FusedSpeechEncoder, waveforms: list[Waveform]) -> np.ndarray:
    """float16 (waveforms, width), in the precision that a model of this encoder has."""
    device, parameters = encoder.device, parameters_of(encoder)
    rows: list[Tensor | None] = [None] * len(waveforms)

    def encode(places: list[int]) -> None:
        samples = [to_device(waveforms[place].samples, device) for place in places]
        with autocast(device, precision(device, parameters)):
            parts = [encoder.pool_states(samples), encoder.spectrogram(encoder.spectrograms(samples))]
        for place, row in zip(places, torch.cat([part.float() for part in parts], 1).cpu(), strict=True):
            rows[place] = row

    most = usual_size(device, parameters)
    in_batches([waveform.duration for waveform in waveforms], most, encode)
    found = torch.stack(rows).numpy().astype(np.float16)
    if not np.isfinite(found).all():
        raise DataError("A backbone gives numbers that are none, or above 65,504: choose another one.")
    return found


def _audio_checksum(clip: Clip) -> str:
    audio = clip.audio()
    return hashlib.sha256(audio).hexdigest() if isinstance(audio, bytes) else sha256(audio)


def _text_checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _decoded(clip: Clip) -> Waveform:
    return decode(clip.audio())


def _prepare(home: Path, about: dict[str, Any], size: int) -> None:
    """Make the folder; `size` is what all its rows would take, in bytes."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "about.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    there = sum(path.stat().st_size for path in home.glob("*.npy"))
    if shutil.disk_usage(home).free < size - there:
        raise DataError(f"The disk of {home.resolve()} has no {(size - there) / 1e6:.0f} MB left: make room, or give "
                        "another folder with --features.")  # fmt: skip


def _fingerprint(settings: dict[str, Any], *parts: nn.Module) -> str:
    """A checksum of settings and weights."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for part in parts:
        for name, value in part.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _lasting(settings: Any) -> Any:
    """Settings without what depends on where they were read."""
    if isinstance(settings, dict):
        return {name: _lasting(value) for name, value in settings.items() if name not in ANYWHERE}
    return settings
