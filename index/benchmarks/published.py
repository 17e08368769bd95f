"""How fast the published architecture is, stage by stage and in all, and how fast the notebooks' way of it.

The weights are random: nothing that is found means anything, but it takes as long. Both ways start from the same WAV
files of 22,050 Hz and end with the fused vectors.
"""

import io

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from clasp.audio.decode import SAMPLE_RATE
from clasp.model import Clasp
from clasp.published import efficientnet
from clasp.speech.fused_encoder import SpeechEncoder
from index.benchmarks import notebooks, stages
from index.benchmarks.benchmark import Row
from index.benchmarks.stages import Clips

HUBERT_LARGE = {
    "model_type": "hubert", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
    "intermediate_size": 4096, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True,
}  # fmt: skip
PUBLISHED = {
    "dim": 768,
    "speech": {"backbone": HUBERT_LARGE, "features": {}},
    "spectrogram": {"figure": True, "backbone": efficientnet.B7},
    "fusion": "concat",
    "unit_inputs": True,
}


def measure(count: int, config: dict = PUBLISHED) -> tuple[str, list[Row]]:
    """Where it ran and in what precision, and the rows of the table.

    Args:
        count: utterances.
        config: as of clasp.speech.fused_encoder; another one is for tests.
    """
    torch.manual_seed(0)
    model = Clasp(nn.Identity(), SpeechEncoder(config), None, {"languages": [], "speech_encoder": config})
    clips = stages.spoken(count)
    where, rows = stages.measure(model, clips)
    fastest = max(stages.rate(row) for row in rows if row.what.startswith("all,"))
    with torch.inference_mode():
        rows += _notebooks(model.speech, clips, model.device)
    rows.append(Row("all, faster than the notebooks", f"{fastest / stages.rate(rows[-1]):.1f} times"))
    return f"{where}, RANDOM WEIGHTS", rows


def _notebooks(encoder: SpeechEncoder, clips: Clips, device: torch.device) -> list[Row]:
    """The authors' way: file by file, each from its figure, in full precision; the pickled fusion last."""
    import librosa
    from transformers import Wav2Vec2FeatureExtractor

    processor = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)

    def heard(file: bytes) -> Tensor:
        samples, rate = soundfile.read(io.BytesIO(file))
        samples = librosa.resample(samples / np.max(np.abs(samples)), orig_sr=rate, target_sr=SAMPLE_RATE)
        inputs = processor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").to(device)
        return encoder.speech(**inputs).last_hidden_state.mean(1)

    def drawn(file: bytes) -> np.ndarray:
        samples, rate = librosa.load(io.BytesIO(file))
        return notebooks.render(samples, rate)

    def seen(image: np.ndarray) -> Tensor:
        return encoder.spectrogram.backbone(torch.from_numpy(image)[None].permute(0, 3, 1, 2).to(device).float()).logits

    heard(clips.files[0]), seen(drawn(clips.files[0]))
    speech, hearing = stages.timed(lambda: [heard(file) for file in clips.files], device)
    images, drawing = stages.timed(lambda: [drawn(file) for file in clips.files])
    pictures, seeing = stages.timed(lambda: [seen(image) for image in images], device)
    _, fusing = stages.timed(lambda: encoder.fusion(torch.cat(speech), torch.cat(pictures)), device)
    total = hearing + drawing + seeing + fusing
    rows = {"HuBERT": hearing, "figures": drawing, "EfficientNet": seeing, "in all": total}
    return [stages.row(f"notebooks, {stage}", seconds, clips) for stage, seconds in rows.items()]
