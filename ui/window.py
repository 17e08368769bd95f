"""The page in a browser window of its own, without tabs and address bar, as a program of the desktop has it."""

import os
import shutil
import subprocess
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

from clasp.settings import cache

NAMES = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
    "microsoft-edge-stable", "msedge", "brave-browser", "brave",
)  # fmt: skip
PLACES = (  # where macOS and Windows have them
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)
SIZE = "1280,920"
SOON = 3.0  # seconds within which a browser that cannot start has given up


def browser() -> str | None:
    """The program of a browser that can show a page in a window of its own; None where there is none."""
    found = (shutil.which(name) for name in NAMES)
    placed = (path for path in map(os.path.expandvars, PLACES) if Path(path).is_file())
    return next((path for path in (*found, *placed) if path), None)


def show(address: str) -> subprocess.Popen | None:
    """Open the window; the process ends when it is closed. None where no browser can."""
    program = browser()
    if program is None:
        return None
    # Of its own for each port, so that no browser that is running already takes the window over
    profile = cache() / "window" / str(urlsplit(address).port)
    options = [f"--app={address}", f"--user-data-dir={profile}", f"--window-size={SIZE}", "--no-first-run",
               "--no-default-browser-check"]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--no-sandbox")  # or it refuses
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return None if process.wait(SOON) else process
    except subprocess.TimeoutExpired:
        return process


def stay(address: str) -> bool:
    """Show the page in a window and wait until that is closed.

    Returns:
        Whether that could be told: without a browser that can do so, the default one is asked, and how to end is said.
    """
    process = show(address)
    if process is not None:
        try:
            process.wait()
        finally:
            process.terminate()
        return True
    asked = webbrowser.open(address)
    where = "The default browser shows it" if asked else f"Open {address} in a browser"
    print(
        f"No window of its own: neither Chromium, Chrome nor Edge could be started. {where}; Ctrl-C ends it.",
        flush=True,
    )
    return False
