"""The spectrogram as the published CLASP saw it, drawn without a figure.

The authors showed EfficientNet a screenshot: a figure of matplotlib by `librosa.display.specshow`, cropped to 610 × 450
pixels, ticks and labels included (facts of the published model; arXiv 2412.13071; inference notebook of
`llm-lab-org/CLASP`). Here the same pixels come from indexing. A cell of the mesh covers the pixels between its rounded
edges, so every pixel shows one frequency bin of one frame; colours are a table of 256; the frequency axis is a picture
and the labels of the time axis are small pictures, kept in `specshow.npz`, which
`python -m index.benchmarks.notebooks` draws with matplotlib.
"""

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr
import torch
from torch import Tensor

RATE, WINDOW, HOP = 22_050, 2_048, 512  # Hz, samples, samples: librosa's defaults
HEIGHT, WIDTH = 450, 610  # pixels
LEFT, BOTTOM = 45, 426  # pixel column and row of the axes
FAINTEST, RANGE = 1e-10, 80.0  # power, and dB below the loudest cell that are told apart
SHORTEST = 0.2  # seconds that a clip is lengthened to with silence
LINEAR = 440.0 * 2 ** (-33 / 12)  # Hz, the note C2, up to which the frequency axis is linear
EDGE = 241  # grey beside a line: it is 0.11 pixels wider than one
TICK, TICK_END = np.array([[EDGE, 0, EDGE], [248, 127, 248]], np.float32) / 255
FURNITURE = Path(__file__).with_name("specshow.npz")


def draw(samples: np.ndarray | Tensor, rate: int, device: torch.device | str = "cpu") -> Tensor:
    """The image of a clip.

    Args:
        samples: float32 (n,) mono or (n, channels) within [-1, 1]; silence has an image too.
        rate: in Hz; 22,050 is what the authors' model hears, so give the recording's own.

    Returns:
        uint8 (450, 610, 3) on `device`, blue first.
    """
    sound = np.asarray(samples, np.float32)
    sound = sound.mean(1) if sound.ndim > 1 else sound
    sound = sound if rate == RATE else soxr.resample(sound, rate, RATE, "HQ")
    sound = np.pad(sound, (0, max(0, math.ceil(SHORTEST * RATE) - len(sound))))
    return picture(power(torch.from_numpy(np.ascontiguousarray(sound)).to(device)))


