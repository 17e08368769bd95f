"""The notebooks' way of the published CLASP, restated faithfully: what the fast way is compared with.

    python -m index.benchmarks.notebooks        # draw the furniture of clasp/published/specshow.py anew

A clip becomes a spectrogram, the spectrogram a figure of matplotlib by `librosa.display.specshow`, the figure a PNG,
the PNG an image (authors' inference notebook, `llm-lab-org/CLASP`; the path that training used). Needs matplotlib and
librosa, which are in requirements-dev.txt.
"""

import io
import math
import sys
from bisect import bisect_right
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from clasp.errors import ClaspError
from clasp.published.specshow import FURNITURE, HEIGHT, HOP, LEFT, RATE, _kept, label, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 3_600  # seconds of a clip whose ticks are known
MARGIN = 15  # pixels that tight_layout leaves around the figure and savefig cuts off


def render(samples: np.ndarray, rate: int) -> np.ndarray:
    """The image of a clip as `cv2.imread` gives it: uint8 (about 450, about 610, 3), blue first.

    Args:
        samples: float32 (n,), mono.
        rate: in Hz; brought to 22,050 Hz as `librosa.load` does.

    Raises:
        ClaspError: if matplotlib or librosa is missing.
    """
    librosa, plt = _libraries()
    sound = samples if rate == RATE else soxr.resample(samples, rate, RATE, "HQ")
    spectrum = librosa.amplitude_to_db(abs(librosa.stft(sound)))
    plt.clf()
    left, bottom, right, top = _kept()["box"] + MARGIN
    # clf keeps the last figure's layout, from which tight_layout starts: here always that of most figures
    plt.subplots_adjust(left / 640, bottom / 480, right / 640, top / 480)
    _specshow(spectrum)
    return _saved()


def _libraries() -> tuple[Any, Any]:
    try:
        import matplotlib

        matplotlib.use("Agg")
        import librosa
        import librosa.display
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ClaspError(
            f"Drawing as the authors did needs {error.name}: pip install -r requirements-dev.txt"
        ) from error
    return librosa, plt


def _specshow(spectrum: np.ndarray, **options: object) -> "Axes":
    librosa, plt = _libraries()
    librosa.display.specshow(spectrum, x_axis="time", y_axis="log", **options)
    plt.xlabel("")
    plt.ylabel("")
    plt.tight_layout()
    return plt.gca()


def _saved() -> np.ndarray:
    from PIL import Image

    _, plt = _libraries()
    plt.savefig(file := io.BytesIO(), bbox_inches="tight", pad_inches=0)
    return np.ascontiguousarray(np.asarray(Image.open(file).convert("RGB"))[:, :, ::-1])


def furniture() -> dict[str, np.ndarray]:
    """What every figure shares: colours, frequency axis, and the ticks and labels of the time axis."""
    _, plt = _libraries()
    import matplotlib
    from matplotlib.backends.backend_agg import get_hinting_flag
    from matplotlib.colors import ListedColormap
    from matplotlib.font_manager import FontProperties, fontManager, get_font

    steps = _steps()
    names = _names(steps)
    plt.close("all")
    axes = _specshow(np.zeros((1025, 44), np.float32), cmap=ListedColormap(["white"]))
    box = axes.get_window_extent().extents - MARGIN  # pixels
    axes.set_xticks([])
    plt.gcf().canvas.draw()
    strip = np.asarray(plt.gcf().canvas.buffer_rgba())[MARGIN : MARGIN + HEIGHT, MARGIN : MARGIN + LEFT + 2, 0]
    font = get_font(fontManager._find_fonts_by_props(FontProperties()))
    font.set_size(matplotlib.rcParams["font.size"], plt.gcf().dpi)
    drawn, widths, offsets = [], [], []
    for name in names:
        font.set_text(name, 0, flags=get_hinting_flag())
        font.draw_glyphs_to_bitmap(antialiased=True)
        drawn.append(np.array(font.get_image()))
        widths.append(font.get_width_height()[0] / 64)
        offsets.append(font.get_bitmap_offset()[0] / 64)
    pictures = np.zeros((len(drawn), max(len(one) for one in drawn), max(one.shape[1] for one in drawn)), np.uint8)
    for picture, one in zip(pictures, drawn, strict=True):
        picture[len(picture) - len(one) :, : one.shape[1]] = one  # they stand on one line
    colours = [matplotlib.colormaps[name](np.arange(256))[:, 2::-1] for name in ("magma", "coolwarm")]
    return {
        "box": box, "strip": strip, "steps": steps, "names": np.array(names), "pictures": pictures,
        "widths": np.array(widths), "offsets": np.array(offsets),
        "colours": np.rint(255 * np.stack(colours)).astype(np.uint8),
    }  # fmt: skip


def _steps() -> np.ndarray:
    """Rows of (least number of frames, seconds between ticks), as specshow's locator has them."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(prune=None, steps=[1, 1.5, 5, 6, 10])

    def step(count: int) -> float:
        places = locator.tick_values(-HOP / RATE / 2, (count - 0.5) * HOP / RATE)
        return round(float(places[1] - places[0]), 9)

    rows, counts = [(2, step(2))], range(LONGEST * RATE // HOP)
    while step(counts[-1]) > rows[-1][1]:
        first = bisect_right(counts, rows[-1][1], key=lambda count: step(max(count, 2)))
        rows.append((first, step(first)))
    return np.array(rows)


def _names(steps: np.ndarray) -> list[str]:
    """Every label that a time axis can have."""
    changes = {int(first) for first in steps[:, 0]} | {math.ceil(seconds * RATE / HOP) for seconds in (1, 60)}
    changes |= {change + 1 for change in changes} | {LONGEST * RATE // HOP}
    return sorted({label(tick, count - 1) for count in changes if count > 2 for tick in ticks(count - 1, steps)})


if __name__ == "__main__":
    np.savez_compressed(Path(sys.argv[1]) if len(sys.argv) > 1 else FURNITURE, **furniture())
