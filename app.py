"""Open CLASP in the browser.

make run                                      # or: python app.py, python -m clasp serve
python -m clasp serve --window                # in a window of its own
HOST=0.0.0.0 PORT=8080 make run               # where to listen (127.0.0.1:7860); HOST=:: for IPv6
CLASP_MODEL=folder CLASP_DEVICE=cpu make run  # another model; cuda, mps or cpu (the best there is)
"""

import argparse
import ipaddress
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from clasp.errors import ClaspError
from clasp.settings import current
from ui import logs, window
from ui.service import Service

if TYPE_CHECKING:
    from ui.traffic import Traffic

DRAIN = 20.0  # seconds that what was begun may take once the server is told to end
FETCHED = 0.5  # seconds within which a page fetches an answer
LOOK = 0.05  # seconds between two looks at whether all is over


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `python -m clasp serve`; the rest is set in the environment, as this module's help says."""
    parser.add_argument("--window", action="store_true", help="open a window of its own, and end when it is closed")


def run(options: argparse.Namespace | None = None) -> int:
    """Serve until interrupted or told to end, or until the window is closed."""
    server = launch()
    print(f"CLASP is open at {server.address} (Ctrl-C ends it).", flush=True)
    if options is None or not options.window or not window.stay(server.address):
        ended = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        ended.wait()
        server.drain(DRAIN)
        sys.stdout.flush()
        os._exit(0)  # at once: threads of C++ libraries abort the interpreter's usual end
    return 0


@dataclass(frozen=True)
class Server:
    """The server, running in the background."""

    address: str  # of the page
    service: Service
    traffic: "Traffic"

    def drain(self, seconds: float) -> None:
        """Begin nothing new, finish what was begun if it does not take longer, stop jobs where they can go on another
        time, and close the libraries."""
        self.traffic.draining = True
        deadline, idle = time.monotonic() + seconds, 0.0
        while idle < FETCHED and time.monotonic() < deadline:
            jobs = self.service.jobs.unfinished()
            for job in jobs:
                job.stop()
            time.sleep(LOOK)
            idle = 0.0 if jobs or self.traffic.running else idle + LOOK
        self.service.close()


def launch() -> Server:
    """Start the server, the model loading beside it.

    Raises:
        ClaspError: if it cannot listen where HOST and PORT say.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # or the hub is asked when an assistant calls
    host = os.environ.get("HOST") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    port = os.environ.get("PORT") or "7860"
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ClaspError(f"PORT is {port!r}: it must be a number from 1 to 65535.")
    settings = current()
    logs.configure(settings.log)
    place = listening(host)
    service = Service(settings.model, settings.device or None, local=place.local).start()

    from starlette.middleware import Middleware

    from ui import health, page, theme
    from ui.routes import routes
    from ui.traffic import Traffic, TrafficMiddleware
    from ui.watching import SourceWatcher

    traffic = Traffic()
    try:
        _, address, _ = page.build(service).launch(
            server_name=place.name,
            server_port=int(port),
            theme=theme.theme(),
            head=theme.head(),
            app_kwargs={
                "routes": [*health.routes(service, traffic), *routes(service)],
                "middleware": [Middleware(TrafficMiddleware, traffic=traffic)],
            },
            mcp_server=True,
            max_file_size=int(settings.upload_mib * 2**20),
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
        )
    except OSError as error:
        raise ClaspError(f"Cannot listen on {place.name}:{port}: set HOST or PORT to something free.") from error
    SourceWatcher(service).start()
    return Server(f"http://localhost:{port}/" if place.everywhere else address, service, traffic)


class Place(NamedTuple):
    """Where the server listens."""

    name: str  # as it stands in addresses: [::1]
    local: bool  # whether this machine alone can reach it
    everywhere: bool  # whether it listens on every address of this machine


def listening(host: str) -> Place:
    """What HOST says: a name, an IPv4 address, or an IPv6 address with or without its brackets."""
    host = host.strip().removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return Place(host, host.lower() == "localhost", False)
    return Place(f"[{host}]" if address.version == 6 else host, address.is_loopback, address.is_unspecified)


if __name__ == "__main__":
    try:
        sys.exit(run())
    except ClaspError as problem:
        sys.exit(f"clasp: {problem}")
    except KeyboardInterrupt:
        sys.exit(130)
