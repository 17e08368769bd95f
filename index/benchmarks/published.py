"""How fast the published architecture is, stage by stage and in all.

The weights are random: nothing that is found means anything, but it takes as long.
"""

from typing import Any

import torch
from rich.console import Console
from torch import nn

from clasp.model import Clasp
from clasp.published import efficientnet
from clasp.speech.fused_encoder import FusedSpeechEncoder
from index.benchmarks import stages
from index.benchmarks.benchmark import Figure

HUBERT_LARGE = {
    "model_type": "hubert", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
    "intermediate_size": 4096, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True,
}  # fmt: skip
PUBLISHED = {
    "dim": 768,
    "speech": {"backbone": HUBERT_LARGE, "features": {}},
    "spectrogram": {"figure": True, "backbone": efficientnet.B7},
    "fusion": "concat",
    "unit_inputs": True,
}


def measure(count: int, config: dict = PUBLISHED) -> tuple[str, list[Figure]]:
    """Where it ran and in what precision, and the rows of the table.

    Args:
        count: utterances.
        config: as of clasp.speech.fused_encoder; another one is for tests.
    """
    Console(stderr=True).print("Building the published architecture with random weights …")
    torch.manual_seed(0)
    text: Any = nn.Identity()  # nothing is asked of it
    model = Clasp(text, FusedSpeechEncoder(config), None, {"languages": [], "speech_encoder": config})
    where, rows = stages.measure(model, stages.spoken(count))
    return f"{where}, RANDOM WEIGHTS", rows
