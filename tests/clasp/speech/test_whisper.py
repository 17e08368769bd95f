"""The backbone: its weights on disk, its spectrograms and its layers, against transformers' own."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder as Reference

from clasp.errors import ModelError
from clasp.speech import whisper_weights
from clasp.speech.whisper_encoder import LOUDEST, WhisperEncoder, log_mel
from clasp.speech.whisper_weights import read_tensors, whisper_folder

SECOND = 16_000


def named_like(reference: Reference) -> dict[str, torch.Tensor]:
    """The weights of transformers' encoder under our names."""
    state = {name: value for name, value in reference.state_dict().items() if name.startswith("conv")}
    state["positions"] = reference.embed_positions.weight
    state |= {f"norm.{name}": value for name, value in reference.layer_norm.state_dict().items()}
    for number, layer in enumerate(reference.layers):
        attention = layer.self_attn
        parts = {
            "attention_norm": layer.self_attn_layer_norm, "norm": layer.final_layer_norm, "wide": layer.fc1,
            "narrow": layer.fc2, "attended": attention.out_proj,
        }  # fmt: skip
        for name, part in parts.items():
            state |= {f"layers.{number}.{name}.{key}": value for key, value in part.state_dict().items()}
        query, key, value = attention.q_proj, attention.k_proj, attention.v_proj
        state[f"layers.{number}.qkv.weight"] = torch.cat([query.weight, key.weight, value.weight])
        state[f"layers.{number}.qkv.bias"] = torch.cat([query.bias, torch.zeros_like(query.bias), value.bias])
    return state


@torch.inference_mode()
def test_features_of_a_full_window_are_those_of_transformers() -> None:
    torch.manual_seed(0)
    config = WhisperConfig(d_model=32, encoder_layers=3, encoder_attention_heads=2, encoder_ffn_dim=128)
    reference = Reference(config).eval()
    encoder = WhisperEncoder(width=32, layers=3, heads=2, taps=(2, 3)).eval()
    encoder.load_state_dict(named_like(reference))
    mel = torch.rand(3_000, 80)
    found = encoder([mel])[0]
    expected = reference((2 * (mel - 1) + LOUDEST).T[None], output_hidden_states=True)
    torch.testing.assert_close(found[:, :32], expected.hidden_states[2][0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[:, 32:], expected.last_hidden_state[0], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_utterances_in_a_batch_do_not_influence_each_other() -> None:
    torch.manual_seed(0)
    encoder = WhisperEncoder(width=32, layers=2, heads=2, taps=(1, 2)).eval()
    mels = [torch.rand(length, 80) for length in (40, 700, 222)]
    for alone, together in zip(mels, encoder(mels), strict=True):
        torch.testing.assert_close(together, encoder([alone])[0], atol=1e-5, rtol=1e-5)
        assert len(together) == len(alone) // 2


def test_spectrograms_are_those_of_transformers_whatever_the_gain() -> None:
    draw = np.random.default_rng(0)
    samples = (0.1 * draw.standard_normal(3 * SECOND)).astype(np.float32)
    mel = log_mel(torch.from_numpy(samples))
    assert mel.shape == (330, 80)
    assert mel.max() == 1
    padded = np.pad(samples, (0, round(0.3 * SECOND)))
    expected = WhisperFeatureExtractor()(padded, sampling_rate=SECOND, padding=False).input_features[0].T
    np.testing.assert_allclose(2 * (mel.numpy() - 1), expected - expected.max(), atol=1e-4)
    torch.testing.assert_close(log_mel(torch.from_numpy(0.01 * samples)), mel, atol=1e-3, rtol=0)


def test_the_weights_are_checked_once_and_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    folder = whisper_folder()
    assert {path.name for path in folder.iterdir()} == {*whisper_weights.SIDE_FILES, "model.bin", "verified.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["whisper-base"]
    tensors = read_tensors(folder / "model.bin", "encoder/")
    assert tensors["encoder/conv1/weight"].shape == (512, 80, 3)
    assert all(name.startswith("encoder/") for name in tensors)
    monkeypatch.setattr(whisper_weights, "_assemble", lambda _: pytest.fail("checked again"))
    assert whisper_folder() == folder


def test_damaged_weights_are_made_again_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    whole = (whisper_folder() / "model.bin").read_bytes()
    (tmp_path / "whisper-base" / "model.bin").write_bytes(whole[:-1])
    assert (whisper_folder() / "model.bin").stat().st_size == len(whole)
    monkeypatch.setattr(whisper_weights, "_model_blocks", lambda: iter([whole[:1000]]))
    (tmp_path / "whisper-base" / "verified.json").write_text(json.dumps({}))
    with pytest.raises(ModelError, match=r"damaged.*python -m clasp weights"):
        whisper_folder()
    assert [path.name for path in tmp_path.iterdir()] == ["whisper-base"]


def test_missing_weights_are_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path))
    monkeypatch.setenv("CLASP_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(whisper_weights, "PACKAGES", ("no_such_package", "nor_this_one"))
    with pytest.raises(ModelError, match=r"not installed and cannot be fetched: .*python -m clasp weights"):
        whisper_folder()
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("CLASP_CACHE", str(blocker))
    with pytest.raises(ModelError, match="CLASP_CACHE"):
        whisper_folder()


@pytest.mark.parametrize(
    "data", [b"", b"\x07\x00\x00\x00", struct.pack("<IH", 6, 500), struct.pack("<IH5sIII", 6, 5, b"four\0", 1, 9, 9)]
)
def test_what_is_no_model_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"no model of CTranslate2"):
        read_tensors(path)
