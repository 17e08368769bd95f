"""EfficientNet as torchvision trained and runs it, in transformers' class.

The published CLASP showed its spectrograms to `torchvision.models.efficientnet_b7` (weights
`efficientnet_b7_lukemelas-c5b4e57e.pth`, ImageNet-1k). transformers has the same layers under other names, and pads
images at the right and the bottom where torchvision pads all around: with `symmetric`, both give the same classes.
"""

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clasp.errors import ModelError
from clasp.files import sha256
from clasp.speech.backbones import Backbone

B7 = {"model_type": "efficientnet", "num_labels": 1_000}  # transformers' defaults are B7's widths and depths
_PARTS = ("expansion.expand_conv", "expansion.expand_bn", "depthwise_conv.depthwise_conv",
          "depthwise_conv.depthwise_norm", "squeeze_excite.reduce", "squeeze_excite.expand",
          "projection.project_conv", "projection.project_bn")  # fmt: skip


def read(path: Path, config: dict[str, Any] = B7) -> nn.Module:
    """The image classifier in a file of torchvision's weights.

    Raises:
        ModelError: if the file is missing, damaged, or of another network; nothing in it is run.
    """
    claimed = re.search(r"-([0-9a-f]{8,64})\.pth$", path.name)
    try:
        if claimed:
            found = sha256(path)
            if not found.startswith(claimed[1]):
                raise ModelError(f"{path.name} is damaged (SHA-256 {found[:8]}…): download it again.")
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # a damaged file may fail anywhere in torch's reader
        raise ModelError(f"{path} holds no weights that torch can read safely: download it again.") from error
    from clasp.speech.backbones import build

    network = symmetric(build(config, classify=True))
    network.load_state_dict(translated(weights, network, path.name))
    return network.eval()


def translated(weights: dict[str, Tensor], network: nn.Module, file: str) -> dict[str, Tensor]:
    """torchvision's weights by transformers' names.

    Raises:
        ModelError: naming what is missing, left over or of another shape.
    """
    names = _names(network)
    wanted = network.state_dict()
    theirs = {f"{names[stem]}.{leaf}": name for name, stem, leaf in _split(wanted) if stem in names}
    missing, strange = sorted(theirs.keys() - weights.keys()), sorted(weights.keys() - theirs.keys())
    differing = [name for name, ours in theirs.items() if name in weights and weights[name].shape != wanted[ours].shape]
    faults = (("missing", missing), ("not in it", strange), ("of another shape:", differing))
    if any(found for _, found in faults):
        listed = "; ".join(f"{what} {', '.join(found[:5])}" for what, found in faults if found)
        raise ModelError(f"{file} is no EfficientNet of torchvision in these sizes: {listed}.")
    return {ours: weights[name] for name, ours in theirs.items()}


def symmetric(network: Backbone) -> Backbone:
    """The network with strided convolutions padded on all sides, as torchvision pads them; changed in place."""
    for name, convolution in _strided(network):
        margin = convolution.kernel_size[0] // 2
        network.set_submodule(name, nn.ZeroPad2d(margin))
    return network


def _strided(network: Backbone) -> list[tuple[str, nn.Conv2d]]:
    """Names of the paddings, and the convolutions they are for."""
    model = network.efficientnet
    found = [("efficientnet.embeddings.padding", model.embeddings.convolution)]
    for number, block in enumerate(model.encoder.blocks):
        place = f"efficientnet.encoder.blocks.{number}.depthwise_conv.depthwise_conv_pad"
        found.append((place, block.depthwise_conv.depthwise_conv))
    return found


def _names(network: Backbone) -> dict[str, str]:
    """torchvision's name of every layer of transformers' that has weights."""
    blocks = network.efficientnet.encoder.blocks
    stages: list[int] = []
    names = {"efficientnet.embeddings.convolution": "features.0.0", "efficientnet.embeddings.batchnorm": "features.0.1"}
    for number, block in enumerate(blocks):
        if not block.projection.apply_dropout:  # no way around it: the first of a stage
            stages.append(0)
        place = f"features.{len(stages)}.{stages[-1]}.block"
        stages[-1] += 1
        layers = [f"{layer}.{part}" for layer in range(4) for part in ((0, 1) if layer != 2 else ("fc1", "fc2"))]
        parts: tuple[str, ...] = _PARTS
        if not block.expand:
            layers = [f"{layer}.{part}" for layer in range(3) for part in ((0, 1) if layer != 1 else ("fc1", "fc2"))]
            parts = _PARTS[2:]
        names |= {f"efficientnet.encoder.blocks.{number}.{part}": f"{place}.{layer}"
                  for part, layer in zip(parts, layers, strict=True)}  # fmt: skip
    top = len(stages) + 1
    return names | {"efficientnet.encoder.top_conv": f"features.{top}.0", "efficientnet.encoder.top_bn":
                    f"features.{top}.1", "classifier": "classifier.1"}  # fmt: skip


def _split(names: dict[str, Tensor]) -> list[tuple[str, str, str]]:
    """Names, the layers they belong to, and what of these they are."""
    return [(name, layer, part) for name in names for layer, _, part in [name.rpartition(".")]]
