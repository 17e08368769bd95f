"""Every family of backbones hears an utterance the same in any batch, and gives what transformers itself gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from clasp.errors import ModelError
from clasp.speech import backbones
from clasp.speech.fused_encoder import FusedSpeechEncoder, SpectrogramBackbone

SMALL = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
WAVES = SMALL | {"conv_dim": [16] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}  # as the large models are
FAMILIES = {
    "hubert": WAVES | {"model_type": "hubert"},
    "hubert large": WAVES | LARGE | {"model_type": "hubert"},
    "wav2vec2": WAVES | {"model_type": "wav2vec2"},
    "wav2vec2 large": WAVES | LARGE | {"model_type": "wav2vec2"},
    "wav2vec2 adapter": WAVES | LARGE | {"model_type": "wav2vec2", "add_adapter": True, "output_hidden_size": 20},
    "wavlm": WAVES | {"model_type": "wavlm"},
    "wavlm large": WAVES | LARGE | {"model_type": "wavlm"},
    "unispeech-sat large": WAVES | LARGE | {"model_type": "unispeech-sat"},
    "data2vec-audio": WAVES | {"model_type": "data2vec-audio", "num_conv_pos_embeddings": 2},
    "w2v-bert": SMALL | {"model_type": "wav2vec2-bert", "conv_depthwise_kernel_size": 5},
    "w2v-bert adapter": SMALL | {"model_type": "wav2vec2-bert", "add_adapter": True, "output_hidden_size": 20,
                                 "conv_depthwise_kernel_size": 5},
    "whisper": {"model_type": "whisper", "d_model": 24, "encoder_layers": 2, "decoder_layers": 1,
                "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 48, "vocab_size": 60,
                "decoder_ffn_dim": 48, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
                "decoder_start_token_id": 1},
    "parakeet": SMALL | {"model_type": "parakeet_encoder", "subsampling_conv_channels": 8},
    "parakeet ctc": {"model_type": "parakeet_ctc", "vocab_size": 40, "encoder_config":
                     SMALL | {"model_type": "parakeet_encoder", "subsampling_conv_channels": 8}},
}  # fmt: skip
IMAGES = {
    "efficientnet": {"model_type": "efficientnet", "width_coefficient": 0.1, "depth_coefficient": 0.1,
                     "hidden_dim": 128},
    "convnext": {"model_type": "convnext", "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "convnextv2": {"model_type": "convnextv2", "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]},
    "resnet": {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "vit": SMALL | {"model_type": "vit", "image_size": 64, "patch_size": 16},
    "dinov2": {"model_type": "dinov2", "hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2,
               "image_size": 64, "patch_size": 16},
    "swinv2": {"model_type": "swinv2", "image_size": 64, "patch_size": 4, "embed_dim": 8, "depths": [1, 1],
               "num_heads": [1, 2], "window_size": 4},
}  # fmt: skip


def lively(network: nn.Module) -> nn.Module:
    """The network with weights large enough for differences to show."""
    torch.manual_seed(0)
    for weight in network.parameters():
        if weight.ndim > 1:
            nn.init.normal_(weight, 0, 1.5 / weight[0].numel() ** 0.5)
    return network.eval()


def clips(*lengths: int) -> list[Tensor]:
    draw = np.random.default_rng(0)
    tones = [np.sin(np.arange(length) / (9 + 4 * number)) for number, length in enumerate(lengths)]
    return [torch.from_numpy((0.3 * tone + draw.normal(0, 0.05, len(tone))).astype(np.float32)) for tone in tones]


@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_a_clip_is_heard_the_same_in_any_batch(family: str) -> None:
    backbone = lively(backbones.build(FAMILIES[family]))
    samples = clips(8_000, 16_123, 16_123, 40_000, 3_500)
    together = backbones.hidden_means(backbone, samples, {})
    alone = torch.cat([backbones.hidden_means(backbone, [wave], {}) for wave in samples])
    assert together.shape == (5, backbones.width(backbone))
    spread = together.std(0).mean()
    assert spread > 1e-2  # clips are told apart
    torch.testing.assert_close(together, alone, rtol=0, atol=float(1e-3 * spread + 1e-4))


@pytest.mark.parametrize(
    ("family", "extractor"),
    [("hubert large", "Wav2Vec2FeatureExtractor"), ("wavlm", "Wav2Vec2FeatureExtractor"),
     ("w2v-bert", "SeamlessM4TFeatureExtractor"), ("parakeet", "ParakeetFeatureExtractor")],
)  # fmt: skip
@torch.inference_mode()
def test_a_clip_alone_is_what_transformers_makes_of_it(family: str, extractor: str) -> None:
    backbone, (wave,) = lively(backbones.build(FAMILIES[family])), clips(20_000)
    inputs = getattr(transformers, extractor)()(wave.numpy(), sampling_rate=16_000, return_tensors="pt")
    if family == "parakeet":
        frames = int(inputs["attention_mask"].sum())
        inputs = {"input_features": inputs["input_features"][:, :frames]}
    elif family != "w2v-bert":
        inputs = {"input_values": inputs["input_values"]}
    expected = backbone(**inputs).last_hidden_state.mean(1)
    found = backbones.hidden_means(backbone, [wave], {})
    if family == "w2v-bert":  # which pads to an even number of frames
        assert torch.cosine_similarity(found, expected) > 0.999
        return
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@torch.inference_mode()
def test_whisper_means_only_what_was_said() -> None:
    backbone = lively(backbones.build(FAMILIES["whisper"]))
    wave = clips(32_000)[0]
    mel = transformers.WhisperFeatureExtractor()(wave.numpy(), sampling_rate=16_000, return_tensors="pt")
    hidden = backbone(mel["input_features"]).last_hidden_state
    found = backbones.hidden_means(backbone, [wave], {})
    torch.testing.assert_close(found, hidden[:, :100].mean(1), rtol=1e-3, atol=1e-4)


@torch.inference_mode()
def test_long_short_and_silent_clips_are_heard() -> None:
    backbone = lively(backbones.build(FAMILIES["hubert large"]))
    long = torch.cat(clips(16_000) * 70)
    found = backbones.hidden_means(backbone, [long, long[:100], torch.zeros(16_000)], {})
    assert torch.isfinite(found).all()
    thirds = [backbones.hidden_means(backbone, [piece], {}) for piece in long.tensor_split(3)]
    torch.testing.assert_close(found[:1], sum(thirds) / 3, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", IMAGES)
@torch.inference_mode()
def test_any_image_backbone_sees_spectrograms(name: str) -> None:
    encoder = SpectrogramBackbone(size=(64, 64), backbone=IMAGES[name])
    lively(encoder.backbone)
    mels = [torch.rand(50 + 20 * number, 80, generator=torch.Generator().manual_seed(number)) for number in range(3)]
    together = encoder(mels)
    assert together.shape == (3, encoder.dim)
    torch.testing.assert_close(together, torch.cat([encoder([mel]) for mel in mels]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("family", ["hubert", "w2v-bert", "whisper", "parakeet ctc", "parakeet"])
@torch.inference_mode()
def test_a_saved_backbone_is_loaded_by_its_folder(family: str, tmp_path: Path) -> None:
    settings = dict(FAMILIES[family])
    config = transformers.AutoConfig.for_model(settings.pop("model_type"), **settings)
    whole = lively(transformers.AutoModel.from_config(config))
    whole.save_pretrained(tmp_path)
    if family == "w2v-bert":
        transformers.SeamlessM4TFeatureExtractor().save_pretrained(tmp_path)
    backbone, features = backbones.load(tmp_path, "speech")
    assert (features != {}) == (family == "w2v-bert")
    samples = clips(9_000, 20_000)
    found = backbones.hidden_means(backbone, samples, features)
    torch.testing.assert_close(found, backbones.hidden_means(backbones._encoder(whole), samples, {}))
    config = {"dim": 12, "speech": {"backbone": backbone.config.to_dict(), "features": features}}
    encoder = FusedSpeechEncoder(config)  # as a model folder builds it again
    encoder.speech.load_state_dict(backbone.state_dict())
    torch.testing.assert_close(encoder.eval().pool_states(samples), found, rtol=1e-4, atol=1e-4)


@torch.inference_mode()
def test_extractors_that_leave_the_level_do_so() -> None:
    backbone, (wave,) = lively(backbones.build(FAMILIES["wavlm"])), clips(20_000)
    as_it_is = backbones.hidden_means(backbone, [wave], {"do_normalize": False})
    torch.testing.assert_close(as_it_is, backbone(wave[None]).last_hidden_state.mean(1), rtol=1e-3, atol=1e-3)


def test_what_is_no_backbone_of_that_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No backbone"):
        backbones.load(tmp_path / "nothing", "speech")
    backbones.build(IMAGES["resnet"]).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="takes pixel_values, not waveforms"):
        backbones.load(tmp_path, "speech")
