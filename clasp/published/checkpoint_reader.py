"""The fusion modules that the authors published, read without running anything that is in the file.

They are whole modules, pickled from a notebook (`CLASP_Concat_Final_Fusion_Encoder.pt`, `CLASP_Gating.pt`,
`LASP_Concat.pt`, `LASP_Gating.pt` of the published CLASP, arXiv 2412.13071). A pickle is a program: it names what it
wants called. Here every name it may say is known beforehand, each of its classes becomes a shell that keeps what it is
given and does nothing, and what is found in the shells is compared with the published architecture, key by key and
shape by shape, before any of it is used. There is no other way in: no file is ever read with less care.
"""

import pickletools
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clasp.errors import ModelError
from clasp.speech import fusion

SPEECH, IMAGE, DIM = 1024, 1000, 768  # HuBERT-large, ImageNet classes of EfficientNet-B7, LaBSE
LARGEST, LARGEST_PROGRAM, MOST_ENTRIES, MOST_STEPS = 256 * 2**20, 2**20, 1_000, 50_000  # bytes, bytes, files, opcodes
MOST_TUPLES = 2_000  # nested in each other, more of them overrun the stack when they are compared

_PLAIN = {
    "__builtin__ set", "builtins set", "collections OrderedDict",
    "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter",
    "torch FloatStorage", "torch HalfStorage", "torch BFloat16Storage", "torch DoubleStorage", "torch LongStorage",
}  # fmt: skip
_LAYERS = {
    "torch.nn.modules.container Sequential", "torch.nn.modules.linear Linear",
    "torch.nn.modules.batchnorm BatchNorm1d", "torch.nn.modules.activation ReLU",
    "torch.nn.modules.activation LeakyReLU", "torch.nn.modules.activation Sigmoid",
    "torch.nn.modules.activation Tanh", "torch.nn.modules.dropout Dropout",
}  # fmt: skip
_REFUSED_STEPS = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEWOBJ_EX", "PERSID"}  # none is torch's

# names of the published modules, and those of clasp/speech/fusion.py
_NAMES = {
    "concat": {"audio_seq": "speech", "image_seq": "image", "mix_seq": "mix"},
    "gating": {
        "text_seq": "speech", "image_seq": "image", "weight.0": "weight",
        "input_gate_text.0": "speech_gate.input", "forget_gate_text.0": "speech_gate.forget",
        "tanh_text.0": "speech_gate.candidate", "input_gate_image.0": "image_gate.input",
        "forget_gate_image.0": "image_gate.forget", "tanh_image.0": "image_gate.candidate",
    },
}  # fmt: skip
_BRANCH = ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear", "BatchNorm1d", "LeakyReLU", "Dropout", "Linear"]
_CHAINS = {  # what stands in each Sequential
    "concat": {
        "audio_seq": _BRANCH,
        "image_seq": _BRANCH,
        "mix_seq": ["Linear", "BatchNorm1d", "LeakyReLU", "Linear", "LeakyReLU", "Linear"],
    },
    "gating": {"text_seq": _BRANCH, "image_seq": _BRANCH, "weight": ["Linear"]}
    | {f"{gate}_gate_{branch}": ["Linear", "Sigmoid"] for gate in ("input", "forget") for branch in ("text", "image")}
    | {f"tanh_{branch}": ["Linear", "Tanh"] for branch in ("text", "image")},
}
_CONSTANTS = {"BatchNorm1d": {"eps": 1e-5, "affine": True, "track_running_stats": True},
              "LeakyReLU": {"negative_slope": 0.01}}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """A published fusion: `kind` as in clasp.speech.fusion.FUSIONS, and its weights, float32, by the names of that
    class."""

    kind: str
    weights: dict[str, Tensor]


