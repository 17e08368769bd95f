"""Synthesised utterances are spoken once and kept."""

from pathlib import Path

import numpy as np

from clasp.evaluation import utterances
from clasp.evaluation.utterances import Utterance, distinct, label
from clasp.training.data.synthesis import TRAINING_VOICES


def test_sentences_are_spoken_once_and_kept(tmp_path: Path) -> None:
    asked = [Utterance("the ship was lost in the storm", "en", voice) for voice in TRAINING_VOICES[:2]]
    utterances.prepare(asked, tmp_path)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(made) == 2
    sounds = list(utterances.waveforms(asked, tmp_path))
    assert all(1 < sound.duration < 5 for sound in sounds)
    assert not np.array_equal(sounds[0].samples[:8000], sounds[1].samples[:8000])

    extra = Utterance("another one", "en", TRAINING_VOICES[0])
    utterances.prepare([*asked, extra], tmp_path)
    assert len(list(tmp_path.iterdir())) == 3
    assert made == {path: path.stat().st_mtime_ns for path in made}


def test_distinct_texts_come_in_an_order_of_their_own() -> None:
    texts = ["One!", "two", "three", "one", "four"]
    found = distinct(texts, 10, str)
    assert sorted(map(label, found)) == ["four", "one", "three", "two"]
    assert [label(one) for one in distinct(texts[::-1], 10, str)] == [label(one) for one in found]
    assert distinct(texts, 2, str) == found[:2]


def test_voices_take_turns() -> None:
    chosen = utterances.spoken(["one", "two", "three", "four"], 3, TRAINING_VOICES[:2])
    assert [one.source for one in chosen] == [TRAINING_VOICES[0], TRAINING_VOICES[1], TRAINING_VOICES[0]]
