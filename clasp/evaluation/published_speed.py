"""How fast the published architecture is, stage by stage and in all, and how fast the notebooks' way of it.

The weights are random: nothing that is found means anything, but it takes as long. Both ways start from the same WAV
files of 22,050 Hz and end with the fused vectors.
"""

import io
import re
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from .. import accelerator, efficientnet, figure
from ..audio import SAMPLE_RATE, Waveform, decode
from ..espeak import RATE, speak
from ..speech_encoder import SpeechEncoder
from . import notebooks
from .benchmark import TEXTS, Row

HUBERT_LARGE = {
    "model_type": "hubert", "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
    "intermediate_size": 4096, "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True,
}  # fmt: skip
PUBLISHED = {
    "dim": 768,
    "speech": {"phones": False, "backbone": HUBERT_LARGE, "features": {}},
    "spectrogram": {"figure": True, "backbone": efficientnet.B7},
    "fusion": "concat",
    "unit_inputs": True,
}
SIZES = (1, 2, 4, 8, 16, 32, 64)  # of batches
PROCESS = Path("/proc/self")  # on Linux


@dataclass(frozen=True)
class Clips:
    """Utterances as files, and how long they are in all."""

    files: list[bytes]
    seconds: float


def measure(count: int, config: dict = PUBLISHED) -> tuple[str, list[Row]]:
    """Where it ran and in what precision, and the rows of the table.

    Args:
        count: utterances.
        config: as of clasp.speech_encoder; another one is for tests.
    """
    device = accelerator.best_device()
    dtype = accelerator.precision(device)
    torch.manual_seed(0)
    encoder = SpeechEncoder(config).eval().to(device)
    clips = spoken(count)
    with torch.inference_mode(), accelerator.autocast(device, dtype):
        rows = [*_stages(encoder, clips, device), *_sizes(encoder, clips, device)]
    with torch.inference_mode():
        rows += _notebooks(encoder, clips, device)
    fastest = max(float(row.measured.split()[0].replace(",", "")) for row in rows if row.what.startswith("all,"))
    theirs = float(rows[-1].measured.split()[0].replace(",", ""))
    rows.append(Row("all, faster than the notebooks", f"{fastest / theirs:.1f} times"))
    return f"{device} in {str(dtype).removeprefix('torch.')}, RANDOM WEIGHTS, {clips.seconds:.0f} s of speech", rows


def spoken(count: int) -> Clips:
    """Synthetic sentences as WAV files."""
    files, seconds = [], 0.0
    for number in range(count):
        samples, _ = speak(TEXTS[number % len(TEXTS)], "en-us")[:2]
        soundfile.write(file := io.BytesIO(), samples, RATE, format="WAV")
        files.append(file.getvalue())
        seconds += len(samples) / RATE
    return Clips(files, seconds)


def _stages(encoder: SpeechEncoder, clips: Clips, device: torch.device) -> list[Row]:
    """Clips per second and times real time of every stage."""
    waveforms, decoding = _timed(lambda: [decode(file) for file in clips.files])
    samples = [accelerator.to_device(waveform.samples, device) for waveform in waveforms]
    _warm(encoder, samples[0])
    images, drawing = _timed(lambda: encoder.spectrograms(samples), device)
    pooled, hearing = _timed(lambda: _batched(encoder.pool_states, samples, device), device)
    seen, seeing = _timed(lambda: _batched(encoder.spectrogram, images, device), device)
    _, fusing = _timed(lambda: encoder.fusion(pooled.float(), seen.float()), device)
    stages = {"decoding": decoding, "drawing the figure": drawing, "HuBERT": hearing, "EfficientNet": seeing,
              "fusion": fusing}  # fmt: skip
    return [_row(stage, seconds, clips) for stage, seconds in stages.items()]


def _sizes(encoder: SpeechEncoder, clips: Clips, device: torch.device) -> list[Row]:
    """The whole way from files to vectors, in batches of several sizes, and the memory that each takes at most."""
    rows = []
    for size in SIZES:
        if size > max(1, len(clips.files)):
            break

        def way(size: int = size) -> None:
            waveforms = [decode(file) for file in clips.files]

            def encode(places: list[int]) -> None:
                encoder([accelerator.to_device(waveforms[place].samples, device) for place in places])

            accelerator.in_batches([waveform.duration for waveform in waveforms], size, encode)

        _forget_peak(device)
        seconds = _timed(way, device)[1]
        rows.append(_row(f"all, {size} at once", seconds, clips, f", at most {_peak(device):.2f} GB"))
    return rows


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
    speech, hearing = _timed(lambda: [heard(file) for file in clips.files], device)
    images, drawing = _timed(lambda: [drawn(file) for file in clips.files])
    pictures, seeing = _timed(lambda: [seen(image) for image in images], device)
    _, fusing = _timed(lambda: encoder.fusion(torch.cat(speech), torch.cat(pictures)), device)
    total = hearing + drawing + seeing + fusing
    stages = {"HuBERT": hearing, "figures": drawing, "EfficientNet": seeing, "in all": total}
    return [_row(f"notebooks, {stage}", seconds, clips) for stage, seconds in stages.items()]


def _batched(part: Callable[[list[Tensor]], Tensor], inputs: list[Tensor], device: torch.device) -> Tensor:
    found: dict[int, Tensor] = {}

    def encode(places: list[int]) -> None:
        found.update(zip(places, part([inputs[place] for place in places]), strict=True))

    accelerator.in_batches([1.0] * len(inputs), accelerator.usual_size(device), encode)
    return torch.stack([found[place] for place in range(len(inputs))])


def _warm(encoder: nn.Module, wave: Tensor) -> None:
    encoder([wave])
    figure.draw(Waveform(wave.cpu().numpy()).samples, SAMPLE_RATE, wave.device)


def _timed(call: Callable[[], object], device: torch.device | None = None) -> tuple:
    """What a call gives, and its seconds."""
    started = time.perf_counter()
    found = call()
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize()
    return found, time.perf_counter() - started


def _row(what: str, seconds: float, clips: Clips, memory: str = "") -> Row:
    rate, real = len(clips.files) / seconds, clips.seconds / seconds
    return Row(what, f"{rate:,.2f} clips/s, {real:,.1f}× real time{memory}")


def _forget_peak(device: torch.device) -> None:
    """Begin to measure the peak anew, where that can be done."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif PROCESS.is_dir():
        (PROCESS / "clear_refs").write_text("5")


def _peak(device: torch.device) -> float:
    """Gigabytes since the last `_forget_peak`: of the GPU if there is one, otherwise of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    if PROCESS.is_dir():
        return float(re.search(r"VmHWM:\s+(\d+)", (PROCESS / "status").read_text())[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
