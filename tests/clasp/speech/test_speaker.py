"""Who speaks: the same in any batch and by either way, kept apart from what libraries depend on, and clustered."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from clasp.audio.decode import Waveform
from clasp.errors import ModelError
from clasp.model import Clasp, load
from clasp.speech import speaker
from clasp.speech.speaker import SpeakerHead, features, unit
from clasp.speech.speaker_clusters import clusters
from clasp.speech.whisper_encoder import WhisperEncoder
from tests.conftest import SPEECH

WIDTH, DIM = 6 * SPEECH["speech"]["backbone"]["width"], 8


def random_head(width: int = WIDTH) -> SpeakerHead:
    draw = np.random.default_rng(0)
    weights = draw.standard_normal((width, DIM)).astype(np.float16).astype(np.float32)
    return SpeakerHead(weights, draw.standard_normal(DIM).astype(np.float32), 0.3, 0.5)


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A model with a speaker head."""
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "model"))
    random_head().save(folder)
    return folder


@torch.inference_mode()
def test_moments_are_those_of_the_frames_alone_whatever_shares_the_batch() -> None:
    torch.manual_seed(0)
    encoder = WhisperEncoder(width=32, layers=3, heads=2, taps=(1, 2)).eval()
    mels = [torch.rand(length, 80) for length in (40, 700, 222)]
    output, moments = encoder.encode(mels)
    for row, mel, frames in zip(moments, mels, output, strict=True):
        means, squares = row.view(2, 3, 32)  # of the convolutions and both layers
        torch.testing.assert_close(means[1:].flatten(), frames.mean(0), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(squares[1:].flatten(), frames.square().mean(0), atol=1e-5, rtol=1e-5)
        assert means[0].abs().sum() > 0
        torch.testing.assert_close(row, encoder.moments([mel])[0], atol=1e-5, rtol=1e-5)


def test_features_are_mean_and_deviation() -> None:
    frames = np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32)
    frames[:, 3] = 7  # does not deviate
    found = features(np.concatenate([frames.mean(0), np.square(frames).mean(0)])[None])[0]
    np.testing.assert_allclose(found[:4], frames.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found[4:7], frames[:, :3].std(0), rtol=1e-3)
    assert 0 < found[7] < 0.01


def test_embeddings_come_with_the_vectors_and_alone(folder: Path, utterances: list[Waveform]) -> None:
    model = load(folder, device="cpu")
    long = Waveform(np.tile(utterances[-1].samples, 2))  # of several pieces
    output = model.encode_speech([*utterances, long], return_phones=True)
    assert output.speakers.shape == (len(utterances) + 1, DIM) and output.speakers.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(output.speakers, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(output.speakers, model.encode_speakers([*utterances, long]), atol=1e-4)
    alone = np.concatenate([model.encode_speakers([one]) for one in utterances])
    np.testing.assert_allclose(output.speakers[:-1], alone, atol=1e-4)


def test_libraries_do_not_depend_on_it(tiny: Clasp, tiny_folder: Path, folder: Path, utterances, tmp_path) -> None:
    with_head, without = load(folder, device="cpu"), load(tiny_folder, device="cpu")
    assert with_head.checksum == without.checksum
    assert without.speaker_head is None and without.encode_speakers(utterances) is None
    assert without.encode_speech(utterances[:1], return_phones=True).speakers is None
    with_head.save(tmp_path / "copy")
    assert load(tmp_path / "copy").speaker_head.checksum == with_head.speaker_head.checksum == random_head().checksum


def test_what_does_not_fit_is_named(folder: Path, utterances: list[Waveform]) -> None:
    random_head(WIDTH + 2).save(folder)
    with pytest.raises(ModelError, match=f"takes {WIDTH + 2} numbers .* gives {WIDTH}"):
        load(folder, device="cpu").encode_speech(utterances[:1])
    (folder / speaker.FILE).write_bytes(b"no head")
    with pytest.raises(ModelError, match=r"speaker\.safetensors is damaged"):
        load(folder, device="cpu").encode_speech(utterances[:1])


def spread(centres: np.ndarray, speakers: list[int], noise: float) -> np.ndarray:
    """Utterances of speakers at some centres, unit rows."""
    draw = np.random.default_rng(1)
    return unit(centres[speakers] + noise * draw.standard_normal((len(speakers), centres.shape[1])))


def test_utterances_are_clustered_by_speaker_in_the_order_of_speaking() -> None:
    speakers = [2, 0, 2, 1, 0, 1, 1, 2, 0, 0]
    found = clusters(spread(np.eye(16), speakers, 0.1), np.full(10, 3.0), 0.4)
    assert found.tolist() == [0, 1, 0, 2, 1, 2, 2, 0, 1, 1]


def test_the_short_and_those_who_hardly_speak_join_the_nearest() -> None:
    speakers = [0, 1, 0, 1, 0, 1, 2]
    embeddings = spread(np.eye(16), speakers, 0.1)
    embeddings[4] = unit(embeddings[4:5] + 0.9 * np.eye(16)[5])[0]  # short, and so not very like the others
    embeddings[6] = unit(embeddings[6:7] + 0.5 * np.eye(16)[1])[0]  # somebody else, for two seconds
    assert clusters(embeddings, np.array([3, 3, 3, 3, 0.5, 3, 2]), 0.4).tolist() == [0, 1, 0, 1, 0, 1, 1]


@pytest.mark.parametrize("count", [1, 2])
def test_one_speaker_is_one_speaker(count: int) -> None:
    assert clusters(spread(np.eye(4), [0] * count, 0.01), np.full(count, 0.4), 0.4).tolist() == [0] * count


def test_many_utterances_need_no_more_memory_than_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clasp.speech.speaker_clusters.MOST", 20)
    speakers = np.random.default_rng(0).integers(0, 3, 500)
    speakers[:3] = [0, 1, 2]
    assert clusters(spread(np.eye(16), speakers.tolist(), 0.1), np.full(500, 3.0), 0.4).tolist() == speakers.tolist()
