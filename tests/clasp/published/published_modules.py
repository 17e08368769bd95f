"""Stand-ins for the authors' files: the published classes, with random weights, pickled whole as from a notebook."""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn


def branch(inputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 768), nn.BatchNorm1d(768), nn.ReLU(), nn.Dropout(0.15),
        nn.Linear(768, 576), nn.BatchNorm1d(576), nn.LeakyReLU(), nn.Dropout(0.1), nn.Linear(576, 768),
    )  # fmt: skip


class HubertLabseConcat(nn.Module):
    """As published; `mode` came later."""

    def __init__(self, mode: str | None = None):
        super().__init__()
        if mode is not None:
            self.mode = mode
        self.image_seq, self.audio_seq = branch(1000), branch(1024)
        self.mix_seq = nn.Sequential(
            nn.Linear(1536, 1024), nn.BatchNorm1d(1024), nn.LeakyReLU(),
            nn.Linear(1024, 800), nn.LeakyReLU(), nn.Linear(800, 768),
        )  # fmt: skip

    def forward(self, audio: Tensor, image: Tensor) -> Tensor:
        return self.mix_seq(torch.cat((self.audio_seq(audio), self.image_seq(image)), dim=1))


class HubertLabseGating(nn.Module):
    """As published."""

    def __init__(self) -> None:
        super().__init__()
        self.image_seq, self.text_seq = branch(1000), branch(1024)
        for name in ("text", "image"):
            setattr(self, f"input_gate_{name}", nn.Sequential(nn.Linear(768, 768), nn.Sigmoid()))
            setattr(self, f"forget_gate_{name}", nn.Sequential(nn.Linear(768, 768), nn.Sigmoid()))
            setattr(self, f"tanh_{name}", nn.Sequential(nn.Linear(768, 768), nn.Tanh()))
        self.weight = nn.Sequential(nn.Linear(1536, 1536))

    def forward(self, audio: Tensor, image: Tensor) -> Tensor:
        first, second = self.text_seq(audio), self.image_seq(image)
        first = self.input_gate_text(first) * self.tanh_text(first) + self.forget_gate_text(first) * first
        second = self.input_gate_image(second) * self.tanh_image(second) + self.forget_gate_image(second) * second
        weight = torch.softmax(self.weight(torch.cat((first, second), dim=-1)), dim=-1)
        return weight[:, :768] * first + weight[:, 768:] * second


def lived_in(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with weights and batch statistics as after training."""
    torch.manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d):
            layer.running_mean.normal_(std=0.3)
            layer.running_var.uniform_(0.5, 2)
            layer.num_batches_tracked.fill_(1234)
            nn.init.normal_(layer.weight, 1, 0.2)
            nn.init.normal_(layer.bias, 0, 0.2)
    return module.train()


def save(module: nn.Module, path: Path, **options: object) -> Path:
    """Pickle the module as a notebook does: its class is `__main__`'s."""
    main, published = sys.modules["__main__"], type(module)
    home, published.__module__ = published.__module__, "__main__"
    setattr(main, published.__name__, published)
    try:
        torch.save(module, path, **options)
    finally:
        delattr(main, published.__name__)
        published.__module__ = home
    return path
