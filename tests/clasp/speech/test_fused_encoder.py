"""The speech route: fusion by both ways, long speech, silence-like input, and the front end."""

import numpy as np
import pytest
import torch

from clasp.audio.decode import Waveform
from clasp.audio.mel import BINS, FRAME_RATE, log_mel
from clasp.errors import ModelError
from clasp.model import Clasp
from clasp.phones.ngrams import ORDERS, PhoneNgramEncoder, ngram_keys
from clasp.speech import fusion


@pytest.mark.parametrize(("kind", "parameters"), [("concat", 6_344_608), ("gating", 9_237_888)])
def test_fusions_have_the_published_size(kind: str, parameters: int) -> None:
    published = fusion.build(kind, 1024, 1000, 768)
    assert sum(weight.numel() for weight in published.parameters()) == parameters
    out = published.eval()(torch.randn(3, 1024), torch.randn(3, 1000))
    assert out.shape == (3, 768)


@pytest.mark.parametrize("kind", ["concat", "gating"])
def test_fusions_listen_to_both_branches(kind: str) -> None:
    torch.manual_seed(0)
    module = fusion.build(kind, 8, 6, 12).eval()
    speech, image = torch.randn(1, 8), torch.randn(1, 6)
    both = module(speech, image)
    assert not torch.allclose(both, module(torch.randn(1, 8), image))
    assert not torch.allclose(both, module(speech, torch.randn(1, 6)))


def test_an_unknown_fusion_is_named() -> None:
    with pytest.raises(ModelError, match="concat, gating"):
        fusion.build("sum", 4, 4, 4)


def test_log_mel_is_the_logarithm_of_triangles_over_the_spectrum() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 8_000).astype(np.float32)
    padded = np.pad(samples, 256 + 56)  # half a transform, and what the window leaves of it
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([padded[112 + 160 * n :][:400] * window for n in range(1 + len(samples) // 160)])
    power = np.abs(np.fft.rfft(frames, 512)) ** 2  # (frames, 257)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (20, 7_600))
    edges = 700 * (10 ** (np.linspace(low, high, BINS + 2) / 2595) - 1)  # Hz
    triangles = [np.interp(np.arange(257) * 16_000 / 512, edges[n : n + 3], [0, 1, 0]) for n in range(BINS)]
    mel = np.log(power @ np.transpose(triangles))  # (frames, BINS)
    np.testing.assert_allclose(log_mel(samples), np.maximum(0, 1 + (mel - mel.max()) / 11), atol=1e-4)


def test_log_mel_ignores_gain_and_has_a_frame_every_ten_milliseconds() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    mel = log_mel(tone)
    assert mel.shape == (FRAME_RATE + 1, BINS)
    assert mel.dtype == np.float32
    assert mel.min() >= 0
    assert mel.max() == 1
    np.testing.assert_allclose(log_mel(0.1 * tone), mel, atol=1e-3)


def test_long_speech_is_heard_in_pieces(tiny: Clasp) -> None:
    draw = np.random.default_rng(0)
    long = Waveform(draw.normal(0, 0.1, 16_000 * 45).astype(np.float32))
    vectors = tiny.encode_speech([long])
    np.testing.assert_allclose(np.linalg.norm(vectors), 1, atol=1e-5)
    with torch.inference_mode():
        features, _ = tiny.speech.features([torch.from_numpy(long.samples)])
        whole = tiny.speech.recognize(features)[0]
    assert [len(piece) for piece in features[0]] == [1_000, 1_000, 265]  # 20 s, 20 s, 5 s and the silence after them
    assert len(whole) <= sum(len(piece) for piece in features[0]) / 2 + 3


def test_run_keys_tell_runs_apart_and_respect_edges() -> None:
    keys = ngram_keys(torch.tensor([[3, 4, 5, 0, 3, 4, 5]]))[0]
    assert ORDERS[:2] == (2, 3)
    assert (keys[0] == -1).all()  # no run ends at the first phone
    assert (keys[2, :2] == keys[6, :2]).all()  # "45" and "345" are the same wherever they stand
    assert keys[6, 2] == -1  # a run does not reach over the gap
    assert keys[2, 0] != ngram_keys(torch.tensor([[5, 4]]))[0, 1, 0]  # order counts
    assert len(set(keys[keys > 0].tolist())) == 3  # 34, 45, 345


def test_word_encoder_looks_runs_up() -> None:
    encoder = PhoneNgramEncoder(runs=2, embedding=4, heads=2, width=8, pools=2, dim=6).eval()
    phones = torch.tensor([[3, 4, 5, 0, 0]])
    encoder.keys.copy_(ngram_keys(phones)[0, [1, 2], [0, 1]].sort().values)
    found = encoder.lookup(phones)[0]
    assert found[1, 0] < 2
    assert found[2, 1] < 2
    assert (found == 2).sum() == found.numel() - 2
    alone = encoder(phones[:, None, :3], torch.tensor([3]))
    torch.testing.assert_close(encoder(phones[:, None], torch.tensor([3])), alone)
    nothing = [encoder(torch.zeros(1, 1, length, dtype=torch.int64), torch.tensor([0])) for length in (1, 7)]
    torch.testing.assert_close(nothing[0], nothing[1])
    twice = encoder(phones[:, None].expand(-1, 2, -1), torch.tensor([3]))
    torch.testing.assert_close(twice, alone)
    misheard = torch.tensor([[3, 9, 5, 0, 0]])
    apart = [encoder(read[:, None], torch.tensor([3])) for read in (phones, misheard)]
    together = encoder(torch.stack([phones, misheard], 1), torch.tensor([3]))
    assert (together - apart[0]).norm() < (apart[1] - apart[0]).norm()
