"""Turn a fusion module that the authors published into safetensors, once and without running anything in it.

    python -m clasp convert CLASP_Concat_Final_Fusion_Encoder.pt published/fusion/

The folder then holds `fusion.safetensors` and `config.json`: the fusion of `CLASP_MODEL=published/`, which see
clasp/published/checkpoint.py. Concat and Gating modules are known, those of CLASP and of LASP.
"""

import argparse
import json
from pathlib import Path

from clasp.errors import ModelError
from clasp.files import sha256

WEIGHTS, CONFIG = "fusion.safetensors", "config.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m clasp convert`."""
    parser.add_argument("file", type=Path, metavar="FILE.pt", help="the published file")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the weights and their configuration")


def run(args: argparse.Namespace) -> int:
    """Convert and say what it was. Returns 0."""
    config = convert(args.file, args.out)
    print(f"{args.out}: {config['kind']} fusion, {config['parameters']:,} parameters.")
    return 0


def convert(file: Path, out: Path) -> dict[str, object]:
    """Write the fusion in `file` to the folder `out`; its configuration.

    Raises:
        ModelError: if the file is not one of the published fusions, or `out` cannot be written.
    """
    from safetensors.torch import save_file

    from clasp.published import checkpoint_reader

    head = checkpoint_reader.read(file)
    config = {
        "kind": head.kind,
        "speech_dim": checkpoint_reader.SPEECH,
        "image_dim": checkpoint_reader.IMAGE,
        "dim": checkpoint_reader.DIM,
        "parameters": sum(value.numel() for name, value in head.weights.items() if not _counted_by_batches(name)),
        "source": {"file": file.name, "sha256": sha256(file)},
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        save_file(head.weights, out / WEIGHTS)
        (out / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
    except OSError as error:
        raise ModelError(f"{out} cannot be written: {error.strerror or error}.") from error
    return config


def _counted_by_batches(name: str) -> bool:
    """Whether this is a figure that batch normalisation keeps, and no parameter."""
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))
