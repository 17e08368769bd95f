"""Backbones from transformers, by name, folder or configuration: the one place that knows the families.

| family                                    | takes          | together in a batch                                  |
|-------------------------------------------|----------------|------------------------------------------------------|
| HuBERT, WavLM, wav2vec 2.0, UniSpeech     | samples        | any lengths if layer-normalised, otherwise equal ones |
| others that take samples (Data2Vec, SEW)  | samples        | equal lengths                                        |
| w2v-BERT 2.0, Parakeet (FastConformer)    | log-mel frames | any lengths                                          |
| Whisper                                   | 30 s windows   | any lengths                                          |

Whatever the family, an utterance has the same vector in any batch: group-normalised models
(`feat_extract_norm="group"`) and adapters see the padding, so what they take together is of one length. Image backbones
are all that take `pixel_values` (EfficientNet, ConvNeXt, ResNet, ViT); texts are for sentence-transformers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoModelForImageClassification

from clasp.audio.decode import SAMPLE_RATE
from clasp.errors import ModelError
from clasp.settings import current

LONGEST = 30 * SAMPLE_RATE  # samples; longer speech is encoded in pieces, as Whisper's window has it
SHORTEST = SAMPLE_RATE // 5  # samples; shorter speech is lengthened with silence
MASKED = ("hubert", "wav2vec2", "wavlm", "unispeech", "unispeech-sat")  # take masks, if layer-normalised
EXTRACTORS = {
    "wav2vec2-bert": "SeamlessM4TFeatureExtractor",
    "parakeet_encoder": "ParakeetFeatureExtractor",
    "whisper": "WhisperFeatureExtractor",
}
KINDS = {"speech": "waveforms or log-mel frames", "image": "images"}

Backbone: TypeAlias = Any  # a transformers model, of which each family has parts of its own


def load(name: str | Path, kind: str, classify: bool = False) -> tuple[Backbone, dict[str, Any]]:
    """The trained backbone of this name or in this folder, and the settings of its feature extractor ({} if none).

    Args:
        kind: "speech" or "image".
        classify: with the classes of an image backbone that was trained to tell them apart.

    Raises:
        ModelError: if there is none, or it is of another kind.
    """
    maker = AutoModelForImageClassification if classify else AutoModel
    try:
        whole = maker.from_pretrained(name, dtype=torch.float32, local_files_only=current().offline)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"No backbone {str(name)!r}: give the name or the folder of a transformers model.") from error
    backbone = _encoder(whole)
    taken = backbone.main_input_name
    fits = taken == "pixel_values" if kind == "image" else (
        taken == "input_values" or backbone.config.model_type in EXTRACTORS)  # fmt: skip
    if not fits:
        raise ModelError(f"The backbone {str(name)!r} takes {taken}, not {KINDS[kind]}: choose another one.")
    settings: dict[str, Any] = {}
    if kind == "speech":
        try:
            settings = AutoFeatureExtractor.from_pretrained(name, local_files_only=current().offline).to_dict()
        except (OSError, ValueError, KeyError):  # a folder without one: the family's own is taken
            settings = {}
    return backbone.eval(), settings


def build(settings: dict[str, Any], classify: bool = False) -> Backbone:
    """A backbone with random weights from a transformers configuration with its `model_type`."""
    settings = dict(settings)
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    return _encoder((AutoModelForImageClassification if classify else AutoModel).from_config(config))


def _encoder(whole: Backbone) -> Backbone:
    """The encoder of a model that also writes: Whisper without its decoder, Parakeet without its letters."""
    if whole.config.model_type == "whisper" or whole.config.model_type.startswith("parakeet"):
        return whole.get_encoder() if hasattr(whole, "get_encoder") else getattr(whole, "encoder", whole)
    return whole


def width(backbone: Backbone) -> int:
    """Dimensions of a speech backbone's hidden states."""
    config = backbone.config
    return getattr(config, "output_hidden_size", None) or config.hidden_size


def hidden_means(backbone: Backbone, samples: list[Tensor], features: dict[str, Any]) -> Tensor:
    """Mean over time of a speech backbone's last hidden states.

    Args:
        samples: 16 kHz mono float32 (n,) each, of any lengths.
        features: settings of the backbone's feature extractor, {} for what its family usually has.

    Returns:
        (batch, width), each row as if its clip were alone.
    """
    pieces = [_pieces(wave) for wave in samples]
    flat = [piece for parts in pieces for piece in parts]
    means = _means(backbone, flat, features)  # (pieces, width)
    lengths = torch.tensor([len(piece) for piece in flat], dtype=means.dtype, device=means.device)
    rows, start = [], 0
    for parts in pieces:
        share = lengths[start : start + len(parts)]
        rows.append((means[start : start + len(parts)] * share[:, None]).sum(0) / share.sum())
        start += len(parts)
    return torch.stack(rows)


