"""How fast a model hears, stage by stage and in batches of several sizes, and how much memory that takes.

python -m clasp benchmark --stages --clips 64
"""

import io
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import torch
from torch import Tensor

from clasp.audio import vad
from clasp.audio.decode import decode
from clasp.device import autocast, in_batches, parameters_of, to_device, usual_size
from clasp.phones.encoder import pad
from clasp.speech.fused_encoder import FusedSpeechEncoder
from clasp.speech.phone_speech_encoder import PhoneSpeechEncoder
from clasp.text.espeak import RATE, speak
from index.benchmarks.benchmark import TEXTS, Figure

if TYPE_CHECKING:
    from clasp.model import Clasp

SIZES = (1, 2, 4, 8, 16, 32, 64)  # of batches
PROCESS = Path("/proc/self")  # on Linux


@dataclass(frozen=True)
class Clips:
    """Utterances as files, and how long they are in all."""

    files: list[bytes]
    seconds: float


def spoken(count: int) -> Clips:
    """Synthetic sentences as WAV files of 22,050 Hz."""
    files, seconds = [], 0.0
    for number in range(count):
        samples, _ = speak(TEXTS[number % len(TEXTS)], "en-us")[:2]
        soundfile.write(file := io.BytesIO(), samples, RATE, format="WAV")
        files.append(file.getvalue())
        seconds += len(samples) / RATE
    return Clips(files, seconds)


def measure(model: "Clasp", clips: Clips) -> tuple[str, list[Figure]]:
    """Where the model runs and in what precision, and the rows of the table."""
    model.encode_speech([decode(clips.files[0])], return_phones=True)  # warm
    rows = _stages(model, clips) + _sizes(model, clips)
    precision = str(model.precision).removeprefix("torch.")
    return f"{model.device} in {precision}, {clips.seconds:.0f} s of speech", rows


@torch.inference_mode()
def _stages(model: "Clasp", clips: Clips) -> list[Figure]:
    """Clips per second and times real time of every stage on its own."""
    encoder, device = model.speech, model.device
    most = usual_size(device, parameters_of(encoder))
    rows: list[Figure] = []

    def stage(name: str, work: Callable[[], list]) -> list:
        found, seconds = timed(work, device)
        rows.append(row(name, seconds, clips))
        return found

    def batched(part: Callable[[list], Iterable], inputs: list) -> list:
        made: dict[int, Any] = {}

        def encode(places: list[int]) -> None:
            with autocast(device, model.precision):
                made.update(zip(places, part([inputs[place] for place in places]), strict=True))

        in_batches([waveform.duration for waveform in waveforms], most, encode)
        return [made[place] for place in range(len(inputs))]

    def sound(phones: list[Tensor]) -> Tensor:
        batch, lengths = pad(phones)
        assert model.sound is not None
        return model.sound(batch.to(device), lengths.to(device), from_speech=True)

    waveforms = stage("decoding", lambda: [decode(file) for file in clips.files])
    recording = np.concatenate([waveform.samples for waveform in waveforms])
    stage("voice activity", lambda: list(vad.utterances([recording])))
    samples = [to_device(waveform.samples, device) for waveform in waveforms]
    if isinstance(encoder, PhoneSpeechEncoder):
        features = stage("speech backbone", lambda: batched(lambda some: encoder.features(some)[0], samples))
        recognized = stage("phones", lambda: batched(encoder.recognize, features))
        stage("meaning of the phones", lambda: batched(encoder.pool_ngrams, recognized))
        stage("sound of the phones", lambda: batched(sound, recognized))
        return rows
    assert isinstance(encoder, FusedSpeechEncoder)
    spectrogram = encoder.spectrogram
    spectrograms = stage("spectrograms", lambda: encoder.spectrograms(samples))
    pooled = stage("speech backbone", lambda: batched(encoder.pool_states, samples))
    if spectrogram is not None:
        seen = stage("spectrogram backbone", lambda: batched(spectrogram, spectrograms))
        stage("fusion", lambda: [encoder.fusion(torch.stack(pooled).float(), torch.stack(seen).float())])
    return rows


def _sizes(model: "Clasp", clips: Clips) -> list[Figure]:
    """The whole way from files to vectors, in batches of several sizes, and the memory that each takes at most."""
    rows = []
    for size in SIZES:
        if size > max(1, len(clips.files)):
            break
        _forget_peak(model.device)
        _, seconds = timed(partial(_encoded, model, clips, size), model.device)
        rows.append(row(f"all, {size} at once", seconds, clips, f", at most {_peak(model.device):.2f} GB"))
    return rows


def _encoded(model: "Clasp", clips: Clips, size: int) -> None:
    model.encode_speech([decode(file) for file in clips.files], size, return_phones=True)


def timed(call: Callable[[], object], device: torch.device | None = None) -> tuple:
    """What a call gives, and its seconds."""
    started = time.perf_counter()
    found = call()
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize()
    return found, time.perf_counter() - started


def row(what: str, seconds: float, clips: Clips, memory: str = "") -> Figure:
    """A line that says how fast all clips passed."""
    rate, real = len(clips.files) / seconds, clips.seconds / seconds
    return Figure(what, f"{rate:,.2f} clips/s, {real:,.1f}× real time{memory}")


def rate(row: Figure) -> float:
    """Clips per second of a line."""
    return float(row.measured.split()[0].replace(",", ""))


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
        return float(re.findall(r"VmHWM:\s+(\d+)", (PROCESS / "status").read_text())[0]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
