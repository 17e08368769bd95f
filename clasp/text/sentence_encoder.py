"""A sentence encoder on disk: a plain sentence-transformers folder, which needs no code of this project.

    SentenceTransformer("assets/model/text").encode(["the ship was lost"])

Weights are float16, word embeddings 8-bit floats (e4m3), as they are half of all weights and were learned in 4 bits or
nearly so. All are float32 once they are loaded. Word, position and type embeddings of a BERT are multiplied by a power
of two that brings them into the range of 8 bits; the layer norm that follows their sum undoes it.
"""

import json
import unicodedata
from collections.abc import Sequence
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from clasp.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WORDS = "embeddings.word_embeddings.weight"
SCALED = (WORDS, "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight")
LARGEST = 128.0  # no word embedding in the file is as large: 8 bits reach 448, and lose precision below 1/64


def load(folder: Path) -> "SentenceTransformer":
    """The encoder that sentence-transformers saved to a folder, on the CPU, float32.

    Raises:
        ModelError: if there is none.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not folder.is_dir():
        raise ModelError(f"No text encoder in {folder}: restore the folder.")
    # that it puts "query: " before every text is its own affair
    getLogger("sentence_transformers.base.model").setLevel(ERROR)
    kwargs = {"dtype": torch.float32}
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs=kwargs)


def encode(encoder: "SentenceTransformer", texts: Sequence[str], *, average: bool, batch_size: int = 32) -> np.ndarray:
    """Vectors of texts, float32 (n, dim), unit rows.

    Args:
        average: of each text take the mean direction of two spellings, as it is written and `plain`. Case and
            punctuation say little of the meaning, and transcripts have them as their recognizer likes.
    """
    spelled = [*texts, *map(plain, texts)] if average else list(texts)
    distinct = {spelling: row for row, spelling in enumerate(dict.fromkeys(spelled))}
    vectors = encoder.encode(
        list(distinct), batch_size=batch_size, convert_to_numpy=True, show_progress_bar=False
    ).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # an encoder in bfloat16 normalises roughly
    vectors = vectors[[distinct[spelling] for spelling in spelled]]
    return mean_direction(vectors) if average else vectors


def mean_direction(vectors: np.ndarray) -> np.ndarray:
    """Of unit rows (2n, dim), n texts and after them their other spellings, one unit row for each text, (n, dim)."""
    both = vectors.reshape(2, -1, vectors.shape[1]).sum(0)  # (n, dim)
    return both / np.linalg.norm(both, axis=1, keepdims=True)


def plain(text: str) -> str:
    """A text in lower case without punctuation, but for apostrophes; itself where nothing would be left.

    >>> plain("Don't wait – the ferry's LATE!")
    "don't wait the ferry's late"
    """
    letters = (" " if unicodedata.category(one)[0] == "P" and one not in "'’" else one for one in text.lower())
    return " ".join("".join(letters).split()) or text


def save(encoder: "SentenceTransformer", folder: Path, *, in_8_bits: bool = False) -> None:
    """Write an encoder with its weights in 16 bits; word embeddings in 8 if that is asked for, or if nothing is lost
    by it, as with an encoder that was loaded from such a folder: it is written as it was."""
    encoder.save(str(folder), create_model_card=False)
    for path in folder.rglob("model.safetensors"):
        save_file(packed(load_file(path), in_8_bits), path, {"format": "pt"})
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")), "utf-8")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text("utf-8")) | {"local_files_only": False}  # not how this one was loaded
    path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")


def packed(weights: dict[str, Tensor], in_8_bits: bool) -> dict[str, Tensor]:
    """Weights as they are in the file. What is packed again stays the same."""
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    if not set(SCALED) <= weights.keys():
        return halves
    scale = LARGEST / 2.0 ** float(torch.frexp(weights[WORDS].abs().max())[1])
    scaled = {name: weights[name].float() * scale for name in SCALED}
    words = scaled[WORDS].to(torch.float8_e4m3fn)
    if not in_8_bits and not torch.equal(words.float(), scaled[WORDS]):
        return halves
    return halves | {name: value.half() for name, value in scaled.items()} | {WORDS: words}
