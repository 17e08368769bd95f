"""The acoustic front end: log-mel spectrograms that do not depend on gain."""

import numpy as np
import torch
from torch import Tensor

from clasp.audio.decode import SAMPLE_RATE

HOP, WINDOW, FFT = 160, 400, 512  # samples: 10 ms, 25 ms
FRAME_RATE = SAMPLE_RATE // HOP  # Hz
BINS = 80
RANGE = 11.0  # natural log units of power below the loudest bin that are kept: 48 dB


def mel_filters(low: float = 20.0, high: float = 7_600.0) -> Tensor:
    """Triangular filters on the mel scale (HTK formula), float32 (FFT // 2 + 1, BINS)."""

    def to_mel(hertz: float) -> float:
        return 2595 * np.log10(1 + hertz / 700)

    edges = 700 * (10 ** (np.linspace(to_mel(low), to_mel(high), BINS + 2) / 2595) - 1)  # Hz
    frequencies = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies[:, None] - left) / (centre - left)
    falling = (right - frequencies[:, None]) / (right - centre)
    return torch.tensor(np.maximum(0, np.minimum(rising, falling)), dtype=torch.float32)


def log_mel(samples: np.ndarray | Tensor, filters: Tensor | None = None) -> Tensor:
    """Log-mel spectrogram of 16 kHz mono speech relative to its loudest bin.

    Returns:
        float32 (frames, BINS) in [0, 1]: 0 is RANGE or more below the loudest bin. 100 frames per second.
    """
    filters = _filters() if filters is None else filters
    signal = torch.as_tensor(samples, dtype=torch.float32, device=filters.device)
    window = torch.hann_window(WINDOW, device=filters.device)
    spectrum = torch.stft(signal, FFT, HOP, WINDOW, window, pad_mode="constant", return_complex=True)
    power = spectrum.abs().square().T  # (frames, FFT // 2 + 1)
    mel = torch.log(power @ filters + 1e-10)  # (frames, BINS)
    return (1 + (mel - mel.max()) / RANGE).clamp(min=0)


_cached: dict[str, Tensor] = {}


def _filters() -> Tensor:
    if "filters" not in _cached:
        _cached["filters"] = mel_filters()
    return _cached["filters"]
