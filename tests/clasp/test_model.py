"""What Clasp promises, on tiny random models of both architectures."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import clasp
from clasp.audio.decode import Waveform
from clasp.calibration import Calibration
from clasp.errors import ClaspError, ModelError
from clasp.model import Clasp, load
from clasp.phones import inventory

TEXTS = [
    "The ship was lost in the storm.",
    "Das Schiff ging im Sturm verloren.",
    "Bread",
    "Wo ist der Bahnhof?",
]


@pytest.mark.parametrize("name", ["tiny", "tiny_published"])
def test_speech_vectors_do_not_depend_on_the_batch(
    name: str, utterances: list[Waveform], request: pytest.FixtureRequest
) -> None:
    model: Clasp = request.getfixturevalue(name)
    together = model.encode_speech(utterances)
    alone = np.concatenate([model.encode_speech([utterance]) for utterance in utterances])
    assert together.dtype == np.float32
    assert together.shape == (len(utterances), model.dim)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-4)
    assert np.abs(together[0] - together[2]).max() > 1e-3  # different speech, different vectors


@pytest.mark.parametrize("name", ["tiny", "tiny_published"])
def test_text_vectors_do_not_depend_on_the_batch(name: str, request: pytest.FixtureRequest) -> None:
    model: Clasp = request.getfixturevalue(name)
    together = model.encode_text(TEXTS)
    alone = np.concatenate([model.encode_text([text]) for text in TEXTS])
    assert together.dtype == np.float32
    assert together.shape == (len(TEXTS), model.dim)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_a_model_without_sound_is_its_meaning(tiny_published: Clasp) -> None:
    vectors = tiny_published.encode_text(TEXTS)
    meaning, sound = tiny_published.halves(vectors)
    assert tiny_published.sound_dim == 0
    assert sound.shape == (len(TEXTS), 0)
    np.testing.assert_allclose(meaning, vectors, atol=1e-6)


def test_text_that_cannot_be_said_keeps_its_meaning(tiny: Clasp) -> None:
    vectors = tiny.encode_text(["…"], ["en"])
    np.testing.assert_allclose(np.linalg.norm(vectors), 1, atol=1e-5)
    np.testing.assert_array_equal(tiny.halves(vectors)[1], 0)


def test_saved_and_loaded_again_it_encodes_the_same(tiny: Clasp, tiny_folder: Path, utterances: list[Waveform]) -> None:
    again = load(tiny_folder, device="cpu")
    # weights are stored as float16
    np.testing.assert_allclose(again.encode_text(TEXTS), tiny.encode_text(TEXTS), atol=5e-3)
    similarity = (again.encode_speech(utterances) * tiny.encode_speech(utterances)).sum(1)
    assert similarity.min() > 0.98
    assert again.checksum == load(tiny_folder).checksum
    assert len(again.checksum) == 64


def test_saved_from_a_folder_it_can_search(tiny: Clasp, tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    size = len(inventory.INVENTORY)
    tables = {"confusions": np.eye(size, dtype=np.float32), "frequencies": np.full(size, 1 / size, np.float32)}
    save_file(tables, folder / "alignment.safetensors")
    Calibration.rough().save(folder / "calibration.json")
    model = load(folder, device="cpu")
    model.save(tmp_path / "again")
    model.save(folder)  # onto itself
    for saved in (tmp_path / "again", folder):
        again = load(saved, device="cpu")
        assert again.aligner is not None
        assert again.calibration.of("text").threshold == 0.5
        assert again.checksum == model.checksum
        np.testing.assert_array_equal(again.encode_text(TEXTS), model.encode_text(TEXTS))


def test_saving_a_model_does_not_change_it(tiny: Clasp, tmp_path: Path) -> None:
    model = copy.deepcopy(tiny)
    modules = {"text": model.text, "speech": model.speech, "sound": model.sound}
    with torch.no_grad():
        for weight in (weight for module in modules.values() for weight in module.parameters()):
            weight.add_(1e-5)  # more precise than what is stored
    before = {name: copy.deepcopy(module.state_dict()) for name, module in modules.items()}
    model.save(tmp_path)
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            assert torch.equal(value, before[name][key]), f"{name}: {key}"


def test_the_checksum_tells_models_apart(tiny_folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny_folder, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    config["languages"].append("es")
    (other / "config.json").write_text(json.dumps(config))
    assert load(other).checksum != load(tiny_folder).checksum


@pytest.mark.parametrize("damage", ["speech.safetensors", "sound.safetensors", "config.json", "text"])
def test_a_damaged_folder_is_one_clear_error(damage: str, tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    target = folder / damage
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.write_bytes(target.read_bytes()[:-40])
    with pytest.raises(ModelError, match=r"damaged|No text encoder"):
        load(folder)


def test_errors_name_what_is_wrong(tiny: Clasp, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No model in"):
        load(tmp_path)
    with pytest.raises(ClaspError, match="empty text"):
        tiny.encode_text(["fine", "  "])
    with pytest.raises(ModelError, match="not loaded from a folder"):
        _ = tiny.checksum
    with pytest.raises(ModelError, match="'xx'"):
        tiny.encode_text(["hello"], ["xx"])


def test_no_input_no_vectors(tiny: Clasp) -> None:
    assert tiny.encode_text([]).shape == (0, tiny.dim)
    assert tiny.encode_speech([]).shape == (0, tiny.dim)


def test_language_is_told_from_the_text(tiny: Clasp) -> None:
    assert tiny.language_of("Wo ist der Bahnhof?") == "de"
    assert tiny.language_of("Le bateau a disparu dans la tempête.") == "fr"
    assert tiny.language_of("storm") == "en"


def test_importing_clasp_does_not_import_torch() -> None:
    import subprocess
    import sys

    script = "import sys, clasp; assert set(clasp.__all__) <= set(dir(clasp)); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert clasp.Clasp is Clasp