def read(path: str | Path) -> Head:
    """The fusion in a published file.

    Raises:
        ModelError: if the file is missing, is no zip of torch, wants anything but tensors in known layers, or holds
            another architecture; nothing of it has been run.
    """
    path = Path(path)
    names = _examined(path)
    shells = {name: type(name.split()[1], (_Shell,), {"__slots__": ()}) for name in names - _PLAIN}
    allowed: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (shell, name.replace(" ", ".")) for name, shell in shells.items()
    ]
    try:
        with torch.serialization.safe_globals(allowed):
            # mapped, so that no storage can claim more than the file holds
            root = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        found = dict(_tensors(root))
        kind = "gating" if "text_seq.0.weight" in found else "concat"
        if mode := _differing_mode(root):
            raise ModelError(f"{path.name} was left in mode {mode!r}: only joint fusions of both branches are used.")
        _check(kind, found, path.name)
        _check_layers(kind, root, path.name)
        return Head(kind, _renamed(kind, found))
    except ModelError:
        raise
    except Exception as error:  # a file made to harm may fail anywhere in torch's reader
        raise ModelError(f"{path.name} is no published fusion module ({_short(error)}): download it again.") from error


class _Shell:
    """What a class of the file becomes: it takes whatever it is given, keeps its state and can do nothing."""

    __slots__ = ("state",)

    def __init__(self, *_: object) -> None:
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: object) -> None:
        if type(state) is not dict:
            raise ModelError("It gives a layer a state that no layer has: download it again.")
        self.state = state


def _examined(path: Path) -> set[str]:
    """The names that the file's program says, "module name" each, all of which are harmless; without running it."""
    if not path.is_file():
        raise ModelError(f"There is no file {path.name}: give the path of a published fusion module.")
    if path.stat().st_size > LARGEST:
        raise ModelError(f"{path.name} is larger than {LARGEST / 2**20:g} MiB: no published fusion module is.")
    try:
        with path.open("rb") as file:
            begins = file.read(4)
        with zipfile.ZipFile(path) as archive:
            program = _program(archive, begins, path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path.name} is no file that torch writes today ({_short(error)}): expected a zip with one module in it."
        ) from error
    names: set[str] = set()
    steps = tuples = 0
    try:
        for step, argument, _ in pickletools.genops(program):
            steps += 1
            tuples += step.name.startswith("TUPLE")
            if step.name in _REFUSED_STEPS or steps > MOST_STEPS or tuples > MOST_TUPLES:
                raise ModelError(f"{path.name} is refused: its pickle does what torch never writes ({step.name}). "
                                 "Nothing of it was run.")  # fmt: skip
            if step.name == "GLOBAL":
                names.add(str(argument))
    except ModelError:
        raise
    except Exception as error:  # pickletools raises what comes
        raise ModelError(f"{path.name} is damaged ({_short(error)}): download it again.") from error
    for name in sorted(names - _PLAIN - _LAYERS):
        module, _, what = name.partition(" ")
        if module != "__main__" or not what.isidentifier():  # the notebook's own class, whatever it is called
            raise ModelError(f"{path.name} is refused: it wants to call {name.replace(' ', '.')[:80]}, which no fusion "
                             "module needs. Nothing of it was run.")  # fmt: skip
    return names


def _program(archive: zipfile.ZipFile, begins: bytes, path: Path) -> bytes:
    """The pickle in a torch archive that has no surprises."""
    entries = archive.infolist()
    programs = [entry for entry in entries if entry.filename.count("/") == 1 and entry.filename.endswith("/data.pkl")]
    if (
        begins != b"PK\x03\x04"
        or len(programs) != 1
        or len(entries) > MOST_ENTRIES
        or any(entry.filename.endswith("constants.pkl") for entry in entries)
    ):
        raise ModelError(f"{path.name} is no module that torch.save wrote: expected one pickle with its tensors.")
    unfolded = sum(entry.file_size for entry in entries)
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or unfolded > path.stat().st_size:
        raise ModelError(f"{path.name} is refused: it is compressed, and unfolds to {unfolded / 2**20:.0f} MiB; torch "
                         "stores tensors as they are. Nothing of it was run.")  # fmt: skip
    if programs[0].file_size > LARGEST_PROGRAM:
        raise ModelError(f"{path.name} is refused: its pickle has {programs[0].file_size:,} bytes. Nothing was run.")
    return archive.read(programs[0])


