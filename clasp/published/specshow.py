"""The spectrogram as the published CLASP saw it, drawn without a figure.

The authors showed EfficientNet a screenshot: a figure of matplotlib by `librosa.display.specshow`, cropped to 610 × 450
pixels, ticks and labels included (facts of the published model; arXiv 2412.13071; inference notebook of
`llm-lab-org/CLASP`). Here librosa computes the spectrogram, and the same pixels come from indexing, twenty times as
fast. A cell of the mesh covers the pixels between its rounded edges, so every pixel shows one frequency bin of one
frame; colours are a table of 256; the frequency axis is a picture and the labels of the time axis are small pictures.
These are matplotlib's, kept in `specshow.npz`:

    box                     left, bottom, right and top of the axes in most figures, pixels
    strip                   the frequency axis, grey (450, 47)
    steps                   rows of (least number of frames, seconds between ticks)
    names, pictures         labels of ticks and how they look, coverage (labels, height, width)
    widths, offsets         of each label: advance, and where its picture begins, pixels
    colours                 magma and coolwarm, (2, 256, 3), blue first
"""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

RATE, WINDOW, HOP = 22_050, 2_048, 512  # Hz, samples, samples: librosa's defaults
HEIGHT, WIDTH = 450, 610  # pixels
LEFT, BOTTOM = 45, 426  # pixel column and row of the axes
SHORTEST = 0.2  # seconds that a clip is lengthened to with silence
LINEAR = 440.0 * 2 ** (-33 / 12)  # Hz, the note C2, up to which the frequency axis is linear
EDGE = 241  # grey beside a line: it is 0.11 pixels wider than one
TICK, TICK_END = np.array([[EDGE, 0, EDGE], [248, 127, 248]], np.float32) / 255
FIGURE = Path(__file__).with_name("specshow.npz")


def draw(samples: np.ndarray, rate: int) -> Tensor:
    """The image of a clip.

    Args:
        samples: float32 (n,) within [-1, 1]; silence has an image too.
        rate: in Hz; 22,050 is what the authors' model was given, so pass the recording's own.

    Returns:
        uint8 (450, 610, 3), blue first.
    """
    import librosa  # takes seconds to load

    sound = librosa.resample(samples, orig_sr=rate, target_sr=RATE)
    sound = np.pad(sound, (0, max(0, math.ceil(SHORTEST * RATE) - len(sound))))
    return picture(librosa.amplitude_to_db(np.abs(librosa.stft(sound, n_fft=WINDOW, hop_length=HOP))))


def picture(decibels: np.ndarray) -> Tensor:
    """The image, uint8 (450, 610, 3), of a spectrum in dB, float32 (1025, frames)."""
    axes = _axes(decibels.shape[1])
    low, high = decibels.min(), decibels.max()  # colours stretch over what the clip has
    share = (decibels[axes.bins_seen][:, axes.frames_seen] - low) / max(high - low, 1e-9)
    cells = axes.colours[_diverges(decibels)][np.minimum((256 * share).astype(int), 255)]  # 4 bytes each
    mesh = cells[axes.rows][:, axes.columns]
    image = axes.bare.copy()
    image[: mesh.shape[0], LEFT : LEFT + mesh.shape[1]] = mesh
    colours = image.view(np.uint8).reshape(HEIGHT * WIDTH, 4)
    below = 255 * colours[axes.edges].astype(int)
    colours[axes.edges] = below * (256 - axes.cover) // (65_280 + axes.cover)  # rounded as Agg does
    return torch.from_numpy(colours.reshape(HEIGHT, WIDTH, 4)[:, :, :3])


def _diverges(decibels: np.ndarray) -> int:
    """1 where specshow takes colours that diverge: 0 dB lies between the 2nd and the 98th percentile."""
    low, high = np.percentile(decibels, [2, 98])
    return int(low < 0 < high)


