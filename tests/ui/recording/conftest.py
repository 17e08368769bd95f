"""Recordings whose pages are looked at, and what serves them: the app's own routes, without Gradio."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.ui.conftest import free_port
from tests.ui.interviews import Interviews
from tests.ui.recording import archive
from tests.ui.recording.archive import Archive
from ui.routes import routes
from ui.service import Service


@pytest.fixture(scope="module")
def service(interviews: Interviews, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLASP_LIBRARY", str(interviews.folder))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        service = Service().start()
        service.opened()
        yield service


@pytest.fixture(scope="module")
def tapes(service: Service) -> Archive:
    return archive.make(Path(os.environ["XDG_DATA_HOME"]), service.opened().model)


@pytest.fixture(scope="module")
def served(service: Service, tapes: Archive) -> Iterator[str]:
    """An address below which the routes are served, as behind a proxy that has given them a path."""
    port = free_port()
    icon = Route("/favicon.ico", lambda _: Response(status_code=204))
    app = Starlette()
    app.mount("/clasp", Starlette(routes=[*routes(service), icon]))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/clasp/"
    server.should_exit = True
    thread.join(30)
