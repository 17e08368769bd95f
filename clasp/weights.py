"""Weights of a model on disk."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from .errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DECIDE = (".json", ".safetensors", ".bin", ".pth", ".pt")  # files that decide what a model finds
APART = ("calibration.json", "card.json")  # and those of them that do not


def fill(module: nn.Module, path: Path) -> None:
    """Load what `store` wrote; weights become float32."""
    weights = {name: value.float() if value.is_floating_point() else value for name, value in load_file(path).items()}
    module.load_state_dict(weights)


def store(module: nn.Module, path: Path, full: bool) -> None:
    """Write the weights, as float16 unless they are wanted in `full`."""
    weights = {
        name: (value.half() if value.is_floating_point() and not full else value).contiguous().cpu()
        for name, value in module.state_dict().items()
    }
    save_file(weights, path)


def checksum(folder: Path) -> str:
    """SHA-256 over weights and configuration in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in DECIDE and path.name not in APART:
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                while block := file.read(2**22):
                    digest.update(block)
    return digest.hexdigest()


def text_encoder(folder: Path) -> "SentenceTransformer":
    """The text encoder that sentence-transformers saved to a folder."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not folder.is_dir():
        raise ModelError(f"No text encoder in {folder}: restore the folder.")
    kwargs = {"dtype": torch.float32}
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=kwargs)
