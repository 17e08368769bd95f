"""The mel spectrogram that an image backbone sees: librosa's, in a form that does not depend on gain."""

import math

import numpy as np

from clasp.audio.decode import SAMPLE_RATE

HOP, WINDOW, FFT = 160, 400, 512  # samples: 10 ms, 25 ms
FRAME_RATE = SAMPLE_RATE // HOP  # Hz
BINS = 80
RANGE = 110 / math.log(10)  # dB below the loudest bin that are kept: 47.8


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Log-mel spectrogram of 16 kHz mono speech, float32 (n,), relative to its loudest bin.

    Returns:
        float32 (frames, BINS) in [0, 1]: 0 is RANGE or more below the loudest bin. 100 frames per second.
    """
    import librosa  # takes seconds to load

    power = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE, n_fft=FFT, hop_length=HOP, win_length=WINDOW, pad_mode="constant",
        n_mels=BINS, fmin=20.0, fmax=7_600.0, htk=True, norm=None,
    )  # fmt: skip
    decibels = librosa.power_to_db(power, ref=np.max, amin=1e-10, top_db=RANGE)  # (BINS, frames)
    return np.ascontiguousarray(1 + decibels.T / RANGE, np.float32)
