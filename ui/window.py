"""The page in a window of its own, without tabs and address bar, like a desktop program."""

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
PATHS = (  # on macOS and Windows
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
    """A browser that can show a page in a window of its own; None if there is none."""
    found = (shutil.which(name) for name in NAMES)
    installed = (path for path in map(os.path.expandvars, PATHS) if Path(path).is_file())
    return next((path for path in (*found, *installed) if path), None)


def show(address: str) -> subprocess.Popen | None:
    """Open the window; the process ends when it is closed. None if no browser can."""
    program = browser()
    if program is None:
        return None
    # A profile for each port, so that no browser that is already running takes the window over
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
        Whether that was possible: without a browser that can do so, the default one is opened, and the terminal says
        how to quit.
    """
    process = show(address)
    if process is not None:
        try:
            process.wait()
        finally:
            process.terminate()
        return True
    opened = webbrowser.open(address)
    where = "The page is open in the default browser" if opened else f"Open {address} in a browser"
    print(f"No window: Chromium, Chrome or Edge could not be started. {where}; Ctrl-C quits.", flush=True)
    return False
