"""Batches that fit, precision that suffices, and a GPU that fails; on a CPU, with errors that a GPU would raise."""

import numpy as np
import pytest
import torch

from clasp import device
from clasp.audio.decode import Waveform
from clasp.errors import ClaspError
from clasp.model import Clasp


def test_batches_are_alike_in_length_and_no_larger_than_asked() -> None:
    lengths, seen = [3.0, 30.0, 1.0, 40.0, 2.0, 11.0, 9.0], []
    assert device.in_batches(lengths, 4, seen.append) == 4
    assert seen == [[2, 4, 0, 6], [5], [1], [3]]  # 5 and 1 would hold more than four of the usual length
    assert sorted(place for batch in seen for place in batch) == list(range(7))
    assert device.in_batches([], 4, seen.append) == 4


def test_batches_shrink_until_they_fit() -> None:
    sizes, done = [], []

    def encode(rows: list[int]) -> None:
        sizes.append(len(rows))
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        done.extend(rows)

    assert device.in_batches([1.0] * 20, 16, encode) == 2
    assert sizes == [16, 8, 4, *[2] * 10]
    assert sorted(done) == list(range(20))


def test_one_that_does_not_fit_and_a_gpu_that_fails_are_said() -> None:
    def full(rows: list[int]) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    def gone(rows: list[int]) -> None:
        raise RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA.")

    def wrong(rows: list[int]) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(ClaspError, match=r"utterance of 12 s.*CLASP_DEVICE=cpu"):
        device.in_batches([12.0, 12.0], 2, full)
    with pytest.raises(ClaspError, match="device-side assert triggered"):
        device.in_batches([1.0], 2, gone)
    with pytest.raises(RuntimeError, match="shapes"):
        device.in_batches([1.0], 2, wrong)


@pytest.mark.parametrize("name", ["tiny", "tiny_published"])
def test_a_model_short_of_memory_gives_the_same_vectors(
    name: str, utterances: list[Waveform], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Clasp = request.getfixturevalue(name)
    expected, forward, sizes = model.encode_speech(utterances), model.speech.forward, []

    def short(samples: list[torch.Tensor]) -> object:
        sizes.append(len(samples))
        if len(samples) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(samples)

    monkeypatch.setattr(model.speech, "forward", short)
    monkeypatch.setattr(model, "_size", 8)
    np.testing.assert_allclose(model.encode_speech(utterances), expected, atol=1e-4)
    tried = len(sizes)
    model.encode_speech(utterances[:2])
    assert sizes[tried:] == [1, 1]  # what did not fit is not tried again


@pytest.mark.parametrize("name", ["tiny", "tiny_published"])
def test_half_precision_changes_little(
    name: str, utterances: list[Waveform], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Clasp = request.getfixturevalue(name)
    texts = ["The ship was lost in the storm.", "Bread"]
    expected = model.encode_speech(utterances[:2]), model.encode_text(texts, ["en", "en"])
    monkeypatch.setattr(model, "precision", torch.bfloat16)
    found = model.encode_speech(utterances[:2]), model.encode_text(texts, ["en", "en"])
    for half, full in zip(found, expected, strict=True):
        assert half.dtype == np.float32
        assert np.abs(half - full).max() > 0
        assert ((half * full).sum(1) > 0.99).all()
        np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, atol=1e-2)


@pytest.mark.parametrize("has_it", [True, False])
def test_the_cpu_computes_in_full_but_for_large_networks(has_it: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has_it)
    cpu, mps = torch.device("cpu"), torch.device("mps")
    assert device.precision(cpu, 20_000_000) == device.precision(cpu) == torch.float32
    assert device.precision(cpu, 380_000_000) == (torch.bfloat16 if has_it else torch.float32)
    assert device.precision(mps, 380_000_000) == torch.float32
    assert [device.usual_size(cpu, count) for count in (20_000_000, 380_000_000)] == [8, 1]


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "cuda" if not torch.cuda.is_available() else "xpu"])
def test_a_device_that_is_not_here(name: str) -> None:
    with pytest.raises(ClaspError, match=f"There is no device '{name}' here"):
        device.chosen_device(name)
    assert device.chosen_device("cpu") == torch.device("cpu")
    assert device.chosen_device("") == device.chosen_device() == device.best_device()
