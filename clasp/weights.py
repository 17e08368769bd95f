"""Weights of a model on disk."""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import nn

DECISIVE = (".json", ".safetensors", ".bin", ".pth", ".pt")  # suffixes of files that decide what a model finds
NOT_DECISIVE = ("calibration.json", "card.json", "speaker.safetensors")  # and those of them that do not
TABLE, SCALES = 4_000_000, ".scales"  # numbers from which on a matrix is a large table; suffix of its scales


def load_weights(module: nn.Module, path: Path) -> None:
    """Load what `save_weights` wrote; weights become float32."""
    stored = load_file(path)
    weights = {}
    for name, value in stored.items():
        if name.endswith(SCALES):
            continue
        scales = stored.get(name + SCALES)
        weights[name] = value.float() * scales.float() if scales is not None else value
        weights[name] = weights[name].float() if value.is_floating_point() else weights[name]
    module.load_state_dict(weights)


def save_weights(module: nn.Module, path: Path, full: bool) -> None:
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


def folder_checksum(folder: Path) -> str:
    """SHA-256 over weights and configuration in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in DECISIVE and path.name not in NOT_DECISIVE:
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                while block := file.read(2**22):
                    digest.update(block)
    return digest.hexdigest()
