"""The window of its own, in a real browser that shows it nowhere."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.ui.conftest import ROOT, START, free_port
from ui import window

PATIENCE = 60  # seconds


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """At which the only browser on the path can be talked to: Chromium, without a screen."""
    port = free_port()
    program = tmp_path / "bin" / "chromium"
    program.parent.mkdir()
    flags = f"--headless --no-sandbox --disable-gpu --remote-debugging-port={port}"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("chromium")} {flags} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path / "cache"))
    return port


def connected(browser: Browser, port: int, patience: float = PATIENCE) -> Browser:
    """The browser that listens at `port`, as soon as it does."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=5).close()
            return browser.browser_type.connect_over_cdp(f"http://127.0.0.1:{port}")
        except OSError:
            time.sleep(0.2)
    pytest.fail("The window did not open.")


def only_page(browser: Browser) -> Page:
    (page,) = browser.contexts[0].pages
    return page


def test_the_window_shows_the_page_and_its_end_is_told(browser: Browser, address: str, port: int) -> None:
    told: list[bool] = []
    staying = threading.Thread(target=lambda: told.append(window.stay(address)))
    staying.start()
    shown = connected(browser, port)
    page = only_page(shown)
    assert page.url == address
    page.get_by_role("tab", name="Live").wait_for(timeout=1000 * PATIENCE)
    assert page.evaluate("matchMedia('(display-mode: standalone)').matches")  # no address bar, no tabs
    assert staying.is_alive()
    shown.new_browser_cdp_session().send("Browser.close")
    staying.join(PATIENCE)
    assert told == [True]


def test_without_such_a_browser_the_default_one_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    asked: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or True)
    assert not window.stay("http://127.0.0.1:7860/")
    assert asked == ["http://127.0.0.1:7860/"]
    assert "default browser" in capsys.readouterr().out


def test_a_browser_that_cannot_start_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "google-chrome"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CLASP_CACHE", str(tmp_path / "cache"))
    assert window.browser() == str(program)
    assert window.show("http://127.0.0.1:7860/") is None


@pytest.mark.slow
def test_the_app_ends_with_its_window(browser: Browser, port: int) -> None:
    environment = {**os.environ, "PORT": str(free_port())}
    app = subprocess.Popen([sys.executable, "-m", "clasp", "serve", "--window"], cwd=ROOT, env=environment)
    try:
        shown = connected(browser, port, START)
        shown.new_browser_cdp_session().send("Browser.close")
        assert app.wait(PATIENCE) == 0
    finally:
        if app.poll() is None:
            app.send_signal(signal.SIGKILL)
