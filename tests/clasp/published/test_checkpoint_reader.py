"""Published fusion modules are read whole and exactly; hostile files are refused and run nothing."""

import io
import os
import pickle
import resource
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from clasp.errors import ModelError
from clasp.published import checkpoint_reader, convert
from clasp.speech import fusion
from index.cli import main as command
from tests.clasp.published.published_modules import HubertLabseConcat, HubertLabseGating, lived_in, save

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[nn.Module, Path]]:
    folder = tmp_path_factory.mktemp("pickled")
    modules = {"concat": HubertLabseConcat("joint"), "old": HubertLabseConcat(), "gating": HubertLabseGating()}
    return {name: (lived_in(module), save(module, folder / f"{name}.pt")) for name, module in modules.items()}


def rewritten(
    source: Path, target: Path, program: Callable[[bytes], bytes], compression: int = zipfile.ZIP_STORED
) -> Path:
    """A copy of a torch archive with another pickle."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry.filename, program(data) if entry.filename.endswith("data.pkl") else data)
    return target


def archive(target: Path, program: bytes) -> Path:
    """A torch archive of a pickle and nothing else."""
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("x/data.pkl", program)
        file.writestr("x/version", "3\n")
    return target


@pytest.mark.parametrize(
    ("name", "kind", "keys", "parameters"),
    [("concat", "concat", 43, 6_344_608), ("old", "concat", 43, 6_344_608), ("gating", "gating", 46, 9_237_888)],
)
def test_a_published_module_is_converted_to_the_same_function(
    name: str, kind: str, keys: int, parameters: int, files: dict[str, tuple[nn.Module, Path]], tmp_path: Path
) -> None:
    module, path = files[name]
    assert len(module.state_dict()) == keys
    head = checkpoint_reader.read(path)
    assert (head.kind, len(head.weights)) == (kind, keys)
    config = convert.convert(path, tmp_path / "fusion")
    assert config["parameters"] == parameters
    again = fusion.stored(tmp_path / "fusion")
    audio, image = torch.randn(5, 1024), torch.randn(5, 1000)
    with torch.inference_mode():
        torch.testing.assert_close(again(audio, image), module.eval()(audio, image), rtol=0, atol=0)
    module.train()


def test_a_module_saved_on_a_gpu_in_half_precision_is_read(tmp_path: Path) -> None:
    module = lived_in(HubertLabseConcat()).half()
    here = save(module, tmp_path / "here.pt")
    short, long = (b"X" + struct.pack("<I", len(name)) + name for name in (b"cpu", b"cuda:0"))
    there = rewritten(here, tmp_path / "there.pt", lambda program: program.replace(short, long))
    weights = checkpoint_reader.read(there).weights
    assert weights["mix.0.weight"].dtype == torch.float32
    torch.testing.assert_close(weights["mix.0.weight"], module.mix_seq[0].weight.detach().float(), rtol=0, atol=0)


def test_the_command_converts_and_reports(
    files: dict[str, tuple[nn.Module, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["convert", str(files["gating"][1]), str(tmp_path / "out")]) == 0
    assert "gating fusion, 9,237,888 parameters" in capsys.readouterr().out
    assert command.main(["convert", str(tmp_path / "nothing.pt"), str(tmp_path / "out")]) == 2
    assert "There is no file nothing.pt" in capsys.readouterr().err


def altered(change: Callable[[nn.Module], object], module: nn.Module | None = None) -> nn.Module:
    module = module or HubertLabseConcat()
    change(module)
    return module


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (lambda: altered(lambda m: m.mix_seq.pop(5)), r"missing mix_seq\.5\.bias, mix_seq\.5\.weight"),
        (lambda: altered(lambda m: setattr(m, "extra", nn.Linear(2, 2))), r"not in it extra\.bias, extra\.weight"),
        (
            lambda: altered(lambda m: m.audio_seq.__setitem__(0, nn.Linear(768, 768))),
            r"audio_seq\.0\.weight is \(768, 768\) instead of \(768, 1024\)",
        ),
        (lambda: altered(lambda m: m.mix_seq.__setitem__(2, nn.ReLU())), "mix_seq has layers .*ReLU"),
        (lambda: altered(lambda m: m.mix_seq.__setitem__(2, nn.LeakyReLU(0.2))), r"negative_slope of mix_seq\.2"),
        (lambda: altered(lambda m: setattr(m.mix_seq[1], "eps", 1e-3)), r"eps of mix_seq\.1"),
        (lambda: altered(lambda m: m.mix_seq[3].weight.data.fill_(torch.nan)), r"mix_seq\.3\.weight holds values"),
        (lambda: HubertLabseConcat("audio"), "left in mode 'audio'"),
        (lambda: altered(lambda m: m.tanh_text.__setitem__(1, nn.Sigmoid()), HubertLabseGating()), "tanh_text has"),
        (lambda: nn.Linear(2, 2), "not the published concat fusion: missing"),
    ],
)
def test_what_differs_is_named(module: Callable[[], nn.Module], message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        checkpoint_reader.read(save(module(), tmp_path / "other.pt"))


class Call:
    """Pickles as a call of anything."""

    def __init__(self, function: object, *arguments: object):
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


def hostile(canary: Path) -> dict[str, object]:
    """Objects whose unpickling would make the canary appear."""
    touch, python = f"touch {canary}", f"open({str(canary)!r}, 'w').close()"
    buried = lived_in(HubertLabseConcat())
    buried.mix_seq[0].payload = Call(os.system, touch)
    state = OrderedDict(HubertLabseConcat().state_dict())
    state["mix_seq.5.bias"] = Call(exec, python)
    return {
        "os.system": Call(os.system, touch),
        "exec": Call(exec, python),
        "eval": Call(eval, python),
        "subprocess": Call(subprocess.call, ["touch", str(canary)]),
        "chain": Call(getattr, Call(__import__, "os"), "system"),
        "file": Call(open, str(canary), "w"),
        "load in load": Call(pickle.loads, pickle.dumps(Call(os.system, touch))),
        "torch.load in load": Call(torch.load, io.BytesIO()),
        "jit": Call(torch.jit.load, str(canary)),
        "tensor attribute": Call(torch._utils._rebuild_device_tensor_from_numpy, Call(eval, python)),
        "buried in a real module": buried,
        "state dict": state,
    }


@pytest.mark.parametrize("name", list(hostile(Path("x"))))
@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "tar"])
def test_a_hostile_file_is_refused_and_runs_nothing(name: str, form: str, tmp_path: Path) -> None:
    canary, path = tmp_path / "canary", tmp_path / "hostile.pt"
    thing = hostile(canary)[name]
    if name == "torch.load in load":
        torch.save(Call(os.system, f"touch {canary}"), buffer := io.BytesIO())
        thing = Call(torch.load, io.BytesIO(buffer.getvalue()))
    if form in ("zip", "legacy"):
        options = {"_use_new_zipfile_serialization": form == "zip"}
        _ = save(thing, path, **options) if isinstance(thing, nn.Module) else torch.save(thing, path, **options)
    elif form == "pickle":
        path.write_bytes(pickle.dumps(thing))
    else:  # as torch wrote before version 0.1.10
        with tarfile.open(path, "w") as file:
            for member in ("sys_info", "storages", "tensors", "pickle"):
                data = pickle.dumps(thing, protocol=2)
                (entry := tarfile.TarInfo(member)).size = len(data)
                file.addfile(entry, io.BytesIO(data))
    with pytest.raises(ModelError) as refusal:
        checkpoint_reader.read(path)
    assert not canary.exists()
    assert "hostile.pt" in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_the_canary_would_have_sung(tmp_path: Path) -> None:
    """The files above do harm where they are trusted."""
    for name, thing in hostile(canary := tmp_path / "canary").items():
        if name in ("os.system", "exec", "eval", "subprocess", "file", "load in load", "state dict"):
            torch.save(thing, path := tmp_path / "hostile.pt")
            torch.load(path, weights_only=False)
            assert canary.exists(), name
            canary.unlink()


def written(*steps: bytes) -> bytes:
    return b"\x80\x02" + b"".join(steps) + b"."


SHELL = b"c__main__\nHubertLabseConcat\n)\x81"
LINEAR = b"ctorch.nn.modules.linear\nLinear\n"
TRICKS = {  # pickles by hand
    "stack global": (pickle.dumps(os.system, 4), "STACK_GLOBAL|os"),
    "hidden name": (written(b"cos\nsystem\n", b"0", SHELL), "wants to call os.system"),
    "dotted name": (written(b"c__main__\nos.system\n", b"0", SHELL), "wants to call"),
    "other builtin": (written(b"c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R"), "bytearray"),
    "instance": (written(b"(i__main__\nHubertLabseConcat\n"), "INST"),
    "layer with sizes": (written(LINEAR, b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86R"), "missing"),
    "state of its own": (written(SHELL, b"}X\x0c\x00\x00\x00__setstate__", LINEAR, b"sb}b"), "missing"),
    "state with slots": (written(SHELL, b"N}X\x05\x00\x00\x00state", LINEAR, b"s\x86b"), "a state that no layer has"),
    "modules that are none": (written(SHELL, b"}X\x08\x00\x00\x00_modulesK\x01sb"), "without the parts"),
    "a module in itself": (
        written(SHELL, b"q\x00}X\x08\x00\x00\x00_modules}X\x01\x00\x00\x00ah\x00ssb"), "nested deeper"),
    "a tensor that is none": (
        written(SHELL, b"}X\x0b\x00\x00\x00_parameters}X\x01\x00\x00\x00aK\x01ssb"), "is no tensor"),
    "a tower of tuples": (written(b")" + b"\x85" * 500_000, b"}h\x00"), "does what torch never writes"),
    "endless steps": (written(b"N0" * 100_000, SHELL), "does what torch never writes"),
    "cut off": (written(SHELL)[:-3], "damaged"),
    "no stack": (b"\x80\x02.", "no published fusion"),
    "a number": (written(b"K\x07"), "no module where one belongs"),
    "text": (b"hello", "does what torch never writes"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_a_pickle_made_by_hand_is_refused(name: str, tmp_path: Path) -> None:
    program, message = TRICKS[name]
    with pytest.raises(ModelError, match=message):
        checkpoint_reader.read(archive(tmp_path / "hostile.pt", program))


def oversized(numbers: bytes) -> bytes:
    """A parameter that claims to be larger than its storage."""
    storage = (b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpu" + numbers
               + b"tQ")  # fmt: skip
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n" + storage + b"K\x00" + numbers + b"\x85K\x01\x85\x89}tR"
    return written(SHELL, b"}X\x0b\x00\x00\x00_parameters}X\x01\x00\x00\x00a", tensor, b"ssb")


@pytest.mark.parametrize("numbers", [b"J\xff\xff\xff\x7f", b"\x8a\x07\x00\x00\x00\x00\x00\x00\x10"])  # 8 GB, 2^50
def test_a_tensor_larger_than_the_file_takes_no_memory(numbers: bytes, tmp_path: Path) -> None:
    path = archive(tmp_path / "huge.pt", oversized(numbers))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x/data/0", b"\x00" * 64)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ModelError):
        checkpoint_reader.read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_archives_with_surprises_are_refused(files: dict[str, tuple[nn.Module, Path]], tmp_path: Path) -> None:
    path = files["concat"][1]
    bomb = tmp_path / "bomb.pt"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x/data.pkl", written(SHELL))
        with file.open("x/data/0", "w") as entry:
            for _ in range(256):
                entry.write(b"\x00" * 2**20)
    assert bomb.stat().st_size < 2**20
    with pytest.raises(ModelError, match="unfolds to 256 MiB"):
        checkpoint_reader.read(bomb)
    with pytest.raises(ModelError, match="compressed"):
        checkpoint_reader.read(rewritten(path, tmp_path / "deflated.pt", lambda program: program, zipfile.ZIP_DEFLATED))
    nested = tmp_path / "nested.pt"
    with zipfile.ZipFile(nested, "w") as file:
        file.write(path, "x/data.pkl")
    with pytest.raises(ModelError, match=r"bytes\. Nothing was run"):
        checkpoint_reader.read(nested)
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    with pytest.raises(ModelError, match="no module that torch"):
        checkpoint_reader.read(tmp_path / "script.pt")
    for name, content, message in (
        ("empty.pt", b"", "no file that torch writes"),
        ("text.pt", b"<html>404</html>", "no file that torch writes"),
        ("gzip.pt", b"\x1f\x8b" + os.urandom(100), "no file that torch writes"),
        ("half.pt", path.read_bytes()[:10_000_000], "no file that torch writes"),
        ("prefixed.pt", b"#!/bin/sh\n" + path.read_bytes(), "no module that torch.save wrote"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=message):
            checkpoint_reader.read(tmp_path / name)
    with (tmp_path / "large.pt").open("wb") as file:
        file.truncate(checkpoint_reader.LARGEST + 1)
    with pytest.raises(ModelError, match="larger than 256 MiB"):
        checkpoint_reader.read(tmp_path / "large.pt")


def test_reading_leaves_nothing_allowed_behind(files: dict[str, tuple[nn.Module, Path]], tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    checkpoint_reader.read(files["concat"][1])
    with pytest.raises(ModelError):
        checkpoint_reader.read(archive(tmp_path / "hostile.pt", written(SHELL)))
    assert set(torch.serialization.get_safe_globals()) == before
    assert "HubertLabseConcat" not in vars(sys.modules["__main__"])
