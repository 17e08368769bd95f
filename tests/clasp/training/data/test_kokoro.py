"""Kokoro: it reads what espeak-ng spells, in voices that differ, and its weights are checked."""

from pathlib import Path

import numpy as np
import pytest

from clasp.errors import DataError
from clasp.training.data import kokoro, synthesis
from clasp.training.data.synthesis import Voice

TEXT = "The ship was lost."


def test_phonemes_keep_the_punctuation_of_clauses() -> None:
    assert kokoro.phonemes("Well, they joined the choir late; who cares?", "en") == [
        "wˈɛl,", "ðA ʤˈYnd ðə kwˈIəɹ lˈAt;", "hˌu kˈɛɹz?",
    ]  # fmt: skip
    assert len(kokoro.phonemes("Kosten: 3,50 Euro.", "de")) == 2


def test_all_that_it_reads_is_in_its_vocabulary() -> None:
    known = kokoro._vocabulary()
    for language, text in {"en": TEXT, "es": "¿Cómo estás, niño?", "it": "Gli gnocchi sono pronti."}.items():
        assert set("".join(kokoro.phonemes(text, language))) <= known.keys()


def test_it_says_the_same_each_time_and_other_styles_say_it_otherwise() -> None:
    said = kokoro.speak(TEXT, "en", "kumo")
    assert said.dtype == np.float32 and 0.8 < len(said) / kokoro.RATE < 3
    np.testing.assert_array_equal(said, kokoro.speak(TEXT, "en", "kumo"))
    mixed = kokoro.speak(TEXT, "en", "kumo+nezumi")
    assert len(mixed) != len(said) or np.abs(mixed - said).max() > 0.05


def test_a_raised_voice_takes_as_long() -> None:
    low, high = (
        synthesis.speak(TEXT, Voice("kokoro", "kumo", "en", 1.0, pitch), kokoro.RATE).samples for pitch in (42, 58)
    )
    assert 0.9 < len(high) / len(low) < 1.1


def test_long_texts_are_said_in_parts() -> None:
    clauses = [[1] * 200, [2] * 200, [3] * 200, [], [4] * 700]
    assert [len(part) for part in kokoro._joined(clauses, 16)] == [401, 200, kokoro.MOST_TOKENS]


def test_damaged_or_missing_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "part.bin").write_bytes(b"no weights")
    monkeypatch.setattr(kokoro, "package_folder", lambda name: parts)
    with pytest.raises(DataError, match="damaged"):
        kokoro._model()
    assert not list((tmp_path / "kokoro").iterdir())
    monkeypatch.undo()
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    monkeypatch.setattr(kokoro, "PARTS", ("kokoro_that_is_not_there",))
    with pytest.raises(DataError, match=r"kokoro_that_is_not_there.*clasp-search\[voices\]"):
        kokoro._model()
