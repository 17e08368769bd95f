"""Vectors of texts: those of the encoder, and of no other."""

from pathlib import Path

import numpy as np
import pytest

from clasp.errors import DataError
from clasp.model import BUNDLED
from clasp.text import sentence_encoder
from clasp.training import feature_cache
from clasp.training.text_vectors import text_vectors

TEXTS = ["the ship was lost in the storm", "a cat sleeps", "where is the bread?", "she sings"]


def test_texts_have_the_vectors_of_the_encoder_and_are_embedded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text_encoder
) -> None:
    encoder = sentence_encoder.load(BUNDLED / "text")
    vectors = text_vectors(encoder, TEXTS, tmp_path)
    expected = encoder.encode(TEXTS, normalize_embeddings=True)
    assert (vectors * expected).sum(1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    with monkeypatch.context() as patch:
        patch.setattr(encoder, "encode", None)
        np.testing.assert_array_equal(text_vectors(encoder, TEXTS, tmp_path), vectors)
    averaged = text_vectors(encoder, TEXTS, tmp_path, average=True)
    assert (averaged * sentence_encoder.encode(encoder, TEXTS, average=True)).sum(1).min() > 0.999
    assert text_vectors(text_encoder, TEXTS, tmp_path).shape != vectors.shape  # another encoder, another folder
    assert len(list(tmp_path.glob("*/about.json"))) == 2


def test_a_disk_without_room_is_said_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text_encoder
) -> None:
    usage = feature_cache.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(feature_cache.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DataError, match="MB left"):
        text_vectors(text_encoder, TEXTS, tmp_path)
    assert not list(tmp_path.glob("*/*.npy"))
