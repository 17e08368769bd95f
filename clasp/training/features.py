"""What frozen backbones make of recordings: computed once, kept on disk.

The folder holds `manifest.json` (of which clips, by which backbones) and `shard-NNNN.npy`, float16 (SHARD, dim), which
are read as memory maps. A shard that exists is not made again.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..accelerator import to_device
from ..audio import decode
from ..errors import DataError
from ..speech_encoder import SpeechEncoder
from .checkpoint import autocast
from .clips import Clip
from .corpora import batched

SHARD, BATCH = 512, 16  # clips


@dataclass(frozen=True)
class Features:
    """Speech features and spectrogram features of clips, side by side."""

    shards: list[np.ndarray]
    speech_dim: int

    def __getitem__(self, rows: np.ndarray) -> Tensor:
        """float32 (rows, dim)."""
        return torch.from_numpy(np.stack([self.shards[row // SHARD][row % SHARD] for row in rows])).float()


def extract(encoder: SpeechEncoder, clips: list[Clip], folder: Path, backbones: dict[str, Any]) -> Features:
    """The features of every clip, computed where `folder` does not have them yet.

    Args:
        encoder: without phones, with a spectrogram.
        backbones: what tells these backbones from others, in a form that JSON can hold.

    Raises:
        AudioError: if a recording cannot be decoded.
        DataError: if the folder has features of other clips or backbones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = "".join(f"{clip.id}\t{clip.place}\t{clip.text}\n" for clip in clips)
    manifest = {"backbones": backbones, "clips": hashlib.sha256(known.encode()).hexdigest()}
    path = folder / "manifest.json"
    if path.exists() and json.loads(path.read_text()) != manifest:
        raise DataError(f"{folder} has the features of other clips or backbones: delete it or give another folder.")
    path.write_text(json.dumps(manifest, indent=1) + "\n")
    paths = []
    with ThreadPoolExecutor() as pool:
        for number, shard in enumerate(batched(clips, SHARD)):
            paths.append(folder / f"shard-{number:04d}.npy")
            if paths[-1].exists():
                continue
            waveforms = pool.map(lambda clip: decode(clip.audio()), shard)
            _write(paths[-1], _features(encoder, [waveform.samples for waveform in waveforms]))
            print(f"features: {min((number + 1) * SHARD, len(clips))} of {len(clips)} clips", flush=True)
    return Features([np.load(path, mmap_mode="r") for path in paths], encoder.speech_dim)


@torch.inference_mode()
def _features(encoder: SpeechEncoder, recordings: list[np.ndarray]) -> np.ndarray:
    rows = []
    for batch in batched(recordings, BATCH):
        samples = [to_device(recording, encoder.filters.device) for recording in batch]
        spectrograms = encoder.spectrograms(samples)
        with autocast():
            parts = [encoder.pool_states(samples), encoder.spectrogram(spectrograms)]
        rows.append(torch.cat([part.float() for part in parts], 1).cpu().numpy())
    return np.concatenate(rows).astype(np.float16)


def _write(path: Path, rows: np.ndarray) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, rows)
    os.replace(unfinished, path)
