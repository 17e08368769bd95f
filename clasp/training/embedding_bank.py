"""A bank of texts with their vectors, computed once and kept on disk.

    build_bank(Path("runs/bank"), texts, Path("assets/model/text"))  # embeds what is missing, resumes where it stopped
    texts, vectors = load_bank(Path("runs/bank"))

The folder holds `texts.txt` (one text a line), `vectors.f16` (the rows of their unit vectors, in the same order) and
`bank.json` (dimensions, and the checksum of the sentence encoder that made them). Both files grow a chunk at a time,
vectors first: what an interruption leaves half written is cut off when the bank is built on.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch.nn import functional

from clasp.errors import DataError
from clasp.files import write_text
from clasp.text import sentence_encoder
from clasp.training.checkpoint import autocast
from clasp.training.data.corpora import batched
from clasp.weights import folder_checksum

CHUNK = 8_192  # texts that are embedded between two writes


def load_bank(folder: Path) -> tuple[list[str], np.ndarray]:
    """The texts and their vectors, float16 (n, dim), unit rows, as a read-only memory map.

    Raises:
        DataError: if the folder holds no bank, or one that is not finished or damaged.
    """
    dim = _described(folder)["dim"]
    texts = _lines(folder / "texts.txt")
    size = (folder / "vectors.f16").stat().st_size
    if size != 2 * dim * len(texts) or not texts:
        raise DataError(
            f"{folder} holds {len(texts)} texts and {size} bytes of vectors ({2 * dim} each): "
            "the bank was interrupted while it was built. Build it again; it goes on where it stopped."
        )
    return texts, np.memmap(folder / "vectors.f16", np.float16, "r", shape=(len(texts), dim))


def build_bank(folder: Path, texts: Sequence[str], encoder_folder: Path) -> None:
    """Embed each of `texts` that the bank does not hold yet, in the order given.

    Line breaks within a text become spaces. Texts that are there already stay where they are.

    Args:
        encoder_folder: the sentence-transformers folder whose encoder embeds them.

    Raises:
        DataError: if the bank in `folder` was built with another encoder.
        ModelError: if there is no encoder in `encoder_folder`.
    """
    encoder = sentence_encoder.load(encoder_folder)
    dim = encoder.get_embedding_dimension()
    description = {"dim": dim, "encoder": folder_checksum(encoder_folder)}
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "bank.json").exists():
        write_text(folder / "bank.json", json.dumps(description) + "\n")
    if _described(folder) != description:
        raise DataError(
            f"The bank in {folder} was built with another sentence encoder than {encoder_folder}: "
            "delete the folder, or give another one."
        )
    known = set(_cut(folder, 2 * dim))
    plain = (" ".join(text.splitlines()) for text in texts)
    missing = [text for text in dict.fromkeys(plain) if text not in known]
    for number, chunk in enumerate(batched(missing, CHUNK)):
        with autocast():
            vectors = encoder.encode(chunk, batch_size=64, convert_to_tensor=True, show_progress_bar=False)
        vectors = functional.normalize(vectors.float(), dim=-1).cpu().numpy()  # (n, dim)
        _append(folder / "vectors.f16", vectors.astype(np.float16).tobytes())
        _append(folder / "texts.txt", "".join(f"{text}\n" for text in chunk).encode())
        print(f"bank: {min((number + 1) * CHUNK, len(missing)):,} of {len(missing):,} texts", flush=True)


def _described(folder: Path) -> dict[str, int | str]:
    try:
        return json.loads((folder / "bank.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"There is no bank of vectors in {folder} ({error}): build one first.") from error


def _lines(path: Path) -> list[str]:
    """The complete lines of a file; what follows the last line break was never finished."""
    return [line.decode() for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def _cut(folder: Path, row: int) -> list[str]:
    """The texts whose vectors, `row` bytes each, are there; both files are cut to them."""
    texts_path, vectors_path = folder / "texts.txt", folder / "vectors.f16"
    texts_path.touch()
    vectors_path.touch()
    texts = _lines(texts_path)[: vectors_path.stat().st_size // row]
    os.truncate(texts_path, sum(len(text.encode()) + 1 for text in texts))
    os.truncate(vectors_path, row * len(texts))
    return texts


def _append(path: Path, data: bytes) -> None:
    """Add to the end of a file, on the disk before this returns: vectors are there before their texts."""
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