def power(sound: Tensor) -> Tensor:
    """Spectrum of sound (n,) at 22,050 Hz, float32 (1025, frames), rounded where librosa rounds."""
    exact = torch.float64 if sound.device.type == "cpu" else torch.float32  # which few accelerators have
    window = torch.hann_window(WINDOW, dtype=exact, device=sound.device)
    spectrum = torch.stft(sound.to(exact), WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    return torch.view_as_real(spectrum).float().square().sum(-1)


def picture(spectrum: Tensor) -> Tensor:
    """The image, uint8 (450, 610, 3), of a power spectrum (1025, frames)."""
    axes = _axes(spectrum.shape[1], spectrum.device)
    loudest = spectrum.max().clamp(min=FAINTEST)
    floor = torch.maximum(loudest * 10 ** (-RANGE / 10), spectrum.min()).clamp(min=FAINTEST)
    low, high = 10 * floor.log10(), 10 * loudest.log10()  # dB; colours stretch over what the clip has
    seen = spectrum[axes.bins_seen][:, axes.frames_seen].maximum(floor)
    share = (10 * seen.log10() - low) / (high - low).clamp(min=1e-9)
    cells = axes.colours[int(_diverges(spectrum, float(floor)))][(256 * share).int().clamp(max=255)]  # 4 bytes each
    mesh = cells[axes.rows][:, axes.columns]
    image = axes.bare.clone()
    image[: mesh.shape[0], LEFT : LEFT + mesh.shape[1]] = mesh
    colours = image.view(torch.uint8).view(HEIGHT * WIDTH, 4)
    below = 255 * colours[axes.edges].int()
    colours[axes.edges] = (below * (256 - axes.cover) // (65_280 + axes.cover)).to(torch.uint8)  # rounded as Agg does
    return colours.view(HEIGHT, WIDTH, 4)[:, :, :3]


def _diverges(spectrum: Tensor, floor: float) -> bool:
    """Whether 0 dB lies between the 2nd and the 98th percentile: then specshow takes colours that diverge."""
    last = spectrum.numel() - 1

    def between(below: Tensor, share: float) -> float:
        """The percentile in dB where cells that are `below` come before all others; or a bound of the same sign."""
        place, before = share * last, int(below.sum())
        first = math.floor(place)
        if first + 1 < before or first >= before:
            return -math.inf if first < before else math.inf
        pair = max(float(spectrum[below].max()), floor), float(spectrum[~below].min())
        return math.log10(pair[0]) + (place - first) * (math.log10(pair[1]) - math.log10(pair[0]))

    return floor < 1 and between(spectrum < 1, 0.02) < 0 < between(spectrum <= 1, 0.98)


class Axes:
    """What the figure of a clip of so many frames has beside its cells.

    Attributes:
        bins_seen, frames_seen: the frequency bins and the frames that have pixels.
        rows, columns: which of them every row, from the top, and every column of pixels in the axes shows.
        bare: int32 (450, 610), the image without cells; four bytes are blue, green, red and nothing.
        edges, cover: pixels that lines cover in part, (n,), and how much of each in 1/255, int32 (n, 1).
        colours: int32 (2, 256), magma and coolwarm.
    """

    def __init__(self, count: int, device: torch.device):
        kept = _kept()
        seconds = HOP / RATE
        start, end = -seconds / 2, (count - 0.5) * seconds
        places = np.array(ticks(count, kept["steps"]))
        known = {name: number for number, name in enumerate(kept["names"].tolist())}  # of clips up to an hour
        which = [known.get(label(place, count), 0) for place in places]
        left, low, right, high = kept["box"]
        # tight_layout makes room for what the last label has beyond the axes
        beyond = kept["widths"][which[-1]] / 2 - (right - left) * (end - places[-1]) / (end - start)
        right -= max(0.0, beyond)
        scale = (right - left) / (end - start)  # pixels per second
        edges = _rounded(left + scale * seconds * np.arange(count + 1))
        columns = np.arange(LEFT, min(int(_rounded(right)), WIDTH))
        frames = np.clip(np.searchsorted(edges, columns, side="right") - 1, 0, count - 1)
        positions = left + scale * (places - start)
        through = _furniture(kept, int(_rounded(right)), positions, which)
        inside = np.zeros_like(through, bool)
        inside[:BOTTOM, columns] = True
        lines = np.flatnonzero(inside & (through < 1))
        bare = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        bare[:, :, :3] = np.rint(255 * through)[:, :, None]
        packed = np.full((2, 256, 4), 255, np.uint8)
        packed[:, :, :3] = kept["colours"]
        seen = np.unique(_bins(low, high), return_inverse=True), np.unique(frames, return_inverse=True)
        (self.bins_seen, self.rows), (self.frames_seen, self.columns) = (
            [torch.from_numpy(part).to(device) for part in pair] for pair in seen
        )
        self.bare = torch.from_numpy(bare.view(np.int32)[:, :, 0]).to(device)
        self.edges = torch.from_numpy(lines).to(device)
        cover = np.rint(255 * (1 - through.ravel()[lines, None])).astype(np.int32)
        self.cover = torch.from_numpy(cover).to(device)
        self.colours = torch.from_numpy(packed.view(np.int32)[:, :, 0]).to(device)


@lru_cache(maxsize=256)
def _axes(count: int, device: torch.device) -> Axes:
    return Axes(count, device)


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


def _furniture(kept: dict[str, np.ndarray], right: int, positions: np.ndarray, which: list[int]) -> np.ndarray:
    """Lines and letters: float32 (450, 610), 0 where they are black and 1 where they are not."""
    through = np.ones((HEIGHT, WIDTH + 64), np.float32)  # labels may end beyond
    through[:, : LEFT + 2] = kept["strip"] / np.float32(255)
    for row in (0, BOTTOM):
        through[row, LEFT : right + 1] = 0
        through[row + 1, LEFT + 2 : right + 1] *= EDGE / 255
    through[BOTTOM - 1, LEFT + 2 : right + 1] *= EDGE / 255
    through[: BOTTOM + 1, right - 1 : right + 2] *= TICK
    for position, name in zip(positions, which, strict=True):
        column = int(_rounded(position))
        through[BOTTOM + 1 : BOTTOM + 5, column - 1 : column + 2] *= TICK
        through[BOTTOM + 5, column - 1 : column + 2] *= TICK_END
        letters = kept["pictures"][name]
        start = round(float(position - kept["widths"][name] / 2 + kept["offsets"][name]))
        through[448 - len(letters) : 448, start : start + letters.shape[1]] *= 1 - letters / np.float32(255)
    return np.ascontiguousarray(through[:, :WIDTH])


def _rounded(place: np.ndarray | float) -> np.ndarray:
    """The pixel border that Agg snaps a position to."""
    return np.floor(np.asarray(place) + 0.5).astype(np.int64)


@lru_cache(maxsize=1)
def _kept() -> dict[str, np.ndarray]:
    with np.load(FURNITURE) as file:
        return {name: file[name] for name in file.files}
