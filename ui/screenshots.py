"""Take the screenshots that the README shows.

    python -m ui.screenshots

Written to assets/screenshots: light.png, dark.png, phone.png. Needs requirements-dev.txt and Chromium.
"""

import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

SCREENSHOTS = Path(__file__).parents[1] / "assets" / "screenshots"
CHROMIUM = [  # offline, with WebGL where there is no GPU, and sound that no click has to allow
    "--headless", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@dataclass(frozen=True)
class Shot:
    """A picture of the page after a query."""

    name: str
    query: str
    width: int
    height: int
    dark: bool = False
    scale: float = 1.0
    play: bool = False  # the first hit


SHOTS = (
    Shot("light", "Los elefantes reconocen los huesos de otros elefantes.", 1360, 980, play=True),
    Shot("dark", "Who delayed the trains on the western line?", 1360, 980, dark=True),
    Shot("phone", "the ship was lost in the storm", 390, 844, scale=2.0),
)


def main() -> None:
    """Open the app, ask, and take the pictures."""
    from playwright.sync_api import sync_playwright

    import app

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        os.environ["PORT"] = str(probe.getsockname()[1])
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
            page.goto(address)
            page.wait_for_selector(".map-key li", timeout=180_000)
            page.fill("#text textarea", shot.query)
            page.press("#text textarea", "Enter")
            page.wait_for_selector(".timings")
            if shot.play:
                page.click(".play-button >> nth=0")
            page.evaluate("document.activeElement.blur()")
            page.wait_for_timeout(700)  # the map is drawn, the sound under way
            path = SCREENSHOTS / f"{shot.name}.png"
            page.screenshot(path=path)
            print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
        browser.close()


if __name__ == "__main__":
    main()
