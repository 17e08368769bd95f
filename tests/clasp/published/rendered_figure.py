"""The figure of a clip as the authors' notebooks drew it, by matplotlib: what the drawing by index is compared with."""

import io

import librosa
import librosa.display
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from clasp.published.specshow import FIGURE, RATE

plt.switch_backend("Agg")
MARGIN = 15  # pixels that tight_layout leaves around the figure and savefig cuts off


def render(samples: np.ndarray, rate: int) -> np.ndarray:
    """The image of a clip as `cv2.imread` gives it: uint8 (about 450, about 610, 3), blue first.

    Args:
        samples: float32 (n,), mono.
        rate: in Hz; brought to 22,050 Hz as `librosa.load` does.
    """
    sound = librosa.resample(samples, orig_sr=rate, target_sr=RATE)
    spectrum = librosa.amplitude_to_db(np.abs(librosa.stft(sound)))
    plt.clf()
    with np.load(FIGURE) as figure:
        left, bottom, right, top = figure["box"] + MARGIN
    # clf keeps the last figure's layout, from which tight_layout starts: here always that of most figures
    plt.subplots_adjust(left / 640, bottom / 480, right / 640, top / 480)
    librosa.display.specshow(spectrum, x_axis="time", y_axis="log")
    plt.xlabel("")
    plt.ylabel("")
    plt.tight_layout()
    plt.savefig(file := io.BytesIO(), bbox_inches="tight", pad_inches=0)
    return np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[:, :, ::-1])
