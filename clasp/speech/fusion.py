"""Fusion of the speech vector and the spectrogram vector into one: by concatenation or by gating.

Layers, widths and order follow the published CLASP fusion encoders (arXiv 2412.13071), which are `dim=768`.
"""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from clasp.errors import ModelError


def _branch(inputs: int, dim: int) -> nn.Sequential:
    narrow = 3 * dim // 4
    return nn.Sequential(
        nn.Linear(inputs, dim), nn.BatchNorm1d(dim), nn.ReLU(), nn.Dropout(0.15),
        nn.Linear(dim, narrow), nn.BatchNorm1d(narrow), nn.LeakyReLU(), nn.Dropout(0.1),
        nn.Linear(narrow, dim),
    )  # fmt: skip


class ConcatFusion(nn.Module):
    """Both branches side by side through three linear layers."""

    def __init__(self, speech_dim: int, image_dim: int, dim: int):
        super().__init__()
        self.speech, self.image = _branch(speech_dim, dim), _branch(image_dim, dim)
        wide, middle = 4 * dim // 3, 25 * dim // 24
        self.mix = nn.Sequential(
            nn.Linear(2 * dim, wide), nn.BatchNorm1d(wide), nn.LeakyReLU(),
            nn.Linear(wide, middle), nn.LeakyReLU(), nn.Linear(middle, dim),
        )  # fmt: skip

    def forward(self, speech: Tensor, image: Tensor) -> Tensor:
        """(batch, speech_dim), (batch, image_dim) -> (batch, dim), not normalised."""
        return self.mix(torch.cat([self.speech(speech), self.image(image)], -1))


class _Gate(nn.Module):
    """x <- input(x) * tanh(x) + forget(x) * x, each gate a linear layer."""

    def __init__(self, dim: int):
        super().__init__()
        self.input, self.forget, self.candidate = (nn.Linear(dim, dim) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        admitted = torch.sigmoid(self.input(x)) * torch.tanh(self.candidate(x))
        return admitted + torch.sigmoid(self.forget(x)) * x


class GatingFusion(nn.Module):
    """Both branches gated, then weighed against each other dimension by dimension (one softmax over both)."""

    def __init__(self, speech_dim: int, image_dim: int, dim: int):
        super().__init__()
        self.speech, self.image = _branch(speech_dim, dim), _branch(image_dim, dim)
        self.speech_gate, self.image_gate = _Gate(dim), _Gate(dim)
        self.weight = nn.Linear(2 * dim, 2 * dim)

    def forward(self, speech: Tensor, image: Tensor) -> Tensor:
        """(batch, speech_dim), (batch, image_dim) -> (batch, dim), not normalised."""
        both = torch.cat([self.speech_gate(self.speech(speech)), self.image_gate(self.image(image))], -1)
        first, second = (both * self.weight(both).softmax(-1)).chunk(2, -1)  # (batch, dim) each
        return first + second


FUSIONS = {"concat": ConcatFusion, "gating": GatingFusion}


def build(kind: str, speech_dim: int, image_dim: int, dim: int) -> nn.Module:
    """The fusion named `kind`.

    Raises:
        ModelError: if there is no such fusion.
    """
    if kind not in FUSIONS:
        raise ModelError(f"No fusion is called {kind!r}: choose one of {', '.join(FUSIONS)}.")
    return FUSIONS[kind](speech_dim, image_dim, dim)


def stored(folder: Path) -> nn.Module:
    """The trained fusion that `python -m clasp convert` wrote to `folder`, ready to use.

    Raises:
        ModelError: if the folder holds none, or its files do not belong together.
    """
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        module = build(*(config[name] for name in ("kind", "speech_dim", "image_dim", "dim")))
        module.load_state_dict(load_file(folder / "fusion.safetensors"))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"No fusion in {folder} ({error}): make it by python -m clasp convert FILE.pt {folder}"
        ) from error
    return module.eval()
