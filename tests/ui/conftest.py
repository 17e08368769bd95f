"""The app as a person runs it, and a browser to look at it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserType, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from clasp import Clasp
from clasp.audio.decode import SAMPLE_RATE, decode
from tests.ui.interviews import Interviews, make
from tools.screenshots import CHROMIUM

ROOT = Path(__file__).parents[2]
# Runs the app, and tells of every connection that it makes to another machine
APP = """
import runpy, sys
def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        if not str(arguments[1][0]).startswith(("127.", "::1", "localhost")):
            print("Elsewhere:", arguments[1], file=sys.stderr, flush=True)
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "127.0.0.1", "localhost", "0.0.0.0"):
        print("Elsewhere:", arguments[0], file=sys.stderr, flush=True)
sys.addaudithook(watch)
sys.path.insert(0, "")
runpy.run_path("app.py", run_name="__main__")
"""
# What Gradio complains of when a page is closed while its answers are on their way (routes.py, sse_stream)
LEFT = re.compile(
    r"ERROR: +Exception in ASGI application\n(?:(?!ERROR: ).)*, in sse_stream\n(?:(?!ERROR: ).)*"
    r"^(?:KeyError: '\w+'|RuntimeError: Caught handled exception, but response already started\.)\n",
    re.DOTALL | re.MULTILINE,
)
LEAVING = ["signal is aborted", "Connection errored out"]  # of requests under way when another address is opened
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
LOOKED_AT: list[Page] = []  # what is open just now
# Generous, because tests share the machine:
START = 300  # seconds within which the app must answer
PATIENCE = 120_000  # milliseconds within which the page must show what is waited for; laying out a map is the longest
expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[pytest.TestReport]:
    """What stands on the page when a test fails that looks at it."""
    report = yield
    if report.when == "call" and report.failed:
        for page in (page for page in LOOKED_AT if not page.is_closed()):
            with suppress(PlaywrightError):  # it may hang, which is what the test has found
                report.sections.append((f"page {page.url}", page.locator("body").inner_text(timeout=5_000)[:2_000]))
    return report


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[str]:
    """The app with these settings of the environment, its log in `folder`. Gives its address."""
    port = free_port()
    log = folder / "log"
    settings = {"PORT": str(port), "HOST": "127.0.0.1", **settings}
    settings.setdefault("CLASP_TRANSCRIBER", "none")  # what it does is tested without the page
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", APP], cwd=ROOT, env={**os.environ, **settings}, stdout=output, stderr=output
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait_for(url, server, log)
            yield url
        finally:
            server.terminate()
            server.wait(30)
    told = LEFT.sub("", log.read_text())
    assert "Traceback" not in told, told
    assert "Elsewhere:" not in told, told


@pytest.fixture(scope="session")
def interviews(bundled: Clasp, tmp_path_factory: pytest.TempPathFactory) -> Interviews:
    """The library that CLASP_LIBRARY names in the running app."""
    return make(tmp_path_factory.mktemp("own") / "interviews", bundled)


@pytest.fixture(scope="session")
def address(interviews: Interviews, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the running app."""
    own = {"CLASP_LIBRARY": str(interviews.folder), "XDG_DATA_HOME": str(interviews.data)}
    with running(tmp_path_factory.mktemp("app"), **own) as url:
        yield url


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"{url}map/demo", timeout=START).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.5)
    pytest.fail(f"The app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def spoken() -> Path:
    """A recording that says: My sister kept our father's old watch running for years after he died."""
    return ROOT / "assets" / "library" / "queries" / "watch.ogg"


@contextmanager
def launched(chromium: BrowserType, *flags: str) -> Iterator[Browser]:
    """A Chromium of its own."""
    browser = chromium.launch(executable_path=shutil.which("chromium"), args=[*CHROMIUM, *flags])
    yield browser
    browser.close()


def hears(samples: np.ndarray, folder: Path) -> list[str]:
    """Flags of a browser whose microphone hears samples (n,), 16 kHz, once, whenever it is opened."""
    path = folder / "microphone.wav"
    soundfile.write(path, samples, SAMPLE_RATE, subtype="PCM_16")
    return [*MICROPHONE, f"--use-file-for-fake-audio-capture={path}%noloop"]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory, spoken: Path) -> Iterator[Browser]:
    """A Chromium whose microphone hears `spoken`."""
    flags = hears(decode(spoken).samples, tmp_path_factory.mktemp("microphone"))
    with sync_playwright() as playwright, launched(playwright.chromium, *flags) as browser:
        yield browser


@pytest.fixture
def tolerated() -> list[str]:
    """Words of console errors that a test expects; it may add some."""
    return []


@pytest.fixture
def page(browser: Browser, address: str, tolerated: list[str]) -> Iterator[Page]:
    """The page, opened afresh."""
    with looked_at(browser, address, tolerated) as page:
        page.wait_for_selector(".map-key li")  # the map is drawn
        yield page


@contextmanager
def looked_at(
    browser: Browser,
    address: str,
    tolerated: Sequence[str],
    query: str = "",
    prepare: Callable[[Page], None] = lambda page: None,
    **options: object,
) -> Iterator[Page]:
    """The page for somebody who comes with a query; afterwards, that it asked nobody else and complained of nothing.
    `options` are those of the browser's context."""
    usual = {"viewport": {"width": 1280, "height": 900}, "permissions": ["microphone"]}
    context = browser.new_context(**{**usual, **options})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    elsewhere: list[str] = []
    complaints: list[str] = []
    own = (address, "data:", f"blob:{address}")
    page.on("request", lambda request: request.url.startswith(own) or elsewhere.append(request.url))
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    LOOKED_AT.append(page)
    prepare(page)
    page.goto(address + query)
    yield page
    LOOKED_AT.remove(page)  # that of a test that failed is told of first
    context.close()
    assert elsewhere == []
    assert [text for text in complaints if not any(words in text for words in tolerated)] == []
