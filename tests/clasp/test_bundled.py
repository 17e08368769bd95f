"""The model that ships: its size, its speed of answering, and numbers it must go on giving."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

import clasp
from clasp.model import BUNDLED, Clasp
from clasp.speech.speaker_clusters import clusters

LIBRARY = BUNDLED.parent / "library"
GOLDEN = Path(__file__).with_name("golden.json")


@pytest.fixture(scope="module")
def model(bundled: Clasp) -> Clasp:
    return bundled


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (LIBRARY / "metadata.tsv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["kind"] == "sentence"]


def test_it_is_small() -> None:
    sizes = [path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()]
    assert sum(sizes) <= 160e6
    assert max(sizes) <= 95e6


def test_nothing_of_whisper_is_in_it() -> None:
    assert not any(name.startswith("backbone") for name in load_file(BUNDLED / "speech.safetensors"))


def test_the_sentence_encoder_stands_alone(model: Clasp) -> None:
    text = SentenceTransformer(str(BUNDLED / "text"), device="cpu", local_files_only=True)
    written, without = text.encode(["The ship was lost, in the storm.", "the ship was lost in the storm"])
    (within,) = model.halves(model.encode_text(["The ship was lost, in the storm."]))[0]
    mean = written + without  # both have unit length
    assert within @ mean / np.linalg.norm(mean) > 0.9999  # bfloat16 where the processor has it


def test_meaning_hardly_depends_on_how_it_is_punctuated(model: Clasp) -> None:
    texts = ["Then, the ship was lost!", "then the ship was lost", "THEN THE SHIP WAS LOST."]
    alone = SentenceTransformer(str(BUNDLED / "text"), device="cpu", local_files_only=True).encode(texts)
    meaning = model.halves(model.encode_text(texts))[0]
    assert (meaning[0] @ meaning[1:].T).min() > (alone[0] @ alone[1:].T).min()


def test_vectors_are_unit_rows_that_do_not_depend_on_the_batch(model: Clasp, rows: list[dict[str, str]]) -> None:
    waveforms = [clasp.decode(LIBRARY / row["file"]) for row in rows[:6]]
    together = model.encode_speech(waveforms)
    assert together.shape == (6, 768)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([model.encode_speech([waveform]) for waveform in waveforms])
    assert (together * alone).sum(1).min() > 0.98  # the backbone computes in bfloat16 where the processor can
    texts = [row["text"] for row in rows[:6]]
    alone = np.concatenate([model.encode_text([text]) for text in texts])
    np.testing.assert_allclose(model.encode_text(texts), alone, atol=1e-4)


def test_it_tells_speakers_apart(model: Clasp, rows: list[dict[str, str]]) -> None:
    voices = Counter(row["voice"] for row in rows if row["language"] == "en").most_common(6)
    chosen = [row for voice, _ in voices for row in [row for row in rows if row["voice"] == voice][:4]]
    waveforms = [clasp.decode(LIBRARY / row["file"]) for row in chosen]
    speakers = model.encode_speakers(waveforms)
    spoken_by = np.repeat(np.arange(6), 4)
    cosines = speakers @ speakers.T - 2 * np.eye(24)
    assert (spoken_by[cosines.argmax(1)] == spoken_by).mean() >= 0.75  # some voices are hardly another's variants
    between = np.array(
        [[cosines[spoken_by == one][:, spoken_by == two].mean() for one in range(6)] for two in range(6)]
    )
    unlike = np.isin(spoken_by, np.unravel_index(between.argmin(), between.shape))
    found = clusters(speakers[unlike], np.full(8, 4.0), model.speaker_head.cluster)
    assert found.tolist() == [0] * 4 + [1] * 4
    along = model.encode_speech(waveforms, return_phones=True).speakers
    assert (speakers * along).sum(1).min() > 0.99  # bfloat16


def test_similarities_are_those_recorded_when_it_was_released(model: Clasp, rows: list[dict[str, str]]) -> None:
    """Golden numbers: a change in decoding, front end or weights shows here first."""
    golden = json.loads(GOLDEN.read_text())
    by_id = {row["id"]: row for row in rows}
    texts = model.encode_text([entry["query"] for entry in golden], [entry["language"] for entry in golden])
    speech = model.encode_speech([clasp.decode(LIBRARY / by_id[entry["id"]]["file"]) for entry in golden])
    for part, first, second in zip(("meaning", "sound"), model.halves(texts), model.halves(speech), strict=True):
        expected = [entry[part] for entry in golden]
        np.testing.assert_allclose((first * second).sum(1), expected, atol=2e-2, err_msg=part)


def test_an_utterance_is_found_by_its_own_words(model: Clasp, rows: list[dict[str, str]]) -> None:
    english = [row for row in rows if row["language"] == "en"][::6]
    speech = model.encode_speech([clasp.decode(LIBRARY / row["file"]) for row in english])
    text = model.encode_text([row["text"] for row in english], ["en"] * len(english))
    found = (text @ speech.T).argmax(1) == np.arange(len(english))
    assert found.mean() >= 0.9


def test_no_speech_is_not_an_error(model: Clasp) -> None:
    noise = clasp.Waveform(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(model.encode_speech([noise])), 1, atol=1e-5)
