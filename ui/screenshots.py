"""Take the screenshots that the README shows.

    python -m ui.screenshots

Written to assets/screenshots: the tabs, light, dark and on a phone. Four long recordings of the demo library stand
for somebody's own. Needs requirements-dev.txt and Chromium.
"""

import csv
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from playwright.sync_api import Page

ASSETS = Path(__file__).parents[1] / "assets"
SCREENSHOTS, AUDIO = ASSETS / "screenshots", ASSETS / "library" / "audio"
CHROMIUM = [  # offline, with WebGL where there is no GPU, and sound that no click has to allow
    "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


OWN = {  # file of the demo library: facts, as a metadata.csv tells them
    "lighthouse.ogg": {"title": "The lighthouse keeper remembers", "speaker": "Tom Farrow", "date": "1962-05"},
    "exchange.ogg": {"title": "The last switchboard", "speaker": "Ada Lindqvist", "date": "1974-11-02"},
    "glacier.ogg": {"title": "Field report from the Tarn Glacier", "speaker": "R. Maddox", "date": "1981"},
    "kochkurs.ogg": {"title": "Apfelstrudel", "speaker": "Grete Huber", "date": "1998-03-14", "language": "de"},
}
READY = {"Search": ".timings", "Library": "#library-table tbody tr", "Live": ".live-button:enabled"}
NAME = "Harbour tapes"  # of the library


@dataclass(frozen=True)
class Shot:
    """A picture of the page."""

    name: str
    address: str  # what follows the page's own
    width: int = 1360
    height: int = 980
    dark: bool = False
    scale: float = 1.0
    tab: str = "Search"
    play: bool = False  # the first hit


MOMENTS = f"?{urlencode({'library': NAME, 'q': 'in fog we rang the bell by hand'})}"
SHOTS = (
    Shot("light", "?q=Los+elefantes+reconocen+los+huesos+de+otros+elefantes.", play=True),
    Shot("dark", "?q=Who+delayed+the+trains+on+the+western+line%3F", dark=True),
    Shot("phone", "?q=the+ship+was+lost+in+the+storm", 390, 844, scale=2.0),
    Shot("moments", MOMENTS, height=800, play=True),
    Shot("library", "", height=860, tab="Library"),
    Shot("live", "", height=640, tab="Live"),
)


def main() -> None:
    """Open the app, ask, and take the pictures."""
    from playwright.sync_api import sync_playwright

    import app

    with TemporaryDirectory() as name, socket.socket() as probe:
        folder = Path(name, NAME)
        add_own(folder)
        probe.bind(("127.0.0.1", 0))
        os.environ |= {"PORT": str(probe.getsockname()[1]), "CLASP_LIBRARY": str(folder), "XDG_DATA_HOME": name}
        probe.close()
        address = app.launch()
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
            for shot in SHOTS:
                page = browser.new_page(
                    viewport={"width": shot.width, "height": shot.height},
                    color_scheme="dark" if shot.dark else "light",
                    device_scale_factor=shot.scale,
                )
                page.set_default_timeout(180_000)
                take(page, address, shot)
            browser.close()


def take(page: "Page", address: str, shot: Shot) -> None:
    """One picture, written to its file."""
    page.goto(address + shot.address)
    if shot.tab != "Search":
        page.get_by_role("tab", name=shot.tab).click()
    page.wait_for_selector(
        {"Search": ".timings", "Library": "#library-table tbody tr", "Live": ".live-button"}[shot.tab]
    )
    if shot.play:
        page.click("#results .play-button >> nth=0")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(2_000)  # the map and the waveforms are drawn, the sound under way
    path = SCREENSHOTS / f"{shot.name}.png"
    page.screenshot(path=path)
    print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def add_own(folder: Path) -> None:
    """Make a library in `folder` of the recordings in OWN, copied."""
    import clasp
    from index.ingest import ingest
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
        for _ in ingest(library, model, [beside], copy=True):
            pass


if __name__ == "__main__":
    main()