def _pieces(wave: Tensor) -> list[Tensor]:
    """Speech in equal pieces that a backbone can take in."""
    if len(wave) < SHORTEST:
        return [nn.functional.pad(wave, (0, SHORTEST - len(wave)))]
    return list(wave.tensor_split(-(-len(wave) // LONGEST)))


def _means(backbone: Backbone, pieces: list[Tensor], features: dict[str, Any]) -> Tensor:
    kind = backbone.config.model_type
    if kind in EXTRACTORS:
        return _frame_means(backbone, pieces, features)
    normal = [_normalised(piece) if features.get("do_normalize", True) else piece for piece in pieces]
    if (
        kind in MASKED
        and backbone.config.feat_extract_norm == "layer"
        and not getattr(backbone.config, "add_adapter", 0)
    ):
        lengths = torch.tensor([len(piece) for piece in normal], device=normal[0].device)
        padded = nn.utils.rnn.pad_sequence(normal, batch_first=True)
        mask = torch.arange(padded.shape[1], device=padded.device) < lengths[:, None]
        hidden = backbone(padded, attention_mask=mask.long()).last_hidden_state
        return _masked_mean(hidden, backbone._get_feat_extract_output_lengths(lengths))
    return _equal_means(backbone, normal)


def _equal_means(backbone: Backbone, inputs: list[Tensor]) -> Tensor:
    """For backbones that see padding: only inputs of one length are taken together."""
    means: dict[int, Tensor] = {}
    for rows in _of_one_length(inputs):
        hidden = backbone(torch.stack([inputs[row] for row in rows])).last_hidden_state
        for row, mean in zip(rows, hidden.float().mean(1), strict=True):
            means[row] = mean
    return torch.stack([means[row] for row in range(len(inputs))])


def _frame_means(backbone: Backbone, pieces: list[Tensor], features: dict[str, Any]) -> Tensor:
    """For backbones that take log-mel frames, (frames, bins) each from the family's own extractor."""
    kind, device = backbone.config.model_type, pieces[0].device
    extractor = _extractor(kind, backbone.config, features)
    mels = [extractor(piece.cpu().numpy(), sampling_rate=SAMPLE_RATE, return_tensors="pt") for piece in pieces]
    if kind == "whisper":  # windows of one length; what follows the speech in them is left out of the mean
        hidden = backbone(torch.cat([mel["input_features"] for mel in mels]).to(device)).last_hidden_state
        step = 2 * extractor.hop_length
        return _masked_mean(hidden, torch.tensor([-(-len(piece) // step) for piece in pieces], device=device))
    frames = [mel["input_features"][0][mel["attention_mask"][0].bool()] for mel in mels]
    if getattr(backbone.config, "add_adapter", False):
        return _equal_means(backbone, [one.to(device) for one in frames])
    lengths = torch.tensor([len(one) for one in frames], device=device)
    padded = nn.utils.rnn.pad_sequence(frames, batch_first=True).to(device)
    mask = torch.arange(padded.shape[1], device=device) < lengths[:, None]
    if kind == "parakeet_encoder":
        hidden = backbone(padded, attention_mask=mask).last_hidden_state
        return _masked_mean(hidden, backbone._get_subsampling_output_length(lengths))
    return _masked_mean(backbone(padded, attention_mask=mask.long()).last_hidden_state, lengths)


def _extractor(kind: str, config: Any, features: dict[str, Any]) -> Any:
    import transformers

    settings = {name: value for name, value in features.items() if not name.endswith("_type")}
    if kind == "whisper":
        settings |= {"feature_size": config.num_mel_bins, "chunk_length": config.max_source_positions // 50}
    elif kind == "parakeet_encoder":
        settings |= {"feature_size": config.num_mel_bins}
    return getattr(transformers, EXTRACTORS[kind])(**settings)


def _masked_mean(hidden: Tensor, lengths: Tensor) -> Tensor:
    """Means of (batch, time, width) over the first `lengths` frames, (batch, width)."""
    mask = torch.arange(hidden.shape[1], device=hidden.device) < lengths.to(hidden.device)[:, None]
    return (hidden.float() * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)


def _normalised(wave: Tensor) -> Tensor:
    """Zero mean and unit variance, as Wav2Vec2FeatureExtractor has it; silence stays silence."""
    return (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)


def _of_one_length(waves: list[Tensor]) -> Iterator[list[int]]:
    """Rows of waves that are equally long."""
    rows: dict[int, list[int]] = {}
    for row, wave in enumerate(waves):
        rows.setdefault(len(wave), []).append(row)
    yield from rows.values()
