"""Random networks that pass on what they see: fresh ones of transformers let signals die out."""

import torch
from torch import Tensor, nn


def awake(network: nn.Module, images: Tensor, seed: int = 0) -> nn.Module:
    """The network with random weights of useful size and batch statistics of `images`, in eval mode."""
    draw = torch.Generator().manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, generator=draw)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, 0, 0.1, generator=draw)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # the mean over all batches
            nn.init.normal_(layer.weight, 1, 0.1, generator=draw)
            nn.init.normal_(layer.bias, 0, 0.1, generator=draw)
    with torch.no_grad():
        network.train()(images)
    return network.eval()
