"""Take the screenshots that the README shows.

    python -m tools.screenshots          # all of them
    python -m tools.screenshots live map # of these tabs

Written to assets/screenshots: every tab, light, dark and on a phone, as search-light.png, live-phone.png and so on, and
moments-light.png. Four long recordings of the demo library stand for somebody's own; the microphone hears two of its
sentences. Needs requirements-dev.txt and Chromium.
"""

import csv
import io
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from clasp.paths import ASSETS

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCREENSHOTS, AUDIO = ASSETS / "screenshots", ASSETS / "library" / "audio"
CHROMIUM = [  # offline, with WebGL where there is no GPU, and sound that no click has to allow
    "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


OWN = {  # file of the demo library: facts, as a metadata.csv tells them
    "lighthouse.ogg": {"title": "The lighthouse keeper remembers", "speaker": "Tom Farrow", "date": "1962-05"},
    "exchange.ogg": {"title": "The last switchboard", "speaker": "Ada Lindqvist", "date": "1974-11-02"},
    "glacier.ogg": {"title": "Field report from the Tarn Glacier", "speaker": "Ruth Maddox", "date": "1981"},
    "kochkurs.ogg": {"title": "Apfelstrudel", "speaker": "Grete Huber", "date": "1998-03-14", "language": "de"},
}
NAME = "Harbour tapes"  # of the library
SPOKEN = ("queries/watch.ogg", "audio/adventure-01.ogg")  # what the microphone hears
PAUSE = 1.5  # seconds between the two
MODES = {"light": (1280, 860, 1.0), "dark": (1280, 860, 1.0), "phone": (390, 844, 2.0)}  # width, height, pixels of each
QUERIES = {
    "light": "Los elefantes reconocen los huesos de otros elefantes.",
    "dark": "Who delayed the trains on the western line?",
    "phone": "the ship was lost in the storm",
}
READY = {  # what there is to see on a tab when it is all there
    "search": ".timings",
    "moments": ".timings",
    "live": ".live-button:enabled",
    "map": "#map-tab .js-plotly-plot",
    "library": "#library-table tbody tr",
    "about": ".measures:not(.wait)",
}


@dataclass(frozen=True)
class Shot:
    """A picture of a tab."""

    tab: str  # or "moments"
    mode: str  # of MODES

    @property
    def address(self) -> str:
        """What follows the page's own."""
        if self.tab == "search":
            return f"?{urlencode({'q': QUERIES[self.mode]})}"
        if self.tab == "moments":
            return f"?{urlencode({'library': NAME, 'q': 'in fog we rang the bell by hand'})}"
        return f"?{urlencode({'tab': self.tab} | ({'library': NAME} if self.tab == 'library' else {}))}"

    @property
    def path(self) -> Path:
        """Where it is written to."""
        return SCREENSHOTS / f"{self.tab}-{self.mode}.png"


SHOTS = [Shot(tab, mode) for tab in READY if tab != "moments" for mode in MODES] + [Shot("moments", "light")]


def main() -> None:
    """Open the app, ask, and take the pictures."""
    from playwright.sync_api import sync_playwright

    import app

    with TemporaryDirectory() as name, socket.socket() as probe:
        folder, speech = Path(name, NAME), Path(name, "speech.wav")
        add_own(folder)
        speak(speech)
        probe.bind(("127.0.0.1", 0))
        os.environ |= {"PORT": str(probe.getsockname()[1]), "CLASP_LIBRARY": str(folder), "XDG_DATA_HOME": name}
        probe.close()
        address = app.launch().address
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        microphone = [
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={speech}%noloop",
        ]  # fmt: skip
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=[*CHROMIUM, *microphone]
            )
            for shot in SHOTS:
                if shot.tab not in (sys.argv[1:] or READY):
                    continue
                width, height, scale = MODES[shot.mode]
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if shot.mode == "dark" else "light",
                    device_scale_factor=scale,
                    permissions=["microphone"],
                )
                page.set_default_timeout(180_000)
                take(page, address, shot)
                page.close()
            browser.close()


def take(page: "Page", address: str, shot: Shot) -> None:
    """One picture, written to its file with a palette of its own, which is a third of the size."""
    from PIL import Image

    page.goto(address + shot.address)
    page.wait_for_selector(READY[shot.tab])
    if shot.tab in ("search", "moments") and shot.mode != "dark":
        page.click("#results .play-button >> nth=0")
    if shot.tab == "live":
        page.click(READY["live"])
        page.wait_for_selector(".utterance[data-settled=true] >> nth=1")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(2_500)  # the map and the waveforms are drawn, the sound under way
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(shot.path, optimize=True)
    print(f"{shot.path.relative_to(ASSETS.parent)}, {shot.path.stat().st_size / 1e3:.0f} kB", flush=True)


def speak(path: Path) -> None:
    """Write what the microphone hears: the sentences of SPOKEN, with a pause after each."""
    import numpy as np
    import soundfile

    import clasp

    rng = np.random.default_rng(0)
    parts = []
    for name in SPOKEN:
        waveform = clasp.decode(ASSETS / "library" / name)
        parts += [waveform.samples, rng.normal(0, 0.0005, round(PAUSE * waveform.rate))]
    soundfile.write(path, np.concatenate(parts), waveform.rate, subtype="PCM_16")


def add_own(folder: Path) -> None:
    """Make a library in `folder` of the recordings in OWN, copied."""
    import clasp
    from index.ingest.pipeline import Ingestor
    from index.library import Library

    beside = folder.with_name("recordings")
    beside.mkdir()
    with (beside / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["file", "title", "speaker", "date", "language"])
        table.writeheader()
        for name, facts in OWN.items():
            shutil.copyfile(AUDIO / name, beside / name)
            table.writerow({"file": name, "language": "en", **facts})
    model = clasp.load()
    with Library.create(folder, model) as library:
        for _ in Ingestor(library, model, copy=True).add([beside]):
            pass


if __name__ == "__main__":
    main()
