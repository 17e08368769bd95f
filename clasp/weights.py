"""Weights of a model on disk."""

import hashlib
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from clasp.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DECIDE = (".json", ".safetensors", ".bin", ".pth", ".pt")  # files that decide what a model finds
APART = ("calibration.json", "card.json")  # and those of them that do not
TABLE, SCALES = 4_000_000, ".scales"  # numbers from which on a matrix is a large table; where its scales are kept


def fill(module: nn.Module, path: Path) -> None:
    """Load what `store` wrote; weights become float32."""
    stored = load_file(path)
    weights = {}
    for name, value in stored.items():
        if name.endswith(SCALES):
            continue
        scales = stored.get(name + SCALES)
        weights[name] = value.float() * scales.float() if scales is not None else value
        weights[name] = weights[name].float() if value.is_floating_point() else weights[name]
    module.load_state_dict(weights)


def store(module: nn.Module, path: Path, full: bool) -> None:
    """Write the weights: unless they are wanted in `full`, as float16, large tables in 8 bits with a scale a row."""
    weights: dict[str, torch.Tensor] = {}
    for name, weight in module.state_dict().items():
        value = weight.detach().cpu().contiguous()
        if full or not value.is_floating_point():
            weights[name] = value
        elif value.ndim == 2 and value.numel() >= TABLE:
            scales = (value.abs().amax(1, keepdim=True) / 127).clamp(min=1e-6).half()  # (rows, 1)
            weights[name] = (value / scales.float()).round().clamp(-127, 127).to(torch.int8)
            weights[name + SCALES] = scales
        else:
            weights[name] = value.half()
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
    # that it puts "query: " before every text is its own affair
    getLogger("sentence_transformers.base.model").setLevel(ERROR)
    kwargs = {"dtype": torch.float32}
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=kwargs)
