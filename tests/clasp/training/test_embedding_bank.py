"""A bank of texts with vectors: built in any number of goes, of one encoder, never half of it."""

import os
from pathlib import Path

import numpy as np
import pytest

from clasp.errors import DataError, ModelError
from clasp.model import BUNDLED
from clasp.text import sentence_encoder
from clasp.training import embedding_bank
from clasp.training.embedding_bank import build_bank, load_bank

ENCODER = BUNDLED / "text"
TEXTS = ["the ship was lost in the storm", "a cat sleeps", "where is the bread?", "she sings"]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    build_bank(tmp_path / "bank", TEXTS[:3], ENCODER)
    return tmp_path / "bank"


def test_texts_have_the_vectors_of_the_encoder(built):
    texts, vectors = load_bank(built)
    assert texts == TEXTS[:3] and vectors.dtype == np.float16
    expected = sentence_encoder.load(ENCODER).encode(texts, normalize_embeddings=True)
    assert (vectors.astype(np.float32) * expected).sum(1).min() > 0.999
    assert np.allclose(np.linalg.norm(vectors.astype(np.float32), axis=1), 1, atol=1e-3)


def test_what_is_there_is_not_embedded_again(built):
    before = load_bank(built)[1].tobytes()
    build_bank(built, [*TEXTS, TEXTS[0], "two\nlines"], ENCODER)
    texts, vectors = load_bank(built)
    assert texts == [*TEXTS, "two lines"] and vectors.tobytes().startswith(before)


@pytest.mark.parametrize("lost", ["vectors", "texts", "both"])
def test_an_interruption_costs_what_was_half_written(built, lost):
    whole = load_bank(built)[1].tobytes()
    if lost != "texts":
        os.truncate(built / "vectors.f16", (built / "vectors.f16").stat().st_size - 5)
    if lost != "vectors":
        os.truncate(built / "texts.txt", (built / "texts.txt").stat().st_size - 5)
    with pytest.raises(DataError, match="goes on where it stopped"):
        embedding_bank.load_bank(built)
    build_bank(built, TEXTS[:3], ENCODER)
    texts, vectors = load_bank(built)
    assert texts == TEXTS[:3]
    again = np.frombuffer(whole, np.float16).reshape(3, -1).astype(np.float32)
    assert (vectors.astype(np.float32) * again).sum(1).min() > 0.999


def test_a_bank_is_of_one_encoder(built):
    (built / "bank.json").write_text('{"dim": 384, "encoder": "another"}')
    with pytest.raises(DataError, match="another sentence encoder"):
        build_bank(built, TEXTS, ENCODER)


def test_a_missing_bank_and_a_missing_encoder_are_said(tmp_path):
    with pytest.raises(DataError, match="build one first"):
        load_bank(tmp_path)
    with pytest.raises(ModelError, match="No text encoder"):
        build_bank(tmp_path / "bank", TEXTS, tmp_path / "none")