class Axes:
    """What the figure of a clip of so many frames has beside its cells.

    Attributes:
        bins_seen, frames_seen: the frequency bins and the frames that have pixels.
        rows, columns: which of them every row, from the top, and every column of pixels in the axes shows.
        bare: int32 (450, 610), the image without cells; four bytes are blue, green, red and nothing.
        edges, cover: pixels that lines cover in part, (n,), and how much of each in 1/255, int (n, 1).
        colours: int32 (2, 256), magma and coolwarm.
    """

    def __init__(self, count: int):
        figure = _figure()
        seconds = HOP / RATE
        start, end = -seconds / 2, (count - 0.5) * seconds
        places = np.array(ticks(count, figure["steps"]))
        known = {name: number for number, name in enumerate(figure["names"].tolist())}  # of clips up to an hour
        which = [known.get(label(place, count), 0) for place in places]
        left, low, right, high = figure["box"]
        # tight_layout makes room for what the last label has beyond the axes
        beyond = figure["widths"][which[-1]] / 2 - (right - left) * (end - places[-1]) / (end - start)
        right -= max(0.0, beyond)
        scale = (right - left) / (end - start)  # pixels per second
        edges = _rounded(left + scale * seconds * np.arange(count + 1))
        columns = np.arange(LEFT, min(int(_rounded(right)), WIDTH))
        frames = np.clip(np.searchsorted(edges, columns, side="right") - 1, 0, count - 1)
        positions = left + scale * (places - start)
        through = _furniture(figure, int(_rounded(right)), positions, which)
        inside = np.zeros_like(through, bool)
        inside[:BOTTOM, columns] = True
        lines = np.flatnonzero(inside & (through < 1))
        bare = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        bare[:, :, :3] = np.rint(255 * through)[:, :, None]
        packed = np.full((2, 256, 4), 255, np.uint8)
        packed[:, :, :3] = figure["colours"]
        self.bins_seen, self.rows = np.unique(_bins(low, high), return_inverse=True)
        self.frames_seen, self.columns = np.unique(frames, return_inverse=True)
        self.bare = bare.view(np.int32)[:, :, 0]
        self.edges = lines
        self.cover = np.rint(255 * (1 - through.ravel()[lines, None])).astype(int)
        self.colours = packed.view(np.int32)[:, :, 0]


@lru_cache(maxsize=256)
def _axes(count: int) -> Axes:
    return Axes(count)


def ticks(count: int, steps: np.ndarray) -> list[float]:
    """Seconds at which the time axis of so many frames has ticks; `steps` as specshow.npz has them."""
    step = float(steps[np.searchsorted(steps[:, 0], count, side="right") - 1, 1])
    return [step * number for number in range(math.floor((count - 0.5) * HOP / RATE / step + 1e-9) + 1)]


def label(seconds: float, count: int) -> str:
    """What is written at a tick of the time axis of so many frames, as librosa's TimeFormatter does."""
    length = count * HOP / RATE
    if length > 3_600:
        return f"{int(seconds / 3_600)}:{int(seconds / 60 % 60):02d}:{int(seconds % 60):02d}"
    if length > 60:
        return f"{int(seconds / 60)}:{int(seconds % 60):02d}"
    return f"{seconds:.2g}" if length >= 1 else f"{seconds:.3f}"


def _bins(low: float, high: float) -> np.ndarray:
    """The frequency bin of every row, from the top; the axis (symlog, base 2) is `low` to `high` pixels from below."""
    edges = (np.arange(WINDOW // 2 + 2) - 0.5) * RATE / WINDOW  # Hz
    bent = np.sign(edges) * LINEAR * (1 + np.log2(np.maximum(np.abs(edges), LINEAR) / LINEAR))
    bent = np.where(np.abs(edges) <= LINEAR, edges, bent)
    rows = _rounded(HEIGHT - (low + (high - low) * (bent - bent[0]) / (bent[-1] - bent[0])))  # falling
    places = np.arange(int(rows[-1]), int(rows[0]))
    return len(rows) - 1 - np.searchsorted(rows[::-1], places, side="right")


def _furniture(figure: dict[str, np.ndarray], right: int, positions: np.ndarray, which: list[int]) -> np.ndarray:
    """Lines and letters: float32 (450, 610), 0 where they are black and 1 where they are not."""
    through = np.ones((HEIGHT, WIDTH + 64), np.float32)  # labels may end beyond
    through[:, : LEFT + 2] = figure["strip"] / np.float32(255)
    for row in (0, BOTTOM):
        through[row, LEFT : right + 1] = 0
        through[row + 1, LEFT + 2 : right + 1] *= EDGE / 255
    through[BOTTOM - 1, LEFT + 2 : right + 1] *= EDGE / 255
    through[: BOTTOM + 1, right - 1 : right + 2] *= TICK
    for position, name in zip(positions, which, strict=True):
        column = int(_rounded(position))
        through[BOTTOM + 1 : BOTTOM + 5, column - 1 : column + 2] *= TICK
        through[BOTTOM + 5, column - 1 : column + 2] *= TICK_END
        letters = figure["pictures"][name]
        start = round(float(position - figure["widths"][name] / 2 + figure["offsets"][name]))
        through[448 - len(letters) : 448, start : start + letters.shape[1]] *= 1 - letters / np.float32(255)
    return np.ascontiguousarray(through[:, :WIDTH])


def _rounded(place: np.ndarray | float) -> np.ndarray:
    """The pixel border that Agg snaps a position to."""
    return np.floor(np.asarray(place) + 0.5).astype(np.int64)


@lru_cache(maxsize=1)
def _figure() -> dict[str, np.ndarray]:
    with np.load(FIGURE) as file:
        return {name: file[name] for name in file.files}