def _children(shell: object, what: str = "_modules") -> dict[str, Any]:
    """Submodules, parameters or buffers of a shell."""
    if not isinstance(shell, _Shell):
        raise ModelError("It holds no module where one belongs: download it again.")
    children = shell.state.get(what) or {}
    if not isinstance(children, dict) or not all(type(name) is str for name in children):
        raise ModelError("It holds a module without the parts of one: download it again.")
    return children


def _tensors(shell: object, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers by name, as `state_dict` names them; no layer is deeper than two."""
    if depth > 2:
        raise ModelError("Its modules are nested deeper than those of a fusion: download it again.")
    for what in ("_parameters", "_buffers"):
        for name, tensor in _children(shell, what).items():
            if not isinstance(tensor, Tensor) or tensor.layout != torch.strided:
                raise ModelError(f"{prefix + name!r:.80} is no tensor: download it again.")
            yield prefix + name, tensor.detach()
    for name, child in _children(shell).items():
        yield from _tensors(child, f"{prefix}{name}.", depth + 1)


def _differing_mode(root: object) -> str | None:
    """How the module was told to go without a branch; modules of the first months have no `mode`: they never do."""
    mode = root.state.get("mode", "joint") if isinstance(root, _Shell) else "joint"
    return None if mode == "joint" else str(mode)[:40] if type(mode) is str else type(mode).__name__


def _expected(kind: str) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a published head of this kind."""
    with torch.device("meta"):
        weights = fusion.build(kind, SPEECH, IMAGE, DIM).state_dict()
    back = {ours: theirs for theirs, ours in _NAMES[kind].items()}
    return {_swapped(name, back): tuple(value.shape) for name, value in weights.items()}


def _swapped(name: str, names: dict[str, str]) -> str:
    """`name` with its first parts as `names` has them."""
    start = next((start for start in names if name.startswith(f"{start}.")), None)
    return name if start is None else names[start] + name[len(start) :]


def _check(kind: str, found: dict[str, Tensor], file: str) -> None:
    """Raise ModelError naming what differs from the published architecture."""
    expected = _expected(kind)
    missing, strange = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    differing = [
        f"{name} is {tuple(found[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in found and tuple(found[name].shape) != shape
    ]
    faults = [
        f"{what} {_listed(names)}"
        for what, names in (("missing", missing), ("not in it", strange), ("of another shape:", differing))
        if names
    ]
    if faults:
        raise ModelError(f"{file} is not the published {kind} fusion: {'; '.join(faults)}.")
    for name, tensor in found.items():
        whole = name.endswith("num_batches_tracked")
        if tensor.is_floating_point() == whole or not (whole or bool(torch.isfinite(tensor).all())):
            raise ModelError(f"{file} is damaged: {name} holds values that are no weights. Download it again.")


def _check_layers(kind: str, root: _Shell, file: str) -> None:
    """Raise ModelError if the layers between the weights, or their constants, are others than published."""
    for name, expected in _CHAINS[kind].items():
        layers = _children(_children(root)[name])
        found = [type(layer).__name__ for layer in layers.values()]
        if list(layers) != [str(place) for place in range(len(expected))] or found != expected:
            raise ModelError(f"{file} is not the published {kind} fusion: {name} has layers {_listed(found)} "
                             f"instead of {_listed(expected)}.")  # fmt: skip
        for place, layer in layers.items():
            for constant, value in _CONSTANTS.get(type(layer).__name__, {}).items():
                if layer.state.get(constant) != value:
                    raise ModelError(f"{file} is not the published {kind} fusion: {constant} of {name}.{place} "
                                     f"is not {value}.")  # fmt: skip


def _renamed(kind: str, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of their own memory by the names of clasp.speech.fusion, float32."""
    return {
        _swapped(name, _NAMES[kind]): (tensor.float() if tensor.is_floating_point() else tensor).clone().contiguous()
        for name, tensor in found.items()
    }


def _listed(names: list[str]) -> str:
    return ", ".join(name[:80] for name in names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
