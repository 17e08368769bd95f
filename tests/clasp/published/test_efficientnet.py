"""torchvision's EfficientNet, restated in its own layout, and transformers' with its weights agree."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from clasp.errors import ModelError
from clasp.published import efficientnet
from clasp.speech.backbones import build
from tests.clasp.networks import awake

SMALL = {"model_type": "efficientnet", "width_coefficient": 0.5, "depth_coefficient": 1.2, "hidden_dim": 640,
         "num_labels": 10}  # fmt: skip
STAGES = [(1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
          (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1)]  # fmt: skip


def rounded(channels: float) -> int:
    new = max(8, int(channels + 4) // 8 * 8)
    return new + 8 if new < 0.9 * channels else new


def unit(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, active: bool = True
) -> nn.Sequential:
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3),
    ]
    return nn.Sequential(*layers, *([nn.SiLU()] if active else []))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.fc2(nn.functional.silu(self.fc1(x.mean((2, 3), keepdim=True))))
        return x * scale.sigmoid()


class MBConv(nn.Module):
    def __init__(self, expand: int, kernel: int, stride: int, inputs: int, outputs: int):
        super().__init__()
        wide = inputs * expand
        self.around = stride == 1 and inputs == outputs
        self.block = nn.Sequential(
            *([unit(inputs, wide, 1)] if expand != 1 else []),
            unit(wide, wide, kernel, stride, wide),
            SqueezeExcitation(wide, max(1, inputs // 4)),
            unit(wide, outputs, 1, active=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x) if self.around else self.block(x)


class Reference(nn.Module):
    """As torchvision builds it."""

    def __init__(self, width: float, depth: float, top: int, classes: int):
        super().__init__()
        layers: list[nn.Module] = [unit(3, rounded(32 * width), 3, 2)]
        for expand, kernel, stride, inputs, outputs, repeats in STAGES:
            ins, outs = rounded(inputs * width), rounded(outputs * width)
            count = math.ceil(repeats * depth)
            layers.append(nn.Sequential(*(
                MBConv(expand, kernel, 1 if number else stride, outs if number else ins, outs)
                for number in range(count)
            )))  # fmt: skip
        layers.append(unit(outs, top, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.5), nn.Linear(top, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


@pytest.fixture(scope="module")
def reference() -> nn.Module:
    images = 255 * torch.rand(4, 3, 90, 122, generator=torch.Generator().manual_seed(0))
    return awake(Reference(0.5, 1.2, 640, 10), images)


@pytest.mark.parametrize("size", [(90, 122), (91, 121), (64, 64), (45, 61)])
def test_both_layouts_see_the_same(reference: nn.Module, size: tuple[int, int], tmp_path: Path) -> None:
    torch.save(reference.state_dict(), tmp_path / "efficientnet.pth")
    ours = efficientnet.read(tmp_path / "efficientnet.pth", SMALL)
    images = 255 * torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, found = reference(images), ours(images).logits
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        assert expected.std() > 0.1
        as_transformers_pads = build(SMALL, classify=True).eval()
        as_transformers_pads.load_state_dict(ours.state_dict())
        assert (as_transformers_pads(images).logits - expected).abs().max() > 0.01


def test_every_shape_of_b7_has_its_place() -> None:
    with torch.device("meta"):
        theirs = Reference(2.0, 3.1, 2560, 1000).state_dict()
        ours = efficientnet.symmetric(build(efficientnet.B7, classify=True))
        placed = efficientnet.translated(theirs, ours, "b7")
    assert placed.keys() == ours.state_dict().keys()
    assert sum(weight.numel() for weight in ours.parameters()) == 66_347_960  # as torchvision's table has it


def test_other_networks_and_damaged_files_are_named(reference: nn.Module, tmp_path: Path) -> None:
    weights = reference.state_dict()
    torch.save(weights, tmp_path / "small-00000000.pth")
    with pytest.raises(ModelError, match="is damaged"):
        efficientnet.read(tmp_path / "small-00000000.pth", SMALL)
    torch.save({name: weight for name, weight in weights.items() if name != "features.3.0.block.1.0.weight"},
               tmp_path / "less.pth")  # fmt: skip
    with pytest.raises(ModelError, match=r"missing features\.3\.0\.block\.1\.0\.weight\."):
        efficientnet.read(tmp_path / "less.pth", SMALL)
    torch.save(Reference(1.0, 1.2, 1280, 10).state_dict(), tmp_path / "wide.pth")
    with pytest.raises(ModelError, match="of another shape"):
        efficientnet.read(tmp_path / "wide.pth", SMALL)
    (tmp_path / "page.pth").write_bytes(b"<html>")
    with pytest.raises(ModelError, match="no weights that torch can read"):
        efficientnet.read(tmp_path / "page.pth", SMALL)
